"""How many no-op work items a second, end to end, and what a job of 10 000 granules adds to the parent.

Run it with `python -m tests.bench.bench_items [items]`; prints one line per figure. End to end: claim, stage in, child,
outputs into the embedded store, advance. No test: figures depend on the machine.
"""

import gc
import sys
import tempfile
import time
from pathlib import Path

from appliance.workflow import job_rows
from appliance.workflow.states import TERMINAL
from tests.runner.archive import RunnerAlone, add_granules, plan_of, submit_plan


def resident_mb() -> float:
    """Memory of this process that nobody else holds, as the kernel counts it (MiB)."""
    lines = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty"))) / 1024


def run_job(one: RunnerAlone, count: int) -> float:
    """Seconds from submission to the end."""
    started_at = time.monotonic()
    job_id = submit_plan(one.parts, plan_of("copy", count=count))
    while True:
        job = job_rows.job(one.parts.state, job_id)
        if job is not None and job.status in TERMINAL:
            break
        time.sleep(0.05)
    seconds = time.monotonic() - started_at
    assert job.progress == 100, job.message
    assert job_rows.link_count(one.parts.state, job_id) == count
    return seconds


def measure(items_per_child: int, count: int, warm_up: int) -> None:
    """One figure."""
    with tempfile.TemporaryDirectory(prefix="harmonium-bench-") as folder:
        home = Path(folder)
        with RunnerAlone(home / "home", items_per_child=items_per_child) as one:
            add_granules(one.parts.catalog, home / "archive", count + warm_up)
            one.engine.launcher.forkservers["light"].wait_ready()
            run_job_of_first(one, warm_up)
            gc.collect()
            before = resident_mb()
            seconds = run_job(one, count + warm_up)
            after = resident_mb()
    kind = "fresh child each" if items_per_child == 1 else f"{items_per_child} items per child"
    rate = (count + warm_up) / seconds
    print(f"{kind}: {count + warm_up} items in {seconds:.1f} s = {rate:.0f}/s; parent {before:.0f} -> {after:.0f} MiB")


def run_job_of_first(one: RunnerAlone, count: int) -> None:
    """A small job, so that imports and caches are paid for."""
    plan = plan_of("copy", count=count, query={"limit": count})
    job_id = submit_plan(one.parts, plan)
    while (job := job_rows.job(one.parts.state, job_id)) is None or job.status not in TERMINAL:
        time.sleep(0.02)


def main(count: int = 10_000) -> None:
    """Both kinds of children."""
    measure(1, max(50, count // 20), 20)
    measure(1000, count, 20)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
