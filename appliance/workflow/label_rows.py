"""Labels of jobs, and those that a user has used lately. SQL, no decisions: who may label what is asked elsewhere."""

from collections.abc import Sequence
from datetime import datetime

from appliance.database.connection import Database
from appliance.workflow.instants import to_ms

_IDS_AT_ONCE = 500


def put_labels(db: Database, job_ids: Sequence[str], labels: Sequence[str], *, now: datetime) -> None:
    """Put every label on every job, all or nothing; those that are there already stay. The owners' labels are noted.

    Raises sqlite3.IntegrityError for a job that does not exist.
    """
    with db.immediate() as connection:
        pairs = [(job_id, label) for job_id in job_ids for label in labels]
        connection.executemany("INSERT INTO job_labels VALUES (?, ?) ON CONFLICT DO NOTHING", pairs)
        for job_id in job_ids:
            connection.executemany(
                """
                INSERT INTO user_labels SELECT username, ?, ? FROM jobs WHERE job_id = ?
                ON CONFLICT DO UPDATE SET used_at = excluded.used_at""",
                [(label, to_ms(now), job_id) for label in labels],
            )


def remove_labels(db: Database, job_ids: Sequence[str], labels: Sequence[str]) -> None:
    """Take labels off jobs, all or nothing; absent ones do not matter."""
    with db.immediate() as connection:
        pairs = [(job_id, label) for job_id in job_ids for label in labels]
        connection.executemany("DELETE FROM job_labels WHERE job_id = ? AND label = ?", pairs)


def labels_of(db: Database, job_id: str) -> list[str]:
    """The labels of a job, sorted."""
    return [row[0] for row in db.rows("SELECT label FROM job_labels WHERE job_id = ? ORDER BY label", (job_id,))]


def labels_of_many(db: Database, job_ids: Sequence[str]) -> dict[str, list[str]]:
    """The labels of each of these jobs, sorted; jobs without labels have an empty list."""
    found: dict[str, list[str]] = {job_id: [] for job_id in job_ids}
    for start in range(0, len(job_ids), _IDS_AT_ONCE):
        ids = job_ids[start : start + _IDS_AT_ONCE]
        marks = ", ".join("?" * len(ids))
        for job_id, label in db.rows(
            f"SELECT job_id, label FROM job_labels WHERE job_id IN ({marks}) ORDER BY label", ids
        ):
            found[job_id].append(label)
    return found


def recent_labels(db: Database, username: str, *, limit: int = 10) -> list[str]:
    """The labels that a user used last, newest first."""
    sql = "SELECT label FROM user_labels WHERE username = ? ORDER BY used_at DESC, label LIMIT ?"
    return [row[0] for row in db.rows(sql, (username, limit))]
