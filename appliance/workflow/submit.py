"""A plan becomes a job with its steps and its first work item, in one transaction. Whoever calls this rings afterwards.

Source: harmony-api 4.7, 5.3, 5.6, 6.1.
"""

import json
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from appliance.database.connection import Database
from appliance.services.plan import Plan, PlannedStep
from appliance.workflow import item_rows, job_rows, label_rows, step_rows, work_counters
from appliance.workflow.instants import to_ms
from appliance.workflow.records import Job, Limits, Message
from appliance.workflow.states import DEFAULT_MESSAGES, JobEvent, JobStatus, after
from appliance.workflow.texts import REQUEST_LENGTH, cut

_INSERT = """
    INSERT INTO jobs (
        job_id, username, status, submitted_status, messages, request_url, created_at, updated_at, data_expires_at,
        service_name, provider, input_granule_count, is_async, ignore_errors, destination_url, resubmission_of)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def submit(
    db: Database,
    plan: Plan,
    *,
    job_id: str,
    username: str,
    now: datetime,
    limits: Limits,
    resubmission_of: str | None = None,
) -> Job:
    """Store the job with its steps, its labels and one ready item of its first step; the job as stored.

    job_id: a new UUID. Raises ValueError for a plan without steps. Jobs start at once: `accepted` is never seen.
    """
    if not plan.steps:
        raise ValueError(f"job {job_id}: a plan without steps; allowed: at least one")
    event = JobEvent.START_WITH_PREVIEW if plan.with_preview else JobEvent.START
    status = after(JobStatus.ACCEPTED, event)
    expires = None if plan.destination_url else now + timedelta(days=limits.expiration_days)
    values = (
        *(job_id, username, status, status, json.dumps(_messages(plan)), cut(plan.request_url, most=REQUEST_LENGTH)),
        *(to_ms(now), to_ms(now), to_ms(expires), plan.chain_name, plan.provider, plan.input_granule_count),
        *(plan.is_async, plan.ignore_errors, plan.destination_url, resubmission_of),
    )
    with db.immediate() as connection:
        connection.execute(_INSERT, values)
        collections = [(job_id, place, c) for place, c in enumerate(plan.collection_ids)]
        connection.executemany("INSERT INTO job_collections VALUES (?, ?, ?)", collections)
        connection.execute("INSERT INTO job_queries VALUES (?, ?)", (job_id, json.dumps(asdict(plan.query))))
        step_rows.add_steps(connection, job_id, _renumbered(plan, limits))
        first = item_rows.ItemToMake(1, 0, "", None, 0, 0)
        item_rows.add_items(connection, job_id, [first], now)
        is_query = plan.steps[0].transformer == "find_granules"
        sql = "UPDATE workflow_steps SET created_count = 1, is_fed = ? WHERE job_id = ? AND step_index = 1"
        connection.execute(sql, (not is_query, job_id))
        for text in plan.warnings:  # not counted: they are about the request, no item complained
            job_rows.add_message(connection, job_id, Message("warning", plan.request_url, text))
        if plan.labels:
            label_rows.put_labels(db, [job_id], plan.labels, now=now)
        job = job_rows.find_job(connection, job_id)
        assert job is not None
        work_counters.change(connection, job, step_rows.steps_of(connection, job_id)[0], ready=1)
    return job


def _messages(plan: Plan) -> dict[str, str]:
    """The texts collected during the request, for the statuses that show them."""
    if not plan.message:
        return {}
    preview = DEFAULT_MESSAGES[JobStatus.PREVIEWING]
    return {
        JobStatus.RUNNING: cut(plan.message),
        JobStatus.SUCCESSFUL: cut(plan.message),
        JobStatus.PREVIEWING: cut(f"{preview}. {plan.message}"),
    }


def _renumbered(plan: Plan, limits: Limits) -> list[PlannedStep]:
    pages = max(1, -(-plan.input_granule_count // limits.granule_page))
    steps = [replace(step, step_index=n) for n, step in enumerate(plan.steps, 1)]
    first = steps[0]
    if first.transformer == "find_granules":
        steps[0] = replace(first, expected_items=pages)
    return steps
