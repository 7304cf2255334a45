"""Bounds of what came out: the box of the STAC item and the root attributes that say where the data lie.

Obeys transformers-l2.md 5 (with D-2) of the project's contracts. Arrays are degrees, NaN where missing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from transformers.contract import BoundingBox

REMOVED = frozenset(
    f"{edge}_{what}"
    for edge, what in (
        ("start", "center_longitude"),
        ("start", "center_latitude"),
        ("end", "center_longitude"),
        ("end", "center_latitude"),
        ("northernmost", "latitude"),
        ("southernmost", "latitude"),
        ("easternmost", "longitude"),
        ("westernmost", "longitude"),
    )
)
_JUMP = 150.0  # degrees: consecutive longitudes beyond it, on both sides, cross the antimeridian


def item_box(pairs: Sequence[tuple[np.ndarray, np.ndarray]], *, to_360: bool) -> BoundingBox | None:
    """Box around all pairs (latitude, longitude), or None when nothing is valid. West may be greater than east."""
    lat = np.concatenate([p[0].ravel() for p in pairs])
    lon = np.concatenate([p[1].ravel() for p in pairs])
    lat, lon = lat[np.isfinite(lat)], lon[np.isfinite(lon)]
    if not lat.size or not lon.size:
        return None
    west, east = float(lon.min()), float(lon.max())
    if to_360 and round(west, 1) % 360 == round(east, 1) % 360:
        west, east = -180.0, 180.0
    west, east = (round(x - 360 if x > 180 else x, 5) for x in (west, east))
    south, north = (float(np.clip(round(float(x), 5), -90, 90)) for x in (lat.min(), lat.max()))
    return BoundingBox(float(np.clip(west, -180, 180)), south, float(np.clip(east, -180, 180)), north)


def longitude_bounds(lon: np.ndarray) -> tuple[float, float] | None:
    """Westernmost and easternmost longitude, -180 to 180: across the antimeridian by the largest gap on the circle."""
    good = lon[np.isfinite(lon)]
    if not good.size:
        return None
    good = np.where(good > 180, good - 360, good)
    step_from, step_to = good[:-1], good[1:]
    crosses = ((step_from > _JUMP) & (step_to < -_JUMP)) | ((step_from < -_JUMP) & (step_to > _JUMP))
    if not crosses.any():
        return float(good.min()), float(good.max())
    around = np.unique(good)
    gap = int(np.diff(around, append=around[0] + 360.0).argmax())
    return float(around[(gap + 1) % around.size]), float(around[gap])


def bounds_text(lat: np.ndarray, lon: np.ndarray) -> str | None:
    """WKT of the four corner pixels of a 2-D swath if all are valid, else of the box; closed, 5 decimals."""
    flat_lat, flat_lon = np.squeeze(lat), np.squeeze(lon)
    corners: list[tuple[float, float]] = []
    if flat_lat.ndim == 2:
        rows, columns = (0, 0, -1, -1), (0, -1, -1, 0)
        corners = [(float(flat_lon[r, c]), float(flat_lat[r, c])) for r, c in zip(rows, columns, strict=True)]
    if not corners or not np.isfinite(corners).all():
        east_west = longitude_bounds(lon)
        if east_west is None or not np.isfinite(lat).any():
            return None
        west, east = east_west
        south, north = float(np.nanmin(lat)), float(np.nanmax(lat))
        corners = [(east, south), (west, south), (west, north), (east, north)]
    corners = [(x - 360 if x > 180 else x, y) for x, y in corners]
    return "POLYGON ((" + ", ".join(f"{x:.5f} {y:.5f}" for x, y in [*corners, corners[0]]) + "))"


def root_attributes(
    attributes: Mapping[str, Any], pairs: Sequence[tuple[np.ndarray, np.ndarray]], product_name: str
) -> dict[str, Any]:
    """Root attributes of the output, history apart. pairs: latitude and longitude of every pair of the output."""
    lat, lon = (np.concatenate([pair[axis].ravel() for pair in pairs]) for axis in (0, 1))
    made = {k: v for k, v in attributes.items() if k not in REMOVED}
    east_west = longitude_bounds(lon)
    found: dict[str, float] = {}
    if np.isfinite(lat).any():
        found |= {"geospatial_lat_min": float(np.nanmin(lat)), "geospatial_lat_max": float(np.nanmax(lat))}
    if east_west:
        found |= {"geospatial_lon_min": east_west[0], "geospatial_lon_max": east_west[1]}
    made |= {k: _like(made[k], v) for k, v in found.items() if k in made}
    made["geospatial_bounds_crs"] = "EPSG:4326"
    text = bounds_text(*pairs[0])
    if text:
        made["geospatial_bounds"] = text
    if "product_name" in made:
        made["product_name"] = product_name
    return made


def _like(old: Any, value: float) -> Any:
    """A number in the type that the attribute had."""
    if isinstance(old, str):
        return type(old)(value)
    dtype = np.asarray(old).dtype
    return dtype.type(round(value)) if dtype.kind in "iu" else dtype.type(value)
