"""Real children from a real forkserver: limits, ends, orphans, reuse."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from appliance.runner.launch import ChildFailed, ItemLimits, LocalLauncher, Order, describe_in_children

FUNCTIONS = Path(__file__).parent / "functions"


def make_launcher(**choices):
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    return LocalLauncher(entry="awkward:run_step", search_path=[str(FUNCTIONS)], environment=coverage, **choices)


@pytest.fixture(scope="module")
def launcher():
    os.environ["HARMONIUM_OBJECT_STORE_SECRET_KEY"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "not for children"
    one = make_launcher()
    del os.environ["HARMONIUM_OBJECT_STORE_SECRET_KEY"], os.environ["AWS_SECRET_ACCESS_KEY"]
    one.start()
    yield one
    one.stop()


def order(folder: Path, name: str, message=None, **limits) -> Order:
    (folder / "out").mkdir(exist_ok=True)
    (folder / "message.json").write_text(json.dumps(message or {}))
    return Order(
        name=name,
        message_path=folder / "message.json",
        catalog_path=folder / "catalog.json",
        outdir=folder / "out",
        log_path=folder / "log.txt",
        limits=ItemLimits(**limits),
    )


def run(launcher, an_order, *, canceled=lambda: False, progress=lambda _: None):
    return launcher.run(an_order, canceled=canceled, progress=progress)


def facts_of(folder: Path):
    return json.loads((folder / "out" / "facts.json").read_text())


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, what: str, timeout_s: float = 30):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.01)


def test_a_child_has_its_own_group_log_folder_and_limit_and_no_secrets(launcher, tmp_path):
    seen = []
    outcome = run(launcher, order(tmp_path, "write_facts", memory_mb=512), progress=seen.append)
    facts = facts_of(tmp_path)
    assert outcome.is_success and outcome.failure == ""
    assert facts["group"] == facts["pid"] != os.getpid()
    assert facts["parent"] == launcher.forkservers["light"].pid
    assert facts["folder"] == str(tmp_path)
    assert facts["address_space"] >= (512 + 400) << 20
    assert (tmp_path / "log.txt").read_text() == "a line for the log\n"
    assert seen == [50]
    leaked = [name for name in facts["environment"] if name.startswith(("HARMONIUM", "AWS", "SECRET"))]
    assert leaked == []
    assert facts["environment"]["GDAL_PAM_ENABLED"] == "NO"
    assert facts["environment"]["HDF5_USE_FILE_LOCKING"] == "FALSE"
    assert all(facts["environment"][f"{n}_NUM_THREADS"] == "1" for n in ("OPENBLAS", "OMP", "GDAL"))


def test_a_child_holds_no_descriptor_but_its_own(launcher, tmp_path):
    slow = tmp_path / "slow"
    slow.mkdir()
    beside = threading.Thread(target=run, args=(launcher, order(slow, "sleep", {"seconds": 1})))
    beside.start()
    wait_until((slow / "out" / "pid").exists, "the other child")
    run(launcher, order(tmp_path, "write_facts"))
    beside.join()
    others = [d for d in facts_of(tmp_path)["descriptors"] if d not in ("/dev/null", str(tmp_path / "log.txt"))]
    assert len(others) == 1 and others[0].startswith("socket:"), others


def test_the_libraries_are_loaded_before_the_fork_and_the_forkserver_has_one_thread(launcher, tmp_path):
    run(launcher, order(tmp_path, "write_facts"))
    assert {"numpy", "h5py", "h5netcdf"} <= set(facts_of(tmp_path)["modules"])
    assert launcher.forkservers["light"].thread_count == 1
    assert launcher.health() is None


def test_a_preload_that_cannot_be_imported_is_reported(caplog):
    one = LocalLauncher(entry="no_such_module:run_step")
    with caplog.at_level(logging.ERROR):
        one.start()
        assert one.forkservers["light"].wait_ready()
    try:
        assert "no_such_module" in one.health()
        assert "could not import no_such_module" in caplog.text
    finally:
        one.stop()


@pytest.mark.parametrize(
    ("name", "number"), [("crash", signal.SIGSEGV), ("abort", signal.SIGABRT)], ids=["segmentation fault", "abort"]
)
def test_a_crash_names_its_signal_and_hurts_nobody_else(launcher, tmp_path, name, number):
    outcome = run(launcher, order(tmp_path, name))
    assert (outcome.signal, outcome.exit_code) == (number, None)
    assert outcome.failure.startswith(f"The service crashed: {number.name} (")
    assert f"in {name}" in (tmp_path / "log.txt").read_text()  # where it crashed is in the item's log
    assert run(launcher, order(tmp_path, "write_facts")).is_success


@pytest.mark.parametrize(("name", "message"), [("allocate", {"mb": 600}), ("refuse_memory", {}), ("be_killed", {})])
def test_every_way_of_running_out_of_memory_is_told_as_such(launcher, tmp_path, name, message):
    outcome = run(launcher, order(tmp_path, name, message, memory_mb=64))
    assert not outcome.is_success
    assert outcome.failure == "Service failed due to running out of memory"


def test_memory_below_the_limit_may_be_used(launcher, tmp_path):
    assert run(launcher, order(tmp_path, "allocate", {"mb": 256}, memory_mb=300)).is_success


def test_an_exception_is_told_by_class_and_text_and_traced_in_the_log(launcher, tmp_path):
    outcome = run(launcher, order(tmp_path, "fail"))
    assert outcome.failure == "ValueError: the granule has no time"
    assert "Traceback" in (tmp_path / "log.txt").read_text()


def test_a_child_that_leaves_without_a_word_has_failed(launcher, tmp_path):
    outcome = run(launcher, order(tmp_path, "leave"))
    assert outcome.exit_code == 7 and "exit code 7" in outcome.failure


def test_the_exit_code_is_what_the_step_returned(launcher, tmp_path):
    assert run(launcher, order(tmp_path, "return_code", {"code": 3})).exit_code == 3
    assert run(launcher, order(tmp_path, "return_code", {"code": 0})).is_success


@pytest.mark.parametrize("name", ["sleep", "chatter"])
def test_a_time_limit_ends_the_child(launcher, tmp_path, name):
    outcome = run(launcher, order(tmp_path, name, {"seconds": 60}, timeout_s=0.5))
    assert outcome.timed_out and outcome.failure == "Worker timed out after 0.5 seconds"
    wait_until(lambda: not is_alive(int((tmp_path / "out" / "pid").read_text())), "the end of the child")


@pytest.mark.parametrize("name", ["sleep", "chatter"])
def test_a_canceled_item_is_killed_also_while_it_talks(launcher, tmp_path, name):
    pid_file = tmp_path / "out" / "pid"
    outcome = run(launcher, order(tmp_path, name, {"seconds": 60}), canceled=pid_file.exists)
    assert outcome.canceled and not outcome.timed_out and outcome.seconds < 50
    wait_until(lambda: not is_alive(int(pid_file.read_text())), "the end of the child")


def test_signals_meant_for_the_appliance_do_not_end_its_children(launcher, tmp_path):
    pid_file = tmp_path / "out" / "pid"
    sent = []

    def signal_everybody():
        if not sent and pid_file.exists() and pid_file.read_text():
            for pid in (int(pid_file.read_text()), launcher.forkservers["light"].pid):
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    os.kill(pid, number)
                sent.append(pid)
        return False

    outcome = run(launcher, order(tmp_path, "sleep", {"seconds": 0.5}), canceled=signal_everybody)
    assert outcome.is_success and len(sent) == 2
    assert launcher.forkservers["light"].pid == sent[1]


def test_no_grandchild_is_left_behind(launcher, tmp_path):
    assert run(launcher, order(tmp_path, "have_a_child")).is_success
    grandchild = int((tmp_path / "out" / "grandchild").read_text())
    wait_until(lambda: not is_alive(grandchild), "the end of the grandchild")


def test_interrupting_ends_running_items_without_a_verdict(tmp_path):
    one = make_launcher()
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(run(one, order(tmp_path, "sleep", {"seconds": 60}))))
    thread.start()
    wait_until((tmp_path / "out" / "pid").exists, "the child")
    one.interrupt()
    thread.join(30)
    one.stop()
    assert outcomes[0].interrupted and not outcomes[0].canceled and not outcomes[0].timed_out


def test_each_item_has_a_fresh_child_unless_reuse_is_asked_for(launcher, tmp_path):
    def pids(one, count):
        found = []
        for _ in range(count):
            assert run(one, order(tmp_path, "write_facts")).is_success
            found.append(facts_of(tmp_path)["pid"])
        return found

    assert len(set(pids(launcher, 3))) == 3
    reusing = make_launcher(items_per_child=3)
    try:
        assert [len(set(pids(reusing, 3))) for _ in range(2)] == [1, 1]
    finally:
        reusing.stop()


def test_a_reused_child_gets_the_limits_and_the_log_of_each_item(tmp_path):
    reusing = make_launcher(items_per_child=10)
    try:
        spaces = []
        for number, memory_mb in enumerate((512, 1024, 256)):
            folder = tmp_path / str(number)
            folder.mkdir()
            assert run(reusing, order(folder, "write_facts", memory_mb=memory_mb)).is_success
            spaces.append(facts_of(folder)["address_space"] >> 20)
            assert (folder / "log.txt").read_text() == "a line for the log\n"
        assert (spaces[1] - spaces[0], spaces[2] - spaces[0]) == (512, -256)
        assert not run(reusing, order(folder, "crash")).is_success
        assert run(reusing, order(folder, "write_facts")).is_success
    finally:
        reusing.stop()


def test_a_lost_forkserver_fails_the_item_and_is_started_again(launcher, tmp_path):
    pid_file = tmp_path / "out" / "pid"
    killed = []

    def kill_the_forkserver_once():
        if pid_file.exists() and not killed:
            killed.append(launcher.forkservers["light"].pid)
            os.kill(killed[0], signal.SIGKILL)
        return False

    outcome = run(launcher, order(tmp_path, "sleep", {"seconds": 60}), canceled=kill_the_forkserver_once)
    assert not outcome.is_success and "forkserver" in outcome.failure
    wait_until(lambda: not is_alive(int(pid_file.read_text())), "the end of the child")
    assert run(launcher, order(tmp_path, "write_facts")).is_success
    assert launcher.forkservers["light"].pid != killed[0]


def test_an_idle_heavy_forkserver_ends_and_is_started_again_when_needed():
    one = make_launcher(heavy_idle_s=0.3)
    heavy = one.forkservers["heavy"]
    try:
        assert heavy.wait_ready()
        assert heavy.failed_preloads == {} and {"xarray", "rasterio", "pyproj", "netCDF4"} <= set(heavy.loaded)
        assert heavy.thread_count == 1
        wait_until(lambda: heavy.pid is None, "the end of the idle forkserver")
        child = heavy.fork()
        assert is_alive(child.pid)
        child.close()
    finally:
        one.stop()


def test_a_forkserver_outlives_the_thread_that_needed_it(tmp_path):
    one = make_launcher()
    try:
        thread = threading.Thread(target=run, args=(one, order(tmp_path, "write_facts")))
        thread.start()
        thread.join()
        first = one.forkservers["light"].pid
        assert run(one, order(tmp_path, "write_facts")).is_success
        assert one.forkservers["light"].pid == first
    finally:
        one.stop()


def test_a_function_runs_in_a_child_and_its_result_comes_back(launcher):
    assert launcher.run_function("awkward", "double", 21) == 42
    with pytest.raises(ChildFailed, match="TypeError"):
        launcher.run_function("awkward", "double", None)
    with pytest.raises(ChildFailed, match="no function 'treble'"):
        launcher.run_function("awkward", "treble", 1)
    with pytest.raises(ChildFailed, match="not JSON serializable"):
        launcher.run_function("awkward", "answer_with_a_set", 1)


def test_describing_goes_on_past_broken_files_and_crashes(launcher):
    paths = [f"good-{n}.nc" for n in range(40)]
    paths[3], paths[20], paths[35] = "broken.nc", "crash-1.nc", "crash-2.nc"
    described = list(describe_in_children(paths, 2, launcher, "awkward:describe_or_crash"))
    assert [d["path"] for d in described] == paths
    assert described[3]["error"] == "not HDF5"
    assert all("SIGSEGV" in described[n]["error"] for n in (20, 35))
    assert all("pid" in d for n, d in enumerate(described) if n not in (3, 20, 35))


PARENT = """
import sys, threading
from pathlib import Path
from appliance.runner.launch import LocalLauncher, Order
one = LocalLauncher(entry="awkward:run_step", search_path=[sys.argv[1]])
one.start()
def work(folder):
    order = Order("sleep", folder / "message.json", folder / "catalog.json", folder / "out", folder / "log.txt")
    one.run(order, canceled=lambda: False, progress=lambda _: None)
for folder in sys.argv[2:]:
    threading.Thread(target=work, args=(Path(folder),)).start()
print(one.forkservers["light"].pid, flush=True)
"""


@pytest.mark.parametrize("cycle", range(12))
def test_kill_nine_of_the_appliance_leaves_no_orphan(tmp_path, cycle):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        order(folder, "sleep", {"seconds": 600})
    command = [sys.executable, "-c", PARENT, str(FUNCTIONS), *map(str, folders)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(parent.stdout.readline())]
        if cycle % 3:  # every third time it dies while the forkserver still imports
            files = [folder / "out" / "pid" for folder in folders]
            wait_until(lambda: all(f.exists() and f.read_text() for f in files), "two children")
            pids += [int(f.read_text()) for f in files]
        parent.kill()
    wait_until(lambda: not any(map(is_alive, pids)), f"the end of {pids}")
