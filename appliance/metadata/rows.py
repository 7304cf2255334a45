"""Reading the catalog: rows -> concepts. Searching granules is `granule_search.py`, writing `record_rows.py`."""

import json
import sqlite3
import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from appliance.database.connection import Database
from appliance.metadata.concepts import Collection, Granule, GranulePage, GranuleSearch, Grid, Service, Variable
from appliance.metadata.footprint import Box
from appliance.metadata.granule_search import count_matching, cursor_of, key_of, matching_keys
from appliance.metadata.instants import OPEN, instant
from appliance.metadata.stored_document import StoredDocument
from appliance.metadata.umm import grid_of, service_of

CONCEPT_TABLES = ("collections", "granules", "variables", "services", "grids")

_COLLECTIONS = """
    SELECT c.*, d.document,
           (SELECT json_group_array(a.concept_id) FROM (SELECT concept_id FROM associations WHERE collection_id =
               c.concept_id AND type = 'service' ORDER BY concept_id) AS a) AS services,
           (SELECT json_group_object(t.tag_key, json(t.data)) FROM tag_associations AS t
               WHERE t.collection_id = c.concept_id) AS tags
    FROM collections AS c JOIN documents AS d USING (concept_id)"""

_VARIABLES = """
    SELECT v.*, a.collection_id, a.role, d.document
    FROM associations AS a JOIN variables AS v USING (concept_id) JOIN documents AS d USING (concept_id)"""

_GRANULES = """
    SELECT g.*, d.document, c.concept_id AS collection_id, f.root, f.path,
           (SELECT l.document FROM granule_facts AS x JOIN descriptions AS l ON l.id = x.layout
               WHERE x.granule = g.id) AS layouts
    FROM granules AS g
    JOIN collections AS c ON c.number = g.collection
    JOIN documents AS d ON d.concept_id = g.concept_id
    LEFT JOIN files AS f ON f.id = (
        SELECT min(id) FROM files WHERE granule = g.id AND role = 'data' AND missing = 0)"""


def collections_by_ids(db: Database, ids: Sequence[str]) -> list[Collection]:
    """In the order asked; absent ones are left out."""
    sql = f"{_COLLECTIONS} WHERE c.concept_id IN (SELECT value FROM json_each(?))"
    found = {row["concept_id"]: _collection(row) for row in db.rows(sql, (json.dumps(list(ids)),))}
    return [found[one] for one in ids if one in found]


def collections_by_short_name(db: Database, name: str) -> list[Collection]:
    """All versions; the one whose record was revised last comes first."""
    sql = f"{_COLLECTIONS} WHERE c.short_name = ? ORDER BY c.revised_at DESC, c.version DESC, c.number DESC"
    return [_collection(row) for row in db.rows(sql, (name,))]


def all_collections(db: Database) -> list[Collection]:
    """Every collection, by short name and version."""
    return [_collection(row) for row in db.rows(f"{_COLLECTIONS} ORDER BY c.short_name, c.version, c.number")]


def variables_of(db: Database, collection_id: str, *, role: str | None = None) -> list[Variable]:
    """Variables of a collection by lower-cased name, then provider. role: data or support; None: both."""
    wanted = "" if role is None else " AND a.role = :role"
    sql = (
        f"{_VARIABLES} WHERE a.collection_id = :collection AND a.type = 'variable'{wanted}"
        " ORDER BY lower(v.name), v.provider, v.concept_id"
    )
    return [_variable(row) for row in db.rows(sql, {"collection": collection_id, "role": role})]


def variables_by_ids(db: Database, ids: Sequence[str]) -> list[Variable]:
    """By lower-cased name, then provider; absent ones are left out. Of a shared variable, its first collection."""
    sql = f"{_VARIABLES} WHERE a.type = 'variable' AND a.concept_id IN (SELECT value FROM json_each(?))"
    sql += " GROUP BY a.concept_id HAVING a.collection_id = min(a.collection_id)"
    sql += " ORDER BY lower(v.name), v.provider, v.concept_id"
    return [_variable(row) for row in db.rows(sql, (json.dumps(list(ids)),))]


def granule(db: Database, concept_id: str) -> Granule | None:
    """A granule by id; None for an unknown one and for one whose file is missing."""
    found = _granules(db, "g.concept_id = ? AND g.shelf > 0", (concept_id,))
    return found[0] if found else None


def search_granules(db: Database, search: GranuleSearch, *, limit: int, cursor: str | None = None) -> GranulePage:
    """One page by start time, then digits of the id; granules without time last. cursor: that of the page before."""
    keys = matching_keys(db, search, limit=limit, after=key_of(cursor) if cursor else None)
    found = {one.concept_id: one for one in _granules_by_key(db, [key[2] for key in keys])}
    # A granule may have gone between the two reads: the page is then shorter, the cursor still right.
    return GranulePage(tuple(found.values()), cursor_of(keys[-1]) if keys and len(keys) == limit else None)


def count_granules(db: Database, search: GranuleSearch) -> int:
    """How many granules a search finds: a full pass over the collection's index."""
    return count_matching(db, search)


def grids_by_name(db: Database, name: str) -> list[Grid]:
    """Output grids of that name, whoever provides them; ours first."""
    sql = "SELECT g.*, d.document FROM grids AS g JOIN documents AS d USING (concept_id) WHERE g.name = ?"
    sql += " ORDER BY g.provider <> 'HARMONIUM', g.provider, g.concept_id"
    return [grid_of(StoredDocument(row["document"]), row["concept_id"]) for row in db.rows(sql, (name,))]


