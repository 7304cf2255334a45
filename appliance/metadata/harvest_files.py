"""Harvesting data files: described elsewhere, catalogued in batches, each batch with the records of its collections.

A file that cannot be described or placed is told and the rest goes on. Where a file belongs is `file_records.py`.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.database.connection import Database
from appliance.metadata.aggregates import rebuild
from appliance.metadata.file_changes import Candidate, Changes, beside_text
from appliance.metadata.file_records import Beside, Placed, Said, put_described
from appliance.metadata.file_rows import content_id, whole_sha256
from appliance.metadata.granule_records import geometry_of
from appliance.metadata.harvest_documents import savepoint
from appliance.metadata.record_files import read_records
from appliance.metadata.removal import drop_empty_collection, drop_granule
from appliance.metadata.report import HarvestReport
from appliance.metadata.umm import RecordError, producer_id
from appliance.metadata.walk import Seen

PER_TRANSACTION = 500
LONGEST_WAIT_S = 10.0  # before described files become visible


def harvest_files(
    db: Database,
    changes: Changes,
    said: Said,
    describe: Callable[[list[str]], Iterator[dict[str, Any]]],
    now: Callable[[], datetime],
    report: HarvestReport,
    tell: Callable[[str], None],
    *,
    checksum: bool,
) -> set[int]:
    """Describe and catalogue; the numbers of the collections that were touched."""
    work = _Files(db, said, now, report, checksum)
    candidates = _once(changes, report)
    touched: set[int] = set()
    batch: list[tuple[Candidate, Mapping[str, Any]]] = []
    begun = time.monotonic()
    described = describe([one.seen.path for one in candidates]) if candidates else iter(())
    try:
        for candidate, facts in zip(candidates, described, strict=True):
            batch.append((candidate, facts))
            tell(candidate.seen.name)
            if len(batch) >= PER_TRANSACTION or time.monotonic() - begun > LONGEST_WAIT_S:
                full, batch, begun = batch, [], time.monotonic()
                touched |= work.put(full)
    finally:
        # Also when describing broke off (no child could be made, Ctrl-C): what is known goes in.
        touched |= work.put(batch)
    return touched


def _once(changes: Changes, report: HarvestReport) -> list[Candidate]:
    """Of files with one content and name the first by path is the granule; the others are told."""
    first: dict[tuple[str, str], str] = {}
    kept = []
    for one in sorted(changes.describe, key=lambda one: (one.known is None, one.seen.path)):
        key = (one.content, one.seen.name)
        if one.known is None and key in first:
            report.add("skipped", one.seen.path, f"the same file as {first[key]}, which is the granule")
        else:
            kept.append(one)
            first.setdefault(key, one.seen.path)
    return sorted(kept, key=lambda one: one.seen.path)


class _Files:
    def __init__(self, db: Database, said: Said, now: Callable[[], datetime], report: HarvestReport, checksum: bool):
        self.db = db
        self.said = said
        self.now = now
        self.report = report
        self.checksum = checksum

    def put(self, batch: list[tuple[Candidate, Mapping[str, Any]]]) -> set[int]:
        """One transaction: the files, then the records of their collections."""
        if not batch:
            return set()
        now = self.now()
        prepared = [one for one in (self._prepared(candidate, facts) for candidate, facts in batch) if one]
        touched: set[int] = set()
        with self.db.immediate() as connection:
            for candidate, facts, said, beside in prepared:
                try:
                    with savepoint(connection):
                        placed = put_described(connection, candidate.seen, candidate.content, facts, said, beside, now)
                        touched |= self._leave_old(connection, candidate, placed)
                except RecordError as error:
                    self.report.add("failed", candidate.seen.relative, str(error))
                    continue
                touched.add(placed.collection)
                self._told(candidate.seen, facts, placed)
            alive = {number for number in touched if not drop_empty_collection(connection, number)}
            for number in sorted(alive):
                rebuild(connection, number, int(now.timestamp() * 1000))
        return alive

    def _prepared(
        self, candidate: Candidate, facts: Mapping[str, Any]
    ) -> tuple[Candidate, Mapping[str, Any], Said, Beside] | None:
        """What can fail outside of the transaction: the description, the record beside the file, its bytes."""
        seen = candidate.seen
        if "error" in facts:
            self.report.add("failed", seen.relative, f"not catalogued: {facts['error']}")
            return None
        try:
            status = os.stat(seen.path)  # noqa: PTH116
            if (status.st_size, status.st_mtime_ns) != (seen.size, seen.mtime_ns):
                self.report.add("skipped", seen.relative, "changed while it was read; the next harvest takes it")
                return None
            pictures = tuple((picture, content_id(picture.path)) for picture in candidate.browse)
            digest = whole_sha256(seen.path) if self.checksum else None
        except OSError as error:
            self.report.add("failed", seen.relative, error.strerror or str(error))
            return None
        sidecar = self._sidecar(candidate, facts)
        said = Said(self.said.provider, self.said.short_name, self.said.version, self.said.kind, sidecar)
        read = candidate.sidecar if sidecar is not None else None
        beside = Beside(beside_text(read or candidate.sidecar, candidate.browse), pictures, digest)
        return candidate, facts, said, beside

    def _sidecar(self, candidate: Candidate, facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The record beside a file. One that cannot be used is told, and the file stands for itself."""
        if candidate.sidecar is None:
            return None
        try:
            found = read_records(Path(candidate.sidecar.path))
            if len(found) != 1 or found[0].kind != "granule":
                raise RecordError(f"holds {found[0].kind} records; allowed: one UMM-G record of {candidate.seen.name}")
            _check_sidecar(found[0].umm, candidate.seen.name, facts)
        except (RecordError, OSError) as error:
            self.report.add("failed", candidate.sidecar.relative, getattr(error, "strerror", None) or str(error))
            return None
        return found[0].umm

    def _leave_old(self, connection: sqlite3.Connection, candidate: Candidate, placed: Placed) -> set[int]:
        """A file that became another granule leaves its old one behind: delete that if nothing else holds it."""
        old = candidate.known.granule if candidate.known else None
        if old is None:
            return set()
        row = connection.execute("SELECT concept_id, origin FROM granules WHERE id = ?", (old,)).fetchone()
        if row is None or row["concept_id"] == placed.concept_id or row["origin"] != "files":
            return set()
        held = connection.execute("SELECT 1 FROM files WHERE granule = ? AND role = 'data'", (old,)).fetchone()
        return set() if held else {drop_granule(connection, old)}

    def _told(self, seen: Seen, facts: Mapping[str, Any], placed: Placed) -> None:
        if placed.change != "unchanged":
            self.report.changes[f"granules {placed.change}"] += 1
        what, text = file_line(facts, placed)
        if placed.change != "unchanged" or what != "stored":
            self.report.add(what, seen.relative, text)


