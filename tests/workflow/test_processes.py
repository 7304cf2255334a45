"""Threads together on one database, and a process that is killed again and again: nothing is lost, nothing doubled."""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from appliance.database.connection import Database
from appliance.workflow.states import JobStatus
from appliance.workflow.submit import submit
from tests.workflow.looping import LIMITS, scene, work, work_in_threads
from tests.workflow.scenes import JOB_ID, START, new_database
from tests.workflow.stage_play import Play, check_counters, check_steps
from tests.workflow.test_laws import comparable

ROOT = Path(__file__).resolve().parents[2]
KILLS = 22


def submitted(db: Database, seed: int, granules: int) -> None:
    submit(db, scene(seed, granules).plan(), job_id=JOB_ID, username="ada", now=START, limits=LIMITS)


def calm_ending(seed: int, granules: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        db = new_database(Path(folder) / "state.db")
        submitted(db, seed, granules)
        work(db, scene(seed, granules))
        ending = ending_now(db)
        db.close()
    return ending


def ending_now(db: Database) -> dict[str, object]:
    """The ending of the job that is in the database, whoever worked on it."""
    play = Play.__new__(Play)
    play.db, play.links, play.progress = db, [], 0
    play.check()
    return comparable(play.ending())


def test_four_threads_end_a_job_as_one_does_and_none_of_them_meets_an_error(db: Database) -> None:
    submitted(db, 5, 150)
    assert work_in_threads(db, scene(5, 150)) == []
    assert ending_now(db) == calm_ending(5, 150)


def test_a_process_killed_again_and_again_loses_nothing_and_doubles_nothing(db: Database) -> None:
    seed, granules = 11, 900
    submitted(db, seed, granules)
    rng = random.Random(1)
    command = [sys.executable, "-m", "tests.workflow.looping", str(db.path), str(seed), str(granules)]
    in_the_middle = 0
    for _ in range(KILLS):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0.01, 0.08))
            process.kill()
        assert process.returncode in (-9, 0)
        (verdict,) = db.row("PRAGMA integrity_check") or ("none",)
        assert verdict == "ok"
        check_counters(db)
        row = db.row("SELECT status FROM jobs")
        assert row is not None
        in_the_middle += row["status"] == "running_with_errors" or row["status"] == "running"
    assert in_the_middle >= KILLS // 2, "the job was over too soon for the kills to mean anything"
    assert subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=60, check=False).returncode == 0
    ending = ending_now(db)
    assert ending == calm_ending(seed, granules)
    assert ending["status"] is JobStatus.COMPLETE_WITH_ERRORS
    row = db.row("SELECT sum(interrupt_count) FROM work_items")
    assert row is not None
    assert row[0] > 0, "no kill hit a running item"
    play = Play.__new__(Play)
    play.db = db
    check_steps(db, play.job)
