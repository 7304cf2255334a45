"""The kill test: kill -9 of the real appliance in the middle of a job of 200 granules, again and again.

Short in the suite (`test_kill.py`), long as `python -m tests.chaos.run` (`just chaos`). Everything is done over HTTP,
as a client would. Checks that on restart the job finishes, every granule is processed, none twice in the links, none
lost, that each result can be read whole, that no death is counted as a failure, and that no process is left behind.
"""

import io
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import httpx

from tests.running import ROOT, RunningAppliance, data_links

COLLECTION = "HARMONIUM_TINY_L2"
REQUEST = f"/{COLLECTION}/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset"
PATIENCE_S = 240
ENDED = ("successful", "complete_with_errors", "failed", "canceled")


@dataclass(frozen=True)
class Verdict:
    """What one kill test saw. progress: of the job, in per cent, at each kill."""

    kills: int
    progress: tuple[int, ...]
    interrupted_items: int
    most_interrupts: int  # of one item
    seconds: float

    @property
    def kills_in_the_middle(self) -> int:
        """Kills while the job was under way."""
        return sum(1 for percent in self.progress if percent < 100)


def prepare(folder: Path, granules: int) -> RunningAppliance:
    """An appliance whose catalog holds so many tiny swaths; not started."""
    samples = folder / "samples"
    command = [sys.executable, "-m", "transformers.samples", "--outdir", str(samples)]
    subprocess.run(
        [*command, "--swaths", "0", "--grids", "0", "--tiny", str(granules)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    appliance = RunningAppliance(folder / "home", log_level="warning")
    appliance.command("harvest", str(samples / "granules"))
    return appliance


def kill_again_and_again(folder: Path, *, kills: int, granules: int, longest_life_s: float, seed: int) -> Verdict:
    """Raises AssertionError when anything was lost, doubled, or left behind. Lives end at random moments."""
    chance = random.Random(seed)
    appliance = prepare(folder, granules)
    started_at = time.monotonic()
    job_id = ""
    progress = []
    for _ in range(kills):
        appliance.start()
        job_id = job_id or submit(appliance)
        time.sleep(chance.uniform(0.02, longest_life_s))
        progress.append(int(status(appliance, job_id)["progress"]))
        kill_with_witness(appliance)
    appliance.start()
    document = appliance.finished(job_id, within_s=PATIENCE_S)
    check_results(appliance, document, granules)
    assert appliance.stop() == 0
    seconds = time.monotonic() - started_at
    interrupted, most = check_database(appliance.home, job_id)
    left = [p for p in (appliance.home / "work").rglob("*") if p.is_file() and p.name != "log.txt"]
    assert left == [], f"files left in the work folder: {left[:3]}"
    return Verdict(kills, tuple(progress), interrupted, most, seconds)


def submit(appliance: RunningAppliance) -> str:
    """A box over all granules, asynchronous, without preview."""
    parameters = {"subset": "lat(-90:90)", "forceAsync": "true", "skipPreview": "true"}
    with appliance.client() as client:
        answer = client.get(REQUEST, params=parameters)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["jobID"])


def status(appliance: RunningAppliance, job_id: str) -> dict[str, Any]:
    """The job's document."""
    with appliance.client() as client:
        document: dict[str, Any] = client.get(f"/jobs/{job_id}").json()
        return document


def kill_with_witness(appliance: RunningAppliance) -> None:
    """kill -9; then each process that belonged to the appliance must end by itself."""
    assert appliance.process is not None
    family = descendants(appliance.process.pid)
    appliance.kill()
    deadline = time.monotonic() + 10
    while alive := [pid for pid in family if is_alive(pid)]:
        assert time.monotonic() < deadline, f"processes left behind: {alive}"
        time.sleep(0.02)


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
    assert len(found) > 2, "an appliance has at least a forkserver and a store"
    return found[1:]


def is_alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def check_results(appliance: RunningAppliance, document: dict[str, Any], granules: int) -> None:
    """Nothing lost, nothing doubled, everything whole."""
    assert (document["status"], document["progress"]) == ("successful", 100), document["message"]
    assert document.get("errors", []) == []
    links = data_links(document)
    stems = [link["title"].partition("_v1")[0] for link in links]
    assert len(set(stems)) == len(stems) == granules
    with appliance.client() as client:
        for link in links:
            check_file(client, link["href"])


def check_file(client: httpx.Client, href: str) -> None:
    """A result is a whole HDF5 file: every variable can be read."""
    body = client.get(href)
    assert body.status_code == 200, f"{href}: {body.status_code}"
    with h5py.File(io.BytesIO(body.content)) as file:
        seen = []
        file.visititems(lambda name, node: seen.append(node[()]) if isinstance(node, h5py.Dataset) else None)
    assert len(seen) > 2, href


def check_database(home: Path, job_id: str) -> tuple[int, int]:
    """Sound, and no death was taken for a failure. How many items were interrupted, and how often one at most."""
    with closing(sqlite3.connect(home / "state.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert connection.execute("SELECT count(*) FROM user_work").fetchone()[0] == 0
        sql = "SELECT sum(retry_count), sum(interrupt_count > 0), max(interrupt_count) FROM work_items WHERE job_id = ?"
        retries, interrupted, most = connection.execute(sql, (job_id,)).fetchone()
    assert retries == 0, f"{retries} deaths of the appliance were counted as failures of items"
    return int(interrupted), int(most)
