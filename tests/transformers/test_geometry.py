"""Shapes on the globe: where they are, whatever way their longitudes are written; and which cells they touch."""

import json

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from transformers.contract import BoundingBox, InstructionError
from transformers.coordinates.cells import Cells, cells_of, touched, touched_round
from transformers.coordinates.geojson import parse_shape, read_shape
from transformers.coordinates.geometry import box_geometry, geometry_of, load_polygons, points_inside
from transformers.coordinates.grid import Axis

quarters = st.integers(-40, 40).map(lambda n: n / 4)


def ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def geometry(document: dict) -> shapely.Geometry:
    return geometry_of(parse_shape(document))


def polygon(*rings: list[list[float]]) -> shapely.Geometry:
    return geometry({"type": "Polygon", "coordinates": list(rings)})


@st.composite
def corners(draw: st.DrawFn) -> list[list[float]]:
    """A triangle of some area within 10 degrees of 0, 0."""
    points = draw(st.lists(st.tuples(quarters, quarters), min_size=3, max_size=3, unique=True))
    if shapely.Polygon(points).area < 0.25:
        points = [(-1, -1), (2, 0), (0, 2)]
    return [[float(x), float(y)] for x, y in [*points, points[0]]]


@given(
    triangle=corners(), east=st.sampled_from([-360, -190, -180, -175, 0, 175, 180, 190, 360]), turn=st.integers(-2, 2)
)
def test_a_polygon_may_stand_anywhere_and_its_area_stays(triangle, east, turn):
    moved = [[x + east, y] for x, y in triangle]
    folded = [[(x + 180) % 360 - 180, y] for x, y in moved]
    plain = shapely.Polygon(triangle)
    # Off the borders: cutting at the antimeridian rounds slanted ones.
    lon, lat = np.meshgrid(np.arange(-10, 10, 0.5) + 0.0371, np.arange(-10, 10, 0.5) + 0.0193)
    expected = shapely.intersects_xy(plain, lon, lat)
    for written in (moved, folded):
        found = polygon(written)
        assert found.area == pytest.approx(plain.area)
        assert found.bounds[0] >= -180
        assert found.bounds[2] <= 180
        np.testing.assert_array_equal(points_inside(found, lat, lon + east + 360 * turn), expected)


def test_a_hole_is_outside_and_its_border_inside():
    found = polygon(ring(-10, -10, 10, 10), ring(-5, -5, 5, 5))
    assert points_inside(found, np.zeros(4), np.array([0.0, 5.0, 7.0, 11.0])).tolist() == [False, True, True, False]


def test_a_hole_across_the_antimeridian_is_one_hole():
    found = polygon(ring(170, -10, 190, 10), [[178, -5], [-178, -5], [-178, 5], [178, 5], [178, -5]])
    lon = np.array([175.0, 179.0, 180.0, -180.0, -179.0, 181.0, -175.0, 185.0])
    inside = [True, False, False, False, False, False, True, True]
    assert points_inside(found, np.zeros(8), lon).tolist() == inside


def test_a_ring_around_a_pole_encloses_it():
    found = polygon([[-90, 60], [0, 60], [90, 60], [180, 60], [-90, 60]])
    lat, lon = np.array([89.0, 61.0, 61.0, 59.0, -80.0]), np.array([10.0, 179.0, -179.0, 0.0, 0.0])
    assert points_inside(found, lat, lon).tolist() == [True, True, True, False, False]


