"""What follows from an outcome: retry or give up, next items, limits on errors, preview pause, progress, final status.

Pure: frozen records in, frozen records out; no clock, no database. `advance.py` asks in this order and writes:
`decide` (one attempt ended), then, of `settle.py`, `settle` (which steps are over) and `conclude` (the job).
Batches are cut in `batches.py`. Source: harmony-api 5.4 to 5.6, 6.3 to 6.5; decisions 1.10, 5.1, 5.5.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from appliance.workflow.records import Job, Limits, Message, Outcome, WorkflowStep, WorkItem
from appliance.workflow.settle import failed, with_new, with_step
from appliance.workflow.states import (
    LIVE,
    TERMINAL,
    ItemEvent,
    ItemStatus,
    JobEvent,
    after,
    item_after,
)
from appliance.workflow.texts import (
    NO_GRANULES,
    NO_OUTPUTS,
    QUERY_FAILED,
    cut,
    failure_text,
    too_many_errors,
    too_many_percent,
    warning_text,
)

FIND_GRANULES = "find_granules"


@dataclass(frozen=True, slots=True)
class Standing:
    """A job with all its steps in order."""

    job: Job
    steps: tuple[WorkflowStep, ...]


@dataclass(frozen=True, slots=True)
class Snapshot(Standing):
    """The same with the item of which something is reported."""

    item: WorkItem

    @property
    def step(self) -> WorkflowStep:
        """The item's own step."""
        return self.steps[self.item.step_index - 1]


@dataclass(frozen=True, slots=True)
class NewItem:
    """A work item to be made. catalog_index: the outcome's catalog that it reads; None: no inputs (a further page)."""

    step_index: int
    sort_index: int
    sub_order: str = ""
    catalog_index: int | None = None
    cursor: str | None = None
    awaits: int = 0


@dataclass(frozen=True, slots=True)
class Opening:
    """How many more items (minus one: one less) a position of the input of a batched step waits for."""

    step_index: int  # of the batched step
    sort_index: int
    change: int


@dataclass(frozen=True, slots=True)
class Effects:
    """What one report leads to: records as they are to be, and what is to be made.

    keeps_results: the outcome's outputs and links are stored. is_consumed: its inputs are needed no more.
    remake: an item that is made again ended; its consumers go on (True) or do without (False).
    """

    job: Job
    steps: tuple[WorkflowStep, ...]
    item: WorkItem
    new_items: tuple[NewItem, ...] = ()
    opening: Opening | None = None
    message: Message | None = None
    keeps_results: bool = False
    is_consumed: bool = False
    remake: bool | None = None


def is_heard(job: Job, item: WorkItem, attempt: int) -> bool:
    """Whether a report counts: the job lives, the item is being worked on, and it is this attempt that reports."""
    being_worked_on = item.status in (ItemStatus.QUEUED, ItemStatus.RUNNING)
    return job.status in LIVE and being_worked_on and item.attempt == attempt


def decide(snapshot: Snapshot, outcome: Outcome, limits: Limits, now: datetime) -> Effects:
    """What follows when an attempt ends. Steps are not closed here and the job is not concluded, unless it fails."""
    outcome = _checked(snapshot, outcome)
    if outcome.status in ("interrupted", "canceled"):
        return _back(snapshot, ItemEvent.INTERRUPT, now)
    if outcome.status == "failed" and _may_retry(snapshot.item, outcome, limits):
        return _back(snapshot, ItemEvent.RETRY, now, outcome)
    ended = _ended(snapshot, outcome, now)
    if outcome.status == "failed":
        return _fail_or_go_on(ended, outcome, limits)
    if outcome.status == "warning":
        is_query = snapshot.step.transformer == FIND_GRANULES
        return _paged(ended, replace(outcome, next_cursor=None, outputs=()), limits) if is_query else ended
    return _succeeded(ended, snapshot, outcome, limits)


def died(item: WorkItem, limits: Limits) -> tuple[WorkItem, bool]:
    """The item after the appliance died under it, and whether it is poisonous: that often while it was *running*.

    An item that was only queued is innocent: nothing of it ran.
    """
    if item.status is not ItemStatus.RUNNING:
        return item, False
    counted = replace(item, interrupt_count=item.interrupt_count + 1)
    return counted, counted.interrupt_count >= limits.poison_limit


