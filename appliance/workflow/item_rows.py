"""Rows of work items, their outputs and inputs. SQL, no decisions.

Functions that write take a connection with an open transaction. Outputs are one row per STAC item; an item of the next
step names the outputs it reads, so nothing is copied.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appliance.database.connection import Database
from appliance.services.plan import GranuleQuery
from appliance.workflow.instants import from_ms, to_ms
from appliance.workflow.records import Output, WorkItem
from appliance.workflow.states import ItemStatus

COLUMNS = "i.*, s.service_id, s.transformer"
SOURCE = "work_items AS i JOIN workflow_steps AS s USING (job_id, step_index)"
UNKNOWN_URL = "unknown"
_MOST_STEPS = 20  # of a chain; stops the search for an original

_ITEM = f"SELECT {COLUMNS} FROM {SOURCE} WHERE i.item_id = ?"
_SAVE = """
    UPDATE work_items
    SET status = ?, retry_count = ?, interrupt_count = ?, is_remake = ?, input_size_bytes = ?, output_size_bytes = ?,
        updated_at = ?, started_at = ?, duration_ms = ?, message = ?, message_category = ?, awaits = ?
    WHERE item_id = ?"""
_INPUTS = """
    SELECT o.catalog_index, o.stac, o.size_bytes FROM item_inputs AS i JOIN outputs AS o USING (output_id)
    WHERE i.item_id = ? ORDER BY i.position LIMIT ? OFFSET ?"""
_OUTPUTS = """
    SELECT catalog_index, stac, size_bytes FROM outputs
    WHERE item_id = ? ORDER BY catalog_index, position LIMIT ? OFFSET ?"""
_FIRST_INPUT = """
    SELECT o.item_id, o.stac FROM item_inputs AS i JOIN outputs AS o USING (output_id)
    WHERE i.item_id = ? ORDER BY i.position LIMIT 1"""
_INSERT = """
    INSERT INTO work_items (
        item_id, job_id, step_index, status, sort_index, sub_order, awaits, input_size_bytes, created_at, updated_at,
        cursor)
    VALUES (?, ?, ?, 'ready', ?, ?, ?, ?, ?, ?, ?)"""


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """An output by its number, as batches and inputs name it."""

    output_id: int
    catalog_index: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ItemToMake:
    """A row to be inserted. output_ids: its inputs, in order."""

    step_index: int
    sort_index: int
    sub_order: str
    cursor: str | None
    awaits: int
    input_size_bytes: int
    output_ids: Sequence[int] = ()


def item(db: Database, item_id: int) -> WorkItem | None:
    """One work item, or None. `input_url` is not looked up: see `original_url`."""
    return find_item(db.connection, item_id)


def find_item(connection: sqlite3.Connection, item_id: int) -> WorkItem | None:
    """The same, within a transaction."""
    row = connection.execute(_ITEM, (item_id,)).fetchone()
    return item_of(row) if row else None


def inputs(db: Database, item_id: int, *, limit: int = -1, offset: int = 0) -> list[Output]:
    """The STAC items that a work item reads, in order; a limit of -1 is all of them."""
    return [_output(row) for row in db.connection.execute(_INPUTS, (item_id, limit, offset))]


def outputs(db: Database, item_id: int, *, limit: int = -1, offset: int = 0) -> list[Output]:
    """The STAC items that a work item put out, catalog by catalog."""
    return [_output(row) for row in db.connection.execute(_OUTPUTS, (item_id, limit, offset))]


def output_count(db: Database, item_id: int) -> int:
    """How many STAC items a work item put out."""
    row = db.row("SELECT count(*) FROM outputs WHERE item_id = ?", (item_id,))
    return int(row[0]) if row else 0


def granule_query(db: Database, job_id: str) -> GranuleQuery:
    """What the first step of a job looks for. Raises LookupError when there is no such job."""
    row = db.row("SELECT query FROM job_queries WHERE job_id = ?", (job_id,))
    if row is None:
        raise LookupError(f"job {job_id} has no granule query")
    fields: dict[str, Any] = json.loads(row["query"])
    tuples = {k: tuple(v) for k, v in fields.items() if isinstance(v, list)}
    return GranuleQuery(**{**fields, **tuples})


def undelivered_granules(db: Database, job_id: str) -> list[str]:
    """The granules (concept ids) behind the failed and canceled items of a job, in order: what a resubmission asks for.

    Followed back through what each item read to the query's outputs; empty when the query itself failed.
    """
    sql = """
        WITH RECURSIVE behind (item_id) AS (
            SELECT item_id FROM work_items WHERE job_id = ? AND status IN ('failed', 'canceled')
            UNION SELECT o.item_id FROM behind AS b JOIN item_inputs AS n USING (item_id)
                  JOIN outputs AS o USING (output_id) JOIN work_items AS p ON p.item_id = o.item_id
                  WHERE p.step_index > 1)
        SELECT DISTINCT o.output_id, json_extract(o.stac, '$.properties."harmonium:granule"') AS granule
        FROM behind JOIN item_inputs USING (item_id) JOIN outputs AS o USING (output_id)
        JOIN work_items AS p ON p.item_id = o.item_id
        WHERE p.step_index = 1 AND granule IS NOT NULL ORDER BY o.output_id"""
    return [row["granule"] for row in db.rows(sql, (job_id,))]


def original_url(connection: sqlite3.Connection, item_id: int) -> str:
    """The public URL of the first granule behind an item, as messages name it; `unknown` when nothing tells."""
    for _ in range(_MOST_STEPS):
        row = connection.execute(_FIRST_INPUT, (item_id,)).fetchone()
        if row is None:
            break
        url = stac_url(json.loads(row["stac"]))
        if url:
            return url
        item_id = row["item_id"]
    return UNKNOWN_URL


def stac_url(stac: Mapping[str, Any]) -> str | None:
    """The public URL that a STAC item says its data came from, or None."""
    original = (stac.get("properties") or {}).get("harmonium:href")
    if original:
        return str(original)
    href = str(((stac.get("assets") or {}).get("data") or {}).get("href") or "")
    return href if href.startswith(("http://", "https://", "s3://")) else None


def save_item(connection: sqlite3.Connection, item: WorkItem) -> None:
    """Write what may change of an item; the claim and the launch have statements of their own."""
    values = (
        item.status,
        item.retry_count,
        item.interrupt_count,
        item.is_remake,
        item.input_size_bytes,
        item.output_size_bytes,
        to_ms(item.updated_at),
        to_ms(item.started_at),
        item.duration_ms,
        item.message,
        item.message_category,
        item.awaits,
        item.item_id,
    )
    connection.execute(_SAVE, values)


def add_outputs(connection: sqlite3.Connection, item_id: int, outputs: Sequence[Output]) -> list[StoredOutput]:
    """Store the outputs of an item; the same in the order given."""
    top = connection.execute("SELECT coalesce(max(output_id), 0) FROM outputs").fetchone()[0]
    places: dict[int, int] = {}
    stored, rows = [], []
    for number, output in enumerate(outputs, top + 1):
        place = places.get(output.catalog_index, 0)
        places[output.catalog_index] = place + 1
        text = json.dumps(output.stac, separators=(",", ":"), ensure_ascii=False)
        rows.append((number, item_id, output.catalog_index, place, output.size_bytes, text))
        stored.append(StoredOutput(number, output.catalog_index, output.size_bytes))
    connection.executemany("INSERT INTO outputs VALUES (?, ?, ?, ?, ?, ?)", rows)
    return stored


def add_items(connection: sqlite3.Connection, job_id: str, items: Sequence[ItemToMake], now: datetime) -> list[int]:
    """Insert ready items with their inputs; their ids, which rise in the order given."""
    if not items:
        return []
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'work_items'").fetchone()
    first = (row[0] if row else 0) + 1
    at = to_ms(now)
    connection.executemany(
        _INSERT,
        [
            (n, job_id, i.step_index, i.sort_index, i.sub_order, i.awaits, i.input_size_bytes, at, at, i.cursor)
            for n, i in enumerate(items, first)
        ],
    )
    connection.executemany(
        "INSERT INTO item_inputs VALUES (?, ?, ?)",
        ((n, place, output_id) for n, i in enumerate(items, first) for place, output_id in enumerate(i.output_ids)),
    )
    return list(range(first, first + len(items)))


def has_input(connection: sqlite3.Connection, item_id: int) -> bool:
    """Whether an item has anything to read."""
    sql = "SELECT 1 FROM item_inputs WHERE item_id = ? LIMIT 1"
    return connection.execute(sql, (item_id,)).fetchone() is not None


def remade_producers(connection: sqlite3.Connection, job_id: str, item_id: int) -> int:
    """How many of the items that this one reads from are being made again: it must wait for each."""
    sql = """
        SELECT count(*) FROM work_items AS p INDEXED BY items_made_again
        WHERE p.job_id = ? AND p.is_remake AND p.status IN ('ready', 'queued', 'running') AND EXISTS (
            SELECT 1 FROM outputs AS o JOIN item_inputs AS i USING (output_id)
            WHERE o.item_id = p.item_id AND i.item_id = ?)"""
    return int(connection.execute(sql, (job_id, item_id)).fetchone()[0])


def release_inputs(connection: sqlite3.Connection, item_id: int) -> list[int]:
    """Take an item off its producers' consumers; the producers that have none left: their files may go."""
    rows = connection.execute(
        """
        SELECT o.item_id, count(*) FROM item_inputs AS i JOIN outputs AS o USING (output_id)
        JOIN work_items AS p ON p.item_id = o.item_id
        WHERE i.item_id = ? AND p.open_outputs > 0 GROUP BY o.item_id""",
        (item_id,),
    ).fetchall()
    freed = []
    for producer, count in rows:
        (left,) = connection.execute(
            "UPDATE work_items SET open_outputs = max(0, open_outputs - ?) WHERE item_id = ? RETURNING open_outputs",
            (count, producer),
        ).fetchone()
        if left == 0:
            freed.append(producer)
    return freed


