"""`harmonium check`: one line per finding, exit 1 when anything is wrong. Real processes, files and ports."""

import os
import socket
from pathlib import Path

import pytest

from tests.running import RunningAppliance


@pytest.fixture
def machine(tmp_path: Path) -> RunningAppliance:
    """A home and a free port, not started."""
    return RunningAppliance(tmp_path / "home")


def checked(machine: RunningAppliance, code: int) -> str:
    answer = machine.command("check", check=False)
    assert answer.returncode == code, answer.stdout + answer.stderr
    return answer.stdout


def with_port(machine: RunningAppliance, port: int) -> None:
    machine.home.mkdir(exist_ok=True)
    (machine.home / "harmonium.toml").write_text(f"port = {port}\n")


def test_all_well_is_exit_0(machine: RunningAppliance):
    with_port(machine, machine.port)
    said = checked(machine, 0)
    assert "WRONG" not in said
    assert f"ok     port {machine.port} on 127.0.0.1 is free" in said
    assert "data links are fetched from: nowhere" in said


def test_a_taken_port_is_told_with_who_has_it(machine: RunningAppliance):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        with_port(machine, holder.getsockname()[1])
        (line,) = [line for line in checked(machine, 1).splitlines() if line.startswith("WRONG")]
    assert f"Address already in use (process {os.getpid()}: " in line and "--port" in line


def test_the_port_that_this_home_is_served_on_is_well(appliance: RunningAppliance):
    (appliance.home / "harmonium.toml").write_text(f"port = {appliance.port}\n")
    assert f"this home is served there by process {appliance.process.pid}" in checked(appliance, 0)


def test_remotes_that_are_not_listed_are_wrong(machine: RunningAppliance):
    with_port(machine, machine.port)
    remotes = machine.home / "remotes.toml"
    remotes.write_text('["data.example"]\ntoken = "x"\n')
    remotes.chmod(0o600)
    (line,) = [line for line in checked(machine, 1).splitlines() if line.startswith("WRONG")]
    assert "'data.example'" in line and "remote_hosts" in line


def test_a_setting_that_cannot_be_is_exit_2(machine: RunningAppliance):
    machine.home.mkdir()
    (machine.home / "harmonium.toml").write_text("prot = 1\n")
    answer = machine.command("check", check=False)
    assert answer.returncode == 2
    assert answer.stderr.startswith("harmonium check: settings file ") and "did you mean port?" in answer.stderr
