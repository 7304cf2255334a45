"""What every test may ask for: where the shared granules are, and nothing that hides a real part of the program."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.running import RunningAppliance

ROOT = Path(__file__).resolve().parent.parent

# Real files and processes make single examples slow on a busy machine: no deadline. `just fuzz` takes the long profile.
settings.register_profile("suite", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", deadline=None, max_examples=3000, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real granules and expected outputs; not ours to commit, so tests skip where it is absent."""
    folder = Path(os.environ.get("HARMONIUM_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"real granules are absent: no folder {folder}")
    return folder


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Skipped tests go into the report that `just test` ends with (HARMONIUM_SKIP_REPORT; written by xdist workers)."""
    path = os.environ.get("HARMONIUM_SKIP_REPORT")
    if path and report.skipped and not hasattr(report, "node"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        with Path(path).open("a") as file:
            file.write(f"{report.nodeid}: {reason}\n")


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's own sample archive: `granules/` with two collections, `shapes/island.geojson`."""
    from transformers.samples import make

    folder = tmp_path_factory.mktemp("samples")
    make(folder)
    return folder


@pytest.fixture(scope="session")
def appliance(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Iterator[RunningAppliance]:
    """A real appliance in open mode with the sample archive harvested; shared, so tests look at their own jobs only."""
    running = RunningAppliance(tmp_path_factory.mktemp("appliance") / "home")
    running.command("harvest", str(samples / "granules"))
    running.start()
    yield running
    assert running.stop() == 0, running.log()
