"""Writing the catalog: one record and its search structures at a time, inside the caller's transaction.

Every `put_*` says what happened: "added", "updated" (the document differs: revision + 1), or "unchanged" (nothing was
written). Deciding what to write, and over what, is `documents.py` and `file_records.py`; reading back is `rows.py`.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Literal

from appliance.metadata.concept_ids import concept_number
from appliance.metadata.concepts import Collection, Granule, Variable
from appliance.metadata.footprint import Part, hull
from appliance.metadata.instants import OPEN, milliseconds
from appliance.metadata.search_tree import INSERT, PARTS_PER_GRANULE, tree_rows
from appliance.metadata.umm import producer_id

Change = Literal["added", "updated", "unchanged"]
Origin = Literal["document", "files", "shipped"]


def put_document(connection: sqlite3.Connection, concept_id: str, document: bytes) -> Change:
    """Store the bytes of a record."""
    row = connection.execute("SELECT document FROM documents WHERE concept_id = ?", (concept_id,)).fetchone()
    if row is None:
        connection.execute("INSERT INTO documents VALUES (?, ?)", (concept_id, document))
        return "added"
    if bytes(row[0]) == document:
        return "unchanged"
    connection.execute("UPDATE documents SET document = ? WHERE concept_id = ?", (document, concept_id))
    return "updated"


def put_collection(
    connection: sqlite3.Connection,
    one: Collection,
    document: bytes,
    *,
    native_id: str,
    origin: Origin,
    now_ms: int,
    revision: int | None = None,
) -> Change:
    """revision: that of a copied record; None counts our own. kind and layout stay where the collection says none."""
    old = held(connection, "collections", one.concept_id)
    change = put_document(connection, one.concept_id, document)
    values = {
        "provider": one.provider,
        "native_id": native_id,
        "short_name": one.short_name,
        "version": one.version,
        "title": one.title,
        "native_format": one.native_format,
        **dict(zip(("west", "south", "east", "north"), one.bbox or (None,) * 4, strict=True)),
        "start": None if one.start is None else milliseconds(one.start),
        "stop": None if one.end is None else milliseconds(one.end),
        "origin": origin,
    }
    if one.kind:
        values |= {"kind": one.kind, "layout": json.dumps(one.layout, sort_keys=True)}
    return _put(connection, "collections", one.concept_id, values, old, change, now_ms, revision)


def put_variable(
    connection: sqlite3.Connection,
    one: Variable,
    document: bytes,
    *,
    native_id: str,
    provider: str,
    origin: Origin,
    now_ms: int,
    revision: int | None = None,
) -> Change:
    """The record itself; which collection it belongs to is `associate`."""
    old = held(connection, "variables", one.concept_id)
    change = put_document(connection, one.concept_id, document)
    values = {
        "provider": provider,
        "native_id": native_id,
        "name": one.name,
        "full_path": one.full_path,
        "alias": str(one.umm.get("Alias") or ""),
        "long_name": one.long_name,
        "type": one.type,
        "subtype": one.subtype,
        "origin": origin,
    }
    return _put(connection, "variables", one.concept_id, values, old, change, now_ms, revision)


def put_named(
    connection: sqlite3.Connection,
    table: Literal["services", "grids"],
    concept_id: str,
    document: bytes,
    *,
    name: str,
    native_id: str,
    provider: str,
    origin: Origin,
    now_ms: int,
    revision: int | None = None,
    service_type: str = "",
) -> Change:
    """A service or a grid."""
    old = held(connection, table, concept_id)
    change = put_document(connection, concept_id, document)
    values = {"provider": provider, "native_id": native_id, "name": name, "origin": origin}
    if table == "services":
        values["type"] = service_type
    return _put(connection, table, concept_id, values, old, change, now_ms, revision)


def put_granule(
    connection: sqlite3.Connection,
    one: Granule,
    document: bytes,
    parts: Sequence[Part],
    *,
    collection: int,
    origin: Origin,
    now_ms: int,
    revision: int | None = None,
) -> tuple[Change, int]:
    """A granule with its footprint, and the id of its row. collection: the number of its collection's row."""
    old = held(connection, "granules", one.concept_id)
    change = put_document(connection, one.concept_id, document)
    if old is not None and change == "unchanged" and old["collection"] == collection and old["shelf"] > 0:
        return change, old["id"]
    start = OPEN if one.start is None else milliseconds(one.start)
    stop = OPEN if one.end is None else milliseconds(one.end)
    box = hull(part.box for part in parts) or (None,) * 4
    shape = 0 if not parts else 1 if len(parts) == 1 and parts[0].kind == "box" else 2
    values = {
        "number": concept_number(one.concept_id),
        "collection": collection,
        "shelf": collection,
        "start": start,
        "stop": stop,
        **dict(zip("wsen", box, strict=True)),
        "shape": shape,
        "granule_ur": one.granule_ur,
        "name": one.granule_ur.casefold(),
        "producer": (producer_id(one.umm) or one.file_name).casefold(),
        "file_name": one.file_name,
        "media_type": one.media_type,
        "size_bytes": one.size_bytes,
        "data_urls": json.dumps(one.data_urls),
        "origin": origin,
    }
    change = _put(connection, "granules", one.concept_id, values, old, change, now_ms, revision)
    row = connection.execute("SELECT id FROM granules WHERE concept_id = ?", (one.concept_id,)).fetchone()
    _put_parts(connection, row[0], collection, start, stop, parts, shape, is_new=old is None)
    _counted(connection, collection, start, stop, old)
    return change, row[0]


