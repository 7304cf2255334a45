"""How fast items are claimed and completed, and jobs submitted, with 100 000 items waiting. Run: `just bench`, or
`python -m tests.bench.bench_claim [waiting items] [users]`. Targets: 1 000 claim-and-complete pairs a second in one
thread, a submission in a few milliseconds. Also: what a job of 10 000 granules costs in time and memory.
"""

import resource
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from appliance.database.connection import Database, checkpoint
from appliance.database.migrations import apply_migrations
from appliance.database.state_migrations import STATE_MIGRATIONS
from appliance.services.plan import GranuleQuery, Plan, PlannedStep
from appliance.workflow.advance import advance, recover
from appliance.workflow.claim import claim, launched
from appliance.workflow.records import Limits, Link, Outcome, Output
from appliance.workflow.submit import submit

PER_JOB = 1000
PAGE = 2000
LIMITS = Limits(granule_page=PAGE)


def now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def plan(granules: int) -> Plan:
    """Query, subset, concatenate in batches."""
    steps = (
        PlannedStep(1, "harmonyservices/query-cmr:stable", "find_granules", {}, progress_weight=0.1),
        PlannedStep(2, "podaac/l2ss-py:3.1.0", "subset_swath", {"sources": []}, expected_items=granules),
        PlannedStep(
            *(3, "podaac/concise:0.10.0", "concatenate", {}),
            has_aggregated_output=True,
            is_batched=True,
            max_batch_inputs=100,
            expected_items=1,
        ),
    )
    url = "http://localhost:3000/C1-X/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset?forceAsync=true"
    return Plan("chain", steps, GranuleQuery(("C1-X",)), True, False, True, granules, "", ("C1-X",), "X", url)


def stac(number: int) -> dict[str, object]:
    """A STAC item of ordinary size."""
    ring = [[-10, -5], [-10, 5], [10, 5], [10, -5], [-10, -5]]
    return {
        "id": f"G{number}-X",
        "bbox": [-10, -5, 10, 5],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "start_datetime": "2020-01-01T00:00:00.000Z",
            "end_datetime": "2020-01-01T23:59:59.000Z",
            "harmonium:collection": "C1-X",
            "harmonium:granule": f"G{number}-X",
            "harmonium:href": f"http://localhost:3000/granules/G{number}-X/granule_{number}.nc",
        },
        "assets": {"data": {"href": f"/data/granule_{number}.nc", "type": "application/x-netcdf4", "roles": ["data"]}},
    }


