"""Which pixels of a swath, track or profile lie in an extent, and which rows and columns that keeps. Arrays in, out.

Polygons: `geometry.py`. Times: `times.py`. Obeys transformers-l2.md 4.1, 4.3 (conventions of longitude) and 4.4 of the
project's contracts. Masks are True inside.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from transformers.contract import BoundingBox
from transformers.coordinates.packing import missing, number
from transformers.coordinates.sphere import angle, to_vectors

ROWS_AND_COLUMNS = (("atrack", "xtrack"), ("ydim_grid", "xdim_grid"))  # transformers-l2.md 4.4, 3-D coordinates


def valid_pixels(lat: np.ndarray, lon: np.ndarray, lat_of: Mapping[str, Any], lon_of: Mapping[str, Any]) -> np.ndarray:
    """Pixels whose stored coordinates are neither fill nor NaN. lat_of, lon_of: attributes."""
    valid: np.ndarray = ~(missing(lat, lat_of) | missing(lon, lon_of))
    return valid


def runs_to_360(lon: np.ndarray, lon_of: Mapping[str, Any], valid: np.ndarray) -> bool:
    """True for longitudes of 0 to 360: `valid_min` decides if it is <= 0, otherwise the stored values do."""
    lowest = number(lon_of, "valid_min")
    if lowest is not None and lowest <= 0:
        return lowest == 0
    good = lon[valid]
    return bool(good.size) and bool(good.min() >= 0) and float(good.max()) <= _packed(360.0, lon_of)


def box_mask(
    lat: np.ndarray, lon: np.ndarray, lat_of: Mapping[str, Any], lon_of: Mapping[str, Any], box: BoundingBox
) -> np.ndarray:
    """Pixels in the box, all four sides included. lat, lon: stored values; the bounds are packed, not the data.

    A box of no width selects every longitude, one of no height every latitude (so does [-180, ., 180, .] on 0..360).
    """
    inside = valid_pixels(lat, lon, lat_of, lon_of)
    west, east, whole = box.west, box.east, (-180.0, 180.0)
    if runs_to_360(lon, lon_of, inside):
        west, east, whole = (west + 360) % 360, (east + 360) % 360 or 360.0, (0.0, 360.0)
    if west == east:
        west, east = whole
    south, north = (box.south, box.north) if box.south != box.north else (-90.0, 90.0)
    west, east = _packed(west, lon_of), _packed(east, lon_of)
    with np.errstate(invalid="ignore"):
        inside &= (lat >= _packed(south, lat_of)) & (lat <= _packed(north, lat_of))
        inside &= (lon >= west) & (lon <= east) if west <= east else (lon >= west) | (lon <= east)
    return inside


def nearest_pixel(lat: np.ndarray, lon: np.ndarray, point: tuple[float, float]) -> np.ndarray:
    """The one pixel nearest to (longitude, latitude), if the point lies no further off than that pixel's neighbours.

    lat, lon: degrees, NaN where invalid. All False when the point lies outside the swath.
    """
    inside = np.zeros(lat.shape, bool)
    vectors = to_vectors(lat, lon)
    away = angle(vectors, to_vectors(np.array(point[1]), np.array(point[0])))
    if not np.isfinite(away).any():
        return inside
    at = np.unravel_index(int(np.nanargmin(away)), lat.shape)
    reach = []
    for axis, size in enumerate(lat.shape):
        for step in (-1, 1):
            beside = (*at[:axis], at[axis] + step, *at[axis + 1 :])
            if 0 <= beside[axis] < size:
                reach.append(float(angle(vectors[at], vectors[beside])))
    spacing = [r for r in reach if np.isfinite(r)]
    inside[at] = not spacing or float(away[at]) <= max(spacing)
    return inside


def rows_and_columns(names: Sequence[str]) -> tuple[int, ...]:
    """Axes of rows and columns of a mask, by the names of its dimensions (length-1 ones already dropped)."""
    if len(names) < 3:
        return tuple(range(len(names)))
    lowered = [n.lower() for n in names]
    for rows, columns in ROWS_AND_COLUMNS:
        if rows in lowered and columns in lowered:
            return lowered.index(rows), lowered.index(columns)
    return 1, 2


def kept(inside: np.ndarray, axis: int) -> np.ndarray:
    """Indices along an axis that hold at least one pixel inside; an index list, not a range."""
    return np.flatnonzero(inside.any(axis=tuple(a for a in range(inside.ndim) if a != axis)))


def _packed(bound: float, attributes: Mapping[str, Any]) -> float:
    """A bound in degrees in the unit of the stored values (CF 1.11, section 8.1, turned round)."""
    scale, offset = number(attributes, "scale_factor"), number(attributes, "add_offset")
    return (bound - (offset or 0.0)) / (scale or 1.0)