def associate(
    connection: sqlite3.Connection, collection_id: str, concept_id: str, kind: str, *, role: str = "", origin: str
) -> bool:
    """Associate a variable, service or grid; whether anything was written. A hand-made one is never taken over."""
    sql = """
        INSERT INTO associations (collection_id, concept_id, type, role, origin) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET role = excluded.role, origin = excluded.origin
        WHERE origin <> 'hand' AND (role, origin) IS NOT (excluded.role, excluded.origin)"""
    return connection.execute(sql, (collection_id, concept_id, kind, role, origin)).rowcount > 0


def put_tag(connection: sqlite3.Connection, collection_id: str, tag_key: str, data: Any) -> bool:
    """Put a tag on a collection, making the tag where it is new; whether anything was written."""
    connection.execute("INSERT OR IGNORE INTO tags (tag_key, revision) VALUES (?, 1)", (tag_key.lower(),))
    sql = """
        INSERT INTO tag_associations (collection_id, tag_key, data, revision) VALUES (?, ?, ?, 1)
        ON CONFLICT DO UPDATE SET data = excluded.data, revision = revision + 1 WHERE data <> excluded.data"""
    return connection.execute(sql, (collection_id, tag_key.lower(), json.dumps(data))).rowcount > 0


def hide_granule(connection: sqlite3.Connection, granule: int) -> None:
    """Take a granule out of every search, its record kept: its file is missing."""
    row = connection.execute("SELECT collection, shelf FROM granules WHERE id = ?", (granule,)).fetchone()
    if row["shelf"] > 0:
        connection.execute("UPDATE granules SET shelf = -collection WHERE id = ?", (granule,))
        _add_to_count(connection, row["collection"], -1)


def show_granule(connection: sqlite3.Connection, granule: int) -> None:
    """Undo `hide_granule`: the file is back."""
    row = connection.execute("SELECT collection, shelf FROM granules WHERE id = ?", (granule,)).fetchone()
    if row["shelf"] < 0:
        connection.execute("UPDATE granules SET shelf = collection WHERE id = ?", (granule,))
        _add_to_count(connection, row["collection"], 1)


def delete_granule(connection: sqlite3.Connection, granule: int) -> None:
    """Take a granule out of the catalog, with its document, parts and facts."""
    hide_granule(connection, granule)
    _delete_tree_rows(connection, granule)
    row = connection.execute("SELECT concept_id FROM granules WHERE id = ?", (granule,)).fetchone()
    connection.execute("DELETE FROM granules WHERE id = ?", (granule,))
    connection.execute("DELETE FROM documents WHERE concept_id = ?", (row[0],))


