"""Effects become rows: items, outputs, next items, batches, counters, the end of a job. SQL through the `*_rows`.

Decides nothing: `decide.py` and `batches.py` are asked at each turn. Every function takes a connection with an open
transaction; `advance.py` and `control.py` commit. Nothing here walks all items of a job, except at the job's end and
when a step that gathers everything is fed.
"""

import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime

from appliance.workflow import batch_rows, batches, item_rows, job_rows, lost_outputs, step_rows, work_counters
from appliance.workflow.decide import Effects, NewItem, Snapshot, Standing
from appliance.workflow.instants import to_ms
from appliance.workflow.item_rows import ItemToMake, StoredOutput
from appliance.workflow.records import Advanced, Job, Limits, Outcome, WorkflowStep
from appliance.workflow.settle import conclude, fed, settle, with_step
from appliance.workflow.states import CLAIMABLE, TERMINAL, ItemEvent, ItemStatus, item_after


@dataclass(slots=True)
class Gained:
    """What a transaction has brought about so far, for the report after the commit."""

    ready: int = 0
    freed: list[int] = field(default_factory=list)
    canceled: list[int] = field(default_factory=list)

    def advanced(self, job: Job) -> Advanced:
        """The report. Ready items count only where they may be handed out."""
        ready = self.ready if job.status in CLAIMABLE else 0
        return Advanced(ready, tuple(self.freed), tuple(self.canceled), job.status)


def store(
    connection: sqlite3.Connection,
    before: Snapshot,
    effects: Effects,
    outcome: Outcome,
    limits: Limits,
    now: datetime,
) -> Advanced:
    """Write what follows from one report, go on until nothing follows any more, and conclude the job."""
    gained = Gained()
    item_rows.save_item(connection, effects.item)
    back = effects.item.status is ItemStatus.READY
    work_counters.change(
        connection, effects.job, before.step, running=-1, ready=1 if back and not effects.item.awaits else 0
    )
    gained.ready += 1 if back else 0
    if effects.message is not None:
        job_rows.add_message(connection, effects.job.job_id, effects.message)
    stored: list[StoredOutput] = []
    if effects.keeps_results:
        stored = _results(connection, before, effects, outcome)
    if effects.is_consumed:
        gained.freed += item_rows.release_inputs(connection, effects.item.item_id)
    steps = effects.steps
    if effects.remake is not None:
        job, kept = effects.job, effects.remake
        steps, ready = lost_outputs.remade(connection, effects.item, job, steps, outcome, kept=kept, now=now)
        gained.ready += ready
    gained.ready += _make(connection, effects, stored, now)
    job = effects.job
    if not back and job.status not in TERMINAL:
        steps = _gather(connection, effects, stored, steps, limits, now, gained)
        gave = effects.keeps_results and before.step.is_last
        job, steps = go_on(connection, job, steps, limits, now, gained, gave_result=gave)
    return finish(connection, before, job, steps, now, gained)


def go_on(
    connection: sqlite3.Connection,
    job: Job,
    steps: tuple[WorkflowStep, ...],
    limits: Limits,
    now: datetime,
    gained: Gained,
    *,
    gave_result: bool,
) -> tuple[Job, tuple[WorkflowStep, ...]]:
    """Close the steps that are over, feed those that waited for them, and see how the job stands."""
    steps, hungry = settle(steps)
    while hungry is not None:
        steps = with_step(steps, _feed(connection, job, steps[hungry - 1], now, gained))
        steps, hungry = settle(steps)
    over = all(step.is_complete for step in steps)
    error = job_rows.last_text(connection, job.job_id, "error") if over and job.error_count else None
    warning = job_rows.last_text(connection, job.job_id, "warning") if over and job.warning_count else None
    return conclude(job, steps, gave_result=gave_result, last_error=error, last_warning=warning)


def finish(
    connection: sqlite3.Connection,
    before: Standing,
    job: Job,
    steps: tuple[WorkflowStep, ...],
    now: datetime,
    gained: Gained,
) -> Advanced:
    """Write steps and job; when the job is over, cancel what is left and forget its counters."""
    if job.status in TERMINAL:
        steps = end_work(connection, job, steps, now, gained)
    elif (job.status in CLAIMABLE) != (before.job.status in CLAIMABLE):
        work_counters.set_claimable(connection, job.username, job.job_id, job.status in CLAIMABLE)
    step_rows.save_steps(connection, before.steps, steps)
    job_rows.save_job(connection, job)
    return gained.advanced(job)


