"""`harmonium harvest`: folders, files and UMM-JSON into the catalog; harvesting again updates and never duplicates.

The sequence, spelled once: walk, compare, documents, removals, files (described by the function handed in), report.
Files stay where they are. What was committed stays when the harvest is interrupted. Obeys the catalog's contract,
"Sources".
"""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.database.connection import Database
from appliance.metadata.concept_ids import PROVIDER
from appliance.metadata.file_changes import compare
from appliance.metadata.file_records import Said
from appliance.metadata.harvest_documents import harvest_documents
from appliance.metadata.harvest_files import harvest_files
from appliance.metadata.harvest_report import mixed_names, summaries
from appliance.metadata.removal import apply_removals
from appliance.metadata.report import HarvestReport
from appliance.metadata.roots import RootError, configured_roots, store_roots, stored_roots
from appliance.metadata.shipped import load_shipped
from appliance.metadata.walk import SourceError, walk

KINDS = ("swath", "along-track", "profile", "trajectory", "grid-geographic", "grid-projected", "geotiff", "unknown")

Describe = Callable[[list[str]], Iterator[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the harvest is; `name` is the file or record that was done last."""

    done: int
    total: int
    failed: int
    name: str


@dataclass(frozen=True, slots=True)
class HarvestOptions:
    """provider, short_name, version, kind: the operator's words, which beat all. again: open unchanged files too.
    prune: delete what is missing (over 10 % needs `yes`). roots: folders of the settings. home: Harmonium's own.
    settle_s: files younger than this are left for the next run."""

    provider: str = "LOCAL"
    short_name: str = ""
    version: str = ""
    kind: str = ""
    dry_run: bool = False
    prune: bool = False
    yes: bool = False
    again: bool = False
    checksum: bool = False
    follow: bool = False
    ignore: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    home: Path | None = None
    settle_s: float = 10.0


def harvest(
    db: Database,
    sources: Sequence[str],
    options: HarvestOptions,
    describe: Describe,
    now: Callable[[], datetime],
    progress: Callable[[Progress], None] = lambda _: None,
) -> HarvestReport:
    """Harvest the sources into the catalog `db`. What the sources hold is told in the report, never raised."""
    if options.dry_run:
        with tempfile.TemporaryDirectory(prefix="harmonium-dry-run-") as folder:
            copy = _copy(db, Path(folder) / "catalog.db")
            try:
                report = _harvest(copy, sources, options, describe, now, progress)
            finally:
                copy.close()
        report.dry_run = True
        return report
    return _harvest(db, sources, options, describe, now, progress)


def _harvest(
    db: Database,
    sources: Sequence[str],
    options: HarvestOptions,
    describe: Describe,
    now: Callable[[], datetime],
    progress: Callable[[Progress], None],
) -> HarvestReport:
    report = HarvestReport()
    started = now()
    said = Said(options.provider, options.short_name, options.version, options.kind)
    try:
        _check(sources, options)
        configured = [*configured_roots(options.roots, options.home), *stored_roots(db)]
        walked = walk(
            sources, configured=configured, own_home=options.home, follow=options.follow, ignore=options.ignore
        )
        changes = compare(
            db.connection,
            walked,
            again=options.again,
            asked=said.asked(),
            now_ns=int(started.timestamp() * 1e9),
            settle_s=options.settle_s,
        )
        if changes.emptied:
            raise SourceError(f"{changes.emptied[0]}: empty, though its files are catalogued; is a disk not mounted?")
        load_shipped(db, started)
        with db.immediate() as connection:
            new_roots = [root for root in walked.roots if root not in configured]
            store_roots(connection, new_roots, int(started.timestamp() * 1000))
        for path, reason in [*walked.problems, *changes.unreadable]:
            report.add("failed", path, reason)
        for path in changes.unfinished:
            report.add("skipped", path, "written a moment ago; the next harvest takes it")
        report.unchanged_files = changes.unchanged
        total = len(changes.records) + len(changes.describe)

        def tell(name: str) -> None:
            done = min(total, tell_state[0] + 1)
            tell_state[0] = done
            progress(Progress(done, total, len(report.failures), name))

        tell_state = [0]
        touched = harvest_documents(db, changes.records, said, started, report, tell)
        touched |= apply_removals(db, changes, report, prune=options.prune, confirmed=options.yes)
        touched |= harvest_files(db, changes, said, describe, now, report, tell, checksum=options.checksum)
        report.collections = summaries(db, touched)
        report.notes += mixed_names(report.collections)
    except (SourceError, RootError, OSError) as error:
        report.refused = str(error)
    except sqlite3.OperationalError as error:
        if "full" not in str(error) and "disk" not in str(error):
            raise
        report.refused = f"{db.path}: {error}; what was committed before is kept"
    return report


def _check(sources: Sequence[str], options: HarvestOptions) -> None:
    if not sources:
        raise SourceError("no source; allowed: folders, files and quoted patterns")
    if not PROVIDER.fullmatch(options.provider):
        raise SourceError(f"provider: {options.provider!r}; allowed: a capital letter, then up to 19 of A-Z, 0-9, _")
    if options.kind and options.kind not in KINDS:
        raise SourceError(f"kind: {options.kind!r}; allowed: {', '.join(KINDS)}")


def _copy(db: Database, path: Path) -> Database:
    """The catalog as it is, in another file, to be thrown away."""
    copy = Database(path)
    db.connection.backup(copy.connection)
    return copy
