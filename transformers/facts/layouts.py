"""How coordinates lie over the dimensions: pairs, layouts and grids of a file, for exact indices. Reads axes.

Obeys: catalog contract, section 5 ("Layout") and section 8 (a grid of a collection's own).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers.contract import NoRetry
from transformers.coordinates.axes import Pair, is_grid_pair
from transformers.coordinates.rectangles import cell_edges
from transformers.facts.bridge_grid import arithmetic_fits
from transformers.facts.kinds import Kind
from transformers.facts.positions import read_positions
from transformers.facts.projected import ProjectedGrid
from transformers.formats.layout import Granule

EVEN = 1e-3  # of a step: beyond it an axis is irregular


@dataclass(frozen=True, slots=True)
class Horizontal:
    """The horizontal dimensions of one pair (or of projected x and y), as paths.

    dims: (y, x), or one for tracks. fact: the entry of `layouts`. is_typed: axes may be called latitude and longitude.
    lat_range, lon_range: first and last value of the axes of a geographic grid. pair: index in `pairs`, None for x, y.
    """

    dims: tuple[str, ...]
    fact: dict[str, Any]
    pair: int | None = None
    is_grid: bool = False
    is_typed: bool = False
    lat_range: tuple[float, float] | None = None
    lon_range: tuple[float, float] | None = None
    bounds: tuple[float, float, float, float] | None = None  # x min, y min, x max, y max of a regular grid
    crs: str | None = None


def pairs_of(kind: Kind) -> tuple[Pair, ...]:
    """All pairs of the file, the main one first."""
    if kind.main is None:
        return kind.pairs
    return (kind.main, *(p for p in kind.pairs if p != kind.main))


def horizontals(granule: Granule, kind: Kind) -> tuple[Horizontal, ...]:
    """One for projected x and y, then one per pair, main first: the order of `layouts`."""
    found = []
    if kind.grid is not None and kind.grid.x and kind.grid.y:
        found.append(_projected(granule, kind.grid, kind.grid.x, kind.grid.y))
    for number, pair in enumerate(pairs_of(kind)):
        if is_grid_pair(granule.variables, pair):
            found.append(_geographic(granule, kind, pair, number))
        else:
            hidden = kind.grid if pair == kind.main and kind.grid and not kind.grid.x else None
            found.append(_plain(granule, pair, number, hidden))
    return tuple(found)


def pair_facts(granule: Granule, kind: Kind) -> list[dict[str, Any]]:
    """`pairs` of the facts."""
    return [
        {
            "latitude": bare(pair.latitude),
            "longitude": bare(pair.longitude),
            "dims": [bare(d) for d in granule.variables[pair.latitude].dims]
            + (
                [bare(d) for d in granule.variables[pair.longitude].dims]
                if is_grid_pair(granule.variables, pair)
                else []
            ),
            "shape": list(granule.variables[pair.latitude].shape)
            + (list(granule.variables[pair.longitude].shape) if is_grid_pair(granule.variables, pair) else []),
            "main": pair == kind.main,
        }
        for pair in pairs_of(kind)
    ]


def grid_facts(found: tuple[Horizontal, ...]) -> list[dict[str, Any]]:
    """`grids` of the facts: every regular grid of the file."""
    return [
        {
            "pair": h.pair,
            "crs": h.crs,
            "bounds": [float(b) for b in h.bounds],
            "size": [h.fact["x"]["size"], h.fact["y"]["size"]],
        }
        for h in found
        if h.bounds is not None and h.crs is not None
    ]


def bare(path: str) -> str:
    """A path without its leading slash, as records write it."""
    return path.lstrip("/")


def _geographic(granule: Granule, kind: Kind, pair: Pair, number: int) -> Horizontal:
    lat_info, lon_info = granule.variables[pair.latitude], granule.variables[pair.longitude]
    dims = (lat_info.dims[0], lon_info.dims[0])
    lat, lon = _axis_values(granule, kind, pair)
    fact: dict[str, Any] = {
        "latitude": bare(pair.latitude),
        "longitude": bare(pair.longitude),
        "y": _axis(dims[0], lat, pair.latitude),
        "x": _axis(dims[1], lon, pair.longitude),
        "crs": None,
        "geotransform": None,
    }
    if not lat.size or not lon.size or not (np.isfinite(lat).all() and np.isfinite(lon).all()):
        return Horizontal(dims, fact, number, is_grid=True)
    regular = fact["x"]["step"] is not None and fact["y"]["step"] is not None
    (south, north), (west, east) = cell_edges(lat), cell_edges(lon)
    return Horizontal(
        dims,
        fact,
        number,
        is_grid=True,
        is_typed=arithmetic_fits(lat, lon),
        lat_range=(float(lat[0]), float(lat[-1])),
        lon_range=(float(lon[0]), float(lon[-1])),
        bounds=(west, max(south, -90.0), east, min(north, 90.0)) if regular else None,
        crs="EPSG:4326" if regular else None,
    )


def _axis_values(granule: Granule, kind: Kind, pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    try:
        positions = kind.positions if pair == kind.main and kind.positions else read_positions(granule, pair)
    except NoRetry:
        return np.empty(0), np.empty(0)
    return positions.lat, positions.lon


def _plain(granule: Granule, pair: Pair, number: int, hidden: ProjectedGrid | None) -> Horizontal:
    """A swath or track; a hidden grid adds its CRS and geotransform."""
    info = granule.variables[pair.latitude]
    dims = info.dims[-2:]
    fact: dict[str, Any] = {
        "latitude": bare(pair.latitude),
        "longitude": bare(pair.longitude),
        "y": {"dimension": bare(dims[0]), "size": info.shape[-2:][0]} if dims else None,
        "x": {"dimension": bare(dims[1]), "size": info.shape[-1]} if len(dims) > 1 else None,
        "crs": hidden.crs_wkt if hidden else None,
        "geotransform": list(hidden.geotransform) if hidden else None,
    }
    if hidden is None:
        return Horizontal(dims, fact, number)
    return Horizontal(dims, fact, number, is_grid=True, bounds=hidden.bounds, crs=hidden.crs_source)


def _projected(granule: Granule, grid: ProjectedGrid, x: str, y: str) -> Horizontal:
    dims = (granule.variables[y].dims[0], granule.variables[x].dims[0])
    x0, dx, _, y0, _, dy = grid.geotransform
    fact = {
        "latitude": bare(y),
        "longitude": bare(x),
        "y": {"dimension": bare(dims[0]), "first": y0 + dy / 2, "step": dy, "size": grid.size[1]},
        "x": {"dimension": bare(dims[1]), "first": x0 + dx / 2, "step": dx, "size": grid.size[0]},
        "crs": grid.crs_wkt,
        "geotransform": list(grid.geotransform),
    }
    return Horizontal(dims, fact, None, is_grid=True, bounds=grid.bounds, crs=grid.crs_wkt)


def _axis(dimension: str, values: np.ndarray, path: str) -> dict[str, Any]:
    """First, step, size; step null and the path of the values where they are not even."""
    axis: dict[str, Any] = {"dimension": bare(dimension), "first": None, "step": None, "size": int(values.size)}
    if values.size and np.isfinite(values).all():
        axis["first"] = float(values[0])
        step = float(values[-1] - values[0]) / (values.size - 1) if values.size > 1 else 0.0
        even = step != 0 and np.abs(np.diff(values) - step).max() <= EVEN * abs(step)
        axis["step"] = step if even else None
    if axis["step"] is None:
        axis["values"] = bare(path)
    return axis