def end_work(
    connection: sqlite3.Connection, job: Job, steps: tuple[WorkflowStep, ...], now: datetime, gained: Gained
) -> tuple[WorkflowStep, ...]:
    """Cancel the live items of a job that is over; the steps with them counted. All its intermediate files may go."""
    job_id = job.job_id
    sql = "SELECT item_id FROM work_items WHERE job_id = ? AND status IN ('queued', 'running')"
    gained.canceled += [row[0] for row in connection.execute(sql, (job_id,))]
    live: dict[int, int] = defaultdict(int)
    canceled = item_after(ItemStatus.READY, ItemEvent.CANCEL)
    sql = """
        UPDATE work_items SET status = ?, updated_at = ?
        WHERE job_id = ? AND status IN ('ready', 'queued', 'running') RETURNING step_index, is_remake"""
    for step_index, is_remake in connection.execute(sql, (canceled, to_ms(now), job_id)).fetchall():
        live[step_index] += 0 if is_remake else 1  # one that is made again was counted when it succeeded first
    sql = "UPDATE work_items SET open_outputs = 0 WHERE job_id = ? AND open_outputs > 0 RETURNING item_id"
    gained.freed += [row[0] for row in connection.execute(sql, (job_id,)).fetchall()]
    connection.execute("DELETE FROM batch_items WHERE job_id = ?", (job_id,))
    connection.execute("DELETE FROM batch_outputs WHERE job_id = ?", (job_id,))
    work_counters.forget(connection, job.username, job_id)
    gained.ready = 0
    return tuple(replace(s, canceled_count=s.canceled_count + live[s.step_index]) for s in steps)


def _results(
    connection: sqlite3.Connection, before: Snapshot, effects: Effects, outcome: Outcome
) -> list[StoredOutput]:
    """Store links and outputs; outputs that a later step will read keep their files until then."""
    item = effects.item
    if before.item.is_remake:
        return []
    job_rows.add_links(connection, item.job_id, item.item_id, outcome.links)
    stored = item_rows.add_outputs(connection, item.item_id, outcome.outputs)
    if stored and 1 < item.step_index < len(before.steps):
        sql = "UPDATE work_items SET open_outputs = ? WHERE item_id = ?"
        connection.execute(sql, (len(stored), item.item_id))
    return stored


def _make(connection: sqlite3.Connection, effects: Effects, stored: list[StoredOutput], now: datetime) -> int:
    """Insert the next items; how many of them are ready."""
    if not effects.new_items:
        return 0
    by_catalog: dict[int | None, list[StoredOutput]] = defaultdict(list)
    for output in stored:
        by_catalog[output.catalog_index].append(output)
    rows = [_to_make(new, by_catalog[new.catalog_index]) for new in effects.new_items]
    item_rows.add_items(connection, effects.job.job_id, rows, now)
    ready: dict[int, int] = defaultdict(int)
    for new in effects.new_items:
        ready[new.step_index] += 0 if new.awaits else 1
    for step_index, number in ready.items():
        work_counters.change(connection, effects.job, effects.steps[step_index - 1], ready=number)
    return sum(ready.values())


def _to_make(new: NewItem, inputs: list[StoredOutput]) -> ItemToMake:
    size = sum(output.size_bytes for output in inputs)
    ids = [output.output_id for output in inputs]
    return ItemToMake(new.step_index, new.sort_index, new.sub_order, new.cursor, new.awaits, size, ids)