def _checked(snapshot: Snapshot, outcome: Outcome) -> Outcome:
    """Success without results is a failure, except of the query, whose pages may be empty."""
    empty = outcome.status == "successful" and not outcome.outputs and not outcome.links
    if empty and snapshot.step.transformer != FIND_GRANULES:
        return replace(outcome, status="failed", message=NO_OUTPUTS)
    return outcome


def _may_retry(item: WorkItem, outcome: Outcome, limits: Limits) -> bool:
    is_final = (outcome.category or "").lower() == "noretry"
    return outcome.retryable and not is_final and item.retry_count < limits.retry_limit


def _back(snapshot: Snapshot, event: ItemEvent, now: datetime, outcome: Outcome | None = None) -> Effects:
    item = replace(snapshot.item, status=item_after(snapshot.item.status, event), updated_at=now, started_at=None)
    if outcome is not None:
        text = cut(outcome.message) or None
        item = replace(item, retry_count=item.retry_count + 1, message=text, message_category=outcome.category)
    return Effects(job=replace(snapshot.job, updated_at=now), steps=snapshot.steps, item=item)


_EVENTS = {"successful": ItemEvent.SUCCEED, "warning": ItemEvent.WARN, "failed": ItemEvent.FAIL}


def _ended(snapshot: Snapshot, outcome: Outcome, now: datetime) -> Effects:
    """Counters, message and duration of an item that has ended, whatever its status."""
    item, step = snapshot.item, snapshot.step
    served_ms = (now - item.started_at) // timedelta(milliseconds=1) if item.started_at else 0
    ended = replace(
        item,
        status=item_after(item.status, _EVENTS[outcome.status]),
        updated_at=now,
        duration_ms=max(served_ms, outcome.duration_ms, 0),
        message=cut(outcome.message) or None,
        message_category=outcome.category,
        input_size_bytes=outcome.input_size_bytes or item.input_size_bytes,
        output_size_bytes=sum(o.size_bytes for o in outcome.outputs) or sum(x.size_bytes for x in outcome.links),
    )
    message = None
    job = replace(snapshot.job, updated_at=now)
    if ended.status is ItemStatus.FAILED:
        text = failure_text(step.service_id, outcome.message)
        message = Message("error", item.input_url, text, outcome.category, item.item_id)
        job = replace(job, error_count=job.error_count + 1)
    elif ended.status is ItemStatus.WARNING:
        text = warning_text(step.service_id, outcome.message)
        message = Message("warning", item.input_url, text, outcome.category, item.item_id)
        job = replace(job, warning_count=job.warning_count + 1)
    is_good = ended.status is ItemStatus.SUCCESSFUL
    return Effects(
        job=job,
        steps=with_step(snapshot.steps, _counted(step, ended)),
        item=replace(ended, is_remake=False),
        opening=None if item.is_remake or is_good else _opening(snapshot.steps, item, -1),
        message=message,
        keeps_results=is_good,
        is_consumed=ended.status is not ItemStatus.FAILED,  # an operator may still have a failed one tried again
        remake=is_good if item.is_remake else None,
    )


def _counted(step: WorkflowStep, ended: WorkItem) -> WorkflowStep:
    """The step with this item counted. One that is made again was counted as successful already."""
    if ended.is_remake:
        if ended.status is ItemStatus.SUCCESSFUL:
            return step
        step = replace(step, successful_count=step.successful_count - 1)
    if ended.status is ItemStatus.SUCCESSFUL:
        longest = max(step.longest_ms, ended.duration_ms or 0)
        return replace(step, successful_count=step.successful_count + 1, longest_ms=longest)
    if ended.status is ItemStatus.WARNING:
        return replace(step, warning_count=step.warning_count + 1)
    return replace(step, failed_count=step.failed_count + 1)


def _fail_or_go_on(ended: Effects, outcome: Outcome, limits: Limits) -> Effects:
    """harmony-api 6.5: which failures end the job at once, and in which words."""
    job, step = ended.job, ended.steps[ended.item.step_index - 1]
    assert ended.message is not None
    if step.transformer == FIND_GRANULES:
        return replace(ended, job=failed(job, outcome.message or QUERY_FAILED))
    if not job.ignore_errors:
        return replace(ended, job=failed(job, ended.message.text))
    if job.error_count > limits.max_errors:
        return replace(ended, job=failed(job, too_many_errors(limits.max_errors)))
    finished = step.done_count
    if finished >= limits.min_items_for_percent and step.failed_count * 100 > limits.max_percent_errors * finished:
        return replace(ended, job=failed(job, too_many_percent(limits.max_percent_errors)))
    return replace(ended, job=replace(job, status=after(job.status, JobEvent.ITEM_FAILED)))


