"""Batches: nothing lost, nothing too large, and the same whatever way the outputs arrive."""

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from appliance.services.plan import PlannedStep
from appliance.workflow.batches import Batch, Bounds, Member, Position, assign, bounds_of
from appliance.workflow.records import Limits
from tests.workflow.pure_run import new_step
from tests.workflow.scenes import query_and

sizes = st.lists(st.integers(0, 50), max_size=40)
bounds = st.builds(Bounds, max_inputs=st.integers(1, 10), max_bytes=st.integers(1, 100))


def batches_of(sizes: list[int], bounds: Bounds) -> list[list[int]]:
    """The places of outputs of these sizes, batch by batch, when all come at once: `assign` in one go, and the last
    batch closed."""
    positions = [Position(n, (Member(n, size),)) for n, size in enumerate(sizes)]
    closed, last = assign(None, 0, positions, bounds)
    return [[m.output_id for m in batch.members] for batch in [*closed, *([last] if last else [])]]


@given(sizes, bounds)
def test_every_output_is_in_one_batch_and_in_order(given_sizes: list[int], limits: Bounds) -> None:
    batches = batches_of(given_sizes, limits)
    assert [place for batch in batches for place in batch] == list(range(len(given_sizes)))
    assert all(batches)


@given(sizes, bounds)
def test_a_batch_is_within_its_bounds_unless_one_output_alone_exceeds_them(
    given_sizes: list[int], limits: Bounds
) -> None:
    for batch in batches_of(given_sizes, limits):
        assert len(batch) <= limits.max_inputs
        assert len(batch) == 1 or sum(given_sizes[place] for place in batch) <= limits.max_bytes


@given(sizes, bounds)
def test_a_batch_is_closed_only_when_the_next_output_would_not_fit_or_it_is_full(
    given_sizes: list[int], limits: Bounds
) -> None:
    batches = batches_of(given_sizes, limits)
    for batch, following in itertools.pairwise(batches):
        size = sum(given_sizes[place] for place in batch)
        is_full = len(batch) == limits.max_inputs or size >= limits.max_bytes
        assert is_full or size + given_sizes[following[0]] > limits.max_bytes


@given(sizes, bounds, st.data())
def test_outputs_that_arrive_in_portions_make_the_same_batches_as_all_at_once(
    given_sizes: list[int], limits: Bounds, data: st.DataObject
) -> None:
    positions = [Position(n, (Member(n, size),)) for n, size in enumerate(given_sizes)]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(positions)), max_size=6)))
    made: dict[int, list[int]] = {}
    standing: Batch | None = None
    next_index = 0
    for start, end in zip([0, *cuts], [*cuts, len(positions)], strict=True):
        closed, standing = assign(standing, next_index, positions[start:end], limits)
        for batch in [*closed, *([standing] if standing else [])]:
            made.setdefault(batch.batch_index, []).extend(member.output_id for member in batch.members)
            next_index = batch.batch_index + 1
        if standing is not None:
            standing = replace(standing, members=())
    assert [made[index] for index in sorted(made)] == batches_of(given_sizes, limits)


def test_a_position_without_outputs_takes_no_room() -> None:
    positions = [Position(0, (Member(1, 5),)), Position(1), Position(2, (Member(2, 5),))]
    closed, standing = assign(None, 0, positions, Bounds(max_inputs=2, max_bytes=100))
    assert [[m.output_id for m in batch.members] for batch in closed] == [[1, 2]]
    assert standing is None


def test_an_output_larger_than_a_batch_is_a_batch_of_its_own() -> None:
    assert batches_of([10, 500, 10, 10], Bounds(max_inputs=99, max_bytes=100)) == [[0], [1], [2, 3]]


def test_a_chain_s_bounds_win_over_the_settings() -> None:
    step = new_step(query_and(PlannedStep(2, "a", "a", {}, max_batch_inputs=3))[1], is_last=True)
    assert bounds_of(step, Limits(max_batch_inputs=9, max_batch_bytes=77)) == Bounds(max_inputs=3, max_bytes=77)
