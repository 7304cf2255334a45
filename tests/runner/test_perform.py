"""Whole jobs through real children and a real store: what comes out, what stays behind, what a failure says."""

import hashlib
import os
import shutil
import signal
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from appliance.runner.item_folder import item_ids
from appliance.workflow import control, item_rows, job_rows
from appliance.workflow.states import ItemStatus, JobStatus
from tests.runner.archive import RunnerAlone, add_granules, granule_id, granule_name, plan_of, submit_plan


def links_of(one, job_id):
    return job_rows.links(one.parts.state, job_id, offset=0, limit=100_000)


def messages_of(one, job_id):
    return sorted(message.text for message in job_rows.messages(one.parts.state, job_id))


def items_of(one, job_id):
    rows = one.parts.state.rows("SELECT item_id FROM work_items WHERE job_id = ? ORDER BY item_id", (job_id,))
    return [item_rows.item(one.parts.state, row[0]) for row in rows]


def files_below(folder: Path):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_every_granule_becomes_one_result_with_its_bytes_box_and_times(runner, ended):
    job_id = submit_plan(runner.parts, plan_of("copy", count=10))
    job = ended(runner, job_id)
    links = links_of(runner, job_id)
    assert (job.status, job.progress) == (JobStatus.SUCCESSFUL, 100)
    assert sorted(link.title for link in links) == [granule_name(n) for n in range(10)]
    for link in links:
        number = int(link.title[1:6])
        assert runner.body(link.href) == f"{link.title} holds {number}\n".encode()
        assert link.href.startswith(f"s3://harmony-staging/public/{job_id}/")
        assert (link.bbox, link.media_type, link.rel) == ((-10, 0, 10, 20), "text/plain", "data")
        assert link.start.hour == number and link.end.minute == 59


def test_only_logs_stay_in_the_work_folder(runner, ended, wait_for):
    job_id = submit_plan(runner.parts, plan_of("copy", "join", count=10, gathers=("join",)))
    ended(runner, job_id)
    folder = runner.settings.work_folder / job_id
    wait_for(lambda: all(f.endswith("log.txt") for f in files_below(folder)), "tidy folders")


def test_outputs_of_earlier_steps_are_handed_on_by_path_read_only_and_in_order(runner, ended):
    job_id = submit_plan(runner.parts, plan_of("double", "join", count=10, gathers=("join",)))
    job = ended(runner, job_id)
    assert job.status is JobStatus.SUCCESSFUL, job.message
    (link,) = links_of(runner, job_id)
    lines = [f"{granule_name(n)} holds {n}\n" for n in range(10)]
    assert runner.body(link.href).decode() == "".join(line * 2 for line in lines)
    stored = list(runner.parts.store.list_keys("harmony-staging", "public/"))
    assert len(stored) == 1  # nothing of the middle step
    middle = next(i for i in items_of(runner, job_id) if i.step_index == 2)
    href = item_rows.outputs(runner.parts.state, middle.item_id)[0].stac["assets"]["data"]["href"]
    assert Path(href).is_relative_to(runner.settings.work_folder / job_id / str(middle.item_id) / "out")


def test_inputs_are_never_written(runner, ended, tmp_path):
    def state():
        files = sorted((tmp_path / "archive").iterdir())
        return [
            (f.name, hashlib.sha256(f.read_bytes()).hexdigest(), f.stat().st_mtime_ns, f.stat().st_mode) for f in files
        ]

    before = state()
    ended(runner, submit_plan(runner.parts, plan_of("double", "join", count=10, gathers=("join",))))
    assert state() == before


def test_outputs_of_an_earlier_step_are_read_only_links_in_the_readers_own_folder(runner, ended):
    job_id = submit_plan(runner.parts, plan_of("copy", "tell_input", count=10))
    ended(runner, job_id)
    for link in links_of(runner, job_id):
        mode, link_count, path = runner.body(link.href).decode().split()
        assert (mode, link_count) == ("0o444", "2")
        assert path.endswith(f"/in/000000/{link.title}")


