"""What people do to jobs and items: pause, resume, cancel, skip the preview, try an item again. Each one transaction.

Who may is asked before. Refusals are ConflictError in the guide's words. Callers ring for `Advanced.ready_count` and
end the children of `canceled_items`. Source: harmony-api 5.4; decisions 1.10.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from appliance.database.connection import Database
from appliance.errors import ConflictError, NotFoundError
from appliance.workflow import batch_rows, effect_rows, item_rows, job_rows, step_rows, work_counters
from appliance.workflow.decide import Snapshot, Standing
from appliance.workflow.effect_rows import Gained
from appliance.workflow.records import Advanced, Job, WorkflowStep, WorkItem
from appliance.workflow.settle import errors_taken_back, with_message, with_step
from appliance.workflow.states import CLAIMABLE, LIVE, ItemEvent, ItemStatus, JobEvent, after, item_after
from appliance.workflow.texts import CANCELED_BY_ADMIN, CANCELED_BY_USER


def pause(db: Database, job_id: str, *, now: datetime, by_admin: bool = False) -> Advanced:
    """Hand out no more items; those at work finish and are recorded."""
    return _steer(db, job_id, JobEvent.PAUSE, now)


def resume(db: Database, job_id: str, *, now: datetime, by_admin: bool = False) -> Advanced:
    """Go on with a paused job, whatever it was before."""
    return _steer(db, job_id, JobEvent.RESUME, now)


def skip_preview(db: Database, job_id: str, *, now: datetime, by_admin: bool = False) -> Advanced:
    """Do not pause after the first result; a job already paused goes on."""
    return _steer(db, job_id, JobEvent.SKIP_PREVIEW, now)


def cancel(db: Database, job_id: str, *, now: datetime, by_admin: bool = False) -> Advanced:
    """End a job: all its live items are canceled, and those at work are named."""
    text = CANCELED_BY_ADMIN if by_admin else CANCELED_BY_USER
    return _steer(db, job_id, JobEvent.CANCEL, now, lambda job: with_message(job, job.status, text))


def retry_item(db: Database, job_id: str, item_id: int, *, now: datetime) -> Advanced:
    """Try an item of a live job again: one at work is stopped, a failed one gets its error taken back.

    Not counted as a retry. Raises NotFoundError for an unknown item; ConflictError when the job is over (it names
    resubmission), when the item is neither at work nor failed, or when the step that gathers has been handed the
    outputs among which this item's would belong.
    """
    with db.immediate() as connection:
        job, item = job_rows.find_job(connection, job_id), item_rows.find_item(connection, item_id)
        if job is None or item is None or item.job_id != job_id:
            raise NotFoundError(f"Unable to find item {item_id}")
        if job.status not in LIVE:
            raise ConflictError(
                f"Job status is {job.status} - items of a job that is over are not tried again; "
                f"POST /jobs/{job_id}/resubmit makes a new job of what failed."
            )
        again = item_after(item.status, ItemEvent.OPERATOR_RETRY)  # raises for any other status
        snapshot = Snapshot(job, step_rows.steps_of(connection, job_id), item)
        job, steps = replace(job, updated_at=now), snapshot.steps
        if item.status is ItemStatus.FAILED:
            steps = _reopened(connection, snapshot)
            errors = job_rows.remove_errors_of_item(connection, job_id, item_id)
            job = errors_taken_back(replace(job, error_count=max(0, job.error_count - errors)))
            if item.step_index > 1 and not item_rows.has_input(connection, item_id):
                raise ConflictError(f"Item {item_id} cannot be tried again: its input was lost.")
            work_counters.change(connection, job, snapshot.step, ready=0 if item.awaits else 1)
        else:
            work_counters.change(connection, job, snapshot.step, ready=1, running=-1)
        item_rows.save_item(
            connection,
            replace(item, status=again, updated_at=now, started_at=None, message=None, message_category=None),
        )
        gained = Gained(ready=0 if item.awaits else 1)
        if item.status is not ItemStatus.FAILED:
            gained.canceled.append(item_id)
        return effect_rows.finish(connection, snapshot, job, steps, now, gained)


def _steer(
    db: Database, job_id: str, event: JobEvent, now: datetime, change: Callable[[Job], Job] = lambda job: job
) -> Advanced:
    with db.immediate() as connection:
        job = job_rows.find_job(connection, job_id)
        if job is None:
            raise NotFoundError(f"Unable to find job {job_id}")
        steps = step_rows.steps_of(connection, job_id)
        steered = change(replace(job, status=after(job.status, event), updated_at=now))
        gained = Gained()
        if steered.status in CLAIMABLE and job.status not in CLAIMABLE:
            gained.ready = work_counters.ready_of_job(connection, job.username, job_id)
        return effect_rows.finish(connection, Standing(job, steps), steered, steps, now, gained)


def _reopened(connection: sqlite3.Connection, snapshot: Snapshot) -> tuple[WorkflowStep, ...]:
    """The steps with a failed item taken back: its step and those after it, up to the one that gathers, go on."""
    item, steps = snapshot.item, snapshot.steps
    own = steps[item.step_index - 1]
    steps = with_step(steps, replace(own, failed_count=own.failed_count - 1, is_complete=False))
    for following in steps[item.step_index :]:
        if following.has_aggregated_output:
            return with_step(steps, _front_moved_back(connection, following, item))
        if not following.always_wait_for_prior_step:
            steps = with_step(steps, replace(following, is_fed=False, is_complete=False))
        elif following.is_fed:
            raise ConflictError(f"Item {item.item_id} cannot be tried again: the step after it has begun.")
    return steps


def _front_moved_back(connection: sqlite3.Connection, gathering: WorkflowStep, item: WorkItem) -> WorkflowStep:
    """The step that gathers, with this item's position open again; refused when its batch has been handed on."""
    refusal = ConflictError(f"Item {item.item_id} cannot be tried again: its batch has been handed on.")
    if gathering.is_fed:
        raise refusal
    if not gathering.is_batched:
        return gathering
    job_id, index = item.job_id, gathering.step_index
    batch_rows.change_position(connection, job_id, index, item.sort_index, 1)
    if item.sort_index >= gathering.next_position:
        return gathering
    start, standing = item.sort_index, batch_rows.open_batch(connection, job_id, index)
    if standing is not None and standing.last_position >= start:
        start = min(start, standing.first_position)
        batch_rows.undo_batch(connection, job_id, index, standing.batch_index)
    if start <= batch_rows.last_handed_on(connection, job_id, index):
        raise refusal  # the transaction is rolled back, and all of this with it
    return replace(gathering, next_position=start)
