"""The appliance as it stands: cold start, idle memory, how fast a submission is answered with 100 000 items waiting.

`python -m tests.bench.bench_serving`; prints one line per figure. No test: figures depend on the machine. Memory is
the sum of the proportional set sizes of all processes of the appliance.
"""

import os
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from tests.bench.bench_claim import fill
from tests.running import RunningAppliance
from transformers.samples import make

RANGESET = "/HARMONIUM_TINY_L2/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset"
WAITING = 100_000


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += parents.get(found[-1], [])
    return found


def pss_mb(pid: int) -> float:
    """Proportional set size of one process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def cold_start(appliance: RunningAppliance) -> float:
    """Seconds from the command to the first answer."""
    started = time.monotonic()
    appliance.start()
    return time.monotonic() - started


def memory(appliance: RunningAppliance) -> list[tuple[str, float]]:
    """(command, MiB) of every process."""
    assert appliance.process is not None
    found = []
    for pid in family(appliance.process.pid):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[-40:].strip()
        found.append((command, pss_mb(pid)))
    return found


def submissions(appliance: RunningAppliance, count: int) -> list[float]:
    """Seconds until each of `count` submissions was answered with its redirect."""
    taken = []
    with httpx.Client(base_url=appliance.url, timeout=60) as client:
        for _ in range(count):
            started = time.monotonic()
            answer = client.get(RANGESET, params={"forceAsync": "true", "subset": "lat(-10:10)", "maxResults": "1"})
            taken.append(time.monotonic() - started)
            assert answer.status_code == 303, answer.text
    return taken


def main() -> None:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="harmonium-bench-") as name:
        folder = Path(name)
        make(folder / "data", swaths=0, grids=0, tiny=20)
        # No worker takes anything: what waits stays waiting, and only the answering is measured.
        appliance = RunningAppliance(folder / "home", workers=1)
        appliance.command("harvest", str(folder / "data" / "granules"))
        starts = [cold_start(appliance)]
        time.sleep(5)
        parts = memory(appliance)
        print(f"idle memory: {sum(size for _, size in parts):.0f} MiB in {len(parts)} processes")
        for command, size in parts:
            print(f"    {size:6.1f} MiB  {command}")
        for _ in range(4):
            appliance.stop()
            starts.append(cold_start(appliance))
        middle = statistics.median(starts)
        print(f"cold start to ready: median {middle:.2f} s of {len(starts)}, worst {max(starts):.2f} s")
        appliance.stop()
        fill_waiting(appliance.home / "state.db")
        appliance.start()
        taken = sorted(submissions(appliance, 200))
        print(
            f"submission with {WAITING} items waiting: p50 {taken[100] * 1000:.1f} ms, p95 {taken[190] * 1000:.1f} ms, "
            f"worst {taken[-1] * 1000:.0f} ms"
        )
        appliance.kill()
    os.sync()


def fill_waiting(path: Path) -> None:
    """100 000 ready items of other users, in jobs that are paused for the claim only by being many."""
    from appliance.database.connection import Database

    database = Database(path)
    fill(database, WAITING, 10)
    database.close()
    with sqlite3.connect(path) as connection:
        count = connection.execute("SELECT count(*) FROM work_items WHERE status = 'ready'").fetchone()[0]
    assert count >= WAITING, count


if __name__ == "__main__":
    main()
