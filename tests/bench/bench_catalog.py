"""Figures of the catalog: searches over 1 000 000 granules by both plans, paging, names, and harvesting UMM records.

Run by hand or by `just bench`: `python -m tests.bench.bench_catalog [granules]`. Prints tables, asserts nothing.
Half of the granules are swaths (some across the antimeridian, in two parts), the rest tiles and global grids.
"""

import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from appliance.database.connection import Database, checkpoint
from appliance.metadata.concepts import GranuleSearch
from appliance.metadata.footprint import Part, hull, split_box
from appliance.metadata.granule_search import count_matching, matching_keys
from appliance.metadata.harvest import HarvestOptions, harvest
from appliance.metadata.rows import all_collections, search_granules
from appliance.metadata.search_tree import INSERT, tree_rows
from tests.metadata_builders import NOW, open_catalog, put, umm_collection, umm_granule

START = datetime(2010, 1, 1, tzinfo=UTC)
YEARS = 4
PER_TRANSACTION = 20_000
PAGE = 2000
SEARCHES = [  # name, degrees, days
    ("2 deg box, 1 day", 2, 1),
    ("10 deg, 30 days", 10, 30),
    ("10 deg, 1 year", 10, 365),
    ("60 deg, 1 year", 60, 365),
    ("10 deg, whole record", 10, None),
    ("whole globe, whole record", 180, None),
]


def main(count: int) -> None:
    """Build a catalog of `count` granules in a temporary folder and measure it."""
    with tempfile.TemporaryDirectory(prefix="bench-catalog-") as folder:
        db = open_catalog(Path(folder) / "catalog.db")
        fill(db, count)
        checkpoint(db.path, truncate=True)
        print(f"{count} granules, {db.path.stat().st_size / 1e9:.2f} GB")
        for one in all_collections(db):
            print(f"\n{one.short_name}: {one.granule_count} granules")
            searches(db, one.concept_id)
        paging(db, all_collections(db)[-1].concept_id)
        names(db, all_collections(db)[-1].concept_id)
        records(Path(folder))


def fill(db: Database, count: int) -> None:
    """Rows as harvest would write them, in bulk: what is measured is searching, not this."""
    put(db, umm_collection("GRIDS"), umm_collection("SWATHS"), provider="BENCH")
    numbers = {row["short_name"]: row["number"] for row in db.rows("SELECT * FROM collections")}
    begun = time.monotonic()
    rows: list[tuple[int, str, int, int, list[Part]]] = []
    for n, (name, start, stop, parts) in enumerate(made(count)):
        rows.append((n + 1, name, start, stop, parts))
        if len(rows) == PER_TRANSACTION:
            write(db, rows, numbers)
            rows = []
    write(db, rows, numbers)
    for number in numbers.values():
        db.connection.execute(
            "UPDATE collections SET"
            " granule_count = (SELECT count(*) FROM granules WHERE shelf = collections.number),"
            " longest_ms = (SELECT max(stop - start) FROM granules WHERE shelf = collections.number) WHERE number = ?",
            (number,),
        )
    print(f"filled in {time.monotonic() - begun:.0f} s, all structures")


def made(count: int) -> Iterator[tuple[str, int, int, list[Part]]]:
    """Swaths of 5 minutes, daily tiles of 10 degrees, and one global grid in a hundred."""
    rng = random.Random(1)
    first = int(START.timestamp() * 1000)
    span = YEARS * 365 * 86_400_000
    for n in range(count):
        if n % 2:
            start = first + rng.randrange(span)
            west, south = rng.uniform(-180, 180), rng.uniform(-90, 80)
            boxes = split_box(west, south, (west + 12 + 180) % 360 - 180, south + 10)
            yield "SWATHS", start, start + 300_000, [Part("box", box) for box in boxes]
        else:
            day = first + rng.randrange(YEARS * 365) * 86_400_000
            west, south = rng.randrange(-18, 18) * 10.0, rng.randrange(-9, 9) * 10.0
            box = (-180.0, -90.0, 180.0, 90.0) if n % 100 == 0 else (west, south, west + 10, south + 10)
            yield "GRIDS", day, day + 86_399_999, [Part("box", box)]


def write(db: Database, rows: list[tuple[int, str, int, int, list[Part]]], numbers: dict[str, int]) -> None:
    """One transaction."""
    granules, documents, parts, tree = [], [], [], []
    for n, collection, start, stop, pieces in rows:
        number = numbers[collection]
        name = f"{collection}_{start}_{n:07d}"
        identifier = f"G{n}-BENCH"
        shape = 1 if len(pieces) == 1 else 2
        around = hull(part.box for part in pieces) or (0, 0, 0, 0)
        granules.append(
            (n, identifier, n, number, number, start, stop, *around, shape, name, name.lower(), name.lower())
        )
        documents.append((identifier, json.dumps({"GranuleUR": name, "padding": "x" * 400}).encode()))
        parts += [(n, k, *part.box, "box", None) for k, part in enumerate(pieces) if shape == 2]
        tree += tree_rows(n, number, start, stop, (part.box for part in pieces))
    with db.immediate() as connection:
        connection.executemany(
            "INSERT INTO granules (id, concept_id, number, collection, shelf, start, stop, w, s, e, n, shape,"
            " granule_ur, name, producer, origin, revision, revised_at)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'document',1,0)",
            granules,
        )
        connection.executemany("INSERT INTO documents VALUES (?, ?)", documents)
        connection.executemany("INSERT INTO granule_parts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", parts)
        connection.executemany(INSERT, tree)


