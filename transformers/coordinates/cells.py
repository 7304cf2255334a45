"""Which cells of a regular grid a geometry touches. Geometry in, mask out.

The plane is that of the cells: column 2, row 5 is the square from (2, 5) to (3, 6); callers bring geometries there.
A polygon touches a cell when they share more than an edge; a line or a point also when it runs along one.
Obeys transformers-l3.md 3 of the project's contracts (all cells touched).
"""

from collections.abc import Iterator

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

FIRST_BLOCK = 64  # cells along one side
EDGE = 1e-6  # of a cell: rounding in the grid's coordinates must not make neighbours touch


def touched_cells(geometry: BaseGeometry, rows: int, columns: int) -> np.ndarray:
    """True where a cell is touched, shape (rows, columns).

    Blocks of cells wholly inside or outside are settled at once; the others are quartered down to single cells, so
    the work goes with the length of the outline, not with the size of the grid.
    """
    mask = np.zeros((rows, columns), bool)
    for part in _simple(geometry):
        shapely.prepare(part)
        _mark(mask, part, EDGE if part.area > 0 else 0.0)
    return mask


def _mark(mask: np.ndarray, part: BaseGeometry, margin: float) -> None:
    rows, columns = mask.shape
    west, south, east, north = part.bounds
    size = FIRST_BLOCK
    row, column = np.meshgrid(_starts(south, north, rows), _starts(west, east, columns), indexing="ij")
    row, column = row.ravel(), column.ravel()
    while row.size:
        squares = shapely.box(column + margin, row + margin, column + size - margin, row + size - margin)
        near = shapely.intersects(part, squares)
        row, column, squares = row[near], column[near], squares[near]
        done = np.ones(row.size, bool) if size == 1 else shapely.covers(part, squares)
        for r, c in zip(row[done], column[done], strict=True):
            mask[r : r + size, c : c + size] = True
        row, column, half = row[~done], column[~done], size // 2
        row = np.concatenate([row, row, row + half, row + half])
        column = np.concatenate([column, column + half, column, column + half])
        size = half
        inside = (row < rows) & (column < columns)
        row, column = row[inside], column[inside]


def _starts(low: float, high: float, size: int) -> np.ndarray:
    """First cells of the blocks between two coordinates."""
    first = int(max(np.floor(low / FIRST_BLOCK), 0)) * FIRST_BLOCK
    last = int(min(np.floor(high), size - 1))
    return np.arange(first, last + 1, FIRST_BLOCK)


def _simple(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    """Points, lines and polygons of a geometry, one by one."""
    if geometry.is_empty:
        return
    if hasattr(geometry, "geoms"):
        for part in geometry.geoms:
            yield from _simple(part)
    else:
        yield geometry