def delete_concept(connection: sqlite3.Connection, table: str, concept_id: str) -> None:
    """Take a collection (without granules), variable, service or grid out of the catalog, with its associations."""
    connection.execute(f"DELETE FROM {table} WHERE concept_id = ?", (concept_id,))
    connection.execute("DELETE FROM associations WHERE ? IN (concept_id, collection_id)", (concept_id,))
    connection.execute("DELETE FROM tag_associations WHERE collection_id = ?", (concept_id,))
    connection.execute("DELETE FROM documents WHERE concept_id = ?", (concept_id,))


def held(connection: sqlite3.Connection, table: str, concept_id: str) -> sqlite3.Row | None:
    """The row of a concept as it stands now, if any."""
    row: sqlite3.Row | None = connection.execute(
        f"SELECT * FROM {table} WHERE concept_id = ?", (concept_id,)
    ).fetchone()
    return row


def _put(
    connection: sqlite3.Connection,
    table: str,
    concept_id: str,
    values: dict[str, Any],
    old: sqlite3.Row | None,
    change: Change,
    now_ms: int,
    revision: int | None,
) -> Change:
    if old is None:
        values = {"concept_id": concept_id, **values, "revision": revision or 1, "revised_at": now_ms}
        marks = ", ".join(f":{name}" for name in values)
        connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", values)
        return "added"
    if change == "unchanged" and all(old[name] == value for name, value in values.items()):
        return "unchanged"
    if change != "unchanged":
        values = {**values, "revision": max(revision or 0, old["revision"] + 1), "revised_at": now_ms}
    settings = ", ".join(f"{name} = :{name}" for name in values)
    connection.execute(f"UPDATE {table} SET {settings} WHERE concept_id = :id_", {**values, "id_": concept_id})
    return "updated"


def _put_parts(
    connection: sqlite3.Connection,
    granule: int,
    collection: int,
    start: int,
    stop: int,
    parts: Sequence[Part],
    shape: int,
    *,
    is_new: bool,
) -> None:
    if not is_new:
        _delete_tree_rows(connection, granule)
        connection.execute("DELETE FROM granule_parts WHERE granule = ?", (granule,))
    if shape == 2:
        connection.executemany(
            "INSERT INTO granule_parts (granule, part, w, s, e, n, kind, points) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(granule, number, *part.box, part.kind, part.packed()) for number, part in enumerate(parts)],
        )
    connection.executemany(INSERT, tree_rows(granule, collection, start, stop, (part.box for part in parts)))


def _delete_tree_rows(connection: sqlite3.Connection, granule: int) -> None:
    first = granule * PARTS_PER_GRANULE
    count = connection.execute("SELECT count(*) FROM granule_parts WHERE granule = ?", (granule,)).fetchone()[0]
    ids = [(first + number,) for number in range(max(count, 1))]
    connection.executemany("DELETE FROM granule_tree WHERE id = ?", ids)


def _counted(connection: sqlite3.Connection, collection: int, start: int, stop: int, old: sqlite3.Row | None) -> None:
    """Keep the collection's number of granules and its longest one, which only ever grows."""
    if old is not None and old["shelf"] > 0:
        _add_to_count(connection, old["collection"], -1)
    # Only an open end makes the span endless; a granule without time is outside of every temporal search.
    length = OPEN if start < OPEN <= stop else stop - start
    connection.execute(
        "UPDATE collections SET granule_count = granule_count + 1, longest_ms = max(longest_ms, ?) WHERE number = ?",
        (length, collection),
    )


def _add_to_count(connection: sqlite3.Connection, collection: int, number: int) -> None:
    connection.execute(
        "UPDATE collections SET granule_count = granule_count + ? WHERE number = ?", (number, collection)
    )
