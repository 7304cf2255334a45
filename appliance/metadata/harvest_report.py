"""Collections that a harvest touched, in numbers, read from their rows for the report."""

import sqlite3
from collections.abc import Iterable, Sequence

from appliance.database.connection import Database
from appliance.metadata.aggregates import chain_names
from appliance.metadata.instants import instant, written
from appliance.metadata.report import CollectionSummary

LEVELS_OF_OUS = ("3", "4")
MANY_COLLECTIONS = 20


def summaries(db: Database, numbers: Iterable[int]) -> list[CollectionSummary]:
    """One summary per collection, by short name and version."""
    rows = [db.row("SELECT * FROM collections WHERE number = ?", (number,)) for number in numbers]
    made = [_summary(db.connection, row) for row in rows if row is not None]
    return sorted(made, key=lambda one: (one.short_name, one.version, one.concept_id))


def mixed_names(collections: Sequence[CollectionSummary]) -> list[str]:
    """A word where names of files seem to have made too many collections."""
    single = [one for one in collections if one.granules == 1]
    if len(collections) > MANY_COLLECTIONS or len(single) == len(collections) >= 3:
        return [
            f"{len(collections)} collections, {len(single)} of them of one file: where these belong together, "
            "harvest them with --short-name"
        ]
    return []


def _summary(connection: sqlite3.Connection, row: sqlite3.Row) -> CollectionSummary:
    sql = """
        SELECT v.type, count(*) FROM associations AS a JOIN variables AS v USING (concept_id)
        WHERE a.collection_id = ? AND a.type = 'variable' GROUP BY v.type"""
    start, stop = instant(row["start"]), instant(row["stop"])
    box = [row["west"], row["south"], row["east"], row["north"]]
    chains = chain_names(connection, row["concept_id"], row["kind"])
    return CollectionSummary(
        concept_id=row["concept_id"],
        short_name=row["short_name"],
        version=row["version"],
        kind=row["kind"],
        granules=row["granule_count"],
        extent=None if box[0] is None else box,
        start=written(start) if start else None,
        end=written(stop) if stop else None,
        variables={str(name): count for name, count in connection.execute(sql, (row["concept_id"],)).fetchall()},
        chains=chains,
        notes=_notes(connection, row, chains),
    )


def _notes(connection: sqlite3.Connection, row: sqlite3.Row, chains: list[str]) -> list[str]:
    """What is missing, and what it keeps from working."""
    notes = []
    kinds = connection.execute(
        "SELECT kind, count(*) AS n FROM granule_facts WHERE collection = ? GROUP BY kind ORDER BY n DESC, kind",
        (row["number"],),
    ).fetchall()
    others = [f"{one['n']} of kind {one['kind']}" for one in kinds if one["kind"] not in (row["kind"], "empty")]
    if others:
        notes.append(f"also {', '.join(others)}")
    layouts = connection.execute(
        "SELECT count(DISTINCT layout) FROM granule_facts WHERE collection = ? AND kind <> 'empty'", (row["number"],)
    ).fetchone()[0]
    if layouts > 1:
        notes.append("granules differ in their grid or coordinates: exact indices are kept for each granule")
    if row["kind"].startswith("grid"):
        level = connection.execute(
            "SELECT document ->> '$.ProcessingLevel.Id' FROM (SELECT CAST(document AS TEXT) AS document"
            " FROM documents WHERE concept_id = ?)",
            (row["concept_id"],),
        ).fetchone()[0]
        if level not in LEVELS_OF_OUS:
            notes.append(f"processing level {level!r}: OPeNDAP URLs of versions 1 and 2 are for levels 3 and 4 only")
    if row["kind"] and not chains:
        notes.append("no service chain can cut it: download only")
    return notes
