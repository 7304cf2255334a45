"""Uploaded shapes: GeoJSON, KML and zipped shapefiles (written by pyshp), and what may be wrong with them."""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import shapefile
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from appliance.errors import HarmoniumError, RequestValidationError, TooLargeError
from appliance.request import shape_files
from appliance.request.rings import polygon_area
from appliance.request.shapes import GEOJSON, KML, SHAPEFILE, normalised_shape, outer_rings, polygons_of

SQUARE = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0], [0.0, 0.0]]
HOLE = [[4.0, 4.0], [4.0, 6.0], [6.0, 6.0], [6.0, 4.0], [4.0, 4.0]]
CROSSING = [[170.0, 0.0], [-170.0, 0.0], [-170.0, 10.0], [170.0, 10.0], [170.0, 0.0]]


def geojson(document: Any) -> dict[str, Any]:
    return normalised_shape(json.dumps(document).encode(), GEOJSON)


def kml(body: str) -> bytes:
    return (
        f'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{body}</Document></kml>'.encode()
    )


def placemark(geometry: str) -> bytes:
    return kml(f"<Folder><Placemark>{geometry}</Placemark></Folder>")


def coordinates(ring: Sequence[Sequence[float]], altitude: str = ",7.5") -> str:
    return " ".join(f"{x},{y}{altitude}" for x, y in ring)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def shapefile_zip(tmp_path: Path, polygons: Sequence[Any], prj: str = "", kind: int = shapefile.POLYGON) -> bytes:
    with shapefile.Writer(str(tmp_path / "area"), shapeType=kind) as writer:
        writer.field("name", "C")
        for polygon in polygons:
            if kind == shapefile.POINT:
                writer.point(*polygon)
            elif kind == shapefile.POLYLINE:
                writer.line(polygon)
            else:
                writer.poly(polygon)
            writer.record("x")
    files = {f"area.{part}": (tmp_path / f"area.{part}").read_bytes() for part in ("shp", "shx", "dbf")}
    return zipped({**files, **({"area.prj": prj.encode()} if prj else {})})


def area(shape: dict[str, Any]) -> float:
    return sum(polygon_area([[(x, y) for x, y in ring] for ring in polygon]) for polygon in polygons_of(shape))


@pytest.mark.parametrize(
    "document",
    [
        {"type": "Polygon", "coordinates": [SQUARE]},
        {"type": "Polygon", "coordinates": [[[x, y, 100.0] for x, y in SQUARE]]},
        {"type": "Polygon", "coordinates": [SQUARE[::-1]]},
        {"type": "MultiPolygon", "coordinates": [[SQUARE]]},
        {"type": "Feature", "properties": None, "geometry": {"type": "Polygon", "coordinates": [SQUARE]}},
        {"type": "GeometryCollection", "geometries": [{"type": "Polygon", "coordinates": [SQUARE]}]},
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": {}, "geometry": None},
                {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [SQUARE]}},
            ],
        },
    ],
)
def test_every_form_of_geojson_becomes_the_same_ring(document: Any) -> None:
    found = geojson(document)
    assert found["type"] == "FeatureCollection" and len(found["features"]) == 1
    (ring,) = outer_rings(found)
    assert set(ring) == {(0, 0), (10, 0), (10, 10), (0, 10)} and area(found) == 100


def test_the_three_forms_agree(tmp_path: Path) -> None:
    plain = geojson({"type": "Polygon", "coordinates": [SQUARE, HOLE]})
    outer = f"<LinearRing><coordinates>{coordinates(SQUARE)}</coordinates></LinearRing>"
    inner = f"<LinearRing><coordinates>{coordinates(HOLE, '')}</coordinates></LinearRing>"
    boundaries = f"<outerBoundaryIs>{outer}</outerBoundaryIs><innerBoundaryIs>{inner}</innerBoundaryIs>"
    from_kml = normalised_shape(placemark(f"<Polygon>{boundaries}</Polygon>"), KML)
    # In a shapefile outer rings are clockwise.
    from_zip = normalised_shape(shapefile_zip(tmp_path, [[SQUARE[::-1], HOLE[::-1]]]), SHAPEFILE)
    assert area(plain) == area(from_kml) == area(from_zip) == 96
    geometries = [found["features"][0]["geometry"] for found in (plain, from_kml, from_zip)]
    assert [set(map(tuple, g["coordinates"][0])) for g in geometries] == [set(map(tuple, SQUARE))] * 3
    assert all(len(g["coordinates"]) == 2 for g in geometries)


