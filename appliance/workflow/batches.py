"""Cutting the outputs of a step into batches for the step that gathers them. Pure. Source: harmony-api 6.4.

Positions come in the order of the granules, each exactly once, whatever finished first; so the same outputs always
make the same batches. A position whose item failed or had no data brings no outputs and counts for nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from appliance.workflow.records import Limits, WorkflowStep


@dataclass(frozen=True, slots=True)
class Member:
    """One output that waits to be gathered."""

    output_id: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of granules, all of whose items are done, with what they gave."""

    sort_index: int
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Outputs that become one work item. first_position, last_position: of its members."""

    batch_index: int
    first_position: int
    last_position: int
    input_count: int = 0
    size_bytes: int = 0
    members: tuple[Member, ...] = field(default=())  # those added now; an open batch has earlier ones in its rows
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a batch is full."""

    max_inputs: int
    max_bytes: int


def bounds_of(step: WorkflowStep, limits: Limits) -> Bounds:
    """The step's own bounds, where it has some, else those of the settings."""
    return Bounds(
        max_inputs=step.max_batch_inputs or limits.max_batch_inputs,
        max_bytes=step.max_batch_bytes or limits.max_batch_bytes,
    )


def assign(
    open_batch: Batch | None, next_index: int, positions: Iterable[Position], bounds: Bounds
) -> tuple[list[Batch], Batch | None]:
    """Add positions to the open batch: the batches closed by that, in order, and the one open afterwards, if any.

    open_batch: what stands open so far, its `members` empty. next_index: the number of the next new batch.
    A batch is closed when it is full, or when the next output would make it too large; an output that alone is too
    large has a batch of its own.
    """
    closed: list[Batch] = []
    current, members = open_batch, list[Member]()
    for position in positions:
        for member in position.members:
            if current is not None and not _has_room(current, member, bounds):
                closed.append(replace(current, members=tuple(members), is_closed=True))
                current, members = None, []
            if current is None:
                current = Batch(next_index, position.sort_index, position.sort_index)
                next_index += 1
            members.append(member)
            current = replace(
                current,
                last_position=position.sort_index,
                input_count=current.input_count + 1,
                size_bytes=current.size_bytes + member.size_bytes,
            )
            if current.input_count >= bounds.max_inputs or current.size_bytes >= bounds.max_bytes:
                closed.append(replace(current, members=tuple(members), is_closed=True))
                current, members = None, []
    return closed, replace(current, members=tuple(members)) if current is not None else None


def _has_room(batch: Batch, member: Member, bounds: Bounds) -> bool:
    fits_bytes = batch.size_bytes + member.size_bytes <= bounds.max_bytes
    return batch.input_count == 0 or (batch.input_count < bounds.max_inputs and fits_bytes)
