"""Footprints in the plane: the arithmetic here against a geometry library, which the appliance may not load."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from shapely import LineString, Point, Polygon
from shapely import box as rectangle

from appliance.metadata.footprint import (
    LINE_HALF_WIDTH,
    MOST_PARTS,
    Part,
    Region,
    contains,
    line_touches,
    parts_of_geometry,
    region_of_box,
    region_of_rings,
    rings_touch,
    unpacked,
)
from tests.metadata_builders import umm_granule

COORDINATES = st.tuples(st.integers(-40, 40), st.integers(-40, 40))
Ring = list[tuple[int, int]]


@st.composite
def triangles(draw: st.DrawFn) -> Ring:
    ring = draw(st.lists(COORDINATES, min_size=3, max_size=3, unique=True))
    assume(Polygon(ring).area > 0)
    return [*ring, ring[0]]


@st.composite
def lines(draw: st.DrawFn) -> Ring:
    return draw(st.lists(COORDINATES, min_size=2, max_size=6, unique=True))


@given(triangles(), triangles())
def test_areas_touch_exactly_when_they_share_a_point(first: Ring, second: Ring) -> None:
    assert rings_touch(first, second) == Polygon(first).intersects(Polygon(second))
    assert rings_touch(second, first) == rings_touch(first, second)


@given(triangles(), COORDINATES)
def test_an_area_contains_its_inside_and_its_edge(ring: Ring, point: tuple[int, int]) -> None:
    assert contains(ring, point) == Polygon(ring).intersects(Point(point))


@given(lines(), triangles())
def test_a_line_touches_what_lies_within_0_15_degree(line: Ring, ring: Ring) -> None:
    distance = LineString(line).distance(Polygon(ring))
    assume(not math.isclose(distance, LINE_HALF_WIDTH))
    assert line_touches(line, ring) == (distance <= LINE_HALF_WIDTH)


@given(triangles(), st.integers(-40, 40), st.integers(-40, 40), st.integers(0, 30), st.integers(0, 30))
def test_a_region_of_rings_meets_the_rectangles_that_its_rings_touch(
    ring: Ring, west: int, south: int, width: int, height: int
) -> None:
    region = region_of_rings([ring])
    box = (west, south, west + width, south + height)
    assert region.meets_box(*box) == rectangle(*box).intersects(Polygon(ring))


def test_a_box_across_the_antimeridian_is_two() -> None:
    assert region_of_box((170, -10, -170, 10)) == Region(((170, -10, 180.0, 10), (-180.0, -10, -170, 10)))
    assert region_of_box((-10, -10, 10, 10)).share_of_globe == pytest.approx(400 / 64800)


def test_points_come_back_as_they_were_packed() -> None:
    points = ((0.1, -0.2), (179.99999, 90.0), (-1e-9, 3.0))
    packed = Part("polygon", (0, 0, 1, 1), points).packed()
    assert packed is not None
    assert unpacked(packed) == list(points)
    assert Part("box", (0, 0, 1, 1)).packed() is None


def geometry(**shapes: object) -> dict[str, object]:
    return umm_granule("g", **shapes)["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]  # type: ignore[arg-type]


def test_a_rectangle_across_the_antimeridian_becomes_two_parts() -> None:
    parts = parts_of_geometry(geometry(boxes=[(170, -5, -160, 5)]))
    assert [part.box for part in parts] == [(170, -5, 180, 5), (-180, -5, -160, 5)]


def test_a_ring_across_the_antimeridian_becomes_a_box_on_either_side() -> None:
    parts = parts_of_geometry(geometry(rings=[[(175, 0), (-175, 0), (-175, 9), (175, 9), (175, 0)]]))
    assert [(part.kind, part.box) for part in parts] == [("box", (175, 0, 180, 9)), ("box", (-180, 0, -175, 9))]


def test_a_ring_once_around_holds_the_pole() -> None:
    ring = [(-170, 70), (-60, 70), (60, 70), (170, 70), (-170, 70)]
    assert [part.box for part in parts_of_geometry(geometry(rings=[ring]))] == [(-180, 70, 180, 90)]


def test_the_box_of_a_line_has_its_width() -> None:
    (part,) = parts_of_geometry(geometry(lines=[[(0, 0), (10, 5)]]))
    assert part.box == pytest.approx((-0.15, -0.15, 10.15, 5.15))


def test_more_parts_than_the_search_tree_takes_are_joined() -> None:
    parts = parts_of_geometry(geometry(boxes=[(n / 10, 0, n / 10, 1) for n in range(1500)]))
    assert len(parts) == MOST_PARTS
    assert parts[-1].box == (99.9, 0, 149.9, 1)


@pytest.mark.parametrize("box", [(0, 0, 1, 91), (-181, 0, 1, 1), (0, 5, 1, 4), (0, float("nan"), 1, 1)])
def test_a_box_that_cannot_be_is_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="allowed"):
        parts_of_geometry(geometry(boxes=[box]))
