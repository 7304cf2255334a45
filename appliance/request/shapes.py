"""An uploaded shape -> one normalised GeoJSON FeatureCollection of polygons. Other forms of files: `shape_files.py`.

Takes bytes or an open stream, gives a document; opens and writes no file. Types, limits, words of the errors, steps of
the normalisation: harmony-api.md, section 1.7. All three forms are normalised, points become circles and lines thin
rectangles, so that a search and a mask meet nothing but polygons whose rings stay within -180 to 180 degrees.
"""

import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, BinaryIO

from appliance.errors import RequestValidationError, TooLargeError
from appliance.request.rings import (
    Point,
    Polygon,
    Ring,
    circle,
    default_radius_m,
    normalised_polygon,
    rectangle_along,
)
from appliance.request.shape_files import features_of_kml, features_of_shapefile

GEOJSON = "application/geo+json"
KML = "application/vnd.google-earth.kml+xml"
SHAPEFILE = "application/shapefile+zip"

MOST_TEXT_BYTES = 50_000_000  # of GeoJSON and KML; a zip may be larger, what it unpacks to is bounded too
MOST_POINTS = 200_000  # takes a second and 120 MB
FARTHEST = 540.0  # degrees of longitude: one turn either way
LARGEST_RADIUS_M = 10_000_000.0  # a quarter of the way round

NAMES = {GEOJSON: "GeoJSON", KML: "KML", SHAPEFILE: "ESRI Shapefile"}


def normalised_shape(source: bytes | BinaryIO, media_type: str) -> dict[str, Any]:
    """Read a shape of the type that the form part declares. A stream must be seekable.

    Raises RequestValidationError for another type, a file that is not of its type, coordinates that cannot be, several
    shapefiles in one zip, or nothing that has an area; TooLargeError beyond MOST_TEXT_BYTES and MOST_POINTS.
    """
    kind = media_type.partition(";")[0].strip().lower()
    if kind not in NAMES:
        raise RequestValidationError(
            f'Unrecognized shapefile type "{media_type}".  Valid types are "{GEOJSON}" (GeoJSON), "{KML}" (KML), '
            f'and "{SHAPEFILE}" (ESRI Shapefile)'
        )
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    if kind == SHAPEFILE:
        return normalised(features_of_shapefile(stream), NAMES[kind])
    text = stream.read(MOST_TEXT_BYTES + 1)
    if len(text) > MOST_TEXT_BYTES:
        raise TooLargeError(f"shapefile: more than {MOST_TEXT_BYTES} bytes of {NAMES[kind]}; allowed: at most that")
    return normalised(features_of_kml(text) if kind == KML else _geojson(text), NAMES[kind])


def normalised(document: Any, name: str = "GeoJSON") -> dict[str, Any]:
    """Any GeoJSON object -> a FeatureCollection whose geometries are Polygon or MultiPolygon.

    Longitudes wrapped, rings split at the antimeridian, six decimals, outer rings counter-clockwise, no altitudes.
    Raises as `normalised_shape`; `name` is the form that the user sent.
    """
    features = []
    budget = [MOST_POINTS]
    try:
        for geometry, properties in _geometries(document, {}, 0):
            polygons, kept = _polygons(geometry, properties, budget)
            pieces = [piece for polygon in polygons for piece in normalised_polygon(polygon)]
            if pieces:
                features.append({"type": "Feature", "properties": kept, "geometry": _geometry_of(pieces)})
    except _BadGeometryError as error:
        raise RequestValidationError(f"{_broken(name)} {error}") from None
    if not features:
        raise RequestValidationError(f"{_broken(name)} Found nothing with an area; allowed: points, lines, polygons.")
    return {"type": "FeatureCollection", "features": features}


def outer_rings(shape: Mapping[str, Any]) -> tuple[tuple[Point, ...], ...]:
    """The outer rings of a normalised shape: what a search of granules needs."""
    return tuple(tuple((x, y) for x, y in polygon[0]) for polygon in polygons_of(shape))


def polygons_of(shape: Mapping[str, Any]) -> Iterator[list[list[Sequence[float]]]]:
    """Every polygon of a normalised shape, as GeoJSON coordinates: the outer ring, then holes."""
    for feature in shape["features"]:
        geometry = feature["geometry"]
        yield from [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]


class _BadGeometryError(Exception):
    """What is wrong, as a sentence; the caller knows which file it was."""