def _gather(
    connection: sqlite3.Connection,
    effects: Effects,
    stored: list[StoredOutput],
    steps: tuple[WorkflowStep, ...],
    limits: Limits,
    now: datetime,
    gained: Gained,
) -> tuple[WorkflowStep, ...]:
    """Move on the front of the next batched step, if this report opened it, and make items of the batches closed."""
    job_id, item = effects.job.job_id, effects.item
    positions: list[batches.Position] = []
    if effects.opening is not None:
        opening = effects.opening
        gathering = steps[opening.step_index - 1]
        left = batch_rows.change_position(connection, job_id, opening.step_index, opening.sort_index, opening.change)
        if left > 0:
            return steps
        positions = batch_rows.done_run(connection, job_id, opening.step_index, gathering.next_position)
    elif stored and item.step_index < len(steps) and steps[item.step_index].is_batched:
        # A page of the query, straight into batches: pages come in order, so the front is always at the next output.
        gathering = steps[item.step_index]
        start = gathering.next_position
        positions = [
            batches.Position(n, (batches.Member(o.output_id, o.size_bytes),)) for n, o in enumerate(stored, start)
        ]
    if not positions:
        return steps
    number = batch_rows.next_index(connection, job_id, gathering.step_index)
    standing = batch_rows.open_batch(connection, job_id, gathering.step_index)
    closed, standing = batches.assign(
        standing, standing.batch_index + 1 if standing else number, positions, batches.bounds_of(gathering, limits)
    )
    for batch in [*closed, *([standing] if standing else [])]:
        batch_rows.save_batch(connection, job_id, gathering.step_index, batch)
    gathering = replace(gathering, next_position=positions[-1].sort_index + 1)
    for batch in closed:
        gathering = _hand_on(connection, effects.job, gathering, batch, now, gained, is_over=False)
    return with_step(steps, gathering)


def _hand_on(
    connection: sqlite3.Connection,
    job: Job,
    step: WorkflowStep,
    batch: batches.Batch,
    now: datetime,
    gained: Gained,
    *,
    is_over: bool,
) -> WorkflowStep:
    """Make the work item of a closed batch; the step with it."""
    members = batch_rows.members(connection, job.job_id, step.step_index, batch.batch_index)
    row = ItemToMake(step.step_index, batch.batch_index, "", None, 0, batch.size_bytes, members)
    item_id = _add_gathered(connection, job, step, row, now, gained)
    batch_rows.close_batch(connection, job.job_id, step.step_index, batch.batch_index, item_id)
    return fed(step, 1, is_over=is_over)


def _add_gathered(
    connection: sqlite3.Connection, job: Job, step: WorkflowStep, row: ItemToMake, now: datetime, gained: Gained
) -> int:
    """Insert an item that gathers; its number. It waits for inputs that are being made again at this moment."""
    (item_id,) = item_rows.add_items(connection, job.job_id, [row], now)
    awaits = item_rows.remade_producers(connection, job.job_id, item_id)
    if awaits:
        connection.execute("UPDATE work_items SET awaits = ? WHERE item_id = ?", (awaits, item_id))
    else:
        work_counters.change(connection, job, step, ready=1)
        gained.ready += 1
    return item_id


def _feed(connection: sqlite3.Connection, job: Job, step: WorkflowStep, now: datetime, gained: Gained) -> WorkflowStep:
    """The step before this one is over: its last batch, its one gathered item, or the release of what it has."""
    if not step.has_aggregated_output:
        return _release(connection, job, step, gained)
    if step.is_batched:
        batch = batch_rows.open_batch(connection, job.job_id, step.step_index)
        if batch is None:
            return fed(step, 0, is_over=True)
        return _hand_on(connection, job, step, batch, now, gained, is_over=True)
    members = list(batch_rows.outputs_in_order(connection, job.job_id, step.step_index - 1))
    if not members:
        return fed(step, 0, is_over=True)
    size = sum(member.size_bytes for member in members)
    row = ItemToMake(step.step_index, 0, "", None, 0, size, [member.output_id for member in members])
    _add_gathered(connection, job, step, row, now, gained)
    return fed(step, 1, is_over=True)


def _release(connection: sqlite3.Connection, job: Job, step: WorkflowStep, gained: Gained) -> WorkflowStep:
    """Let the items of a step that waited for the prior one be handed out."""
    sql = """
        UPDATE work_items SET awaits = awaits - 1
        WHERE job_id = ? AND step_index = ? AND status = 'ready' RETURNING awaits"""
    rows = connection.execute(sql, (job.job_id, step.step_index)).fetchall()
    ready = sum(row[0] == 0 for row in rows)
    work_counters.change(connection, job, step, ready=ready)
    gained.ready += ready
    return fed(step, 0, is_over=True)
