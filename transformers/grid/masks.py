"""Shapes of the globe laid over one grid: which of its cells all of them touch.

Obeys transformers-l3.md 3 ("Transform", "Shape", "Mask") of the project's contracts.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from shapely.geometry.base import BaseGeometry

from transformers.coordinates.cells import Cells, cells_of, touched, touched_round
from transformers.coordinates.grid import Axis

if TYPE_CHECKING:
    from pyproj import CRS


def geographic_mask(shapes: Sequence[BaseGeometry], lat: Axis, lon: Axis) -> np.ndarray:
    """Cells of a grid of degrees that every shape touches, True inside, shape (lat, lon). Any convention of longitude;
    longitudes of shapes are -180 to 180."""
    return _all_touched(shapes, lat, lon, touched_round)


def projected_mask(shapes: Sequence[BaseGeometry], y: Axis, x: Axis, crs: "CRS") -> np.ndarray:
    """As `geographic_mask`, of a grid with axes in the unit of its CRS."""
    from transformers.coordinates.crs import ProjectedGrid
    from transformers.coordinates.projected_shape import drawn

    grid = ProjectedGrid(x.values, y.values, crs)
    return _all_touched([drawn(shape, grid) for shape in shapes], y, x, touched)


def _all_touched(
    shapes: Sequence[BaseGeometry], y: Axis, x: Axis, mask_of: Callable[[BaseGeometry, Cells, Cells], np.ndarray]
) -> np.ndarray:
    rows, columns = cells_of(y, x), cells_of(x, y)
    if rows is None or columns is None:
        return np.ones((y.size, x.size), bool)  # one cell of unknown size, which a subset has left: it is kept
    return np.logical_and.reduce([mask_of(shape, columns, rows) for shape in shapes])
