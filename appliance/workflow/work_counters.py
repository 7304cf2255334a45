"""Counters of ready and running items per user, job and service: what the fair claim reads instead of the items.

Law: at every commit they equal the rows (ready: ready and awaiting nothing; running: queued or running), and they have
rows of live jobs only. SQL, no decisions; every function takes a connection with an open transaction.
"""

import sqlite3

from appliance.workflow.records import Job, WorkflowStep
from appliance.workflow.states import CLAIMABLE

_CHANGE = """
    INSERT INTO user_work (username, job_id, service_id, is_async, is_claimable, ready, running, last_worked)
    VALUES (:username, :job_id, :service_id, :is_async, :is_claimable, :ready, :running, 0)
    ON CONFLICT (username, job_id, service_id) DO UPDATE SET ready = ready + :ready, running = running + :running"""
_CLAIMABLE = "UPDATE user_work SET is_claimable = ? WHERE username = ? AND job_id = ?"
_FORGET = "DELETE FROM user_work WHERE username = ? AND job_id = ?"
_READY_OF_JOB = "SELECT coalesce(sum(ready), 0) FROM user_work WHERE username = ? AND job_id = ?"
COUNTED = """
    SELECT j.username, i.job_id, s.service_id, j.is_async,
           j.status IN ('previewing', 'running', 'running_with_errors') AS is_claimable,
           sum(i.status = 'ready' AND i.awaits = 0) AS ready, sum(i.status IN ('queued', 'running')) AS running
    FROM work_items AS i JOIN workflow_steps AS s USING (job_id, step_index) JOIN jobs AS j USING (job_id)
    WHERE i.status IN ('ready', 'queued', 'running')
    GROUP BY i.job_id, s.service_id"""


def change(connection: sqlite3.Connection, job: Job, step: WorkflowStep, *, ready: int = 0, running: int = 0) -> None:
    """Add to the counters of a job's service; its row is made at first need, and is then as old as can be."""
    if not ready and not running:
        return
    values = {
        "username": job.username,
        "job_id": job.job_id,
        "service_id": step.service_id,
        "is_async": job.is_async,
        "is_claimable": job.status in CLAIMABLE,
        "ready": ready,
        "running": running,
    }
    connection.execute(_CHANGE, values)


def set_claimable(connection: sqlite3.Connection, username: str, job_id: str, is_claimable: bool) -> None:
    """Let items of a job be handed out, or not (paused)."""
    connection.execute(_CLAIMABLE, (is_claimable, username, job_id))


def forget(connection: sqlite3.Connection, username: str, job_id: str) -> None:
    """An ended job has no work."""
    connection.execute(_FORGET, (username, job_id))


def ready_of_job(connection: sqlite3.Connection, username: str, job_id: str) -> int:
    """How many items of a job could be handed out now, but for its status."""
    return int(connection.execute(_READY_OF_JOB, (username, job_id)).fetchone()[0])


def recount(connection: sqlite3.Connection) -> None:
    """Make all counters anew from the rows; whose turn it was is kept."""
    served = "SELECT username, job_id, service_id, last_worked FROM user_work"
    turns = {tuple(row[:3]): row[3] for row in connection.execute(served)}
    rows = connection.execute(COUNTED).fetchall()
    connection.execute("DELETE FROM user_work")
    connection.executemany(
        "INSERT INTO user_work VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [(*r, turns.get(tuple(r[:3]), 0)) for r in rows]
    )
