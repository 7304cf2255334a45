"""Which variables of a file lie on which grid, and which cells of each grid a shape leaves.

Geometry: `coordinates/touched.py`; projections: `coordinates/projected_shape.py`. Obeys transformers-l3.md 3 ("Grids",
"CRS", "Transform") of the project's contracts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from shapely.geometry.base import BaseGeometry

from transformers.contract import NoRetry
from transformers.coordinates.axes import score
from transformers.coordinates.touched import cells_of, touched_round
from transformers.formats.layout import VariableInfo
from transformers.grid.source import GridSource

SURE = 2.0  # points of `axes.score` from which a coordinate is a latitude or longitude


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Cells to keep. y, x: paths of the dimensions; inside: shape (y, x)."""

    y: str
    x: str
    inside: np.ndarray

    def over(self, info: VariableInfo) -> np.ndarray:
        """`inside` with as many axes as the variable has, in the variable's order, of length 1 where it has others."""
        rows, columns = info.dims.index(self.y), info.dims.index(self.x)
        plane = self.inside if rows < columns else self.inside.T
        return plane.reshape([n if i in (rows, columns) else 1 for i, n in enumerate(info.shape)])


def masks_of(source: GridSource, shapes: Sequence[BaseGeometry]) -> dict[str, Mask]:
    """The mask of each variable that is to be filled, by its path. A cell is kept when every shape touches it.

    shapes: longitudes -180 to 180. Raises NoRetry when a grid has no usable CRS, or the file has fields but no grid.
    """
    known: dict[tuple[str, ...], Mask] = {}
    masks: dict[str, Mask] = {}
    fields = fields_of(source)
    for path in fields:
        pair = geographic_dimensions(source, path)
        if pair is None:
            continue
        if pair not in known:
            known[pair] = _geographic(source, pair, shapes)
        masks[path] = known[pair]
    if fields and not masks:
        raise NoRetry(
            f"{source.name}: no grid found for {', '.join(fields)}; allowed: variables with dimensions in degrees, "
            "with x and y of a map projection, or with 2-D coordinates and a grid mapping"
        )
    return masks


def fields_of(source: GridSource) -> list[str]:
    """Numbers along two axes or more that are not there to describe others (coordinates, bounds)."""
    relations = source.relations
    referred = {r for p in source.variables for r in relations.references(p, ("coordinates", "bounds"))}
    return [
        path
        for path, info in source.variables.items()
        if info.dtype.kind in "iuf" and len(info.dims) >= 2 and path not in referred and not relations.excluded(path)
    ]


def geographic_dimensions(source: GridSource, path: str) -> tuple[str, str] | None:
    """(latitude, longitude): the dimensions of a variable in degrees; None when it has no such pair."""
    dims = [d for d in source.variables[path].dims if source.coordinate(d)]
    lat = next((d for d in dims if _in_degrees(source, d, "latitude")), None)
    lon = next((d for d in dims if _in_degrees(source, d, "longitude")), None)
    return (lat, lon) if lat and lon else None


def _in_degrees(source: GridSource, dim: str, kind: str) -> bool:
    relations = source.relations
    if relations.is_latitude(dim) or relations.is_longitude(dim):
        return relations.is_latitude(dim) == (kind == "latitude")
    return "degree" in relations.text(dim, "units").lower() and score(source.variables[dim], kind) >= SURE


def _geographic(source: GridSource, pair: tuple[str, str], shapes: Sequence[BaseGeometry]) -> Mask:
    lat, lon = (source.axis(d) for d in pair)
    rows, columns = cells_of(lat, lon), cells_of(lon, lat)
    inside = [touched_round(shape, columns, rows) for shape in shapes]
    return Mask(*pair, np.logical_and.reduce(inside))
