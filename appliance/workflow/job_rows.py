"""Rows of jobs, their results and messages. SQL, no decisions.

Functions that take a Database read (or, `take_first_look`, write in a transaction of their own); those that take a
connection write within an open one. Results are ordered by `link_id`: the order of completion, which only grows.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from appliance.database.connection import Database
from appliance.workflow.instants import from_ms, to_ms
from appliance.workflow.records import Job, Link, Message
from appliance.workflow.states import JobStatus

COLLECTIONS = """(
    SELECT json_group_array(collection_id) FROM (
        SELECT collection_id FROM job_collections AS c WHERE c.job_id = j.job_id ORDER BY position)) AS collections"""
_JOB = f"SELECT j.*, {COLLECTIONS} FROM jobs AS j WHERE j.job_id = ?"
_SAVE = """
    UPDATE jobs
    SET status = ?, messages = ?, progress = ?, updated_at = ?, input_granule_count = ?, original_size_bytes = ?,
        output_size_bytes = ?, error_count = ?, warning_count = ?, link_count = ?
    WHERE job_id = ?"""
_IS_LOCATED = "west IS NOT NULL AND start_at IS NOT NULL AND end_at IS NOT NULL"
_IDS_AT_ONCE = 500


def job(db: Database, job_id: str) -> Job | None:
    """One job, or None."""
    return find_job(db.connection, job_id)


def jobs(db: Database, job_ids: Sequence[str]) -> list[Job]:
    """The jobs among these ids, in no order; ids that nobody has are left out."""
    found: list[Job] = []
    for start in range(0, len(job_ids), _IDS_AT_ONCE):
        ids = job_ids[start : start + _IDS_AT_ONCE]
        marks = ", ".join("?" * len(ids))
        found += jobs_of(db.rows(f"SELECT j.*, {COLLECTIONS} FROM jobs AS j WHERE j.job_id IN ({marks})", ids))
    return found


def find_job(connection: sqlite3.Connection, job_id: str) -> Job | None:
    """One job, or None, within a transaction."""
    row = connection.execute(_JOB, (job_id,)).fetchone()
    return job_of(row) if row else None


def take_first_look(db: Database, job_id: str, username: str) -> bool:
    """Whether this is the owner's first look at the job since it was submitted; True once (decisions 1.3)."""
    sql = "SELECT 1 FROM jobs WHERE job_id = ? AND username = ? AND NOT is_looked_at"
    if db.row(sql, (job_id, username)) is None:
        return False  # nearly always: no need to queue behind the writers
    with db.immediate() as connection:
        sql = "UPDATE jobs SET is_looked_at = 1 WHERE job_id = ? AND username = ? AND NOT is_looked_at"
        return connection.execute(sql, (job_id, username)).rowcount == 1


def first_look(db: Database, job: Job) -> Job:
    """The job as its owner sees it: at the first look with status and progress as at submission, then as it is.

    harmony-py takes a job that is successful at once for something else than a job (clients.md 3.2).
    """
    if not take_first_look(db, job.job_id, job.username):
        return job
    row = db.row("SELECT submitted_status FROM jobs WHERE job_id = ?", (job.job_id,))
    status = JobStatus(row["submitted_status"]) if row else job.status
    return replace(job, status=status, progress=0) if job.status is not status else job


def links(db: Database, job_id: str, *, offset: int, limit: int, rel: str = "data") -> list[Link]:
    """A page of a job's results in their stable order."""
    sql = "SELECT * FROM links WHERE job_id = ? AND rel = ? ORDER BY link_id LIMIT ? OFFSET ?"
    return [_link(row) for row in db.rows(sql, (job_id, rel, limit, offset))]


def link_count(db: Database, job_id: str, *, rel: str = "data") -> int:
    """How many results a job has."""
    row = db.row("SELECT count(*) FROM links WHERE job_id = ? AND rel = ?", (job_id, rel))
    return int(row[0]) if row else 0


def stac_links(db: Database, job_id: str, *, offset: int, limit: int) -> list[Link]:
    """A page of the results that have a box and times: those that can be STAC items."""
    sql = f"SELECT * FROM links WHERE job_id = ? AND rel = 'data' AND {_IS_LOCATED} ORDER BY link_id LIMIT ? OFFSET ?"
    return [_link(row) for row in db.rows(sql, (job_id, limit, offset))]


def stac_count(db: Database, job_id: str) -> int:
    """How many results can be STAC items."""
    row = db.row(f"SELECT count(*) FROM links WHERE job_id = ? AND rel = 'data' AND {_IS_LOCATED}", (job_id,))
    return int(row[0]) if row else 0


def link_by_href(db: Database, job_id: str, href: str) -> Link | None:
    """The result of a job that is stored at `href`, or None."""
    row = db.row("SELECT * FROM links WHERE href = ? AND job_id = ? LIMIT 1", (href, job_id))
    return _link(row) if row else None


