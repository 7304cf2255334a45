"""KML and zipped ESRI shapefiles -> plain GeoJSON features, by the standard library alone. Normalising: `shapes.py`.

Bytes in, values out. Nothing in a file is followed: no entities or DTDs in KML, no network links, no paths in a zip;
what a zip unpacks to is bounded before it is unpacked. KML: OGC 12-007r2; shapefile: ESRI white paper of July 1998.
"""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from appliance.errors import RequestValidationError, TooLargeError
from appliance.request.crs import degrees_from
from appliance.request.rings import Point, contains, signed_area

BROKEN_KML = "The provided KML file could not be parsed. Please check its validity before retrying."
BROKEN_ZIP = "The provided ESRI Shapefile file could not be parsed. Please check its validity before retrying."
MOST_UNPACKED_BYTES = 200_000_000
MOST_MEMBERS = 1000
DEEPEST = 100

Features = dict[str, Any]


def features_of_kml(content: bytes) -> Features:
    """The Placemarks of a KML document, as a FeatureCollection. Raises RequestValidationError."""
    root = _xml(content)
    features = []
    for placemark in (e for e in root.iter() if _tag(e) == "Placemark"):
        properties = {e.get("name", ""): _text(e, "value") for e in placemark.iter() if _tag(e) == "Data"}
        geometries = [g for child in placemark for g in _kml_geometries(child)]
        features += [{"type": "Feature", "properties": properties, "geometry": g} for g in geometries]
    if _tag(root) != "kml":
        raise RequestValidationError(f"{BROKEN_KML} Found <{_tag(root)[:40]}>; allowed: <kml>.")
    return {"type": "FeatureCollection", "features": features}


def _xml(content: bytes) -> Element:
    """The tree of a document without DTD. Raises RequestValidationError."""
    builder = TreeBuilder()
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise RequestValidationError(f"{BROKEN_KML} Found elements nested more than {DEEPEST} deep.")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*_: Any) -> None:
        raise RequestValidationError(f"{BROKEN_KML} Found a document type declaration; allowed: none.")

    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise RequestValidationError(f"{BROKEN_KML} {error}.") from None
    return builder.close()


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: Element, tag: str) -> str:
    return next(((e.text or "").strip() for e in element.iter() if _tag(e) == tag), "")


def _kml_geometries(element: Element) -> Iterator[dict[str, Any]]:
    tag = _tag(element)
    if tag == "MultiGeometry":
        for child in element:
            yield from _kml_geometries(child)
    elif tag == "Point":
        for point in _kml_coordinates(element)[:1]:
            yield {"type": "Point", "coordinates": point}
    elif tag in ("LineString", "LinearRing"):
        yield {"type": "LineString", "coordinates": _kml_coordinates(element)}
    elif tag == "Polygon":
        outer = [_kml_coordinates(e) for e in element.iter() if _tag(e) == "outerBoundaryIs"]
        inner = [_kml_coordinates(e) for e in element.iter() if _tag(e) == "innerBoundaryIs"]
        yield {"type": "Polygon", "coordinates": [*outer[:1], *inner]}


def _kml_coordinates(element: Element) -> list[list[float]]:
    """`lon,lat[,altitude]` tuples separated by blanks."""
    try:
        return [[float(n) for n in entry.split(",")[:2]] for entry in _text(element, "coordinates").split()]
    except ValueError as error:
        raise RequestValidationError(f"{BROKEN_KML} In <coordinates>: {error}.") from None


