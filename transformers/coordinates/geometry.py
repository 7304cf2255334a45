"""Polygons on the globe: from GeoJSON to shapely geometries between -180 and 180 degrees, and which points are inside.

Edges are straight lines of the longitude-latitude plane, as everywhere in the archive's programs. Extents of shapes:
`shape_extent.py`. Obeys RFC 7946, sections 3.1.6 and 3.1.9; transformers-l2.md 4.3 and transformers-l3.md 2.12, 3.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from transformers.contract import BoundingBox, InstructionError
from transformers.coordinates.geojson import Part, Shape, read_shape

WORLD = shapely.box(-180, -90, 180, 90)


def load_polygons(path: Path) -> BaseGeometry:
    """All polygons of a GeoJSON file as one geometry, longitudes -180 to 180, cut at the antimeridian.

    Raises InstructionError when the file holds no polygon.
    """
    polygons = [p for p in read_shape(path).parts if p.kind == "Polygon"]
    if not polygons:
        raise InstructionError(f"shape {path.name}: no polygon in it; allowed: GeoJSON with at least one Polygon")
    return geometry_of(Shape(tuple(polygons)))


def geometry_of(shape: Shape) -> BaseGeometry:
    """All parts of a shape, points and lines too, as one valid geometry between -180 and 180 degrees."""
    return shapely.union_all([piece for part in shape.parts for piece in _pieces(part)])


def box_geometry(box: BoundingBox) -> BaseGeometry:
    """A bounding box as a geometry: two rectangles when it crosses the antimeridian."""
    return shapely.union_all([shapely.box(p.west, p.south, p.east, p.north) for p in box.parts()])


def points_inside(geometry: BaseGeometry, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """True where a point is inside the geometry or on its boundary; holes are outside, their boundary is inside.

    lat, lon: degrees, of one shape, longitudes in any convention; NaN is outside. Obeys transformers-l2.md 4.3.
    """
    lat, lon = np.broadcast_arrays(np.asarray(lat, np.float64), np.asarray(lon, np.float64))
    inside = np.zeros(lat.shape, bool)
    if geometry.is_empty:
        return inside
    with np.errstate(invalid="ignore"):
        turned = np.where(np.abs(lon) <= 180, lon, (lon + 180) % 360 - 180)
        west, south, east, north = geometry.bounds
        seam = np.abs(turned) == 180
        near = (lat >= south) & (lat <= north) & (((turned >= west) & (turned <= east)) | seam)
    shapely.prepare(geometry)
    x, y = turned[near], lat[near]
    found = shapely.intersects_xy(geometry, x, y)
    on_seam = np.abs(x) == 180  # one meridian with two names
    found[on_seam] |= shapely.intersects_xy(geometry, -x[on_seam], y[on_seam])
    inside[near] = found
    return inside


def unrolled(points: np.ndarray) -> np.ndarray:
    """Positions (n, 2) with longitudes made continuous: a step over 180 degrees is the short way round instead.

    A step of exactly 360 degrees is a side of the whole world's width, unless the line would then cross itself.
    """
    step = np.diff(points[:, 0])
    turns = np.where(np.abs(step) > 180, -np.round(step / 360), 0.0)
    whole = np.abs(step) == 360
    if whole.any() and _is_simple(points, np.where(whole, 0.0, turns)):
        turns[whole] = 0.0
    return _turned(points, turns)


def _turned(points: np.ndarray, turns: np.ndarray) -> np.ndarray:
    return np.column_stack([points[:, 0] + 360 * np.r_[0.0, np.cumsum(turns)], points[:, 1]])


def _is_simple(points: np.ndarray, turns: np.ndarray) -> bool:
    line = _turned(points, turns)
    return len(np.unique(line, axis=0)) >= 3 and bool(shapely.is_simple(shapely.linestrings(line)))


def _pieces(part: Part) -> Iterable[BaseGeometry]:
    if part.kind == "Point":
        lon, lat = part.lists[0][0]
        return [shapely.Point(lon if abs(lon) <= 180 else (lon + 180) % 360 - 180, lat)]
    if part.kind == "LineString":
        return _cut(shapely.linestrings(unrolled(part.lists[0])))
    return _cut(_polygon(part.lists))


def _polygon(rings: Sequence[np.ndarray]) -> BaseGeometry:
    """A polygon of the unrolled plane; a ring around a pole is closed along that pole."""
    outer = _closed(unrolled(rings[0]))
    middle = (outer[:, 0].min() + outer[:, 0].max()) / 2
    polygon = shapely.make_valid(shapely.polygons(outer))
    for ring in rings[1:]:
        hole = _closed(unrolled(ring))
        shift = 360 * np.round((middle - (hole[:, 0].min() + hole[:, 0].max()) / 2) / 360)
        polygon = polygon.difference(shapely.make_valid(shapely.polygons(hole + np.array([shift, 0.0]))))
    return polygon


def _closed(ring: np.ndarray) -> np.ndarray:
    """A ring that goes once round the globe encloses the pole nearer to it (its direction is not to be trusted)."""
    if abs(ring[-1, 0] - ring[0, 0]) < 180:
        return ring
    pole = 90.0 if ring[:, 1].mean() >= 0 else -90.0
    return np.vstack([ring, [ring[-1, 0], pole], [ring[0, 0], pole], ring[:1]])


def _cut(geometry: BaseGeometry) -> list[BaseGeometry]:
    """The pieces between -180 and 180 of a geometry of the unrolled plane."""
    west, _, east, _ = geometry.bounds
    if west >= -180 and east <= 180:
        return [geometry]
    pieces = []
    for turn in range(int(np.floor((west + 180) / 360)), int(np.floor((east + 180) / 360)) + 1):
        moved = shapely.transform(geometry, lambda xy, turn=turn: xy - np.array([360.0 * turn, 0.0]))
        pieces.append(moved.intersection(WORLD))
    return [p for p in pieces if not p.is_empty and not (p.area == 0 < geometry.area)]
