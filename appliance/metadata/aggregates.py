"""After files came or went: a collection's own record, its variables, grid and chains, made again from rows.

In the caller's transaction; opens no file. Records that came as documents are left as they are. What the files say
together is `union.py`, how records look `collection_records.py` and `variable_records.py`.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from appliance.metadata.associate import CHAINS, chains_for, service_id
from appliance.metadata.collection_records import around, collection_record, grid_record
from appliance.metadata.concept_ids import SMALLEST, concept_id, concept_number
from appliance.metadata.footprint import LINE_HALF_WIDTH, Box
from appliance.metadata.granule_records import record_bytes
from appliance.metadata.instants import FIRST, LAST, OPEN, instant, written
from appliance.metadata.record_rows import associate, delete_concept, held, put_collection, put_named, put_variable
from appliance.metadata.stored_facts import measures_of, shared_document
from appliance.metadata.umm import collection_of, variable_of
from appliance.metadata.union import Described, UnifiedVariable, Union, unite

GRID_KINDS = ("grid-geographic", "grid-projected")

_DESCRIBED = """
    SELECT f.granule, f.kind, f.description, f.layout
    FROM granule_facts AS f JOIN granules AS g ON g.id = f.granule
    WHERE f.collection = ? ORDER BY g.start, g.name, g.id"""


def rebuild(connection: sqlite3.Connection, collection: int, now_ms: int) -> Union | None:
    """Make a collection's records again. None when none of its granules was described."""
    rows = [Described(*row) for row in connection.execute(_DESCRIBED, (collection,)).fetchall()]
    row = connection.execute("SELECT * FROM collections WHERE number = ?", (collection,)).fetchone()
    if not rows:
        return None
    descriptions = {n: shared_document(connection, n) for n in {one.description for one in rows}}
    layouts = {n: shared_document(connection, n) for n in {one.layout for one in rows}}
    measured: dict[int, Mapping[str, Any]] = {}

    def measures(granule: int) -> Mapping[str, Any]:
        if granule not in measured:
            measured[granule] = measures_of(connection, granule)
        return measured[granule]

    union = unite(rows, descriptions, layouts, measures)
    first = next((one for one in rows if one.kind != "empty"), rows[0])
    _put_variables(connection, row, union, now_ms)
    _put_chains(connection, row["concept_id"], union)
    _put_grid(connection, row, union, measures(first.granule), now_ms)
    _put_collection(connection, row, union, measures(first.granule), now_ms)
    return union


def _put_collection(
    connection: sqlite3.Connection, row: sqlite3.Row, union: Union, first: Mapping[str, Any], now_ms: int
) -> None:
    layout = json.dumps(union.layout, sort_keys=True)
    if row["origin"] == "files":
        record = _record(connection, row, union, first)
        one = collection_of(record, row["concept_id"], row["provider"])
        if _times(connection, row["number"])[0] is None:
            one = replace(one, start=None, end=None)  # the record has to say something, the row has not
        put_collection(
            connection,
            one,
            record_bytes(record),
            native_id=row["native_id"],
            origin="files",
            now_ms=now_ms,
        )
    connection.execute(
        "UPDATE collections SET kind = :kind, layout = :layout WHERE number = :number"
        " AND (kind, layout) IS NOT (:kind, :layout)",
        {"kind": union.kind, "layout": layout, "number": row["number"]},
    )


def _record(connection: sqlite3.Connection, row: sqlite3.Row, union: Union, first: Mapping[str, Any]) -> dict[str, Any]:
    start, stop = _times(connection, row["number"])
    boxes = _boxes(connection, row["number"])
    is_curved = first["extent"] in ("polygons", "lines")
    title = str(first["title"] or "").strip()
    return collection_record(
        short_name=row["short_name"],
        version=row["version"],
        provider=row["provider"],
        kind=union.kind,
        texts=first["attributes"],
        title=title or f"{row['short_name']} version {row['version']}",
        doi=first["doi"],
        native_format=first["format"],
        representation="NO_SPATIAL" if not boxes else "GEODETIC" if is_curved else "CARTESIAN",
        box=around(boxes),
        start=start,
        end=stop,
        described_at=first["production"] or "1970-01-01T00:00:00.000Z",
    )


def _times(connection: sqlite3.Connection, collection: int) -> tuple[str | None, str | None]:
    """First start and last end of all granules, hidden ones too: a file that is away for a day changes no record."""
    row = connection.execute(
        "SELECT min(start), max(stop) FROM granules WHERE collection = ? AND start < ?", (collection, OPEN)
    ).fetchone()
    start, stop = (instant(ms) if ms is not None and FIRST <= ms <= LAST else None for ms in row)
    return (written(start) if start else None), (written(stop) if stop else None)


