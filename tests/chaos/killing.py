"""The kill test: kill -9 of the appliance in the middle of a job, again and again; on restart it finishes.

Short in the suite (`test_kill.py`), long as `python -m tests.chaos.run` (`just chaos`). Checks that every granule is
processed, none twice in the links, none lost, that each result can be read whole, and that no process is left behind.
"""

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from appliance.workflow import job_rows
from appliance.workflow.states import TERMINAL, JobStatus
from tests.runner.archive import RunnerAlone, add_granules, granule_name, plan_of, submit_plan

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 180


@dataclass(frozen=True)
class Verdict:
    """What one kill test saw."""

    kills: int
    kills_while_working: int
    runs: int  # of items, by their own account
    most_runs: int  # of one item
    seconds: float


def kill_again_and_again(folder: Path, *, kills: int, granules: int, item_seconds: float, seed: int) -> Verdict:
    """Raises AssertionError when anything was lost, doubled, or left behind."""
    chance = random.Random(seed)
    started_at = time.monotonic()
    home, trace = folder / "home", folder / "trace"
    with RunnerAlone(home, starts=False) as one:
        add_granules(one.parts.catalog, folder / "archive", granules)
        extra = {"trace": str(trace), "seconds": item_seconds}
        job_id = submit_plan(one.parts, plan_of("copy", count=granules, extra=extra, ignore_errors=False))
    working = 0
    for _ in range(kills):
        process = start(home)
        time.sleep(chance.uniform(0.05, 1.2))
        family = descendants(process.pid)
        working += not is_over(home, job_id)
        process.kill()
        process.wait()
        wait_until_gone(family)
    process = start(home)
    deadline = time.monotonic() + PATIENCE_S
    while not is_over(home, job_id):
        assert time.monotonic() < deadline, "the job never ended"
        time.sleep(0.1)
    process.terminate()
    assert process.wait(60) == 0
    check(home, job_id, granules)
    runs = Counter(trace.read_text().split())
    return Verdict(kills, working, runs.total(), max(runs.values()), time.monotonic() - started_at)


def start(home: Path) -> subprocess.Popen[str]:
    """A new life, once it works."""
    command = [sys.executable, "-m", "tests.chaos.appliance_process", str(home)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def descendants(pid: int) -> list[int]:
    """Process ids below `pid`, at this moment."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def wait_until_gone(family: list[int]) -> None:
    """No orphan: each of these processes ends by itself."""
    deadline = time.monotonic() + 10
    while alive := [pid for pid in family if is_alive(pid)]:
        assert time.monotonic() < deadline, f"processes left behind: {alive}"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_over(home: Path, job_id: str) -> bool:
    """Whether the job has ended, read from the file as any other program could."""
    connection = sqlite3.connect(home / "state.db", timeout=5)
    try:
        (status,) = connection.execute("SELECT status FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        return status in TERMINAL
    finally:
        connection.close()


def check(home: Path, job_id: str, granules: int) -> None:
    """Nothing lost, nothing doubled, everything whole."""
    with RunnerAlone(home, starts=False) as one:
        state = one.parts.state
        assert state.row("PRAGMA integrity_check")[0] == "ok"
        job = job_rows.job(state, job_id)
        assert job is not None
        assert (job.status, job.progress) == (JobStatus.SUCCESSFUL, 100), job.message
        links = job_rows.links(state, job_id, offset=0, limit=granules * 2)
        assert sorted(link.title for link in links) == [granule_name(n) for n in range(granules)]
        for link in links:
            number = int(link.title[1:6])
            assert one.body(link.href) == f"{link.title} holds {number}\n".encode(), link.href
        retries = state.row("SELECT sum(retry_count), max(interrupt_count) FROM work_items WHERE job_id = ?", (job_id,))
        assert retries[0] == 0, "a death of the appliance was counted as a failure of an item"
        assert state.row("SELECT count(*) FROM user_work")[0] == 0
        left = [p for p in (home / "work").rglob("*") if p.is_file() and p.name != "log.txt"]
        assert left == [], left[:3]