def test_a_crash_fails_its_own_item_and_names_the_signal(runner, ended):
    extra = {"crash": [granule_name(3)]}
    job_id = submit_plan(runner.parts, plan_of("copy", count=10, extra=extra))
    job = ended(runner, job_id)
    assert job.status is JobStatus.COMPLETE_WITH_ERRORS
    (text,) = messages_of(runner, job_id)
    assert text.startswith("WorkItem failed: test/copy:1: The service crashed: SIGABRT (")
    assert len(links_of(runner, job_id)) == 9
    crashed = next(i for i in items_of(runner, job_id) if i.status is ItemStatus.FAILED)
    assert crashed.retry_count == 5
    log = (runner.settings.work_folder / job_id / str(crashed.item_id) / "log.txt").read_text()
    assert log.count("Fatal Python error: Aborted") == 6  # one per attempt


def test_failures_retries_and_warnings_come_from_the_error_document(runner, ended, tmp_path):
    extra = {
        "fail": [granule_name(1)],
        "fail_once": [granule_name(2)],
        "nodata": [granule_name(3)],
        "marker": str(tmp_path / "marker"),
    }
    job_id = submit_plan(runner.parts, plan_of("copy", count=10, extra=extra))
    ended(runner, job_id)
    assert messages_of(runner, job_id) == [
        f"WorkItem failed: test/copy:1: {granule_name(1)} is broken",
        f"WorkItem warned: test/copy:1: nothing of {granule_name(3)} lies inside",
    ]
    assert len(links_of(runner, job_id)) == 8
    assert sorted(i.retry_count for i in items_of(runner, job_id)) == [0] * 10 + [1]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("escape", "output '/etc/hostname' lies outside the item's output folder; refused"),
        ("nothing", "Service did not return any outputs."),
        ("no_such_step", "KeyError: 'no_such_step'"),
    ],
)
def test_what_a_step_may_not_leave_behind_fails_the_item(runner, ended, step, words):
    job_id = submit_plan(runner.parts, plan_of(step, count=10, query={"granule_ids": (granule_id(0),)}))
    job = ended(runner, job_id)
    assert job.status is JobStatus.FAILED and words in job.message


def test_a_folder_is_one_result(runner, ended):
    job_id = submit_plan(runner.parts, plan_of("folder", count=1, query={"granule_ids": (granule_id(0),)}))
    ended(runner, job_id)
    (link,) = links_of(runner, job_id)
    assert link.href.endswith("/data.zarr") and link.media_type == "application/x-zarr"
    assert runner.body(f"{link.href}/v/0.0") == b"chunk"
    assert link.size_bytes == len("{}") + len("chunk")


def test_a_granule_whose_file_is_gone_or_swapped_fails_its_own_item(runner, ended, tmp_path):
    (tmp_path / "archive" / granule_name(0)).unlink()
    secret = tmp_path / "secret"
    secret.write_text("not in the archive")
    (tmp_path / "archive" / granule_name(1)).unlink()
    (tmp_path / "archive" / granule_name(1)).symlink_to(secret)
    job_id = submit_plan(runner.parts, plan_of("copy", count=10))
    job = ended(runner, job_id)
    assert job.status is JobStatus.COMPLETE_WITH_ERRORS
    assert len(links_of(runner, job_id)) == 8 and len(messages_of(runner, job_id)) == 2
    assert all("the original cannot be read" in text for text in messages_of(runner, job_id))


@pytest.fixture
def web(tmp_path):
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "remote.txt").write_text("from afar")

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_remote_granules_are_fetched_from_listed_hosts_only(tmp_path, ended, web):
    urls = {1: f"http://{web}/remote.txt", 2: f"http://localhost:{web.partition(':')[2]}/remote.txt", 3: ""}
    with RunnerAlone(tmp_path / "home", remote_hosts=(web,)) as one:
        add_granules(one.parts.catalog, tmp_path / "archive", 5, urls=urls)
        job_id = submit_plan(one.parts, plan_of("copy", count=5))
        job = ended(one, job_id)
        bodies = {link.title: one.body(link.href) for link in links_of(one, job_id)}
        assert job.input_granule_count == 4  # the one without a data link is left out
        assert bodies[granule_name(1)] == b"from afar"
        assert set(bodies) == {granule_name(n) for n in (0, 1, 4)}
        (text,) = messages_of(one, job_id)
        assert f"its host is not listed; allowed: {web}" in text
        failed = next(i for i in items_of(one, job_id) if i.status is ItemStatus.FAILED)
        assert failed.retry_count == 0


