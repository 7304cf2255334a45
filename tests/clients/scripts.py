"""Programs that nobody here wrote, run in an environment of their own (`.venv-clients`), against a real appliance."""

import json
import os
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.running import RunningAppliance

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = ROOT / ".venv-clients" / "bin" / "python"

HARMONY = """
import json, os, sys
from datetime import datetime
from harmony import BBox, Client, Collection, Environment, Request, CapabilitiesRequest, JobsRequest, StepsRequest
from harmony import AddLabelsRequest, DeleteLabelsRequest, Dimension
client = Client(env=Environment.LOCAL, **json.loads(os.environ["CLIENT_OPTIONS"]))
result = None
"""


def run_python(script: str, appliance: RunningAppliance, folder: Path, **environment: str) -> Any:
    """Run a script that leaves its answer in `result` (JSON-able); the answer. HOME is empty, but for what is set."""
    if not PYTHON.exists():
        pytest.skip(f"no environment of clients: {PYTHON} (just setup makes it)")
    body = textwrap.dedent(script) + "\nprint('RESULT ' + json.dumps(result, default=str))\n"
    done = subprocess.run(
        [str(PYTHON), "-c", body],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LOCALHOST_PORT": str(appliance.port),
            "BASE_URL": appliance.url,
            "CLIENT_OPTIONS": "{}",
            **environment,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr + appliance.log()
    return json.loads(done.stdout.rpartition("RESULT ")[2].splitlines()[0])


def run_harmony(script: str, appliance: RunningAppliance, folder: Path, **environment: str) -> Any:
    """The same with harmony-py's names and a `client` for the local environment."""
    return run_python(HARMONY + textwrap.dedent(script), appliance, folder, **environment)