def test_all_members_of_collections_are_gathered():
    document = {"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": None, "geometry": None},
        {"type": "Feature", "properties": {}, "geometry": {"type": "GeometryCollection", "geometries": [
            {"type": "MultiPolygon", "coordinates": [[ring(0, 0, 1, 1)], [ring(2, 0, 3, 1)]]},
            {"type": "Point", "coordinates": [9, 9, 100]},
            {"type": "MultiLineString", "coordinates": [[[20, 0], [21, 0]]]},
        ]}},
    ]}  # fmt: skip
    lon = np.array([0.5, 1.5, 2.5, 9.0, 20.5])
    assert points_inside(geometry(document), np.array([0.5, 0.5, 0.5, 9.0, 0.0]), lon).tolist() == [
        True, False, True, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize("document", [
    {"type": "Circle", "coordinates": [0, 0]},
    {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
    {"type": "Point", "coordinates": [0, 91]},
    {"type": "Point", "coordinates": ["a", 1]},
    {"type": "Point", "coordinates": [0, 0], "bbox": [1, 2, 3]},
    ["not", "an", "object"],
])  # fmt: skip
def test_what_is_no_geojson_is_refused_with_the_standard_named(document, tmp_path):
    (tmp_path / "s.json").write_text(json.dumps(document))
    with pytest.raises(InstructionError, match=r"shape s\.json: .*RFC 7946"):
        read_shape(tmp_path / "s.json")


def test_a_shape_without_polygons_has_none_to_load(tmp_path):
    (tmp_path / "s.json").write_text(json.dumps({"type": "Point", "coordinates": [0, 0]}))
    with pytest.raises(InstructionError, match="no polygon in it"):
        load_polygons(tmp_path / "s.json")


def test_a_box_across_the_antimeridian_is_two_rectangles():
    found = box_geometry(BoundingBox(170, -10, -170, 10))
    assert found.area == pytest.approx(20 * 20)
    assert points_inside(found, np.zeros(3), np.array([175.0, 185.0, 0.0])).tolist() == [True, True, False]


@st.composite
def axes(draw: st.DrawFn) -> Axis:
    """Uneven steps, in either direction, of quarters of a degree."""
    steps = draw(st.lists(st.integers(1, 12), min_size=2, max_size=25))
    values = np.cumsum(steps) / 2 + draw(st.integers(-40, 20)) / 4
    return Axis(values[:: draw(st.sampled_from([1, -1]))])


@given(x=axes(), y=axes(), triangle=corners(), hole=st.booleans())
def test_cells_are_touched_exactly_when_their_inside_meets_the_inside_of_the_shape(x, y, triangle, hole):
    shape = polygon(triangle)
    if hole:
        shape = shape.difference(shapely.box(-1, -1, 1, 1))
    columns, rows = cells_of(x, y), cells_of(y, x)
    west, south = np.meshgrid(columns.lower, rows.lower)
    east, north = np.meshgrid(columns.upper, rows.upper)
    overlap = shapely.area(shapely.intersection(shape, shapely.box(west, south, east, north)))
    # Corners on quarters and edges on eighths: an overlap is none at all, or far above rounding.
    np.testing.assert_array_equal(touched(shape, columns, rows), overlap > 1e-9)


@given(x=axes(), y=axes(), first=corners(), second=corners())
def test_two_shapes_touch_what_their_union_touches(x, y, first, second):
    columns, rows = cells_of(x, y), cells_of(y, x)
    one, two = polygon(first), polygon(second)
    both = touched(one, columns, rows) | touched(two, columns, rows)
    np.testing.assert_array_equal(touched(shapely.MultiPolygon([one, two]) if one.disjoint(two) else one.union(two),
                                          columns, rows), both)  # fmt: skip


def test_points_and_lines_touch_the_cells_on_both_sides_of_an_edge():
    cells = cells_of(Axis(np.arange(5) + 0.5), Axis(np.arange(5) + 0.5))
    assert np.argwhere(touched(shapely.Point(2, 2), cells, cells)).tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]
    line = shapely.LineString([(0.2, 3), (0.8, 3)])
    assert np.argwhere(touched(line, cells, cells)).tolist() == [[2, 0], [3, 0]]


def test_a_neighbour_across_a_common_edge_is_not_touched_whatever_the_rounding():
    tenths = Axis(np.arange(3600) * 0.1 - 179.95)
    rows = Axis(np.arange(1800) * 0.1 - 89.95)
    mask = touched_round(shapely.box(10, 20, 10.3, 20.2), cells_of(tenths, rows), cells_of(rows, tenths))
    assert mask.sum() == 6


def test_bounds_of_cells_come_before_middles_between_centres():
    bounds = np.array([[0.0, 3.0], [3.0, 4.0]])
    found = cells_of(Axis(np.array([1.0, 3.5]), bounds), Axis(np.array([0.0])))
    assert (found.lower.tolist(), found.upper.tolist()) == ([0, 3], [3, 4])


def test_a_single_centre_takes_its_width_from_the_other_axis():
    found = cells_of(Axis(np.array([5.0])), Axis(np.array([0.0, 2.0])))
    assert (found.lower.tolist(), found.upper.tolist()) == ([4], [6])
    assert cells_of(Axis(np.array([5.0])), Axis(np.array([0.0]))) is None


def test_nothing_touches_nothing():
    cells = Cells(np.arange(3.0), np.arange(3.0) + 1)
    assert not touched(shapely.GeometryCollection(), cells, cells).any()