def test_download_alone_links_the_originals_and_copies_nothing(tmp_path, ended, web):
    with RunnerAlone(tmp_path / "home") as one:
        add_granules(one.parts.catalog, tmp_path / "archive", 3, urls={1: f"http://{web}/remote.txt", 2: ""})
        job_id = submit_plan(one.parts, plan_of(count=3))
        job = ended(one, job_id)
        assert job.status is JobStatus.SUCCESSFUL and job.input_granule_count == 2
        links = links_of(one, job_id)
        assert [link.href for link in links] == [
            f"/granules/{granule_id(0)}/{granule_name(0)}",
            f"http://{web}/remote.txt",
        ]
        assert all(link.bbox and link.start and link.end for link in links)
        assert list(one.parts.store.list_keys("harmony-staging", "public/")) == []


def test_download_with_a_destination_copies_the_originals_there(tmp_path, ended, web):
    with RunnerAlone(tmp_path / "home", remote_hosts=(web,)) as one:
        one.parts.store.ensure_bucket("ada-bucket")
        add_granules(one.parts.catalog, tmp_path / "archive", 2, urls={1: f"http://{web}/remote.txt"})
        job_id = submit_plan(one.parts, plan_of(count=2, destination_url="s3://ada-bucket/mine"))
        ended(one, job_id)
        bodies = [(link.href, one.body(link.href)) for link in links_of(one, job_id)]
        item = items_of(one, job_id)[0].item_id
        assert bodies == [
            (f"s3://ada-bucket/mine/{job_id}/{item}/{granule_name(0)}", f"{granule_name(0)} holds 0\n".encode()),
            (f"s3://ada-bucket/mine/{job_id}/{item}/{granule_name(1)}", b"from afar"),
        ]


def test_no_match_is_a_failed_job(runner, ended):
    job = ended(runner, submit_plan(runner.parts, plan_of("copy", count=1, query={"granule_ids": ("G999-TEST",)})))
    assert (job.status, job.message) == (JobStatus.FAILED, "No matching granules found.")


def test_lost_outputs_of_an_earlier_step_are_made_again(tmp_path, ended, wait_for):
    with RunnerAlone(tmp_path / "home", workers=1) as one:
        add_granules(one.parts.catalog, tmp_path / "archive", 4)
        trace = tmp_path / "trace"
        extra = {"trace": str(trace), "seconds": 0.2}
        job_id = submit_plan(one.parts, plan_of("copy", "join", count=4, extra=extra, gathers=("join",)))
        wait_for(lambda: trace.exists() and len(trace.read_text().split()) >= 3, "three copies")
        folder = one.settings.work_folder / job_id
        first = next(i for i in item_ids(one.settings.work_folder, job_id) if (folder / str(i) / "out").exists())
        shutil.rmtree(folder / str(first) / "out")
        job = ended(one, job_id)
        assert job.status is JobStatus.SUCCESSFUL, job.message
        (link,) = links_of(one, job_id)
        assert one.body(link.href).decode() == "".join(f"{granule_name(n)} holds {n}\n" for n in range(4))
        assert all(i.retry_count == 0 for i in items_of(one, job_id))
        assert len(trace.read_text().split()) == 5


def test_canceling_kills_the_children(runner, wait_for):
    job_id = submit_plan(runner.parts, plan_of("copy", count=10, extra={"seconds": 60}))

    def running():
        return [i for i in items_of(runner, job_id) if i.status is ItemStatus.RUNNING]

    wait_for(lambda: len(running()) == 2, "two running items")
    control.cancel(runner.parts.state, job_id, now=runner.parts.now(), by_admin=False)
    second = submit_plan(runner.parts, plan_of("copy", count=10))
    wait_for(lambda: job_rows.job(runner.parts.state, second).status is JobStatus.SUCCESSFUL, "the next job", 20)
    assert links_of(runner, job_id) == []


