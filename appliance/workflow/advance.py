"""Reports of attempts, the restart, items that hang, lost outputs, expiry: each one transaction, which it commits.

Reads, asks `decide.py`, writes through `effect_rows.py`. Callers ring for `Advanced.ready_count` afterwards, delete the
files of `freed_items` and end the children of `canceled_items`. Source: harmony-api 6.3 to 6.5, 6.8; decisions 5.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from appliance.database.connection import Database
from appliance.workflow import effect_rows, item_rows, job_rows, lost_outputs, step_rows, work_counters
from appliance.workflow.decide import Snapshot, decide, died, is_heard
from appliance.workflow.instants import to_ms
from appliance.workflow.records import Advanced, Limits, Outcome, WorkItem
from appliance.workflow.texts import over_threshold, poisoned, public_service_name

IGNORED = Advanced()
DEFAULT_THRESHOLD_MS = 300_000
THRESHOLDS_MS: Mapping[str, int] = {"concise": 900_000, "casper": 900_000}
UNTOUCHED = timedelta(minutes=5)
AT_ONCE = 1000

_STUCK = f"""
    SELECT {item_rows.COLUMNS},
           (SELECT max(o.longest_ms) FROM workflow_steps AS o
            WHERE o.job_id = i.job_id AND o.service_id = s.service_id) AS longest_ms
    FROM {item_rows.SOURCE} JOIN jobs AS j USING (job_id)
    WHERE i.status IN ('queued', 'running') AND j.status IN ('running', 'running_with_errors') AND i.updated_at <= ?
    ORDER BY i.item_id LIMIT ?"""


def advance(db: Database, item_id: int, attempt: int, outcome: Outcome, *, now: datetime, limits: Limits) -> Advanced:
    """Record what became of an attempt and everything that follows from it.

    A report that no longer counts (the item or its job is over, or a later attempt is under way) changes nothing.
    """
    with db.immediate() as connection:
        return _advance(connection, item_id, attempt, outcome, now, limits)


def recover(db: Database, *, now: datetime, limits: Limits) -> Advanced:
    """At start-up: what was queued or running is ready again, and the counters are made anew.

    An item that was running when the appliance died is counted; too many such deaths and it is failed as poisonous.
    """
    reports = []
    with db.immediate() as connection:
        sql = f"SELECT {item_rows.COLUMNS} FROM {item_rows.SOURCE} WHERE i.status IN ('queued', 'running')"
        for item in item_rows.items_of(connection.execute(sql).fetchall()):
            counted, is_poisonous = died(item, limits)
            item_rows.save_item(connection, counted)
            outcome = Outcome("interrupted")
            if is_poisonous:
                outcome = Outcome("failed", poisoned(counted.interrupt_count), retryable=False)
            reports.append(_advance(connection, item.item_id, item.attempt, outcome, now, limits))
        work_counters.recount(connection)
        (ready,) = connection.execute("SELECT coalesce(sum(ready), 0) FROM user_work WHERE is_claimable").fetchone()
    return replace(_together(reports), ready_count=ready)


def release_stuck(
    db: Database,
    *,
    now: datetime,
    limits: Limits,
    thresholds: Mapping[str, int] = THRESHOLDS_MS,
    default_threshold_ms: int = DEFAULT_THRESHOLD_MS,
) -> Advanced:
    """Fail, through the ordinary retries, the attempts that take much longer than others of their service did.

    thresholds: longest run in ms before any success, by the last part of the image's name without its tag. After a
    success: twice the longest successful run of the same service in the same job. The items are in `canceled_items`.
    """
    reports = []
    with db.immediate() as connection:
        untouched_since = to_ms(now - UNTOUCHED)
        for row in connection.execute(_STUCK, (untouched_since, AT_ONCE)).fetchall():
            item = item_rows.item_of(row)
            threshold = 2 * (row["longest_ms"] or 0) or thresholds.get(_service(item), default_threshold_ms)
            if item.started_at is None or (now - item.started_at) <= timedelta(milliseconds=threshold):
                continue
            outcome = Outcome("failed", over_threshold(item.item_id, threshold))
            report = _advance(connection, item.item_id, item.attempt, outcome, now, limits)
            reports.append(replace(report, canceled_items=(item.item_id, *report.canceled_items)))
    return _together(reports)


def output_lost(db: Database, item_ids: Iterable[int], *, now: datetime) -> Advanced:
    """Have items that succeeded run again, because their output files are gone though a consumer needs them.

    Their progress is kept and no retry is counted; consumers wait for them, and those at work are taken back (their
    ids are in `canceled_items`). Items that did not succeed, or whose outputs nobody needs any more, stay as they are.
    """
    reports = []
    with db.immediate() as connection:
        for item_id in item_ids:
            item = item_rows.find_item(connection, item_id)
            job = job_rows.find_job(connection, item.job_id) if item else None
            if item is not None and job is not None:
                reports.append(lost_outputs.lose(connection, job, item, now))
    return _together(reports)


def _advance(
    connection: sqlite3.Connection, item_id: int, attempt: int, outcome: Outcome, now: datetime, limits: Limits
) -> Advanced:
    item = item_rows.find_item(connection, item_id)
    job = job_rows.find_job(connection, item.job_id) if item else None
    if item is None or job is None or not is_heard(job, item, attempt):
        return IGNORED
    if outcome.status != "successful":
        item = replace(item, input_url=item_rows.original_url(connection, item_id))
    snapshot = Snapshot(job, step_rows.steps_of(connection, job.job_id), item)
    effects = decide(snapshot, outcome, limits, now)
    return effect_rows.store(connection, snapshot, effects, outcome, limits, now)


def _service(item: WorkItem) -> str:
    return public_service_name(item.service_id).rpartition("/")[2].partition(":")[0]


def _together(reports: list[Advanced]) -> Advanced:
    return Advanced(
        ready_count=sum(report.ready_count for report in reports),
        freed_items=tuple(i for report in reports for i in report.freed_items),
        canceled_items=tuple(i for report in reports for i in report.canceled_items),
        job_status=reports[-1].job_status if len(reports) == 1 else None,
    )