def searches(db: Database, collection: str) -> None:
    """Pages of 2000 keys by either plan, by the plan that is chosen with records, and counting."""
    head = ("search", "walk", "tree", "chosen, with records", "count", "hits")
    print("{:28} {:>16} {:>16} {:>20} {:>16} {:>9}".format(*head) + "   p50 (p95) ms")
    for name, degrees, days in SEARCHES:
        asked = [search(collection, degrees, days, seed) for seed in range(20)]
        columns = [
            timed(lambda one: matching_keys(db, one, limit=PAGE, after=None, plan="walk"), asked),
            timed(lambda one: matching_keys(db, one, limit=PAGE, after=None, plan="tree"), asked[:10]),
            timed(lambda one: search_granules(db, one, limit=PAGE), asked),
            timed(lambda one: count_matching(db, one), asked[:10]),
        ]
        hits = statistics.median(count_matching(db, one) for one in asked[:5])
        print("{:28} {:>16} {:>16} {:>20} {:>16} {:>9.0f}".format(name, *columns, hits))


def search(collection: str, degrees: int, days: int | None, seed: int) -> GranuleSearch:
    """A box and a window at a random place."""
    rng = random.Random(seed)
    one = GranuleSearch((collection,))
    if degrees < 180:
        west, south = rng.uniform(-180, 180 - degrees), rng.uniform(-80, 80 - degrees)
        one = replace(one, bbox=(west, south, west + degrees, south + degrees))
    else:
        one = replace(one, bbox=(-180.0, -90.0, 180.0, 90.0))
    if days is not None:
        start = START + timedelta(days=rng.uniform(0, YEARS * 365 - days))
        one = replace(one, start=start, end=start + timedelta(days=days))
    return one


def timed(run: Callable[[GranuleSearch], Any], asked: list[GranuleSearch]) -> str:
    """Median and 95th percentile in milliseconds."""
    run(asked[0])
    taken = []
    for one in asked:
        begun = time.perf_counter()
        run(one)
        taken.append((time.perf_counter() - begun) * 1000)
    return f"{statistics.median(taken):.2f} ({sorted(taken)[int(len(taken) * 0.95) - 1]:.1f})"


def paging(db: Database, collection: str) -> None:
    """All granules of a collection by search-after."""
    taken, found, after = [], 0, None
    while True:
        begun = time.perf_counter()
        keys = matching_keys(db, GranuleSearch((collection,)), limit=PAGE, after=after)
        taken.append((time.perf_counter() - begun) * 1000)
        found += len(keys)
        if len(keys) < PAGE:
            break
        after = keys[-1]
    print(f"\n{found} granules in {len(taken)} pages, p50 {statistics.median(taken):.2f} ms, last {taken[-1]:.2f} ms")


def names(db: Database, collection: str) -> None:
    """Exact, prefix and inner patterns, and a thousand ids."""
    row = db.row("SELECT granule_ur FROM granules WHERE id = 500")
    name = str(row[0]) if row else ""
    for what, one in (
        ("exact name", GranuleSearch((collection,), names=(name,))),
        ("prefix", GranuleSearch((collection,), names=(name[:14] + "*",))),
        ("inner pattern", GranuleSearch((collection,), names=("*_0000500",))),
        ("1000 ids", GranuleSearch(granule_ids=tuple(f"G{n}-BENCH" for n in range(1, 1001)))),
    ):
        print(f"{what:14} {timed(lambda one: matching_keys(db, one, limit=PAGE, after=None), [one] * 5)} ms")


def records(folder: Path, count: int = 20_000) -> None:
    """Harvesting UMM-G records from files of 2000, with polygons, as a catalogue answers them."""
    db = open_catalog(folder / "records.db")
    source = folder / "records"
    source.mkdir()
    (source / "collection.umm_json").write_text(json.dumps(umm_collection()))
    ring = [(0.5 * n, (n % 7) * 0.5) for n in range(20)] + [(9.5, 8.0), (0.0, 8.0), (0.0, 0.0)]
    for page in range(count // PAGE):
        items = []
        for n in range(page * PAGE, (page + 1) * PAGE):
            start = (START + timedelta(minutes=n)).isoformat()
            end = (START + timedelta(minutes=n + 5)).isoformat()
            items.append({"umm": umm_granule(f"g{n}", rings=[ring], start=start, end=end, urls=[f"https://x/{n}.nc"])})
        (source / f"page{page:03d}.json").write_text(json.dumps({"items": items}))
    for what in ("first harvest", "second harvest"):
        begun = time.monotonic()
        report = harvest(db, [str(source)], HarvestOptions(settle_s=0), lambda paths: iter(()), lambda: NOW)
        seconds = time.monotonic() - begun
        print(f"{what} of {count} UMM records: {seconds:.2f} s, {count / seconds:.0f}/s ({report.sums()})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