def test_an_operators_retry_stops_the_running_child_and_begins_anew(runner, ended, wait_for, tmp_path):
    marker = tmp_path / "marker"
    extra = {"slow_once": [granule_name(0)], "marker": str(marker)}
    job_id = submit_plan(runner.parts, plan_of("copy", count=10, extra=extra))
    wait_for(marker.exists, "the slow item")
    slow = next(i for i in items_of(runner, job_id) if i.step_index == 2 and i.sort_index == 0)
    runner.parts.ring(control.retry_item(runner.parts.state, job_id, slow.item_id, now=runner.parts.now()).ready_count)
    assert ended(runner, job_id).status is JobStatus.SUCCESSFUL
    assert sorted(link.title for link in links_of(runner, job_id)) == [granule_name(n) for n in range(10)]


@pytest.mark.parametrize(
    ("settings", "extra", "words"),
    [
        ({"item_timeout_s": 1}, {"seconds": 60}, "Worker timed out after 1 seconds"),
        ({"item_memory_mb": 100}, {"take_mb": 700}, "Service failed due to running out of memory"),
    ],
)
def test_limits_of_the_settings_hold_and_are_told(tmp_path, ended, settings, extra, words):
    with RunnerAlone(tmp_path / "home", retry_limit=0, **settings) as one:
        add_granules(one.parts.catalog, tmp_path / "archive", 1)
        job_id = submit_plan(one.parts, plan_of("copy", count=1, extra=extra))
        assert ended(one, job_id).message == f"WorkItem failed: test/copy:1: {words}"


def test_stopping_puts_work_down_and_the_next_start_takes_it_up(tmp_path, ended, wait_for):
    extra = {"trace": str(tmp_path / "trace"), "seconds": 0.1}
    with RunnerAlone(tmp_path / "home") as one:
        add_granules(one.parts.catalog, tmp_path / "archive", 30)
        job_id = submit_plan(one.parts, plan_of("copy", count=30, extra=extra))
        wait_for(lambda: len(links_of(one, job_id)) >= 5, "some results")
    with RunnerAlone(tmp_path / "home") as one:
        job = ended(one, job_id)
        assert job.status is JobStatus.SUCCESSFUL
        assert sorted(link.title for link in links_of(one, job_id)) == [granule_name(n) for n in range(30)]
        assert all((i.retry_count, i.interrupt_count) == (0, 0) for i in items_of(one, job_id))


def test_deleting_the_queue_while_a_job_runs_loses_nothing(runner, ended, wait_for):
    job_id = submit_plan(runner.parts, plan_of("copy", count=10, extra={"seconds": 0.1}))
    for count in range(1, 8, 2):
        wait_for(lambda wanted=count: len(links_of(runner, job_id)) >= wanted, "results")
        for name in ("queue.db", "queue.db-wal", "queue.db-shm"):
            (runner.settings.home / name).unlink(missing_ok=True)
    assert ended(runner, job_id).status is JobStatus.SUCCESSFUL
    assert len(links_of(runner, job_id)) == 10


def test_a_store_that_dies_and_comes_back_costs_nothing(runner, ended, wait_for):
    job_id = submit_plan(runner.parts, plan_of("copy", count=10, extra={"seconds": 0.1}))
    wait_for(lambda: len(links_of(runner, job_id)) >= 2, "results")
    os.kill(runner.embedded.pid, signal.SIGKILL)
    wait_for(lambda: runner.embedded.pid is None, "the store's end")

    def back():
        runner.embedded.watch()
        return runner.embedded.pid is not None and runner.parts.store.is_up() is None

    wait_for(back, "the store")
    assert ended(runner, job_id).status is JobStatus.SUCCESSFUL
    assert len(links_of(runner, job_id)) == 10
    assert all(i.retry_count == 0 for i in items_of(runner, job_id))


def test_a_lost_forkserver_costs_a_retry_and_nothing_else(runner, ended, wait_for):
    job_id = submit_plan(runner.parts, plan_of("copy", count=10, extra={"seconds": 0.1}))
    wait_for(lambda: len(links_of(runner, job_id)) >= 2, "results")
    os.kill(runner.engine.launcher.forkservers["light"].pid, signal.SIGKILL)
    assert ended(runner, job_id).status is JobStatus.SUCCESSFUL
    assert len(links_of(runner, job_id)) == 10
