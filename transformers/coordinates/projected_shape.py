"""A shape of the globe drawn on a map: clipped to where the grid lies, sides followed closely, projected.

The grid's own geometry is `crs.py`; which cells are touched: `touched.py`. Obeys transformers-l3.md 3 ("Shape") and
2.10 step 2 of the project's contracts.
"""

from collections.abc import Callable, Iterator

import numpy as np
import shapely
from pyproj import CRS, Transformer
from shapely.geometry.base import BaseGeometry

from transformers.coordinates.crs import ProjectedGrid, resolution_and_extent

SEAM = 1e-9  # degrees left free on both sides of the meridian where a map is cut open
ORIGINS = ("Longitude of natural origin", "Longitude of false origin", "Longitude of origin")

Project = Callable[[np.ndarray], np.ndarray]


def drawn(geometry: BaseGeometry, grid: ProjectedGrid) -> BaseGeometry:
    """The geometry (longitudes -180 to 180) in the plane of the grid's CRS; empty where the grid lies elsewhere.

    Rings, holes too, follow their straight lines of longitude and latitude as closely as the finest cell of the grid.
    """
    resolution, extent = resolution_and_extent(grid, whole=False)
    clipped = _opened(geometry.intersection(_around(extent, 2 * resolution)), grid.crs)
    if clipped.is_empty:
        return clipped
    there = Transformer.from_crs(4326, grid.crs, always_xy=True)

    def project(points: np.ndarray) -> np.ndarray:
        x, y = there.transform(points[:, 0], points[:, 1])
        found = np.column_stack([x, y])
        return found[np.isfinite(found).all(axis=1)]

    close = shapely.segmentize(clipped, resolution)
    return shapely.union_all([p for part in shapely.get_parts(close) for p in _projected(part, project)])


def _around(extent: tuple[float, float, float, float], more: float) -> BaseGeometry:
    """Where the grid lies: an extent of centres, and some cells more on each side."""
    west, south, east, north = extent
    return shapely.box(max(west - more, -180), max(south - more, -90), min(east + more, 180), min(north + more, 90))


def _opened(geometry: BaseGeometry, crs: CRS) -> BaseGeometry:
    """Cut along the meridian opposite the map's own, where neighbours on the globe are far apart on the map."""
    operation = crs.coordinate_operation
    middle = next((p.value for p in operation.params if p.name in ORIGINS), 0.0) if operation else 0.0
    seam = middle % 360 - 180
    if geometry.is_empty or abs(seam) == 180:
        return geometry  # cut there already
    west, _, east, _ = geometry.bounds
    if not west < seam < east:
        return geometry
    return geometry.difference(shapely.box(seam - SEAM, -90, seam + SEAM, 90))


def _projected(part: BaseGeometry, project: Project) -> Iterator[BaseGeometry]:
    """Points, lines and polygons of the map; what has too few places on it is left out."""
    if shapely.get_dimensions(part) < 2:
        points = project(shapely.get_coordinates(part))
        if len(points) > 1 and part.geom_type != "Point":
            yield shapely.linestrings(points)
        elif len(points):
            yield shapely.points(points[0])
        return
    rings = [project(shapely.get_coordinates(ring)) for ring in (part.exterior, *part.interiors)]
    if len(rings[0]) < 4:
        return
    outer = _area(rings[0])
    holes = [_area(ring) for ring in rings[1:] if len(ring) >= 4]
    yield outer.difference(shapely.union_all(holes)) if holes else outer


def _area(ring: np.ndarray) -> BaseGeometry:
    """A ring's area; a ring that a pole or the map's edge folds onto itself is mended."""
    closed = ring if np.array_equal(ring[0], ring[-1]) else np.vstack([ring, ring[:1]])
    polygon = shapely.polygons(closed)
    return (
        polygon if shapely.is_valid(polygon) else shapely.make_valid(polygon, method="structure", keep_collapsed=False)
    )
