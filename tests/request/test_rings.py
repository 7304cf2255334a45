"""Rings: splitting keeps the area, directions, circles, rectangles along lines."""

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.request.rings import (
    Point,
    Polygon,
    Ring,
    circle,
    contains,
    default_radius_m,
    normalised_polygon,
    polygon_area,
    rectangle_along,
    signed_area,
)

LON, LAT = st.floats(-180, 180), st.floats(-60, 60)


@st.composite
def stars(draw: st.DrawFn) -> Ring:
    """A star-shaped ring (never crosses itself) anywhere, the antimeridian included; either direction."""
    count = draw(st.integers(3, 10))
    lon, lat = draw(LON), draw(LAT)
    radii = [draw(st.floats(1, 29)) for _ in range(count)]
    angles = [2 * math.pi * i / count for i in range(count)]
    ring = [(lon + 2.5 * r * math.cos(a), lat + r * math.sin(a)) for a, r in zip(angles, radii, strict=True)]
    ring = ring[:: draw(st.sampled_from([1, -1]))]
    return [*ring, ring[0]]


def total(pieces: Sequence[Polygon]) -> float:
    return sum(polygon_area(piece) for piece in pieces)


def is_inside(pieces: Sequence[Polygon], point: Point) -> bool:
    return any(contains(p[0], point) and not any(contains(hole, point) for hole in p[1:]) for p in pieces)


@given(stars())
def test_splitting_at_the_antimeridian_keeps_the_area(ring: Ring) -> None:
    assume(max(abs(a[0] - b[0]) for a, b in pairwise(ring)) <= 180)
    pieces = normalised_polygon([ring])
    assert total(pieces) == pytest.approx(abs(signed_area(ring)), rel=1e-6, abs=1e-3)
    assert all(-180 <= x <= 180 for piece in pieces for ring in piece for x, _ in ring)


@given(stars())
def test_wrapped_longitudes_mean_the_same_polygon(ring: Ring) -> None:
    assume(max(abs(a[0] - b[0]) for a, b in pairwise(ring)) < 179)
    wrapped = [((x + 180) % 360 - 180, y) for x, y in ring]
    assert total(normalised_polygon([wrapped])) == pytest.approx(total(normalised_polygon([ring])), abs=1e-3)


@given(stars(), LON, LAT)
def test_a_point_is_inside_the_pieces_if_it_is_inside_the_ring(ring: Ring, lon: float, lat: float) -> None:
    assume(max(abs(a[0] - b[0]) for a, b in pairwise(ring)) <= 180)
    near = [lon + turn for turn in (-360, 0, 360)]
    assume(abs(lon) < 179.99)
    expected = any(contains(ring, (x, lat)) for x in near)
    edges = pairwise(ring)
    assume(all(_distance(a, b, (x, lat)) > 1e-3 for a, b in edges for x in near))
    assert is_inside(normalised_polygon([ring]), (lon, lat)) == expected


def _distance(a: Point, b: Point, p: Point) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    t = max(0.0, min(1.0, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / (dx * dx + dy * dy or 1)))
    return math.hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy)


@given(stars())
def test_outer_rings_are_counter_clockwise_and_closed(ring: Ring) -> None:
    for piece in normalised_polygon([ring]):
        assert signed_area(piece[0]) > 0
        assert piece[0][0] == piece[0][-1]


@given(stars())
def test_normalising_twice_changes_nothing(ring: Ring) -> None:
    once = normalised_polygon([ring])
    again = [piece for polygon in once for piece in normalised_polygon(polygon)]
    assert total(again) == pytest.approx(total(once), abs=1e-4)


@pytest.mark.parametrize("east", [-170, 190])
def test_a_hole_that_crosses_is_a_notch_on_both_sides(east: float) -> None:
    outer = [(160.0, 0.0), (east + 10, 0.0), (east + 10, 20.0), (160.0, 20.0), (160.0, 0.0)]
    hole = [(170.0, 5.0), (east, 5.0), (east, 15.0), (170.0, 15.0), (170.0, 5.0)]
    pieces = normalised_polygon([outer, hole])
    assert len(pieces) == 2 and total(pieces) == pytest.approx(40 * 20 - 20 * 10)
    assert not is_inside(pieces, (175.0, 10.0)) and not is_inside(pieces, (-175.0, 10.0))
    assert is_inside(pieces, (165.0, 10.0)) and is_inside(pieces, (-175.0, 18.0))


