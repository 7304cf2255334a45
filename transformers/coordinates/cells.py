"""Which cells of a grid a geometry touches: the all-touched rule, exactly, on rectangles. Arrays in, a mask out.

Instead of asking every cell, a block of cells that is wholly outside or wholly covered is settled at once, and the
others are quartered:

    +-------+---+---+        blocks without the border of the geometry stay large,
    |       |   |***|        so the work grows with the length of the border
    |       +---+---+        and not with the number of cells
    |       |***|***|
    +-------+---+---+

Obeys transformers-l3.md 3 ("Mask") of the project's contracts.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from transformers.coordinates.grid import FULL_TURN, Axis

SLIVER = 1e-6  # of a cell's width: an overlap thinner than this is a common edge, not a touch
TURNS = (-FULL_TURN, 0.0, FULL_TURN)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells along one axis: lower and upper edges, shape (n,), both ascending or both descending."""

    lower: np.ndarray
    upper: np.ndarray

    def shrunk(self) -> "Cells":
        """The same cells without their edges."""
        margin = SLIVER * (self.upper - self.lower)
        return Cells(self.lower + margin, self.upper - margin)

    def moved(self, by: float) -> "Cells":
        """The same cells elsewhere."""
        return Cells(self.lower + by, self.upper + by)


def cells_of(axis: Axis, other: Axis) -> Cells | None:
    """Edges of the cells of an axis: its bounds, else the middles between centres.

    A single centre does not tell how wide its cell is: as wide as the first one of the other axis. None where that
    has a single centre too.
    """
    if axis.bounds is not None:
        lower, upper = axis.bounds.min(axis=1).astype(np.float64), axis.bounds.max(axis=1).astype(np.float64)
        if _in_order(lower) and _in_order(upper):
            return Cells(lower, upper)
    values = axis.values.astype(np.float64)
    if axis.size < 2:
        half = _step(other) / 2
        return Cells(values - half, values + half) if half else None
    middles = (values[1:] + values[:-1]) / 2
    edges = np.r_[2 * values[0] - middles[0], middles, 2 * values[-1] - middles[-1]]
    return Cells(np.minimum(edges[1:], edges[:-1]), np.maximum(edges[1:], edges[:-1]))


def touched(geometry: BaseGeometry, x: Cells, y: Cells) -> np.ndarray:
    """True for each cell whose inside overlaps an area, or that a point or a line touches even on its edge.

    Geometry and cells lie in one plane. Shape of the result: (y, x).
    """
    mask = np.zeros((y.lower.size, x.lower.size), bool)
    parts = shapely.get_parts(geometry)
    areas = shapely.get_dimensions(parts) == 2
    for some, columns, rows in ((parts[areas], x.shrunk(), y.shrunk()), (parts[~areas], x, y)):
        if some.size:
            _touch(shapely.union_all(some), columns, rows, mask)
    return mask


def touched_round(geometry: BaseGeometry, lon: Cells, lat: Cells) -> np.ndarray:
    """As `touched`, on the globe. geometry: longitudes -180 to 180; lon: degrees in any convention."""
    mask = np.zeros((lat.lower.size, lon.lower.size), bool)
    for turn in TURNS:
        mask |= touched(geometry, lon.moved(turn), lat)
    return mask


def _touch(geometry: BaseGeometry, x: Cells, y: Cells, mask: np.ndarray) -> None:
    """Set the touched cells in mask. Blocks: rows first to last and columns first to last, ends excluded."""
    shapely.prepare(geometry)
    blocks = np.array([[0, mask.shape[0], 0, mask.shape[1]]] if mask.size else []).reshape(-1, 4)
    while blocks.size:
        west, east = _span(x, blocks[:, 2], blocks[:, 3])
        south, north = _span(y, blocks[:, 0], blocks[:, 1])
        rectangles = shapely.box(west, south, east, north)
        near = shapely.intersects(geometry, rectangles)
        blocks, rectangles = blocks[near], rectangles[near]
        one = (blocks[:, 1] - blocks[:, 0] == 1) & (blocks[:, 3] - blocks[:, 2] == 1)
        mask[blocks[one, 0], blocks[one, 2]] = True
        blocks, rectangles = blocks[~one], rectangles[~one]
        whole = shapely.covers(geometry, rectangles)
        for top, bottom, left, right in blocks[whole].tolist():
            mask[top:bottom, left:right] = True
        blocks = _quartered(blocks[~whole])


def _span(cells: Cells, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest edge of runs of cells; the last of each run is excluded."""
    lower = np.minimum(cells.lower[first], cells.lower[last - 1])
    return lower, np.maximum(cells.upper[first], cells.upper[last - 1])


def _quartered(blocks: np.ndarray) -> np.ndarray:
    top, bottom, left, right = blocks.T
    middle, centre = (top + bottom) // 2, (left + right) // 2
    quarters = [
        np.stack(sides, axis=1)
        for sides in (
            (top, middle, left, centre),
            (top, middle, centre, right),
            (middle, bottom, left, centre),
            (middle, bottom, centre, right),
        )
    ]
    found = np.concatenate(quarters)
    return found[(found[:, 0] < found[:, 1]) & (found[:, 2] < found[:, 3])]


def _step(axis: Axis) -> float:
    """Width of the first cell of an axis, 0 where it has a single centre without bounds."""
    if axis.bounds is not None:
        return float(np.abs(np.diff(axis.bounds[0].astype(np.float64)))[0])
    return abs(float(axis.values[1]) - float(axis.values[0])) if axis.size > 1 else 0.0


def _in_order(edges: np.ndarray) -> bool:
    steps = np.diff(edges)
    return bool((steps >= 0).all() or (steps <= 0).all())
