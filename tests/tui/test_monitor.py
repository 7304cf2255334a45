"""The monitor against a real appliance: key presses in, screens out. Also `--once`, and no server at all."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from textual.widgets import DataTable, Static

from tests.running import ROOT, RunningAppliance, free_port
from tui.app import Monitor
from tui.client import Client
from tui.screens.job import JobScreen
from tui.screens.jobs import JobsScreen

RANGESET = "/HARMONIUM_SWATH_L2/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset"


def driven(url: str, script: Callable[[Monitor, Any], Awaitable[None]]) -> None:
    """Run the monitor without a terminal, driven by a script of key presses."""

    async def run() -> None:
        app = Monitor(Client(url))
        async with app.run_test(size=(110, 30)) as pilot:
            await script(app, pilot)

    asyncio.run(run())


async def until(condition: Callable[[], bool], pilot: Any, within_s: float = 20) -> None:
    for _ in range(int(within_s / 0.05)):
        await pilot.pause(0.05)
        if condition():
            return
    raise AssertionError("it did not come to that")


def finished_job(appliance: RunningAppliance) -> str:
    with appliance.client() as client:
        job_id = str(client.get(RANGESET, params={"forceAsync": "true", "maxResults": "2"}).json()["jobID"])
    appliance.finished(job_id)
    return job_id


def test_jobs_open_and_come_back(appliance: RunningAppliance):
    job_id = finished_job(appliance)

    async def script(app: Monitor, pilot: Any) -> None:
        await until(lambda: isinstance(app.screen, JobsScreen) and app.screen.query_one(DataTable).row_count > 0, pilot)
        rows = app.screen.query_one(DataTable).ordered_rows
        assert rows[0].key.value == job_id, "newest first"
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, JobScreen) and "successful" in text_of(app, "#summary"), pilot)
        assert job_id in text_of(app, "#summary")
        assert "2 /" in text_of(app, "#steps") or "1 /" in text_of(app, "#steps")
        assert "Outputs (2)" in text_of(app, "#text")
        await pilot.press("escape")
        await until(lambda: isinstance(app.screen, JobsScreen), pilot)

    driven(appliance.url, script)


def test_cancel_asks_first_and_verbs_are_those_of_the_document(busy_appliance: RunningAppliance):
    with busy_appliance.client() as client:
        url = "/HARMONIUM_TINY_L2/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset"
        parameters = {"forceAsync": "true", "subset": "lat(-90:90)", "skipPreview": "true"}
        job_id = client.get(url, params=parameters).json()["jobID"]
        client.get(f"/jobs/{job_id}/pause")

    def status() -> str:
        with busy_appliance.client() as client:
            return str(client.get(f"/jobs/{job_id}").json()["status"])

    async def script(app: Monitor, pilot: Any) -> None:
        await until(lambda: isinstance(app.screen, JobsScreen) and app.screen.query_one(DataTable).row_count > 0, pilot)
        screen = app.screen
        assert isinstance(screen, JobsScreen)
        await until(lambda: screen.selected() is not None and screen.selected().status == "paused", pilot)
        assert set(screen.selected().verbs) == {"resume", "cancel"}
        assert screen.check_action("steer", ("pause",)) is False
        assert screen.check_action("steer", ("resume",)) is True
        await pilot.press("x")
        await pilot.pause(0.2)
        await pilot.press("n")
        await pilot.pause(0.2)
        assert status() == "paused", "no was the answer"
        await pilot.press("x")
        await pilot.pause(0.2)
        await pilot.press("y")
        await until(lambda: status() == "canceled", pilot)

    driven(busy_appliance.url, script)


def test_without_a_server_it_says_so_and_goes_on_asking():
    async def script(app: Monitor, pilot: Any) -> None:
        await until(lambda: "retrying in" in text_of(app, "#status"), pilot)
        assert "does not answer" in text_of(app, "#status")

    driven(f"http://127.0.0.1:{free_port()}", script)


def text_of(app: Monitor, selector: str) -> str:
    return str(app.screen.query_one(selector, Static).render())


def test_once_prints_plain_text(appliance: RunningAppliance):
    job_id = finished_job(appliance)
    command = [sys.executable, "-m", "tui", appliance.url, "--ascii", "--once"]
    jobs = subprocess.run([*command, "jobs"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert job_id[:8] in jobs and "v successful" in jobs and "########## 100%" in jobs
    one = subprocess.run([*command, job_id], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert one.splitlines()[0].startswith(job_id)
    assert one.count("/granules/") == 2
    gone = subprocess.run(
        [sys.executable, "-m", "tui", f"http://127.0.0.1:{free_port()}", "--once", "jobs"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert gone.returncode == 1 and "does not answer" in gone.stderr


def test_once_shows_a_finished_job_as_it_is_even_at_the_first_look(appliance: RunningAppliance):
    with appliance.client() as client:
        answer = client.get(RANGESET, params={"forceAsync": "true", "maxResults": "2"}, follow_redirects=False)
        job_id = answer.headers["location"].partition("?")[0].rpartition("/")[2]
        for _ in range(400):  # the listing is no look at the job
            if {job["jobID"]: job["status"] for job in client.get("/jobs").json()["jobs"]}[job_id] == "successful":
                break
            time.sleep(0.05)
    command = [sys.executable, "-m", "tui", appliance.url, "--once", job_id]
    assert "successful 100%" in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