def item_of(row: sqlite3.Row) -> WorkItem:
    """A row of SOURCE as a record."""
    return WorkItem(
        item_id=row["item_id"],
        job_id=row["job_id"],
        step_index=row["step_index"],
        service_id=row["service_id"],
        transformer=row["transformer"],
        status=ItemStatus(row["status"]),
        sort_index=row["sort_index"],
        retry_count=row["retry_count"],
        interrupt_count=row["interrupt_count"],
        created_at=from_ms(row["created_at"]),
        updated_at=from_ms(row["updated_at"]),
        started_at=from_ms(row["started_at"]),
        duration_ms=row["duration_ms"],
        cursor=row["cursor"],
        message=row["message"],
        message_category=row["message_category"],
        input_size_bytes=row["input_size_bytes"],
        output_size_bytes=row["output_size_bytes"],
        attempt=row["attempt"],
        sub_order=row["sub_order"],
        awaits=row["awaits"],
        is_remake=bool(row["is_remake"]),
    )


def items_of(rows: Iterable[sqlite3.Row]) -> list[WorkItem]:
    """Rows of SOURCE as records."""
    return [item_of(row) for row in rows]


def _output(row: sqlite3.Row) -> Output:
    return Output(row["catalog_index"], json.loads(row["stac"]), row["size_bytes"])