def test_all_forms_are_split_at_the_antimeridian(tmp_path: Path) -> None:
    boundary = f"<outerBoundaryIs><coordinates>{coordinates(CROSSING)}</coordinates></outerBoundaryIs>"
    for found in (
        geojson({"type": "Polygon", "coordinates": [CROSSING]}),
        normalised_shape(placemark(f"<Polygon>{boundary}</Polygon>"), KML),
        normalised_shape(shapefile_zip(tmp_path, [[CROSSING[::-1]]]), SHAPEFILE),
    ):
        assert found["features"][0]["geometry"]["type"] == "MultiPolygon"
        assert area(found) == pytest.approx(200)


def test_points_become_circles_and_lose_their_properties(tmp_path: Path) -> None:
    for geometry in ({"type": "Point", "coordinates": [5, 5]}, {"type": "MultiPoint", "coordinates": [[5, 5], [8, 8]]}):
        found = geojson({"type": "Feature", "properties": {"radius": 1000, "a": 1}, "geometry": geometry})
        assert found["features"][0]["properties"] == {}
        count = 1 if geometry["type"] == "Point" else 2
        # The area of a regular polygon of n sides, n = ceil(97 * (1 - 0.99999 ** 1000) + 3) = 4: 2 r^2, in degrees.
        degrees = 1000 / 6_378_137 * 180 / 3.141592653589793
        assert area(found) == pytest.approx(count * 2 * degrees**2, rel=0.02)
    body = '<Placemark><ExtendedData><Data name="radius"><value>1000</value></Data></ExtendedData>'
    body += "<Point><coordinates>5,5,0</coordinates></Point></Placemark>"
    single = geojson(
        {"type": "Feature", "properties": {"radius": 1000}, "geometry": {"type": "Point", "coordinates": [5, 5]}}
    )
    assert normalised_shape(kml(body), KML) == single
    assert area(normalised_shape(shapefile_zip(tmp_path, [(5, 5)], kind=shapefile.POINT), SHAPEFILE)) > 0


def test_lines_become_thin_rectangles(tmp_path: Path) -> None:
    line = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]
    expected = pytest.approx(20 * 0.0001, rel=1e-3)
    assert area(geojson({"type": "LineString", "coordinates": line})) == expected
    drawn = f"<LineString><coordinates>{coordinates(line)}</coordinates></LineString>"
    assert area(normalised_shape(placemark(f"<MultiGeometry>{drawn}</MultiGeometry>"), KML)) == expected
    assert area(normalised_shape(shapefile_zip(tmp_path, [[line]], kind=shapefile.POLYLINE), SHAPEFILE)) == expected


def test_a_projected_shapefile_comes_out_in_degrees(tmp_path: Path) -> None:
    from pyproj import CRS

    to_utm = Transformer.from_crs("EPSG:4326", "EPSG:32633", always_xy=True)
    ring = [to_utm.transform(x, y) for x, y in [(14, 45), (14, 46), (15, 46), (15, 45), (14, 45)]]
    content = shapefile_zip(tmp_path, [[ring]], CRS.from_epsg(32633).to_wkt("WKT1_ESRI"))
    assert area(normalised_shape(content, SHAPEFILE)) == pytest.approx(1, rel=1e-3)
    with pytest.raises(RequestValidationError, match=r"\.prj"):
        normalised_shape(shapefile_zip(tmp_path, [[ring]], "PROJCS[nonsense"), SHAPEFILE)


def test_properties_of_polygons_are_kept() -> None:
    feature = {
        "type": "Feature",
        "properties": {"name": "here"},
        "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
    }
    assert geojson(feature)["features"][0]["properties"] == {"name": "here"}


def test_another_type_is_refused_in_the_published_words() -> None:
    with pytest.raises(RequestValidationError) as refused:
        normalised_shape(b"", "text/plain")
    assert refused.value.message == (
        'Unrecognized shapefile type "text/plain".  Valid types are "application/geo+json" (GeoJSON), '
        '"application/vnd.google-earth.kml+xml" (KML), and "application/shapefile+zip" (ESRI Shapefile)'
    )


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[1]", b"3", b"\xff\xfe", b'{"type": "Nothing"}', b'{"type": "Polygon"}', b"[" * 100_000),
        b'{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}',
        b'{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, "x"], [0, 0]]]}',
        b'{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, NaN], [0, 0]]]}',
        b'{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1e999], [0, 0]]]}',
        b'{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 91], [0, 0]]]}',
        b'{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [2, 0], [0, 0]]]}',
        b'{"type": "Feature", "geometry": {"type": "Point", "coordinates": [0, 0]}, "properties": {"radius": 1e9}}',
        b'{"type": "FeatureCollection", "features": []}',
        b'{"type": "FeatureCollection", "features": 3}',
    ],
)
def test_broken_geojson_is_a_bad_request(content: bytes) -> None:
    with pytest.raises(RequestValidationError, match=r"^The provided GeoJSON file could not be parsed\."):
        normalised_shape(content, GEOJSON)


