"""What upkeep does: bells, checkpoints, folders, expiry, the reaper, and the disk that is full."""

import errno
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.runner.item_folder import item_folder
from appliance.workflow import control, job_rows
from appliance.workflow.claim import claim
from appliance.workflow.states import JobStatus
from tests.runner.archive import RunnerAlone, add_granules, plan_of, submit_plan


def test_a_job_whose_bell_was_lost_is_carried_out(runner, ended):
    parts = runner.parts
    job_id = submit_plan(_without_bell(parts), plan_of("copy", count=10))
    assert ended(runner, job_id).status is JobStatus.SUCCESSFUL


def _without_bell(parts):
    return replace(parts, ring=lambda count: None)


def test_what_an_earlier_run_left_queued_is_taken_up(tmp_path, ended):
    with RunnerAlone(tmp_path / "home", starts=False) as one:
        add_granules(one.parts.catalog, tmp_path / "archive", 3)
        job_id = submit_plan(one.parts, plan_of("copy", count=3))
        assert claim(one.parts.state, now=one.parts.now()) is not None  # and then it dies
    with RunnerAlone(tmp_path / "home") as one:
        assert ended(one, job_id).status is JobStatus.SUCCESSFUL


def test_the_log_of_the_database_is_emptied_when_nothing_runs(runner, ended, wait_for):
    ended(runner, submit_plan(runner.parts, plan_of("copy", count=10)))
    log = runner.settings.home / "state.db-wal"
    wait_for(lambda: log.stat().st_size == 0, "an empty log")


def test_folders_of_unknown_jobs_and_files_of_canceled_ones_are_swept(runner, wait_for):
    work = runner.settings.work_folder
    stray = item_folder(work, "no-such-job", 1)
    stray.prepare()
    job_id = submit_plan(runner.parts, plan_of("copy", "join", count=10, extra={"seconds": 0.05}, gathers=("join",)))
    wait_for(lambda: list((work / job_id).glob("*/out/*.txt")), "an output of the first step")
    control.cancel(runner.parts.state, job_id, now=runner.parts.now())
    wait_for(lambda: _idle(runner), "idle workers")
    runner.engine.upkeep.sweep()
    assert stray.path.exists()  # too new: its job may be about to be submitted
    runner.engine.upkeep.sweep(older_than_s=-1)
    assert not stray.path.exists()
    assert {p.name for p in (work / job_id).rglob("*") if p.is_file()} == {"log.txt"}


def _idle(one):
    return not one.engine.performer.held


def test_expired_results_leave_the_store_and_the_job_says_when(tmp_path, ended, wait_for):
    with RunnerAlone(tmp_path / "home") as one:
        add_granules(one.parts.catalog, tmp_path / "archive", 3)
        old, new = (submit_plan(one.parts, plan_of("copy", count=3)) for _ in range(2))
        ended(one, old)
        ended(one, new)
        with one.parts.state.immediate() as connection:
            connection.execute("UPDATE jobs SET data_expires_at = 1 WHERE job_id = ?", (old,))
        one.engine.upkeep.expire()
        keys = [found.key for found in one.parts.store.list_keys("harmony-staging", "public/")]
        assert len(keys) == 3 and all(key.startswith(f"public/{new}/") for key in keys)
        assert job_rows.job(one.parts.state, old).expired_at is not None
        assert job_rows.job(one.parts.state, new).expired_at is None


def test_old_work_is_reaped_with_its_logs(tmp_path, ended):
    with RunnerAlone(tmp_path / "home") as one:
        add_granules(one.parts.catalog, tmp_path / "archive", 3)
        job_id = submit_plan(one.parts, plan_of("copy", count=3))
        ended(one, job_id)
        with one.parts.state.immediate() as connection:
            long_ago = one.parts.now() - timedelta(days=15)
            connection.execute("UPDATE jobs SET updated_at = ?", (int(long_ago.timestamp() * 1000),))
            connection.execute("UPDATE work_items SET updated_at = ?", (int(long_ago.timestamp() * 1000),))
        one.engine.upkeep.reap()
        one.engine.upkeep.sweep(older_than_s=-1)
        assert one.parts.state.row("SELECT count(*) FROM work_items")[0] == 0
        assert not (one.settings.work_folder / job_id).exists()
        assert len(job_rows.links(one.parts.state, job_id, offset=0, limit=10)) == 3


def test_stopping_twice_is_no_error_and_health_tells(tmp_path):
    with RunnerAlone(tmp_path / "home") as one:
        assert one.engine.health() is None
        one.engine.stop()
        assert "not started" in one.engine.health()
        one.engine.stop()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 600 kB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=600k", "harmonium-test", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted (needs root)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_a_clear_failure_and_corrupts_nothing(tmp_path, small_disk, ended, wait_for):
    with RunnerAlone(tmp_path / "home") as one:
        add_granules(one.parts.catalog, tmp_path / "archive", 4)
        shutil.rmtree(one.settings.work_folder, ignore_errors=True)
        one.settings.work_folder.symlink_to(small_disk)
        ballast = small_disk / "ballast"
        _fill(ballast)
        job_id = submit_plan(one.parts, plan_of("copy", count=4))
        job = ended(one, job_id)
        assert job.status is JobStatus.FAILED
        texts = [message.text for message in job_rows.messages(one.parts.state, job_id)]
        assert len(texts) == 4 and all("no space left" in text.lower() for text in texts), texts
        assert list(one.parts.store.list_keys("harmony-staging", "public/")) == []
        ballast.unlink()
        again = submit_plan(one.parts, plan_of("copy", count=4))
        assert ended(one, again).status is JobStatus.SUCCESSFUL
        assert one.parts.state.row("PRAGMA integrity_check")[0] == "ok"


def _fill(path):
    """Write until nothing more goes in, to the last byte."""
    with path.open("wb", buffering=0) as file:
        for piece in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * piece)
            except OSError as error:
                assert error.errno == errno.ENOSPC
