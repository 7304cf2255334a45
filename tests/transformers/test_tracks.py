"""Laws of lines: every valid point lies within 0.15 degree of one, none crosses 180, none is long; and rectangles."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transformers.planes import distance_to_lines
from transformers.coordinates.rectangles import cell_edges, grid_rectangles, one_box
from transformers.coordinates.sphere import wrap180
from transformers.coordinates.tracks import MOST_IN_ALL, MOST_POINTS, track_extent
from transformers.sample_files.orbit import Orbit


@settings(max_examples=60, deadline=None)
@given(
    inclination=st.floats(0, 180),
    node=st.floats(-180, 180),
    first=st.floats(-6000, 6000),
    length=st.floats(1, 5933),
    count=st.integers(1, 800),
    gap=st.booleans(),
)
def test_every_point_lies_near_its_lines_and_no_line_crosses_180(inclination, node, first, length, count, gap):
    seconds = first + np.linspace(0, length, count)
    if gap:
        seconds[count // 2 :] += 1500
    lat, lon = (v[:, 0] for v in Orbit(inclination, node).swath(seconds, 0.0, 1))
    extent = track_extent([(lat, lon)])
    assert bool(extent.lines) != bool(extent.rectangles)
    if extent.rectangles:
        assert all(any(w <= x <= e and s <= y <= n for w, s, e, n in extent.rectangles)
                   for x, y in zip(wrap180(lon), lat, strict=True))  # fmt: skip
        return
    assert all(2 <= len(line) <= MOST_POINTS for line in extent.lines)
    assert all(abs(a[0] - b[0]) <= 180 for line in extent.lines for a, b in pairwise(line))
    assert distance_to_lines(lat, wrap180(lon), extent.lines).max() <= 0.15


def test_parallel_beams_are_one_line():
    lat, lon = (v[:, 0] for v in Orbit().swath(np.linspace(0, 300, 200), 0.0, 1))
    assert track_extent([(lat, lon), (lat, lon + 0.03)]) == track_extent([(lat, lon)])


def test_scattered_points_are_a_rectangle_of_all_longitudes():
    rng = np.random.default_rng(1)
    extent = track_extent([(rng.uniform(-80, 80, 5000), rng.uniform(-180, 180, 5000))])
    assert not extent.lines
    ((west, south, east, north),) = extent.rectangles
    assert (west, east) == (-180, 180)
    assert south < -79 and north > 79


def test_no_line_is_longer_than_the_record_bears():
    lat, lon = (v[:, 0] for v in Orbit().swath(np.linspace(0, 5933, 20_000), 0.0, 1))
    assert sum(map(len, track_extent([(lat, lon)]).lines)) <= MOST_IN_ALL


def test_nothing_valid_has_no_extent():
    extent = track_extent([(np.array([np.nan]), np.array([np.nan]))])
    assert extent.lines == extent.rectangles == ()


@given(
    west=st.floats(-360, 360),
    width=st.floats(0.01, 360),
    share=st.floats(0, 1),
    south=st.floats(-90, 89),
)
def test_the_rectangles_of_a_grid_hold_each_of_its_longitudes_and_stay_within_180(west, width, share, south):
    rectangles = grid_rectangles(south, south + 1, west, west + width)
    lon = float(wrap180(west + share * width))
    assert 1 <= len(rectangles) <= 2
    assert all(-180 <= w <= e <= 180 for w, _, e, _ in rectangles)
    assert any(w - 1e-5 <= x <= e + 1e-5 for w, _, e, _ in rectangles for x in (lon, lon + 360, lon - 360))


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ((-90, 90, -180, 180), ((-180, -90, 180, 90),)),
        ((-90, 90, 0, 360), ((-180, -90, 180, 90),)),
        ((-91, 91, -179.9999, 179.9999999), ((-180, -90, 180, 90),)),
        ((10, 20, 170, 190), ((170, 10, 180, 20), (-180, 10, -170, 20))),
        ((10, 20, 190, 200), ((-170, 10, -160, 20),)),
        ((10, 20, -180, -170), ((-180, 10, -170, 20),)),
        ((10, 20, 170, 180), ((170, 10, 180, 20),)),
    ],
)
def test_edges_of_grids_become_these_rectangles(edges, expected):
    assert grid_rectangles(*edges) == expected


def test_cell_edges_come_from_bounds_that_enclose_and_else_from_half_a_step():
    centres = np.array([85.0, 75.0, 65.0])
    assert cell_edges(centres) == (60.0, 90.0)
    assert cell_edges(centres, np.array([[90.0, 80.0], [80.0, 70.0], [70.0, 61.0]])) == (61.0, 90.0)
    assert cell_edges(centres, np.array([[0.0, 1.0]])) == (60.0, 90.0)
    assert cell_edges(np.array([5.0])) == (5.0, 5.0)


@pytest.mark.parametrize(
    ("parts", "box"),
    [
        ([(170, 0, 180, 5), (-180, 1, -170, 9)], (170, 0, -170, 9)),
        ([(-20, 0, 10, 5), (5, 0, 30, 5)], (-20, 0, 30, 5)),
        ([(-180, 0, 180, 5)], (-180, 0, 180, 5)),
        ([], None),
    ],
)
def test_parts_join_to_one_box_that_may_cross_180(parts, box):
    assert one_box(parts) == box