def test_a_hole_on_one_side_stays_with_its_side() -> None:
    outer = [(150.0, 0.0), (-160.0, 0.0), (-160.0, 20.0), (150.0, 20.0)]
    hole = [(-175.0, 5.0), (-165.0, 5.0), (-165.0, 15.0), (-175.0, 15.0)]
    pieces = normalised_polygon([outer, hole])
    assert sorted(len(piece) for piece in pieces) == [1, 2]
    assert total(pieces) == pytest.approx(50 * 20 - 100)
    assert all(signed_area(hole) < 0 for piece in pieces for hole in piece[1:])


def test_a_ring_that_weaves_over_the_antimeridian_becomes_as_many_pieces() -> None:
    comb = [(170, 0), (190, 0), (190, 1), (175, 1), (175, 2), (190, 2), (190, 3), (170, 3), (170, 0)]
    pieces = normalised_polygon([[(float(x), float(y)) for x, y in comb]])
    assert len(pieces) == 3
    assert total(pieces) == pytest.approx(20 + 5 + 20)


def test_the_whole_globe_stays_whole_in_either_convention() -> None:
    for west in (-180.0, 0.0):
        globe = [(west, -90.0), (west + 360, -90.0), (west + 360, 90.0), (west, 90.0), (west, -90.0)]
        assert total(normalised_polygon([globe])) == pytest.approx(360 * 180)


@pytest.mark.parametrize("lat", [70.0, -70.0])
def test_a_ring_once_round_the_earth_encloses_the_nearer_pole(lat: float) -> None:
    ring = [(0.0, lat), (90.0, lat), (180.0, lat), (-90.0, lat), (0.0, lat)]
    pieces = normalised_polygon([ring])
    assert total(pieces) == pytest.approx(360 * 20)
    assert is_inside(pieces, (45.0, math.copysign(85, lat))) and is_inside(pieces, (-135.0, math.copysign(85, lat)))


def test_a_ring_without_area_is_nothing() -> None:
    assert normalised_polygon([[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (0.0, 0.0)]]) == []


@given(LON, LAT, st.floats(1, 1_000_000))
def test_a_circle_has_its_radius_everywhere(lon: float, lat: float, radius_m: float) -> None:
    ring = circle((lon, lat), radius_m)
    assert ring[0] == ring[-1] and 5 <= len(ring) <= 101
    for x, y in ring:
        assert _metres((lon, lat), (x, y)) == pytest.approx(radius_m, rel=1e-3, abs=0.01)


def _metres(a: Point, b: Point) -> float:
    """Great-circle distance (haversine) on the sphere of the equatorial radius."""
    (lon0, lat0), (lon1, lat1) = ((math.radians(x), math.radians(y)) for x, y in (a, b))
    h = math.sin((lat1 - lat0) / 2) ** 2 + math.cos(lat0) * math.cos(lat1) * math.sin((lon1 - lon0) / 2) ** 2
    return 2 * 6_378_137 * math.asin(math.sqrt(min(1.0, h)))


def test_sides_grow_from_four_to_a_hundred() -> None:
    # ceil((100 - 3) * (1 - 0.99999 ** radius) + 3): 5.56 m -> 4, 100 km -> ceil(97 * 0.632 + 3) = 65, 10 000 km -> 100.
    assert [len(circle((0, 0), r)) - 1 for r in (default_radius_m(), 100_000, 10_000_000)] == [4, 65, 100]


@given(LON, LAT, LON, LAT)
def test_a_segment_becomes_a_rectangle_of_a_ten_thousandth_of_a_degree(
    x0: float, y0: float, x1: float, y1: float
) -> None:
    assume(0.01 < abs(x1 - x0) <= 180)
    ring = rectangle_along((x0, y0), (x1, y1))
    assert ring is not None
    assert abs(signed_area(ring)) == pytest.approx(math.hypot(x1 - x0, y1 - y0) * 0.0001, rel=1e-3)


def test_a_segment_over_the_antimeridian_goes_the_short_way() -> None:
    ring = rectangle_along((179.0, 0.0), (-179.0, 0.0))
    assert ring is not None and total(normalised_polygon([ring])) == pytest.approx(2 * 0.0001, rel=1e-2)
    assert rectangle_along((1.0, 1.0), (1.0, 1.0)) is None