def _boxes(connection: sqlite3.Connection, collection: int) -> list[Box]:
    sql = """
        SELECT DISTINCT w, s, e, n FROM granules WHERE collection = :collection AND shape = 1
        UNION SELECT p.w + width, p.s + width, p.e - width, p.n - width FROM (
            SELECT p.*, CASE p.kind WHEN 'line' THEN :width ELSE 0 END AS width
            FROM granules AS g JOIN granule_parts AS p ON p.granule = g.id
            WHERE g.collection = :collection AND g.shape = 2) AS p"""
    values = {"collection": collection, "width": LINE_HALF_WIDTH}
    return [(r[0], r[1], r[2], r[3]) for r in connection.execute(sql, values).fetchall()]


def _put_variables(connection: sqlite3.Connection, row: sqlite3.Row, union: Union, now_ms: int) -> None:
    """Variables that came as documents stay; beside a copied collection's own variables none are added."""
    sql = """
        SELECT v.full_path, v.origin, v.concept_id FROM associations AS a JOIN variables AS v USING (concept_id)
        WHERE a.collection_id = ? AND a.type = 'variable'"""
    present = connection.execute(sql, (row["concept_id"],)).fetchall()
    given = {one["full_path"] for one in present if one["origin"] == "document"}
    is_copied = concept_number(row["concept_id"]) < SMALLEST
    wanted: Sequence[UnifiedVariable] = () if is_copied and given else union.variables
    kept = set()
    for one in wanted:
        if one.path not in given:
            kept.add(_put_variable(connection, row, one, now_ms))
    for one in present:
        if one["origin"] == "files" and one["concept_id"] not in kept:
            delete_concept(connection, "variables", one["concept_id"])


def _put_variable(connection: sqlite3.Connection, row: sqlite3.Row, one: UnifiedVariable, now_ms: int) -> str:
    native_id = f"{row['native_id']}:{one.path}"

    def is_taken(identifier: str) -> bool:
        other = held(connection, "variables", identifier)
        return other is not None and (other["provider"], other["native_id"]) != (row["provider"], native_id)

    identifier = concept_id("variable", row["provider"], native_id, is_taken)
    put_variable(
        connection,
        variable_of(one.record, identifier, row["concept_id"], role=one.role),
        record_bytes(one.record),
        native_id=native_id,
        provider=row["provider"],
        origin="files",
        now_ms=now_ms,
    )
    associate(connection, row["concept_id"], identifier, "variable", role=one.role, origin="computed")
    return identifier


def _put_chains(connection: sqlite3.Connection, collection_id: str, union: Union) -> None:
    """Computed associations are computed again; those made by hand, and those of a copied record, stay."""
    wanted = {service_id(name) for name in chains_for(union.structure)}
    sql = "SELECT concept_id FROM associations WHERE collection_id = ? AND type = 'service' AND origin = 'computed'"
    for (present,) in connection.execute(sql, (collection_id,)).fetchall():
        if present not in wanted:
            connection.execute(
                "DELETE FROM associations WHERE collection_id = ? AND type = 'service' AND concept_id = ?",
                (collection_id, present),
            )
    for identifier in sorted(wanted):
        if held(connection, "services", identifier) is not None:
            associate(connection, collection_id, identifier, "service", origin="computed")


def _put_grid(
    connection: sqlite3.Connection, row: sqlite3.Row, union: Union, first: Mapping[str, Any], now_ms: int
) -> None:
    """The collection's own grid as `<short name>.<version>`, so that another can be put on it by name."""
    if union.kind not in GRID_KINDS or not first["grids"]:
        return
    grid = first["grids"][0]
    name = row["native_id"]
    identifier = concept_id("grid", row["provider"], name)
    old = held(connection, "grids", identifier)
    if not grid.get("crs") or (old is not None and old["origin"] != "files"):
        return
    record = grid_record(
        name, grid["crs"], grid["bounds"], grid["size"], first["production"] or "1970-01-01T00:00:00.000Z"
    )
    put_named(
        connection,
        "grids",
        identifier,
        record_bytes(record),
        name=name,
        native_id=name,
        provider=row["provider"],
        origin="files",
        now_ms=now_ms,
    )
    associate(connection, row["concept_id"], identifier, "grid", origin="computed")


def chain_names(connection: sqlite3.Connection, collection_id: str, kind: str) -> list[str]:
    """Names of the associated services, in the order of the chains of the kind."""
    sql = """
        SELECT s.name FROM associations AS a JOIN services AS s USING (concept_id)
        WHERE a.collection_id = ? AND a.type = 'service'"""
    names = {row[0] for row in connection.execute(sql, (collection_id,)).fetchall()}
    ordered = [name for name, _ in CHAINS.get(kind, ())]
    return sorted(names, key=lambda name: (ordered.index(name) if name in ordered else len(ordered), name))