def services_by_ids(db: Database, ids: Sequence[str]) -> list[Service]:
    """In the order asked; absent ones are left out."""
    sql = "SELECT s.*, d.document FROM services AS s JOIN documents AS d USING (concept_id)"
    sql += " WHERE s.concept_id IN (SELECT value FROM json_each(?))"
    rows = db.rows(sql, (json.dumps(list(ids)),))
    found = {row["concept_id"]: service_of(StoredDocument(row["document"]), row["concept_id"]) for row in rows}
    return [found[one] for one in ids if one in found]


def concept(db: Database, concept_id: str) -> Mapping[str, Any] | None:
    """The record of any concept, as stored; None for an unknown id."""
    text = document(db, concept_id)
    return None if text is None else StoredDocument(text)


def document(db: Database, concept_id: str) -> bytes | None:
    """The bytes of a record as they were stored."""
    row = db.row("SELECT document FROM documents WHERE concept_id = ?", (concept_id,))
    return None if row is None else bytes(row["document"])


def counts(db: Database) -> dict[str, int]:
    """How many records of each kind there are; granules whose files are missing are not counted."""
    numbers = {table: _count(db, table) for table in ("collections", "variables", "services", "grids")}
    row = db.row("SELECT coalesce(sum(granule_count), 0) FROM collections")
    return {"collections": numbers["collections"], "granules": row[0] if row else 0, **numbers}


def _count(db: Database, table: str) -> int:
    row = db.row(f"SELECT count(*) FROM {table}")
    return int(row[0]) if row else 0


def _granules_by_key(db: Database, ids: Sequence[int]) -> list[Granule]:
    return _granules(db, "g.id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),))


def _granules(db: Database, where: str, values: Sequence[Any]) -> list[Granule]:
    rows = db.rows(f"{_GRANULES} WHERE {where} ORDER BY g.start, g.number, g.id", values)
    parts = _parts(db, [row["id"] for row in rows if row["shape"] == 2])
    return [_granule(row, parts.get(row["id"], ())) for row in rows]


def _parts(db: Database, ids: Iterable[int]) -> dict[int, tuple[Box, ...]]:
    """Boxes of each granule that has several, or polygons or lines: exact for what is drawn, not for lines' width."""
    ids = list(ids)
    if not ids:
        return {}
    sql = (
        "SELECT granule, kind, w, s, e, n, points FROM granule_parts WHERE granule IN (SELECT value FROM json_each(?))"
    )
    found: dict[int, list[Box]] = {}
    for row in db.rows(f"{sql} ORDER BY granule, part", (json.dumps(ids),)):
        box: Box = (row["w"], row["s"], row["e"], row["n"])
        if row["kind"] == "line":
            values = struct.unpack(f"<{len(row['points']) // 8}d", row["points"])
            box = (min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2]))
        found.setdefault(row["granule"], []).append(box)
    return {number: tuple(boxes) for number, boxes in found.items()}


def _collection(row: sqlite3.Row) -> Collection:
    box = (row["west"], row["south"], row["east"], row["north"])
    return Collection(
        concept_id=row["concept_id"],
        short_name=row["short_name"],
        version=row["version"],
        title=row["title"],
        provider=row["provider"],
        kind=row["kind"],
        native_format=row["native_format"],
        granule_count=row["granule_count"],
        bbox=None if box[0] is None else box,
        start=instant(row["start"]),
        end=instant(row["stop"]),
        service_ids=tuple(json.loads(row["services"])),
        tags=json.loads(row["tags"] or "{}"),
        layout=json.loads(row["layout"]),
        revision=row["revision"],
        umm=StoredDocument(row["document"]),
    )


def _variable(row: sqlite3.Row) -> Variable:
    return Variable(
        concept_id=row["concept_id"],
        name=row["name"],
        full_path=row["full_path"],
        collection_id=row["collection_id"],
        long_name=row["long_name"],
        type=row["type"],
        subtype=row["subtype"],
        role=row["role"] or "data",
        umm=StoredDocument(row["document"]),
    )


def _granule(row: sqlite3.Row, parts: tuple[Box, ...]) -> Granule:
    boxes = parts if row["shape"] == 2 else ((row["w"], row["s"], row["e"], row["n"]),) if row["shape"] else ()
    return Granule(
        concept_id=row["concept_id"],
        granule_ur=row["granule_ur"],
        collection_id=row["collection_id"],
        boxes=boxes,
        start=_time(row["start"]),
        end=_time(row["stop"]),
        size_bytes=row["size_bytes"],
        file_name=row["file_name"],
        media_type=row["media_type"],
        local_path=None if row["root"] is None else f"{row['root'].rstrip('/')}/{row['path']}",
        root=row["root"],
        data_urls=tuple(json.loads(row["data_urls"])),
        revision=row["revision"],
        layout=main_layout(json.loads(row["layouts"])) if row["layouts"] else {},
        umm=StoredDocument(row["document"]),
    )


def main_layout(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """The layout of the main coordinate pair of stored layouts ({"layouts": [...], "main": index or None})."""
    main = stored.get("main")
    return {} if main is None else stored["layouts"][main]


def _time(ms: int) -> datetime | None:
    return None if ms >= OPEN else instant(ms)
