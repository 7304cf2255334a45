"""Files that are gone, back or elsewhere: granules are hidden, shown, moved, and with `--prune` deleted, as is what
then hangs in the air. The files themselves are never touched.
"""

import sqlite3

from appliance.database.connection import Database
from appliance.metadata.file_changes import Changes
from appliance.metadata.file_rows import FileRow, forget_file, move_file, set_missing
from appliance.metadata.record_rows import delete_concept, delete_granule, hide_granule, show_granule
from appliance.metadata.report import HarvestReport

MOST_PRUNED = 0.1  # of the known files, without being asked again


def apply_removals(db: Database, changes: Changes, report: HarvestReport, *, prune: bool, confirmed: bool) -> set[int]:
    """Carry out what `compare` found; the numbers of the collections whose granules came, went or were deleted."""
    touched: set[int] = set()
    with db.immediate() as connection:
        for row, candidate in changes.moved:
            move_file(connection, row, candidate.seen)
            touched |= _shown(connection, row)
            report.add("moved", candidate.seen.relative, f"was {row.place}")
        for row in changes.returned:
            set_missing(connection, row.id, missing=False)
            touched |= _shown(connection, row)
        for path, first in changes.duplicates:
            report.add("skipped", path, f"the same file as {first}, which is the granule")
        gone = [row for row in changes.gone if prune or not row.missing]
        for row in gone:
            set_missing(connection, row.id, missing=True)
            touched |= _hidden(connection, row)
            report.add("missing", row.path, "gone; hidden until it returns" if not prune else "gone")
        if prune and gone:
            touched |= _prune(connection, gone, report, confirmed=confirmed)
    return touched


def drop_granule(connection: sqlite3.Connection, granule: int) -> int:
    """Delete a granule that was made from files which are no longer its own; the number of its collection."""
    row = connection.execute("SELECT collection FROM granules WHERE id = ?", (granule,)).fetchone()
    delete_granule(connection, granule)
    return int(row[0])


def drop_empty_collection(connection: sqlite3.Connection, number: int) -> bool:
    """Delete a collection made from files when it has no granule left, with its variables and grid."""
    row = connection.execute("SELECT * FROM collections WHERE number = ?", (number,)).fetchone()
    left = connection.execute("SELECT 1 FROM granules WHERE collection = ? LIMIT 1", (number,)).fetchone()
    if row is None or left is not None or row["origin"] != "files":
        return False
    for table, kind in (("variables", "variable"), ("grids", "grid")):
        sql = f"""
            SELECT c.concept_id FROM associations AS a JOIN {table} AS c USING (concept_id)
            WHERE a.collection_id = ? AND a.type = ? AND c.origin = 'files'"""
        for (identifier,) in connection.execute(sql, (row["concept_id"], kind)).fetchall():
            delete_concept(connection, table, identifier)
    delete_concept(connection, "collections", row["concept_id"])
    return True


def _prune(connection: sqlite3.Connection, gone: list[FileRow], report: HarvestReport, *, confirmed: bool) -> set[int]:
    known = connection.execute("SELECT count(*) FROM files").fetchone()[0]
    if len(gone) > MOST_PRUNED * known and not confirmed:
        report.notes.append(f"--prune would delete {len(gone)} of {known} files: nothing was deleted; add --yes")
        return set()
    touched = set()
    for row in gone:
        forget_file(connection, row.id)
        if row.role != "data" or row.granule is None:
            continue
        origin = connection.execute("SELECT origin FROM granules WHERE id = ?", (row.granule,)).fetchone()
        if origin is not None and origin["origin"] == "files" and not _has_file(connection, row.granule):
            touched.add(drop_granule(connection, row.granule))
            report.changes["granules deleted"] += 1
    return {number for number in touched if not drop_empty_collection(connection, number)}


def _shown(connection: sqlite3.Connection, row: FileRow) -> set[int]:
    if row.granule is None or row.role != "data":
        return set()
    show_granule(connection, row.granule)
    return _collection(connection, row.granule)


def _hidden(connection: sqlite3.Connection, row: FileRow) -> set[int]:
    """Hide the granule of a missing file, unless a record came for it: then it is still where its links say."""
    if row.granule is None or row.role != "data" or _has_file(connection, row.granule):
        return set()
    origin = connection.execute("SELECT origin FROM granules WHERE id = ?", (row.granule,)).fetchone()
    if origin["origin"] != "files":
        return set()
    hide_granule(connection, row.granule)
    return _collection(connection, row.granule)


def _has_file(connection: sqlite3.Connection, granule: int) -> bool:
    sql = "SELECT 1 FROM files WHERE granule = ? AND role = 'data' AND missing = 0"
    return connection.execute(sql, (granule,)).fetchone() is not None


def _collection(connection: sqlite3.Connection, granule: int) -> set[int]:
    return {row[0] for row in connection.execute("SELECT collection FROM granules WHERE id = ?", (granule,))}
