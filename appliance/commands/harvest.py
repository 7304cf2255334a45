"""`harmonium harvest SOURCE…`: catalogue files and metadata documents. May run beside a serving appliance."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from appliance.assembly import prepare_home, utc_now
from appliance.commands.choices import settings_from
from appliance.database.connection import Database
from appliance.errors import SettingsError
from appliance.metadata.harvest import HarvestOptions, Progress, harvest
from appliance.metadata.report import HarvestReport
from appliance.runner.launch import LocalLauncher, describe_in_children
from appliance.settings import Settings

LINE_EVERY_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sources, and the operator's own words."""
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="folder, file, quoted pattern, or UMM-JSON document"
    )
    parser.add_argument("--provider", help="provider of the records (default: setting provider)")
    parser.add_argument("--short-name", default="", help="short name for all files of this call")
    parser.add_argument("--version", dest="collection_version", default="", help="version for all files of this call")
    parser.add_argument("--kind", default="", help="kind for all files of this call")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, write nothing")
    parser.add_argument("--prune", action="store_true", help="delete the records of files that are gone")
    parser.add_argument("--yes", action="store_true", help="with --prune: even more than a tenth of a collection")
    parser.add_argument("--again", action="store_true", help="open unchanged files, too")
    parser.add_argument("--checksum", action="store_true", help="SHA-256 of whole files")
    parser.add_argument("--follow", action="store_true", help="follow links to folders")
    parser.add_argument("--jobs", type=int, default=0, help="children at a time (default: cores - 1)")
    parser.add_argument("--report", type=Path, help="also write the report as JSON")


def run(arguments: argparse.Namespace) -> int:
    """0 all well; 1 some files failed; 2 nothing usable."""
    settings = settings_from(arguments)
    if arguments.report and not arguments.report.absolute().parent.is_dir():  # said before the work, not after it
        raise SettingsError(f"--report {arguments.report}: no such folder; allowed: a file in a folder that exists")
    prepare_home(settings)
    options = HarvestOptions(
        provider=arguments.provider or settings.provider,
        short_name=arguments.short_name,
        version=arguments.collection_version,
        kind=arguments.kind,
        dry_run=arguments.dry_run,
        prune=arguments.prune,
        yes=arguments.yes,
        again=arguments.again,
        checksum=arguments.checksum,
        follow=arguments.follow,
        roots=settings.harvest_roots,
        home=settings.home,
    )
    report = harvest_sources(settings, arguments.sources, options, jobs=arguments.jobs, progress=ProgressLine())
    print(report.table())
    if arguments.report:
        arguments.report.write_text(json.dumps(report.document(), indent=1) + "\n", "utf-8")
    return report.exit_code


def harvest_sources(
    settings: Settings,
    sources: Sequence[str],
    options: HarvestOptions | None = None,
    *,
    jobs: int = 0,
    progress: "ProgressLine | None" = None,
) -> HarvestReport:
    """Harvest into the catalog of a prepared home; files are described in children, made at the first file."""
    launcher = LocalLauncher()
    count = jobs or max(1, (os.cpu_count() or 2) - 1)

    def describe(paths: Sequence[str]) -> Iterator[dict[str, Any]]:
        return describe_in_children(paths, jobs=count, launcher=launcher)

    chosen = options or HarvestOptions(provider=settings.provider, roots=settings.harvest_roots, home=settings.home)
    database = Database(settings.catalog_path, durable=settings.durable)
    try:
        return harvest(database, sources, chosen, describe, utc_now, progress or (lambda _: None))
    finally:
        launcher.stop()
        database.close()
        if progress:
            progress.end()


class ProgressLine:
    """On a terminal one line that changes; otherwise a line each ten seconds."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._told = self._started
        self._live = sys.stderr.isatty()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._told < (0.1 if self._live else LINE_EVERY_S):
            return
        self._told = now
        rate = progress.done / max(now - self._started, 0.001)
        words = f"{progress.done}/{progress.total}  {rate:.0f} files/s  {progress.failed} failed  {progress.name[:60]}"
        print(f"\r\x1b[K{words}" if self._live else words, end="" if self._live else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Clear the line."""
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
