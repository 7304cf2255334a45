"""Appliances that tests of several folders share: one with many tiny granules, one with an account."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningAppliance
from transformers.samples import make


@pytest.fixture(scope="session")
def busy_appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAppliance]:
    """120 tiny granules, enough for a preview."""
    folder = tmp_path_factory.mktemp("busy")
    make(folder / "data", swaths=0, grids=0, tiny=120)
    running = RunningAppliance(folder / "home")
    running.command("harvest", str(folder / "data" / "granules"))
    running.start()
    yield running
    assert running.stop() == 0, running.log()


@pytest.fixture(scope="session")
def closed_appliance(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Iterator[tuple[RunningAppliance, str]]:
    """One account, ada, with a password and the token given."""
    running = RunningAppliance(tmp_path_factory.mktemp("closed") / "home")
    running.command("harvest", str(samples / "granules"))
    running.command("user", "add", "ada", text="correct horse")
    token = running.command("token", "ada").stdout.strip()
    running.start()
    yield running, token
    assert running.stop() == 0, running.log()