def features_of_shapefile(stream: BinaryIO) -> Features:
    """The one `.shp` of a zip, in degrees (by its `.prj`, if that is a projection), as a FeatureCollection.

    Raises RequestValidationError for a broken file, none or several; TooLargeError for what unpacks to too much.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            shp, prj = _members(archive)
        geometries = list(_records(shp))
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
        OSError,
    ):
        raise RequestValidationError(BROKEN_ZIP) from None
    transform = degrees_from(prj) if prj.lstrip().upper().startswith(("PROJCS", "PROJCRS")) else None
    features = [
        {"type": "Feature", "properties": {}, "geometry": _transformed(g, transform) if transform else g}
        for g in geometries
    ]
    return {"type": "FeatureCollection", "features": features}


def _members(archive: zipfile.ZipFile) -> tuple[bytes, str]:
    """The bytes of the `.shp` and the text of the `.prj`; resource forks of other systems are no files."""
    entries = [e for e in archive.infolist() if not e.is_dir() and "__MACOSX" not in e.filename]
    shapes = [e for e in entries if e.filename.lower().endswith(".shp")]
    if len(shapes) > 1:
        raise RequestValidationError(
            f"The provided ESRI Shapefile holds {len(shapes)} .shp files; allowed: one shapefile per request."
        )
    if not shapes or len(entries) > MOST_MEMBERS:
        raise ValueError("no .shp")
    stem = shapes[0].filename[:-4].lower()
    projections = [e for e in entries if e.filename.lower() == stem + ".prj"]
    prj = _bounded(archive, projections[0], 100_000).decode("utf-8", "replace") if projections else ""
    return _bounded(archive, shapes[0], MOST_UNPACKED_BYTES), prj


def _bounded(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """Unpack no more than `most` bytes, whatever the directory of the zip says."""
    with archive.open(entry) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise TooLargeError(f"shapefile: {entry.filename[:80]!r} unpacks to more than {most} bytes; allowed: {most}")
    return content


def _records(shp: bytes) -> Iterator[dict[str, Any]]:
    """The geometries of a `.shp`. Raises ValueError or struct.error for a broken one."""
    if len(shp) < 100 or struct.unpack_from(">i", shp)[0] != 9994:
        raise ValueError("no shapefile")
    offset = 100
    while offset + 8 <= len(shp):
        words = struct.unpack_from(">i", shp, offset + 4)[0]
        record = shp[offset + 8 : offset + 8 + 2 * words]
        if words < 2 or len(record) != 2 * words:
            raise ValueError("a record is cut off")
        geometry = _record(record)
        if geometry:
            yield geometry
        offset += 8 + 2 * words


def _record(record: bytes) -> dict[str, Any] | None:
    """One record; Z and M forms begin like the plain ones, and what follows is altitude and measure."""
    kind = struct.unpack_from("<i", record)[0]
    if kind == 0:
        return None
    if kind in (1, 11, 21):
        return {"type": "Point", "coordinates": list(struct.unpack_from("<2d", record, 4))}
    if kind in (8, 18, 28):
        count = struct.unpack_from("<i", record, 36)[0]
        return {"type": "MultiPoint", "coordinates": _points(record, 40, count)}
    if kind in (3, 13, 23, 5, 15, 25):
        parts, count = struct.unpack_from("<2i", record, 36)
        if parts < 0 or 44 + 4 * parts > len(record):
            raise ValueError("parts beyond the record")
        starts = struct.unpack_from(f"<{parts}i", record, 44)
        points = _points(record, 44 + 4 * parts, count)
        lines = [points[a:b] for a, b in zip(starts, [*starts[1:], count], strict=True)]
        if kind in (3, 13, 23):
            return {"type": "MultiLineString", "coordinates": lines}
        return {"type": "MultiPolygon", "coordinates": _grouped(lines)}
    raise ValueError(f"shape type {kind}")


def _points(record: bytes, offset: int, count: int) -> list[Point]:
    if count < 0 or offset + 16 * count > len(record):
        raise ValueError("points beyond the record")
    numbers = struct.unpack_from(f"<{2 * count}d", record, offset)
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _grouped(rings: Sequence[list[Point]]) -> list[list[list[Point]]]:
    """Clockwise rings are polygons, the others holes of the one that contains them (or, alone, polygons too)."""
    solid = [ring for ring in rings if len(ring) >= 3]
    polygons = [[ring] for ring in solid if signed_area(ring) <= 0]
    for hole in (ring for ring in solid if signed_area(ring) > 0):
        owner = next((p for p in polygons if contains(p[0], hole[0])), None)
        if owner:
            owner.append(hole)
        else:
            polygons.append([hole])
    return polygons


def _transformed(geometry: Mapping[str, Any], transform: Callable[[float, float], Point]) -> dict[str, Any]:
    def walk(value: Any) -> Any:
        if value and isinstance(value[0], float):
            return transform(value[0], value[1])
        return [walk(entry) for entry in value]

    return {"type": geometry["type"], "coordinates": walk(geometry["coordinates"])}
