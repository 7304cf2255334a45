"""Fixtures of the runner's tests: an engine over a home of its own."""

import time
from collections.abc import Callable

import pytest

from appliance.workflow import job_rows
from appliance.workflow.records import Job
from appliance.workflow.states import TERMINAL
from tests.runner.archive import RunnerAlone, add_granules


@pytest.fixture
def runner(tmp_path):
    """An engine with ten local granules."""
    with RunnerAlone(tmp_path / "home") as one:
        add_granules(one.parts.catalog, tmp_path / "archive", 10)
        yield one


@pytest.fixture
def wait_for():
    """`wait_for(condition)` until it answers something true, which is returned."""

    def wait(condition: Callable[[], object], what: str = "it", timeout_s: float = 60):
        deadline = time.monotonic() + timeout_s
        while not (found := condition()):
            assert time.monotonic() < deadline, f"never came: {what}"
            time.sleep(0.01)
        return found

    return wait


@pytest.fixture
def ended(wait_for):
    """`ended(runner, job_id)` waits for the end of a job and returns it."""

    def wait(one: RunnerAlone, job_id: str) -> Job:
        def finished():
            job = job_rows.job(one.parts.state, job_id)
            return job if job is not None and job.status in TERMINAL else None

        return wait_for(finished, f"the end of job {job_id}")

    return wait
