"""A geometry of the globe laid over one grid: which of its cells are inside.

Obeys transformers-l3.md 3 of the project's contracts (CRS, transform, shape, mask).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from transformers.contract import NoRetry
from transformers.coordinates.cells import touched_cells

if TYPE_CHECKING:
    from pyproj import CRS

WIDER = 1e-6  # degrees that the lon-lat range of a grid is widened by before shapes are cut to it


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A grid by the edges of its columns and rows, shapes (columns + 1,) and (rows + 1,), strictly monotonic, in
    degrees or in the unit of the CRS; steps may differ."""

    x: np.ndarray
    y: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)"""
        return len(self.y) - 1, len(self.x) - 1

    def touched(self, geometry: BaseGeometry) -> np.ndarray:
        """Cells that a geometry of the grid's coordinates touches."""
        frame = shapely.box(self.x.min(), self.y.min(), self.x.max(), self.y.max())
        inside = shapely.intersection(geometry, frame)
        if not inside.is_empty:
            inside = shapely.transform(
                inside, lambda xy: np.column_stack([_index(xy[:, 0], self.x), _index(xy[:, 1], self.y)])
            )
        return touched_cells(inside, *self.shape)


def cells_of(y: np.ndarray, x: np.ndarray) -> Cells | None:
    """The grid of these cell centres; None for a single cell, whose size nothing tells."""
    if len(y) < 2 and len(x) < 2:
        return None
    across, down = _edges(x), _edges(y)
    if len(x) < 2:
        across = x[0] + np.abs(down[1] - down[0]) * np.array([-0.5, 0.5])
    if len(y) < 2:
        down = y[0] + np.abs(across[1] - across[0]) * np.array([-0.5, 0.5])
    return Cells(across, down)


def geographic_mask(shape: BaseGeometry, cells: Cells) -> np.ndarray:
    """Cells of a grid of degrees that the shape touches, True inside. Longitudes of the grid in any convention."""
    mask = np.zeros(cells.shape, bool)
    for turn in (-360.0, 0.0, 360.0):
        if turn - 180 < cells.x.max() and turn + 180 > cells.x.min():
            moved = shapely.transform(shape, lambda xy, turn=turn: xy + np.array([turn, 0.0]))
            mask |= cells.touched(moved)
    return mask


def projected_mask(shape: BaseGeometry, cells: Cells, crs: "CRS") -> np.ndarray:
    """Cells of a projected grid that the shape touches, True inside.

    The shape's sides are straight in longitude and latitude: they are followed as closely as the grid's finest cell.
    """
    from pyproj import Transformer

    from transformers.coordinates.crs import ProjectedGrid, resolution_and_extent

    step, (west, south, east, north) = resolution_and_extent(ProjectedGrid(cells.x, cells.y, crs), whole=False)
    around = shapely.box(west - WIDER, south - WIDER, east + WIDER, north + WIDER)
    followed = shapely.segmentize(shapely.intersection(shape, around), step)
    if followed.is_empty:
        return np.zeros(cells.shape, bool)
    there = Transformer.from_crs(4326, crs, always_xy=True)
    moved = shapely.transform(followed, lambda xy: np.column_stack(there.transform(xy[:, 0], xy[:, 1])))
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise NoRetry("The shape has points that the grid's projection cannot show.")
    return cells.touched(shapely.make_valid(moved))


def _edges(centres: np.ndarray) -> np.ndarray:
    """Edges half way between centres, and as far beyond the outermost ones."""
    values = centres.astype(np.float64)
    if len(values) < 2:
        return np.array([values[0] - 0.5, values[0] + 0.5])
    middles = (values[1:] + values[:-1]) / 2
    return np.r_[2 * values[0] - middles[0], middles, 2 * values[-1] - middles[-1]]


def _index(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Where values stand among the edges: 2.5 is the middle of cell 2."""
    index = np.arange(len(edges), dtype=np.float64)
    if edges[0] > edges[-1]:
        edges, index = edges[::-1], index[::-1]
    return np.interp(values, edges, index)