def _broken(name: str) -> str:
    return f"The provided {name} file could not be parsed. Please check its validity before retrying."


def _geojson(content: bytes) -> Any:
    def refuse(word: str) -> float:
        raise ValueError(f"{word} is no JSON number")

    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise RequestValidationError(f"{_broken('GeoJSON')} {error}.") from None


def _geometries(
    document: Any, properties: Mapping[str, Any], depth: int
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Every simple geometry with the properties of its feature. Features without geometry are passed over."""
    if not isinstance(document, Mapping) or depth > 20:
        raise _BadGeometryError("Found something that is no GeoJSON object.")
    kind = document.get("type")
    if kind == "FeatureCollection":
        for feature in _list(document.get("features"), "features"):
            yield from _geometries(feature, {}, depth + 1)
    elif kind == "Feature":
        own = document.get("properties")
        if document.get("geometry") is not None:
            yield from _geometries(document["geometry"], own if isinstance(own, Mapping) else {}, depth + 1)
    elif kind == "GeometryCollection":
        for geometry in _list(document.get("geometries"), "geometries"):
            yield from _geometries(geometry, properties, depth + 1)
    else:
        yield document, properties


def _polygons(
    geometry: Mapping[str, Any], properties: Mapping[str, Any], budget: list[int]
) -> tuple[list[Polygon], Mapping[str, Any]]:
    """The polygons that a geometry is or becomes, and the properties that it keeps (points lose theirs)."""
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "Polygon":
        return [_polygon(coordinates, budget)], properties
    if kind == "MultiPolygon":
        return [_polygon(c, budget) for c in _list(coordinates, kind)], properties
    if kind in ("Point", "MultiPoint"):
        points = [_point(c, budget) for c in ([coordinates] if kind == "Point" else _list(coordinates, kind))]
        return [[circle(point, _radius(properties))] for point in points], {}
    if kind in ("LineString", "MultiLineString"):
        lines = [coordinates] if kind == "LineString" else _list(coordinates, kind)
        return [[ring] for line in lines for ring in _rectangles(line, budget)], properties
    raise _BadGeometryError(f"Found a geometry of type {kind!r}.")


def _polygon(coordinates: Any, budget: list[int]) -> Polygon:
    rings = [[_point(c, budget) for c in _list(ring, "ring")] for ring in _list(coordinates, "Polygon")]
    if not rings or any(len(ring) < 3 for ring in rings):
        raise _BadGeometryError("Found a polygon ring of less than three points.")
    return rings


def _rectangles(line: Any, budget: list[int]) -> list[Ring]:
    points = [_point(c, budget) for c in _list(line, "LineString")]
    found = (rectangle_along(a, b) for a, b in pairwise(points))
    return [ring for ring in found if ring]


def _point(coordinates: Any, budget: list[int]) -> Point:
    budget[0] -= 1
    if budget[0] < 0:
        raise TooLargeError(f"shapefile: more than {MOST_POINTS} points; allowed: at most {MOST_POINTS}")
    numbers = _list(coordinates, "position")[:2]
    if len(numbers) != 2 or any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in numbers):
        raise _BadGeometryError(f"Found {str(coordinates)[:80]} where a longitude and a latitude should be.")
    lon, lat = numbers
    if not (abs(lon) <= FARTHEST and -90 <= lat <= 90):
        raise _BadGeometryError(
            f"Found longitude {lon!r:.40}, latitude {lat!r:.40}; allowed: up to {FARTHEST:g} and 90 degrees."
        )
    return float(lon), float(lat)


def _radius(properties: Mapping[str, Any]) -> float:
    """Metres; what is no positive number counts as not said."""
    try:
        radius = float(properties.get("radius") or 0)
    except (TypeError, ValueError):
        radius = 0.0
    if not math.isfinite(radius) or radius <= 0:
        return default_radius_m()
    if radius > LARGEST_RADIUS_M:
        raise _BadGeometryError(f"Found a radius of {radius:g} m; allowed: up to {LARGEST_RADIUS_M:g}.")
    return radius


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise _BadGeometryError(f"Found {what} that is no list.")
    return list(value)


def _geometry_of(polygons: Sequence[Polygon]) -> dict[str, Any]:
    coordinates = [[[list(point) for point in ring] for ring in polygon] for polygon in polygons]
    if len(coordinates) == 1:
        return {"type": "Polygon", "coordinates": coordinates[0]}
    return {"type": "MultiPolygon", "coordinates": coordinates}
