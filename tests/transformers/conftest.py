"""Steps under guard: every transformer's tests run in a child that refuses sockets, databases and stray writes."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.transformers.steps import Outcome, outcome, write_step

Run = Callable[..., Outcome]


@pytest.fixture(scope="session")
def guarded_child() -> Iterator[subprocess.Popen[str]]:
    """One child for the whole session; see guarded.py."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "HDF5_USE_FILE_LOCKING": "FALSE"}
    command = [sys.executable, "-m", "tests.transformers.guarded"]
    child = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    yield child
    assert child.stdin is not None
    child.stdin.close()
    child.wait(timeout=20)


@pytest.fixture
def run_guarded(guarded_child: subprocess.Popen[str], tmp_path: Path) -> Run:
    """run_guarded(transformer, message, inputs) -> Outcome; fails the test if the guard had to step in."""
    count = 0

    def run(name: str, operation: Mapping[str, Any], inputs: Sequence[Path]) -> Outcome:
        nonlocal count
        count += 1
        folder = tmp_path / f"step{count}"
        paths = write_step(folder, operation, inputs)
        assert guarded_child.stdin is not None
        assert guarded_child.stdout is not None
        guarded_child.stdin.write(json.dumps([name, *map(str, paths), str(folder / "out")]) + "\n")
        guarded_child.stdin.flush()
        assert json.loads(guarded_child.stdout.readline()) == "done"
        result = outcome(folder / "out")
        assert not (result.error and "audit:" in result.error["error"]), result.error
        return result

    return run


@pytest.fixture(scope="session")
def compare_l2(shared_data: Path) -> ModuleType:
    """The comparator of the manifests' rules for level-2 files."""
    spec = importlib.util.spec_from_file_location("compare_l2", shared_data / "tools" / "compare_l2.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
