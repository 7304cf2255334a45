"""Map projections: a CRS from what a file says, and which x and y of a projected grid a place on the globe covers.

Arrays in, extents out; pyproj is imported here. Indices: `grid.py`. Obeys transformers-l3.md 2.10 of the project's
contracts; CF 1.11, section 5.6 and appendix F.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from transformers.contract import NoRetry
from transformers.coordinates.packing import number

CENTRE_TOLERANCE = 1e-9
ROWS_AT_ONCE = 256
SMALL_GRID = 200_000  # cells: below that all of them are looked at
TEXTS = ("crs_wkt", "spatial_ref", "proj4text", "proj4", "srid")
METRES = {"m": 1.0, "meter": 1.0, "meters": 1.0, "metre": 1.0, "metres": 1.0, "km": 1000.0, "kilometer": 1000.0,
          "kilometers": 1000.0, "kilometre": 1000.0, "kilometres": 1000.0}  # fmt: skip
# The finest cells and the widest longitudes of these lie on the grid's border or at a pole (checked on eight grids).
BORDER_DECIDES = (
    "polar stereographic", "lambert azimuthal equal area", "lambert cylindrical equal area", "albers equal area",
    "lambert conic conformal", "transverse mercator", "sinusoidal",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class ProjectedGrid:
    """x, y: cell centres in the unit of the CRS, shapes (nx,) and (ny,), either direction. extent: what the collection
    says it covers (west, south, east, north), None when it says nothing."""

    x: np.ndarray
    y: np.ndarray
    crs: CRS
    extent: tuple[float, float, float, float] | None = None


def crs_of(attributes: Mapping[str, Any], where: str) -> CRS:
    """The CRS that a grid mapping's attributes describe: by CF parameters, or by `crs_wkt`, PROJ text or code.

    Raises NoRetry naming the variable when it cannot be understood.
    """
    plain = {k: _plain(v) for k, v in attributes.items()}
    problem: Exception | str = "no grid_mapping_name, crs_wkt or other description of a CRS"
    for text in (plain[name] for name in TEXTS if plain.get(name)):
        try:
            return CRS.from_user_input(text)
        except CRSError as error:
            problem = error
    if "grid_mapping_name" in plain:
        try:
            return CRS.from_cf({k: v for k, v in plain.items() if k not in TEXTS})
        except (CRSError, KeyError, TypeError, ValueError) as error:
            problem = error
    raise NoRetry(f'Grid mapping variable "{where}": {problem}; allowed: a grid mapping as in CF 1.11, appendix F')


def unit_factor(attributes: Mapping[str, Any], crs: CRS) -> float:
    """What makes the CRS' unit (metres) of a map coordinate: 1000 for kilometres, the height for scan angles."""
    units = str(attributes.get("units", "m")).strip()
    if "angular" in str(attributes.get("standard_name", "")) and units.lower().startswith("rad"):
        return number(crs.to_cf(), "perspective_point_height") or 1.0
    return METRES.get(units.lower(), 1.0)


def covered_extent(grid: ProjectedGrid, outlines: Sequence[np.ndarray]) -> tuple[float, float, float, float] | None:
    """x min, x max, y min, y max of the part of a grid that these outlines (n, 2: lon, lat) cover; None for none.

    Sides are straight lines of longitude and latitude, followed as closely as the grid's finest cell. Whole grid:
    (-inf, inf, -inf, inf). Raises NoRetry when cells have no place on the globe.
    """
    resolution, (west, south, east, north) = resolution_and_extent(grid)
    if grid.extent:
        west, south = max(west, grid.extent[0]), max(south, grid.extent[1])
        east, north = min(east, grid.extent[2]), min(north, grid.extent[3])
    points = np.concatenate([densified(outline, resolution) for outline in outlines])
    lon, lat = points[:, 0], points[:, 1]
    if (lon < west).all() or (lon > east).all() or (lat < south).all() or (lat > north).all():
        return None
    there = Transformer.from_crs(4326, grid.crs, always_xy=True)
    x, y = there.transform(np.clip(lon, west, east), np.clip(lat, south, north))
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if not x.size:
        return None
    left, right, low, high = grid.x.min(), grid.x.max(), grid.y.min(), grid.y.max()
    if x.min() < left and x.max() > right and y.min() < low and y.max() > high:
        return -np.inf, np.inf, -np.inf, np.inf
    slack = CENTRE_TOLERANCE
    inside = (x >= left - slack) & (x <= right + slack) & (y >= low - slack) & (y <= high + slack)
    if not inside.any():
        return None
    x, y = x[inside], y[inside]
    return float(x.min()), float(x.max()), float(y.min()), float(y.max())


