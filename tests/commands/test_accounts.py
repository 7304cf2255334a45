"""user, token, grant, revoke, harvest: exit codes and words. The real program over a real home."""

import os
import time
from pathlib import Path

import pytest

from tests.running import RunningAppliance


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> RunningAppliance:
    """A home with one account, ada; never started."""
    made = RunningAppliance(tmp_path_factory.mktemp("accounts") / "home")
    assert "no account" in made.command("user", "list").stdout
    assert (
        "an admin; requests need an account from now on" in made.command("user", "add", "ada", text="12345678").stdout
    )
    return made


def refused(machine: RunningAppliance, *arguments: str, text: str | None = None) -> str:
    answer = machine.command(*arguments, check=False, text=text)
    assert answer.returncode == 2, answer.stdout + answer.stderr
    (line,) = answer.stderr.strip().splitlines()
    return line


def test_an_account_comes_and_goes(machine: RunningAppliance, tmp_path: Path):
    secret = tmp_path / "password"
    secret.write_text("long enough\n")
    machine.command("user", "add", "bob", "--role", "log-viewer", "--password-file", str(secret))
    machine.command("token", "bob")
    assert "bob" in machine.command("user", "list").stdout and "1 token" in machine.command("user", "list").stdout
    machine.command("user", "remove", "bob")
    assert "bob" not in machine.command("user", "list").stdout


def test_a_token_is_the_only_thing_printed(machine: RunningAppliance):
    first, second = (machine.command("token", "ada").stdout for _ in range(2))
    assert len(first.strip()) >= 40 and first.count("\n") == 1 and first != second


def test_what_cannot_be_is_one_line_and_exit_2(machine: RunningAppliance, tmp_path: Path):
    assert "is the last account" in refused(machine, "user", "remove", "ada")
    assert "'ada' exists" in refused(machine, "user", "add", "ada", text="12345678")
    assert "password of 5 characters; allowed: at least 8" in refused(machine, "user", "add", "eve", text="short")
    assert "'a b'; allowed: 1 to 30" in refused(machine, "user", "add", "a b", "--no-password")
    assert "No such file" in refused(machine, "user", "add", "eve", "--password-file", str(tmp_path / "absent"))
    assert "'eve'; there are: ada" in refused(machine, "token", "eve")
    assert "'eve'; there are: ada" in refused(machine, "user", "remove", "eve")


def test_grants_are_given_and_taken_back(machine: RunningAppliance):
    assert machine.command("grant", "C1-X", "guest").stdout == "guest may read C1-X\n"
    assert machine.command("revoke", "C1-X", "guest").stdout == "guest may no longer read C1-X\n"
    assert machine.command("revoke", "C1-X", "guest").stdout == "no such grant\n"
    assert machine.command("grant", "C1-X", "guest", "write", check=False).returncode == 2


def put(path: Path, data: bytes) -> None:
    """A file that is an hour old: younger ones may still be being written."""
    path.write_bytes(data)
    os.utime(path, (time.time() - 3600,) * 2)


def test_a_harvest_is_0_when_all_is_well_1_when_some_files_fail_2_when_nothing_is_usable(
    machine: RunningAppliance, samples: Path, tmp_path: Path
):
    archive = tmp_path / "archive"
    archive.mkdir()
    granule = sorted((samples / "granules").rglob("*.nc"))[0]
    put(archive / granule.name, granule.read_bytes())
    assert machine.command("harvest", str(archive), check=False).returncode == 0
    assert "1 granules" in machine.command("collections").stdout
    put(archive / granule.name.replace("_v1", "_v1b"), b"not a granule")
    assert machine.command("harvest", str(archive), check=False).returncode == 1
    assert machine.command("harvest", str(tmp_path / "absent"), check=False).returncode == 2
    broken = tmp_path / "broken"
    broken.mkdir()
    put(broken / "a.nc", b"not a granule")
    assert machine.command("harvest", str(broken), check=False).returncode == 2