def messages(db: Database, job_id: str, *, limit: int = -1) -> list[Message]:
    """Errors, then warnings of a job's items, each in the order in which they came; -1: all of them."""
    sql = "SELECT * FROM messages WHERE job_id = ? ORDER BY level, message_id LIMIT ?"
    return [_message(row) for row in db.rows(sql, (job_id, limit))]


def last_text(connection: sqlite3.Connection, job_id: str, level: str) -> str | None:
    """The latest text of a level, or None."""
    sql = "SELECT text FROM messages WHERE job_id = ? AND level = ? ORDER BY message_id DESC LIMIT 1"
    row = connection.execute(sql, (job_id, level)).fetchone()
    return row[0] if row else None


def save_job(connection: sqlite3.Connection, job: Job) -> None:
    """Write what may change of a job."""
    values = (
        job.status,
        json.dumps(dict(job.messages)),
        job.progress,
        to_ms(job.updated_at),
        job.input_granule_count,
        job.original_size_bytes,
        job.output_size_bytes,
        job.error_count,
        job.warning_count,
        job.link_count,
        job.job_id,
    )
    connection.execute(_SAVE, values)


def add_links(connection: sqlite3.Connection, job_id: str, item_id: int, links: Iterable[Link]) -> None:
    """Append results, in order."""
    connection.executemany(
        """
        INSERT INTO links (job_id, item_id, rel, href, title, media_type, west, south, east, north, start_at, end_at,
                           size_bytes)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (
                *(job_id, item_id, link.rel, link.href, link.title, link.media_type),
                *(link.bbox or (None, None, None, None)),
                *(to_ms(link.start), to_ms(link.end), link.size_bytes),
            )
            for link in links
        ],
    )


def add_message(connection: sqlite3.Connection, job_id: str, message: Message) -> None:
    """Append an error or a warning."""
    connection.execute(
        "INSERT INTO messages (job_id, item_id, level, url, text, category) VALUES (?, ?, ?, ?, ?, ?)",
        (job_id, message.item_id, message.level, message.url, message.text, message.category),
    )


def remove_errors_of_item(connection: sqlite3.Connection, job_id: str, item_id: int) -> int:
    """Take back what an item that is tried again had complained of; how many errors that were."""
    sql = "DELETE FROM messages WHERE job_id = ? AND level = 'error' AND item_id = ?"
    return connection.execute(sql, (job_id, item_id)).rowcount


def jobs_of(rows: Iterable[sqlite3.Row]) -> list[Job]:
    """Rows of jobs, with COLLECTIONS, as records."""
    return [job_of(row) for row in rows]


def job_of(row: sqlite3.Row) -> Job:
    """A row of jobs, with COLLECTIONS, as a record."""
    return Job(
        job_id=row["job_id"],
        number=row["number"],
        username=row["username"],
        status=JobStatus(row["status"]),
        messages=json.loads(row["messages"]),
        progress=row["progress"],
        request_url=row["request_url"],
        created_at=from_ms(row["created_at"]),
        updated_at=from_ms(row["updated_at"]),
        data_expires_at=from_ms(row["data_expires_at"]),
        service_name=row["service_name"],
        collection_ids=tuple(json.loads(row["collections"])),
        provider=row["provider"],
        input_granule_count=row["input_granule_count"],
        is_async=bool(row["is_async"]),
        ignore_errors=bool(row["ignore_errors"]),
        destination_url=row["destination_url"],
        original_size_bytes=row["original_size_bytes"],
        output_size_bytes=row["output_size_bytes"],
        error_count=row["error_count"],
        warning_count=row["warning_count"],
        expired_at=from_ms(row["expired_at"]),
        resubmission_of=row["resubmission_of"],
        link_count=row["link_count"],
    )


def _link(row: sqlite3.Row) -> Link:
    has_box = row["west"] is not None
    return Link(
        href=row["href"],
        title=row["title"],
        media_type=row["media_type"],
        bbox=(row["west"], row["south"], row["east"], row["north"]) if has_box else None,
        start=from_ms(row["start_at"]),
        end=from_ms(row["end_at"]),
        rel=row["rel"],
        size_bytes=row["size_bytes"],
        link_id=row["link_id"],
        item_id=row["item_id"],
    )


def _message(row: sqlite3.Row) -> Message:
    return Message(row["level"], row["url"], row["text"], row["category"], row["item_id"])


def set_expired(connection: sqlite3.Connection, job_id: str, now: datetime) -> None:
    """Record that the results of a job were deleted, and when; the first time counts."""
    connection.execute("UPDATE jobs SET expired_at = ? WHERE job_id = ? AND expired_at IS NULL", (to_ms(now), job_id))