def fill(db: Database, waiting: int, users: int) -> None:
    """Jobs of a thousand granules each, their queries done."""
    for number in range(waiting // PER_JOB):
        submit(db, plan(PER_JOB), job_id=str(uuid.uuid4()), username=f"user{number % users}", now=now(), limits=LIMITS)
        claimed = claim(db, now=now())
        assert claimed is not None
        outputs = tuple(Output(n, stac(n), 1_000_000) for n in range(PER_JOB))
        outcome = Outcome("successful", outputs=outputs, found_count=PER_JOB)
        advance(db, claimed.item.item_id, claimed.item.attempt, outcome, now=now(), limits=LIMITS)


def one_pair(db: Database) -> None:
    """Claim an item, launch it, complete it."""
    claimed = claim(db, now=now())
    assert claimed is not None
    launched(db, claimed.item.item_id, claimed.item.attempt, now=now())
    number = claimed.item.item_id
    links = ()
    if claimed.step.is_last:
        links = (Link(f"s3://b/public/{number}.nc", f"{number}.nc", "application/netcdf", (0, 0, 1, 1), now(), now()),)
    outcome = Outcome("successful", outputs=(Output(0, stac(number), 1000),), links=links, input_size_bytes=1_000_000)
    advance(db, claimed.item.item_id, claimed.item.attempt, outcome, now=now(), limits=LIMITS)


def timed(repeat: int, do: Callable[[], object]) -> list[float]:
    """Milliseconds of each of so many calls, sorted."""
    taken = []
    for _ in range(repeat):
        start = time.perf_counter()
        do()
        taken.append((time.perf_counter() - start) * 1000)
    return sorted(taken)


def report(name: str, taken: list[float]) -> None:
    """One line: rate and percentiles."""
    rate = 1000 / statistics.fmean(taken)
    p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    print(f"{name:<44} {rate:8.0f}/s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   worst {taken[-1]:7.2f} ms", flush=True)


def in_threads(db: Database, threads: int, each: int) -> None:
    """The same pairs from several threads."""
    taken: list[float] = []

    def work() -> None:
        taken.extend(timed(each, lambda: one_pair(db)))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - start
    report(f"{threads} threads: claim, launch, complete", sorted(taken))
    print(f"{'':<44} {threads * each / seconds:8.0f}/s in all", flush=True)


def large_job(folder: Path) -> None:
    """10 000 granules through three steps: total time, and how much the parent grew."""
    db = Database(folder / "large.db")
    apply_migrations(db.path, "state", STATE_MIGRATIONS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    submit(db, plan(10_000), job_id=str(uuid.uuid4()), username="ada", now=now(), limits=LIMITS)
    start = time.perf_counter()
    pages = 0
    slowest = 0.0
    while (claimed := claim(db, now=now())) is not None:
        if claimed.step.transformer == "find_granules":
            first = int(claimed.item.cursor or 0)
            outcome = Outcome(
                "successful",
                outputs=tuple(Output(n, stac(first + n), 1_000_000) for n in range(PAGE)),
                next_cursor=str(first + PAGE) if first + PAGE < 10_000 else None,
                found_count=10_000,
            )
            pages += 1
        else:
            number = claimed.item.item_id
            links = (Link(f"s3://b/{number}", "x", None, None, None, None),) if claimed.step.is_last else ()
            outcome = Outcome("successful", outputs=(Output(0, stac(number), 1000),), links=links)
        began = time.perf_counter()
        advance(db, claimed.item.item_id, claimed.item.attempt, outcome, now=now(), limits=LIMITS)
        slowest = max(slowest, time.perf_counter() - began)
    seconds = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    row = db.row("SELECT status, progress, link_count FROM jobs")
    assert row is not None
    print(
        f"a job of 10 000 granules ({pages} pages, {row['link_count']} results, {row['status']}): {seconds:.1f} s, "
        f"slowest report {slowest * 1000:.0f} ms, peak memory of the process + {grown:.0f} MB",
        flush=True,
    )


def main(waiting: int = 100_000, users: int = 10) -> None:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        large_job(Path(folder))
        db = Database(Path(folder) / "state.db")
        apply_migrations(db.path, "state", STATE_MIGRATIONS)
        start = time.perf_counter()
        fill(db, waiting, users)
        checkpoint(db.path, truncate=True)  # as upkeep does
        print(f"{waiting} items of {users} users wait ({time.perf_counter() - start:.1f} s to make)", flush=True)
        report(
            "submit",
            timed(
                200, lambda: submit(db, plan(10), job_id=str(uuid.uuid4()), username="late", now=now(), limits=LIMITS)
            ),
        )
        for _ in range(200):  # the new jobs' queries come first, as their user has nothing running
            claimed = claim(db, now=now())
            assert claimed is not None
            outcome = Outcome("failed", "away with it", retryable=False)
            advance(db, claimed.item.item_id, claimed.item.attempt, outcome, now=now(), limits=LIMITS)
        report("claim, launch, complete: 1 thread", timed(3000, lambda: one_pair(db)))
        in_threads(db, 4, 1000)
        report("recover (counters anew)", timed(3, lambda: recover(db, now=now(), limits=LIMITS)))
        size = db.path.stat().st_size + db.path.with_name("state.db-wal").stat().st_size
        print(f"files: {size / 1e6:.0f} MB with the log", flush=True)
        db.close()


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