def densified(outline: np.ndarray, step: float) -> np.ndarray:
    """A line (n, 2) with every side cut into equal parts no longer than step (lengths in the plane)."""
    pieces = [outline[:1]]
    for first, second in pairwise(outline):
        count = max(1, int(np.ceil(np.hypot(*(second - first)) / step)))
        pieces.append(first + (second - first) * (np.arange(1, count + 1) / count)[:, None])
        pieces[-1][-1] = second
    return np.concatenate(pieces)


def resolution_and_extent(
    grid: ProjectedGrid, *, whole: bool = True
) -> tuple[float, tuple[float, float, float, float]]:
    """The finest diagonal step, and west, south, east, north of the cell centres, in degrees.

    whole: every cell must have a place on the globe; otherwise those without one (the corners of a full disk) are left
    out. Raises NoRetry when a cell that must have a place has none.
    """
    back = Transformer.from_crs(grid.crs, 4326, always_xy=True)
    if grid.x.size * grid.y.size > SMALL_GRID and _border_decides(grid.crs):
        found = _measured(grid, back, _border(grid), whole=whole)
        if found:
            return found
    found = _measured(grid, back, _all_rows(grid), whole=whole)
    if not found:
        raise NoRetry("The grid has cells without a longitude and latitude; its CRS does not fit its coordinates.")
    return found


def _measured(
    grid: ProjectedGrid, back: Transformer, blocks: Iterator[tuple[slice, slice]], *, whole: bool
) -> tuple[float, tuple[float, float, float, float]] | None:
    """Of these blocks of (rows, columns); None when a cell has no place on the globe."""
    steps, boxes = [], []
    for rows, columns in blocks:
        lon, lat = (np.asarray(v) for v in back.transform(*np.meshgrid(grid.x[columns], grid.y[rows])))
        placed = np.isfinite(lon) & np.isfinite(lat)
        if whole and not placed.all():
            return None
        if not placed.any():
            continue
        boxes.append((lon[placed].min(), lat[placed].min(), lon[placed].max(), lat[placed].max()))
        lon, lat = np.where(placed, lon, np.nan), np.where(placed, lat, np.nan)
        squares = (lon[1:, 1:] - lon[:-1, :-1]) ** 2 + (lat[1:, 1:] - lat[:-1, :-1]) ** 2
        steps.extend(np.sqrt(squares[squares > 0].min(initial=np.inf, keepdims=True)))
    if not boxes:
        return None
    west, south, east, north = np.array(boxes).T
    extent = (float(west.min()), float(south.min()), float(east.max()), float(north.max()))
    finest = min((float(s) for s in steps), default=np.inf)
    return finest if np.isfinite(finest) else 1.0, extent


def _border(grid: ProjectedGrid) -> Iterator[tuple[slice, slice]]:
    """The two outermost rows and columns of each side, and the cells around a pole inside."""
    everything = slice(None)
    for two in (slice(0, 2), slice(-2, None)):
        yield two, everything
        yield everything, two
    there = Transformer.from_crs(4326, grid.crs, always_xy=True)
    for pole in (90.0, -90.0):
        x, y = there.transform(0.0, pole)
        if grid.x.min() <= x <= grid.x.max() and grid.y.min() <= y <= grid.y.max():
            row, column = int(np.abs(grid.y - y).argmin()), int(np.abs(grid.x - x).argmin())
            yield slice(max(row - 2, 0), row + 3), slice(max(column - 2, 0), column + 3)
            yield everything, slice(max(column - 2, 0), column + 3)  # where longitudes jump from 180 to -180
            yield slice(max(row - 2, 0), row + 3), everything


def _all_rows(grid: ProjectedGrid) -> Iterator[tuple[slice, slice]]:
    """The whole grid in bands that share a row, so that no pair of neighbours is missed."""
    for start in range(0, max(grid.y.size - 1, 1), ROWS_AT_ONCE):
        yield slice(start, start + ROWS_AT_ONCE + 1), slice(None)


def _border_decides(crs: CRS) -> bool:
    method = crs.coordinate_operation.method_name.lower() if crs.coordinate_operation else ""
    return any(name in method for name in BORDER_DECIDES)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value) if isinstance(value, str) else value
