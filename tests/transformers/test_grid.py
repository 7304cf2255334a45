"""Which cells of an axis belong to a range: the edge rule, held against cells that are looked at one by one."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from transformers.coordinates.grid import Axis, IndexRange, edge_aligned, index_range, longitude_range

# Steps are powers of two and ends lie on quarters of a cell: every edge is exact, so the oracle needs no tolerance.
STEPS = st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0])


def centres(start: float, step: float, size: int) -> np.ndarray:
    return start + step * (np.arange(size) + 0.5)


def axis_of(start: float, step: float, size: int, *, descending: bool, bounds: bool) -> Axis:
    values = centres(start, step, size)
    pairs = np.column_stack([values - step / 2, values + step / 2])
    if descending:
        values, pairs = values[::-1], pairs[::-1]
    return Axis(values, pairs if bounds else None)


@st.composite
def axes(draw: Callable, start: float | None = None) -> tuple[Axis, float, float, float]:
    """An axis either way, with or without bounds, its lowest edge, its step and its highest edge."""
    step, size = draw(STEPS), draw(st.integers(2, 40))
    low = draw(st.integers(-90, 90)) * 1.0 if start is None else start
    axis = axis_of(low, step, size, descending=draw(st.booleans()), bounds=draw(st.booleans()))
    return axis, low, step, low + step * size


@given(axes(), st.integers(-20, 180), st.integers(1, 160))
def test_a_cell_is_kept_exactly_when_the_range_shares_more_than_an_edge_with_it(made, quarters, length):
    axis, start, step, _ = made
    low = start + quarters * step / 4
    high = low + length * step / 4

    found = index_range(axis, low, high)

    overlapping = (axis.values - step / 2 < high) & (axis.values + step / 2 > low)
    kept = found.kept(axis.size) if found else np.zeros(axis.size, bool)
    assert kept.tolist() == overlapping.tolist()


@given(axes(), st.integers(-8, 168))
def test_a_value_has_its_cell_or_both_neighbours_of_its_edge(made, quarters):
    axis, start, step, end = made
    value = start + quarters * step / 4

    found = index_range(axis, value, value)

    touching = (axis.values - step / 2 <= value) & (axis.values + step / 2 >= value)
    kept = found.kept(axis.size) if found else np.zeros(axis.size, bool)
    assert kept.tolist() == touching.tolist()
    assert (found is None) == (value < start or value > end)


@given(axes(), st.integers(-40, 200))
def test_an_open_end_is_one_without_limit(made, quarters):
    axis, start, step, _ = made
    value = start + quarters * step / 4 + step / 8

    below, above = index_range(axis, None, value), index_range(axis, value, None)

    assert below == index_range(axis, -1e6, value)
    assert above == index_range(axis, value, 1e6)
    assert index_range(axis, None, None) == IndexRange(0, axis.size - 1)
    # Between them the two halves have every cell, and share the one cell that the value is in.
    both = sum(np.asarray(r.kept(axis.size), int) if r else np.zeros(axis.size, int) for r in (below, above))
    inside = (axis.values - step / 2 < value) & (value < axis.values + step / 2)
    assert both.tolist() == (1 + inside.astype(int)).tolist()


@pytest.mark.parametrize("bounds", [False, True])
@pytest.mark.parametrize("descending", [False, True])
def test_an_open_range_beyond_the_axis_has_no_cells(bounds, descending):
    axis = axis_of(5.0, 10.0, 3, descending=descending, bounds=bounds)

    assert index_range(axis, None, 0.0) is None
    assert index_range(axis, 100.0, None) is None


@given(axes(), st.integers(1, 400))
def test_a_range_that_only_touches_the_outer_edge_has_no_cells(made, quarters):
    axis, start, step, end = made
    length = quarters * step / 4

    assert index_range(axis, start - length, start) is None
    assert index_range(axis, end, end + length) is None


@given(axes(), st.integers(-20, 180), st.integers(1, 160))
def test_a_range_the_wrong_way_round_is_the_same_range(made, quarters, length):
    axis, start, step, _ = made
    low, high = start + quarters * step / 4, start + (quarters + length) * step / 4

    assert index_range(axis, high, low) == index_range(axis, low, high)


@given(
    st.sampled_from([-180.0, 0.0]), st.sampled_from([1.0, 2.0, 4.0, 10.0]), st.booleans(), st.booleans(),
    st.integers(-720, 720), st.integers(-720, 720),
)  # fmt: skip
def test_a_global_longitude_axis_keeps_the_cells_that_the_box_overlaps_on_the_globe(
    start, step, descending, bounds, west_quarters, east_quarters
):
    west, east = west_quarters / 4, east_quarters / 4
    assume(west != east)
    axis = axis_of(start, step, round(360 / step), descending=descending, bounds=bounds)

    found = longitude_range(axis, west, east)

    assert found is not None
    assert found.kept(axis.size).tolist() == overlapping_on_the_globe(axis.values, step, west, east).tolist()


@given(
    st.integers(-180, 300), st.sampled_from([0.5, 1.0, 2.0]), st.integers(2, 60), st.booleans(), st.booleans(),
    st.integers(-720, 720), st.integers(-720, 720),
)  # fmt: skip
def test_a_regional_longitude_axis_keeps_the_cells_that_the_box_overlaps_on_the_globe(
    start, step, size, descending, bounds, west_quarters, east_quarters
):
    west, east = west_quarters / 4, east_quarters / 4
    assume(west != east)
    axis = axis_of(float(start), step, size, descending=descending, bounds=bounds)

    found = longitude_range(axis, west, east)

    kept = found.kept(axis.size) if found else np.zeros(axis.size, bool)
    assert kept.tolist() == overlapping_on_the_globe(axis.values, step, west, east).tolist()


@given(st.sampled_from([-180.0, 0.0]), st.integers(-719, 719), st.integers(-719, 719), st.booleans())
def test_boxes_split_at_the_antimeridian_add_up(start, west_quarters, east_quarters, bounds):
    west, east = max(west_quarters, east_quarters) / 4, min(west_quarters, east_quarters) / 4
    assume(west > east)
    axis = axis_of(start, 2.0, 180, descending=False, bounds=bounds)

    whole = longitude_range(axis, west, east)
    halves = [longitude_range(axis, west, 180.0), longitude_range(axis, -180.0, east)]

    assert whole is not None
    united = np.logical_or.reduce([h.kept(180) for h in halves if h is not None])
    assert whole.kept(180).tolist() == united.tolist()


def overlapping_on_the_globe(values: np.ndarray, step: float, west: float, east: float) -> np.ndarray:
    """Cell by cell: does some turn of the box share more than an edge with it?"""
    width = (east - west) % 360 or 360.0
    kept = np.zeros(len(values), bool)
    for turn in range(-720, 721, 360):
        kept |= (values - step / 2 < west + turn + width) & (values + step / 2 > west + turn)
    return kept


@given(st.integers(2, 50), st.data())
def test_two_ranges_together_are_the_cells_that_both_want(size, data):
    def one() -> IndexRange:
        cells = sorted(data.draw(st.lists(st.integers(0, size - 1), min_size=4, max_size=4)))
        gap = ((cells[1] + 1, cells[2] - 1),) if cells[1] + 1 <= cells[2] - 1 else ()
        return IndexRange(cells[0], cells[3], gap)

    first, second = one(), one()

    together = first.both(second, size)

    wanted = first.kept(size) & second.kept(size)
    assert (together.kept(size) if together else np.zeros(size, bool)).tolist() == wanted.tolist()
    if together:  # no wider than it must be
        assert wanted[together.first]
        assert wanted[together.last]


def test_the_quarter_degree_example_of_the_rules():
    axis = Axis(0.125 + 0.25 * np.arange(1440))

    assert index_range(Axis(-89.875 + 0.25 * np.arange(720)), 45, 60) == IndexRange(540, 599)
    assert longitude_range(axis, -20, 20) == IndexRange(0, 1439, ((80, 1359),))


def test_bounds_are_compared_in_their_own_type():
    edges = np.arange(0, 11, dtype=np.float32) * np.float32(0.1)
    axis = Axis((edges[1:] + edges[:-1]) / 2, np.column_stack([edges[:-1], edges[1:]]))

    # 0.3 as the text says it is the float32 edge itself: the cell below only touches it.
    assert index_range(axis, 0.3, 0.5) == IndexRange(int(np.flatnonzero(edges[1:] > np.float32(0.3))[0]), 4)


def test_the_values_of_an_edge_aligned_axis_are_lower_edges():
    axis = edge_aligned(np.array([0.0, 3.0, 6.0, 9.0]))

    assert axis.edges() == (0.0, 12.0)
    assert index_range(axis, 3.0, 6.0) == IndexRange(1, 1)
    assert index_range(axis, 10.0, 11.0) == IndexRange(3, 3)
    assert index_range(axis, 12.5, 13.0) is None


def test_an_axis_of_one_cell_answers_ranges_that_hold_its_value():
    axis = Axis(np.array([45.0]))

    assert index_range(axis, 40, 50) == IndexRange(0, 0)
    assert index_range(axis, 46, 50) is None
