"""The fairest ready work item is handed out, and its start is recorded. Each function is one immediate transaction.

Fair: the user with fewest items at work, then who was longest not served; of their jobs the synchronous ones first,
then the one longest not served; of that job the oldest item. Source: harmony-api 6.6; docs/explanation/database.md.
"""

import sqlite3
from dataclasses import replace
from datetime import datetime

from appliance.database.connection import Database
from appliance.workflow import item_rows, job_rows, step_rows
from appliance.workflow.instants import to_ms
from appliance.workflow.records import Claimed, WorkItem
from appliance.workflow.states import ItemEvent, ItemStatus, JobStatus, item_after

_ANY = "SELECT 1 FROM user_work WHERE ready > 0 AND is_claimable LIMIT 1"
_USER = """
    SELECT w.username FROM user_work AS w LEFT JOIN user_turns AS t USING (username)
    GROUP BY w.username HAVING sum(w.ready * w.is_claimable) > 0
    ORDER BY sum(w.running), t.last_served, w.username LIMIT 1"""
_JOB = """
    SELECT job_id FROM user_work WHERE username = ? AND is_claimable
    GROUP BY job_id HAVING sum(ready) > 0
    ORDER BY is_async, max(last_worked), job_id LIMIT 1"""
_OLDEST = """
    SELECT item_id FROM work_items WHERE job_id = ? AND status = 'ready' AND awaits = 0 ORDER BY item_id LIMIT 1"""
# While previewing, the item nearest to a result: the preview is there to be looked at soon.
_FOREMOST = """
    SELECT item_id FROM work_items INDEXED BY ready_items WHERE job_id = ? AND status = 'ready' AND awaits = 0
    ORDER BY step_index DESC, sort_index LIMIT 1"""
_TURN = """
    INSERT INTO user_turns VALUES (?, (SELECT coalesce(max(last_served), 0) + 1 FROM user_turns))
    ON CONFLICT (username) DO UPDATE SET last_served = excluded.last_served
    RETURNING last_served"""
_SERVED = """
    UPDATE user_work
    SET last_worked = :turn, ready = ready - (service_id = :service_id), running = running + (service_id = :service_id)
    WHERE username = :username AND job_id = :job_id"""


def claim(db: Database, *, now: datetime) -> Claimed | None:
    """Hand out the fairest ready item (ready -> queued) with its step, message included, and its job; None: nothing."""
    if db.row(_ANY) is None:
        return None  # an idle worker's look takes no lock
    with db.immediate() as connection:
        username = _fairest_user(connection)
        if username is None:
            return None
        job_id = connection.execute(_JOB, (username,)).fetchone()[0]
        job = job_rows.find_job(connection, job_id)
        assert job is not None
        sql = _FOREMOST if job.status is JobStatus.PREVIEWING else _OLDEST
        item_id = connection.execute(sql, (job_id,)).fetchone()[0]
        item = item_rows.find_item(connection, item_id)
        assert item is not None
        item = _queued(connection, item, now)
        turn = connection.execute(_TURN, (username,)).fetchone()[0]
        values = {"turn": turn, "service_id": item.service_id, "username": username, "job_id": job_id}
        connection.execute(_SERVED, values)
        step = step_rows.step_with_operation(connection, job_id, item.step_index)
        url = item_rows.original_url(connection, item_id)
    return Claimed(item=replace(item, input_url=url), step=step, job=job)


def launched(db: Database, item_id: int, attempt: int, *, now: datetime) -> bool:
    """Record that the child of an attempt is alive (queued -> running); False when it was called off meanwhile."""
    status = item_after(ItemStatus.QUEUED, ItemEvent.LAUNCH)
    sql = "UPDATE work_items SET status = ?, updated_at = ? WHERE item_id = ? AND attempt = ? AND status = 'queued'"
    with db.immediate() as connection:
        return connection.execute(sql, (status, to_ms(now), item_id, attempt)).rowcount == 1


def is_current(db: Database, item_id: int, attempt: int) -> bool:
    """Whether an attempt is still wanted; False: end its child (canceled, job over, tried again by an operator)."""
    sql = "SELECT 1 FROM work_items WHERE item_id = ? AND attempt = ? AND status IN ('queued', 'running')"
    return db.row(sql, (item_id, attempt)) is not None


def _fairest_user(connection: sqlite3.Connection) -> str | None:
    row = connection.execute(_USER).fetchone()
    return row[0] if row else None


def _queued(connection: sqlite3.Connection, item: WorkItem, now: datetime) -> WorkItem:
    status = item_after(item.status, ItemEvent.CLAIM)
    connection.execute(
        """
        UPDATE work_items SET status = ?, attempt = attempt + 1, started_at = ?, updated_at = ?
        WHERE item_id = ?""",
        (status, to_ms(now), to_ms(now), item.item_id),
    )
    return replace(item, status=status, attempt=item.attempt + 1, started_at=now, updated_at=now)
