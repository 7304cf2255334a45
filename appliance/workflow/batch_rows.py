"""Rows of batches and of the positions that wait to be gathered. SQL, no decisions (`batches.py` cuts).

A position has a row in batch_items only when it is done or has more than one item; without a row one item is open.
Every function takes a connection with an open transaction.
"""

import sqlite3
from collections.abc import Iterator, Sequence

from appliance.workflow.batches import Batch, Member, Position

_OPEN_POSITION = """
    INSERT INTO batch_items VALUES (?, ?, ?, 1 + ?)
    ON CONFLICT (job_id, step_index, sort_index) DO UPDATE SET open_count = open_count + ?
    RETURNING open_count"""
_DONE = """
    SELECT sort_index FROM batch_items
    WHERE job_id = ? AND step_index = ? AND sort_index >= ? AND open_count <= 0 ORDER BY sort_index"""
_MEMBERS = """
    SELECT o.output_id, o.size_bytes FROM work_items AS i JOIN outputs AS o USING (item_id)
    WHERE i.job_id = ? AND i.step_index = ? AND i.sort_index = ? AND (i.status = 'successful' OR i.is_remake)
    ORDER BY i.sub_order, o.catalog_index, o.position"""
_IN_ORDER = """
    SELECT o.output_id, o.size_bytes FROM work_items AS i JOIN outputs AS o USING (item_id)
    WHERE i.job_id = ? AND i.step_index = ? AND (i.status = 'successful' OR i.is_remake)
    ORDER BY i.sort_index, i.sub_order, o.catalog_index, o.position"""


def change_position(connection: sqlite3.Connection, job_id: str, step_index: int, sort_index: int, change: int) -> int:
    """Add to the open items of a position; how many are open now."""
    values = (job_id, step_index, sort_index, change, change)
    return int(connection.execute(_OPEN_POSITION, values).fetchone()[0])


def done_run(connection: sqlite3.Connection, job_id: str, step_index: int, start: int) -> list[Position]:
    """The positions from `start` on that are done without a gap, with the outputs of the step before."""
    run: list[Position] = []
    for (sort_index,) in connection.execute(_DONE, (job_id, step_index, start)):
        if sort_index != start + len(run):
            break
        members = connection.execute(_MEMBERS, (job_id, step_index - 1, sort_index)).fetchall()
        run.append(Position(sort_index, tuple(Member(*row) for row in members)))
    return run


def outputs_in_order(connection: sqlite3.Connection, job_id: str, step_index: int) -> Iterator[Member]:
    """All outputs of the successful items of a step, in the order of granules."""
    return (Member(*row) for row in connection.execute(_IN_ORDER, (job_id, step_index)))


def open_batch(connection: sqlite3.Connection, job_id: str, step_index: int) -> Batch | None:
    """The batch that still takes outputs, if there is one."""
    row = connection.execute(
        """
        SELECT batch_index, first_position, last_position, input_count, size_bytes FROM batches
        WHERE job_id = ? AND step_index = ? AND item_id IS NULL""",
        (job_id, step_index),
    ).fetchone()
    return Batch(*row) if row else None


def next_index(connection: sqlite3.Connection, job_id: str, step_index: int) -> int:
    """The number of the next batch of a step."""
    sql = "SELECT coalesce(max(batch_index), -1) + 1 FROM batches WHERE job_id = ? AND step_index = ?"
    return int(connection.execute(sql, (job_id, step_index)).fetchone()[0])


def save_batch(connection: sqlite3.Connection, job_id: str, step_index: int, batch: Batch) -> None:
    """Write a batch and append the members it was given now."""
    connection.execute(
        """
        INSERT INTO batches (
            job_id, step_index, batch_index, first_position, last_position, input_count, size_bytes)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (job_id, step_index, batch_index) DO UPDATE
        SET last_position = excluded.last_position, input_count = excluded.input_count,
            size_bytes = excluded.size_bytes""",
        (
            *(job_id, step_index, batch.batch_index, batch.first_position, batch.last_position),
            *(batch.input_count, batch.size_bytes),
        ),
    )
    first = batch.input_count - len(batch.members)
    connection.executemany(
        "INSERT INTO batch_outputs VALUES (?, ?, ?, ?, ?)",
        [(job_id, step_index, batch.batch_index, n, m.output_id) for n, m in enumerate(batch.members, first)],
    )


def members(connection: sqlite3.Connection, job_id: str, step_index: int, batch_index: int) -> Sequence[int]:
    """The outputs of a batch, in order."""
    rows = connection.execute(
        "SELECT output_id FROM batch_outputs WHERE job_id = ? AND step_index = ? AND batch_index = ? ORDER BY position",
        (job_id, step_index, batch_index),
    )
    return [row[0] for row in rows]


def close_batch(connection: sqlite3.Connection, job_id: str, step_index: int, batch_index: int, item_id: int) -> None:
    """Record which work item a batch became; its members are that item's inputs from now on."""
    key = (job_id, step_index, batch_index)
    connection.execute(
        "UPDATE batches SET item_id = ? WHERE job_id = ? AND step_index = ? AND batch_index = ?", (item_id, *key)
    )
    connection.execute("DELETE FROM batch_outputs WHERE job_id = ? AND step_index = ? AND batch_index = ?", key)


def last_handed_on(connection: sqlite3.Connection, job_id: str, step_index: int) -> int:
    """The last position in any batch that became a work item; -1 when there is none."""
    sql = """
        SELECT coalesce(max(last_position), -1) FROM batches
        WHERE job_id = ? AND step_index = ? AND item_id IS NOT NULL"""
    return int(connection.execute(sql, (job_id, step_index)).fetchone()[0])


def undo_batch(connection: sqlite3.Connection, job_id: str, step_index: int, batch_index: int) -> None:
    """Take an open batch apart; its outputs wait again."""
    key = (job_id, step_index, batch_index)
    connection.execute("DELETE FROM batch_outputs WHERE job_id = ? AND step_index = ? AND batch_index = ?", key)
    connection.execute("DELETE FROM batches WHERE job_id = ? AND step_index = ? AND batch_index = ?", key)