def _succeeded(ended: Effects, snapshot: Snapshot, outcome: Outcome, limits: Limits) -> Effects:
    """Sizes, further pages, and one item of the next step for each catalog (unless that step gathers)."""
    if snapshot.item.is_remake:
        return ended  # its consumers exist
    item, job = ended.item, ended.job
    step = ended.steps[item.step_index - 1]
    step = replace(step, output_count=step.output_count + len(outcome.outputs))
    steps = with_step(ended.steps, step)
    if step.is_last:
        size = sum(link.size_bytes for link in outcome.links) or item.output_size_bytes
        job = replace(job, output_size_bytes=job.output_size_bytes + size)
    if item.step_index == min(2, len(steps)):  # the first step that reads originals
        job = replace(job, original_size_bytes=job.original_size_bytes + item.input_size_bytes)
    job = replace(job, link_count=job.link_count + sum(link.rel == "data" for link in outcome.links))
    effects = replace(ended, job=job, steps=steps)
    if step.transformer == FIND_GRANULES:
        effects = _paged(effects, outcome, limits)
        if effects.job.status in TERMINAL:
            return effects
    return _fanned_out(effects, outcome)


def _paged(effects: Effects, outcome: Outcome, limits: Limits) -> Effects:
    """A page of the query: the next page if there is one, and expectations set right by what was found."""
    item, steps, job = effects.item, effects.steps, effects.job
    step = steps[item.step_index - 1]
    if outcome.found_count is not None and outcome.found_count != job.input_granule_count:
        job = replace(job, input_granule_count=outcome.found_count)
        steps = _expecting(steps, outcome.found_count, limits)
        step = steps[item.step_index - 1]
    if outcome.next_cursor is not None:
        page = NewItem(item.step_index, item.sort_index + _catalog_count(outcome), cursor=outcome.next_cursor)
        steps = with_step(steps, with_new(step, 1))
        return replace(effects, job=job, steps=steps, new_items=(page,))
    found_something = step.output_count or job.link_count
    if not found_something:
        return replace(effects, job=failed(job, NO_GRANULES), steps=steps)
    return replace(effects, job=job, steps=with_step(steps, replace(step, is_fed=True)))


def _expecting(steps: tuple[WorkflowStep, ...], found: int, limits: Limits) -> tuple[WorkflowStep, ...]:
    """Pages of the query and items of the steps up to the first that gathers, for so many granules."""
    pages = max(1, -(-found // limits.granule_page))
    changed = [replace(steps[0], item_count=max(pages, steps[0].created_count))]
    for step in steps[1:]:
        if step.has_aggregated_output:
            break
        changed.append(replace(step, item_count=max(found, step.created_count)))
    return (*changed, *steps[len(changed) :])


def _fanned_out(effects: Effects, outcome: Outcome) -> Effects:
    item, steps = effects.item, effects.steps
    if item.step_index == len(steps):
        return effects
    following = steps[item.step_index]
    if following.has_aggregated_output:
        return replace(effects, opening=_opening(steps, item, -1))
    catalogs = sorted({output.catalog_index for output in outcome.outputs})
    is_query = steps[item.step_index - 1].transformer == FIND_GRANULES
    waits = 1 if following.always_wait_for_prior_step else 0
    new = tuple(
        NewItem(
            following.step_index,
            item.sort_index + place if is_query else item.sort_index,
            item.sub_order if is_query or len(catalogs) == 1 else f"{item.sub_order}.{place:09d}",
            catalog_index=catalog,
            awaits=waits,
        )
        for place, catalog in enumerate(catalogs)
    )
    opening = None if is_query else _opening(steps, item, len(new) - 1)
    return replace(
        effects,
        steps=with_step(steps, with_new(following, len(new))),
        new_items=(*new, *effects.new_items),  # the next page comes last: its number is the highest
        opening=opening,
    )


def _opening(steps: tuple[WorkflowStep, ...], item: WorkItem, change: int) -> Opening | None:
    """The change at the item's position in the input of the next batched step; None where nobody waits for it."""
    if change == 0 or steps[item.step_index - 1].transformer == FIND_GRANULES:
        return None
    following = next((s for s in steps[item.step_index :] if s.has_aggregated_output), None)
    if following is None or not following.is_batched:
        return None
    return Opening(following.step_index, item.sort_index, change)


def _catalog_count(outcome: Outcome) -> int:
    return len({output.catalog_index for output in outcome.outputs})
