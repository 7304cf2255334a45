"""Harvesting UMM-JSON files: collections before what needs them, 500 records a transaction, a bad one named.

A file whose records all went in is remembered and not opened again until it changes. Which record goes where is
`documents.py`.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path

from appliance.database.connection import Database
from appliance.metadata.documents import LATER, Place, UnknownCollection, find_collection, put_record
from appliance.metadata.file_records import Said
from appliance.metadata.file_rows import content_id, put_file
from appliance.metadata.record_files import Found, holds_records, read_records
from appliance.metadata.report import HarvestReport
from appliance.metadata.umm import RecordError
from appliance.metadata.walk import Seen

PER_TRANSACTION = 500
COLLECTION_FILE = "collection.umm_json"


def harvest_documents(
    db: Database, files: Sequence[Seen], said: Said, now: datetime, report: HarvestReport, tell: Callable[[str], None]
) -> set[int]:
    """Put all records of the files into the catalog; the numbers of the collections whose own records changed."""
    work = _Documents(db, said, now, report)
    first = sorted(files, key=lambda one: (one.name != COLLECTION_FILE, "collection" not in one.name.lower(), one.path))
    postponed = [one for one in first if not work.file(one, is_last_try=False)]
    for one in first:
        if one not in postponed:
            tell(one.name)
    for one in postponed:
        work.file(one, is_last_try=True)
        tell(one.name)
    return work.touched


class _Documents:
    def __init__(self, db: Database, said: Said, now: datetime, report: HarvestReport):
        self.db = db
        self.said = said
        self.now_ms = int(now.timestamp() * 1000)
        self.report = report
        self.touched: set[int] = set()
        self.place = Place(provider=said.provider, now_ms=self.now_ms)

    def file(self, seen: Seen, *, is_last_try: bool) -> bool:
        """Harvest one file. False: some record's collection is not known yet, and there is another try."""
        try:
            if seen.name.lower().endswith(".json") and not holds_records(Path(seen.path)) and not _is_ours(seen.name):
                return True  # JSON of some other kind
            records = sorted(read_records(Path(seen.path)), key=lambda one: LATER[one.kind])
        except (RecordError, OSError) as error:
            self.report.add("failed", seen.relative, getattr(error, "strerror", None) or str(error))
            return True
        self.place.collection_id = self._collection_of(seen)
        waiting: list[tuple[Found, RecordError]] = []
        failed = False
        for batch in _batches(records):
            with self.db.immediate() as connection:
                for record in batch:
                    try:
                        self._put(connection, record)
                    except UnknownCollection as error:
                        waiting.append((record, error))
                    except RecordError as error:
                        failed = True
                        if is_last_try or not waiting:
                            self.report.add("failed", seen.relative, f"{record.kind} {record.name}: {error}")
        if waiting and not is_last_try:
            return False
        for record, reason in waiting:
            self.report.add("failed", seen.relative, f"{record.kind} {record.name}: {reason}")
        if not waiting and not failed:
            self._remember(seen)
        return True

    def _put(self, connection: sqlite3.Connection, record: Found) -> None:
        with savepoint(connection):
            stored = put_record(connection, record, self.place)
        if stored.change == "unchanged":
            return
        self.report.changes[f"{stored.kind}s {stored.change}"] += 1
        if stored.kind == "collection":
            sql = "SELECT number FROM collections WHERE concept_id = ?"
            self.touched.add(connection.execute(sql, (stored.concept_id,)).fetchone()[0])

    def _remember(self, seen: Seen) -> None:
        with self.db.immediate() as connection:
            put_file(connection, seen, content_id(seen.path), granule=None, role="record", asked=self.said.asked())

    def _collection_of(self, seen: Seen) -> str | None:
        """The collection of bare variable records: the command line's, else that of the nearest collection.umm_json."""
        connection = self.db.connection
        if self.said.short_name:
            row = find_collection(connection, self.said.short_name, self.said.version, provider=self.said.provider)
            return row["concept_id"] if row else None
        for folder in Path(seen.path).parents:
            if len(str(folder)) < len(seen.root):
                return None
            umm = _collection_record(folder / COLLECTION_FILE)
            if umm is not None:
                names = str(umm.umm.get("ShortName") or ""), str(umm.umm.get("Version") or "")
                row = find_collection(connection, *names, provider=self.said.provider)
                return row["concept_id"] if row else None
        return None


@contextmanager
def savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    """Undo what one record wrote when it fails, and nothing else of the transaction."""
    connection.execute("SAVEPOINT one")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK TO one")
        raise
    finally:
        connection.execute("RELEASE one")


def _collection_record(path: Path) -> Found | None:
    try:
        return next((one for one in read_records(path) if one.kind == "collection"), None)
    except (RecordError, OSError):
        return None


def _is_ours(name: str) -> bool:
    """Names that promise a record, so that a file without one is told."""
    return name.lower().endswith((".umm_json", ".cmr.json"))


def _batches(records: Iterable[Found]) -> Iterator[list[Found]]:
    remaining = iter(records)
    while batch := list(islice(remaining, PER_TRANSACTION)):
        yield batch