ENTITIES = b'<!DOCTYPE kml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><kml><Placemark/>&b;</kml>'
OUTSIDE = b'<!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml>&x;</kml>'


@pytest.mark.parametrize(
    "content",
    [b"", b"<kml", b"<a/>", kml(""), ENTITIES, OUTSIDE, b"<kml>" * 200 + b"</kml>" * 200, b"\x00\x01",
     kml("<Placemark><Point><coordinates>a,b</coordinates></Point></Placemark>"),
     kml("<Placemark><Point><coordinates>200000,1</coordinates></Point></Placemark>"),
     b'<?xml version="1.0" encoding="nonsense"?><kml/>'],
)  # fmt: skip
def test_broken_or_dangerous_kml_is_a_bad_request(content: bytes) -> None:
    with pytest.raises(RequestValidationError) as refused:
        normalised_shape(content, KML)
    words = "The provided KML file could not be parsed. Please check its validity before retrying."
    assert refused.value.message.startswith(words)
    assert "root:" not in refused.value.message


def test_a_broken_zip_is_a_bad_request(tmp_path: Path) -> None:
    whole = shapefile_zip(tmp_path, [[SQUARE[::-1]]])
    shp = (tmp_path / "area.shp").read_bytes()
    for content in (
        b"",
        b"PK",
        whole[: len(whole) // 2],
        zipped({"a.txt": b"x"}),
        zipped({"a.shp": shp[:-9]}),
        zipped({"a.shp": b"x" * 200}),
    ):
        with pytest.raises(
            RequestValidationError, match=r"^The provided ESRI Shapefile file could not be parsed\. Please"
        ):
            normalised_shape(content, SHAPEFILE)


def test_several_shapefiles_in_a_zip_are_refused_by_number(tmp_path: Path) -> None:
    shapefile_zip(tmp_path, [[SQUARE[::-1]]])
    shp = (tmp_path / "area.shp").read_bytes()
    with pytest.raises(RequestValidationError, match=r"holds 2 \.shp files; allowed: one"):
        normalised_shape(zipped({"a.shp": shp, "b/c.SHP": shp}), SHAPEFILE)
    assert area(normalised_shape(zipped({"a.shp": shp, "__MACOSX/._a.shp": b"x"}), SHAPEFILE)) == 100


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = zipped({"a.shp": bytes(shape_files.MOST_UNPACKED_BYTES + 1)})
    assert len(bomb) < 1_000_000
    with pytest.raises(TooLargeError, match="unpacks to more than"):
        normalised_shape(bomb, SHAPEFILE)


def test_too_many_points_are_refused_by_number() -> None:
    ring = [[0.0, 0.0]] * 200_001
    with pytest.raises(TooLargeError, match="more than 200000 points"):
        geojson({"type": "Polygon", "coordinates": [ring]})


def test_more_text_than_any_shape_needs_is_refused_before_it_is_read() -> None:
    for media_type in (GEOJSON, KML):
        with pytest.raises(TooLargeError, match="more than 50000000 bytes"):
            normalised_shape(b" " * 50_000_001, media_type)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["Polygon", "Point", "Feature"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "coordinates", "features", "geometry", "geometries", "properties"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=200)
@given(st.binary(max_size=60) | JSON.map(lambda d: json.dumps(d).encode()), st.sampled_from([GEOJSON, KML, SHAPEFILE]))
def test_any_bytes_are_a_shape_or_an_error_of_the_family(content: bytes, media_type: str) -> None:
    try:
        normalised_shape(content, media_type)
    except HarmoniumError as error:
        assert error.status in (400, 413)


@settings(max_examples=100)
@given(st.data())
def test_a_shapefile_with_any_bytes_changed_is_a_shape_or_an_error_of_the_family(data: st.DataObject) -> None:
    shp = bytearray(_SHP)
    for _ in range(data.draw(st.integers(1, 4))):
        shp[data.draw(st.integers(0, len(shp) - 1))] = data.draw(st.integers(0, 255))
    try:
        normalised_shape(zipped({"a.shp": bytes(shp)}), SHAPEFILE)
    except HarmoniumError as error:
        assert error.status in (400, 413)


def _shp() -> bytes:
    buffer = io.BytesIO()
    with shapefile.Writer(shp=buffer, shx=io.BytesIO(), dbf=io.BytesIO(), shapeType=shapefile.POLYGON) as writer:
        writer.field("name", "C")
        writer.poly([SQUARE[::-1], HOLE[::-1]])
        writer.record("x")
    return buffer.getvalue()


_SHP = _shp()