def file_line(facts: Mapping[str, Any], placed: Placed) -> tuple[str, str]:
    """A file in one line: kind, collection with its evidence, times, extent, and what a stranger should know."""
    if facts["kind"] == "unknown":
        reason = str(facts["reason"]).removesuffix("; download only")
        return "unknown", f"unknown: {reason}; download only"
    identity, period = facts["identity"], facts["time"]
    guessed = identity["sureness"] == "guessed" and identity["short_name"] == placed.short_name
    evidence = f"[guessed: {identity['source']}]" if guessed else f"[{identity['sureness']}]"
    times = f"{period['start']}/{period['end']} [{period['sureness']}]" if period["start"] else "no time"
    shapes = sum(len(values) for values in geometry_of(facts["extent"]).values())
    parts = [
        f"{facts['kind']}  {placed.short_name} v{placed.version} {evidence}",
        times,
        f"{shapes} shapes" if shapes else "no extent: never found by box",
        f"{len(facts['variables'])} variables",
        *dict.fromkeys([*([period["warning"]] if period["warning"] else []), *facts["warnings"]]),
    ]
    is_doubtful = guessed or not shapes or not period["start"] or period["warning"] or facts["warnings"]
    return ("guessed" if is_doubtful else "stored"), "  ".join(parts)


def _check_sidecar(umm: Mapping[str, Any], name: str, facts: Mapping[str, Any]) -> None:
    """A record that names other files only is another file's."""
    information = (umm.get("DataGranule") or {}).get("ArchiveAndDistributionInformation") or ()
    named = {str(entry.get("Name")) for entry in information if entry.get("Name")}
    named |= {producer_id(umm)} - {""}
    stem = name.rsplit(".", 1)[0]
    if named and not named & {name, stem} and umm.get("GranuleUR") not in (name, stem):
        raise RecordError(f"is the record of {', '.join(sorted(named))}; allowed: one of {name}")
    reference = umm.get("CollectionReference") or {}
    said, read = str(reference.get("ShortName") or ""), facts["identity"]
    if said and read["sureness"] == "read" and read["source"] == "attribute" and said != read["short_name"]:
        facts["warnings"].append(f"the record beside it says {said}, the file {read['short_name']}; the record counts")
