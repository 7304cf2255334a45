"""What upkeep does to jobs that are over: results expire, work items and steps are reaped. Each one transaction.

Jobs, messages and labels stay for ever. Source: harmony-api 5.3, 6.8; decisions 1.11. Nothing here touches files:
the caller deletes them between `expire` and `mark_expired`, so that a crash in between deletes again, not never.
"""

from datetime import datetime, timedelta

from appliance.database.connection import Database
from appliance.workflow import job_rows
from appliance.workflow.instants import to_ms
from appliance.workflow.states import TERMINAL

AT_ONCE = 2000
_ENDED = ", ".join(f"'{status}'" for status in sorted(TERMINAL))
_EXPIRED = f"""
    SELECT job_id FROM jobs WHERE expired_at IS NULL AND data_expires_at <= ? AND status IN ({_ENDED})
    ORDER BY data_expires_at LIMIT ?"""
_REAPABLE = f"""
    SELECT i.item_id FROM jobs AS j JOIN work_items AS i USING (job_id)
    WHERE j.status IN ({_ENDED}) AND j.updated_at <= ? LIMIT ?"""
_EMPTY = f"""
    DELETE FROM workflow_steps WHERE step_id IN (
        SELECT s.step_id FROM jobs AS j JOIN workflow_steps AS s USING (job_id)
        WHERE j.status IN ({_ENDED}) AND j.updated_at <= ?
        AND NOT EXISTS (SELECT 1 FROM work_items AS i WHERE i.job_id = j.job_id))"""


def expire(db: Database, *, now: datetime) -> list[str]:
    """The jobs that are over and whose results' time is up, oldest first: delete their files, then mark each."""
    return [row[0] for row in db.rows(_EXPIRED, (to_ms(now), AT_ONCE))]


def mark_expired(db: Database, job_id: str, now: datetime) -> None:
    """Record that a job's results were deleted; its job document says so from now on."""
    with db.immediate() as connection:
        job_rows.set_expired(connection, job_id, now)


def reap(db: Database, *, now: datetime, older_than: timedelta) -> int:
    """Delete up to 2000 work items of jobs that ended so long ago, and the steps of jobs that have none left.

    How many items were deleted; call again until it is 0.
    """
    before = to_ms(now - older_than)
    with db.immediate() as connection:
        ids = [tuple(row) for row in connection.execute(_REAPABLE, (before, AT_ONCE))]
        connection.executemany("DELETE FROM work_items WHERE item_id = ?", ids)  # outputs and inputs go with them
        if len(ids) < AT_ONCE:
            connection.execute(_EMPTY, (before,))
    return len(ids)
