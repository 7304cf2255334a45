"""Starting and stopping: one appliance per home, one per port, no open door to the network, a clean end."""

import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from tests.running import RunningAppliance, free_port


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory):
    started = RunningAppliance(tmp_path_factory.mktemp("serve") / "home").start()
    yield started
    if started.process.poll() is None:
        started.stop()


def refused(machine: RunningAppliance, *arguments: str) -> str:
    answer = machine.command("serve", *arguments, check=False)
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
    return answer.stderr


def test_a_home_is_served_once(running: RunningAppliance):
    said = refused(running, "--port", str(free_port()))
    assert f"process {running.process.pid} serves it already" in said


def test_a_taken_port_names_its_holder(running: RunningAppliance, tmp_path: Path):
    said = refused(RunningAppliance(tmp_path / "other"), "--port", str(running.port))
    assert f"port {running.port} on 127.0.0.1: Address already in use by process {running.process.pid}" in said


def test_no_door_is_open_to_the_network(tmp_path: Path):
    machine = RunningAppliance(tmp_path / "home")
    said = refused(machine, "--host", "0.0.0.0", "--port", str(machine.port))
    assert "host 0.0.0.0: anybody on the network could do everything" in said and "harmonium user add NAME" in said


def test_the_first_account_comes_from_a_file_once(tmp_path: Path):
    secret = tmp_path / "password"
    secret.write_text("first password\n")
    machine = RunningAppliance(tmp_path / "home", admin_user="ada", admin_password_file=secret)
    machine.start()
    with httpx.Client(base_url=machine.url) as client:
        assert client.get("/jobs").status_code == 401
        assert client.get("/jobs", auth=("ada", "first password")).status_code == 200
        assert client.get("/admin/jobs", auth=("ada", "first password")).status_code == 200
    assert machine.stop() == 0
    secret.write_text("another password\n")
    machine.start()
    assert httpx.get(f"{machine.url}/jobs", auth=("ada", "another password")).status_code == 401
    assert httpx.get(f"{machine.url}/jobs", auth=("ada", "first password")).status_code == 200
    assert machine.stop() == 0


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), ("short", "5 characters; allowed: at least 8")])
def test_a_password_file_that_cannot_be_is_told(tmp_path: Path, content: str | None, words: str):
    secret = tmp_path / "password"
    if content:
        secret.write_text(content)
    machine = RunningAppliance(tmp_path / "home", admin_user="ada", admin_password_file=secret)
    said = refused(machine, "--port", str(machine.port))
    assert f"admin_password_file {secret}" in said and words in said


def test_sigterm_amid_requests_is_a_clean_end(running: RunningAppliance):
    """Last of the module: it stops what the others use."""
    ended = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=running.url, timeout=20) as client:
            while not ended.is_set():
                try:
                    client.get("/versions")
                except httpx.TransportError:
                    return

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        httpx.get(f"{running.url}/versions")
        assert running.stop() == 0, running.log()
    except subprocess.TimeoutExpired:
        pytest.fail(f"it did not end:\n{running.log()}")
    finally:
        ended.set()
        for asker in askers:
            asker.join()
    assert "Traceback" not in running.log()
