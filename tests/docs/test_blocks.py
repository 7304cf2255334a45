"""Every `sh` block of tutorial and how-to pages runs, block after block, in one shell per page."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from appliance.settings import load_settings
from tests.running import ROOT, coverage_environment, free_port

PAGES = sorted([*(ROOT / "docs" / "tutorial").glob("*.md"), *(ROOT / "docs" / "how-to").glob("*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(page.read_text("utf-8")) if kind == language]


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "sh")], ids=lambda p: p.stem)
def test_shell_blocks_run(page: Path, tmp_path: Path):
    script = tmp_path / "page.sh"
    script.write_text("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + "\n".join(blocks(page, "sh")))
    environment = {
        "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "WORK": str(tmp_path),
        "PORT": str(free_port()),
        "HARMONIUM_EMBEDDED_PORT": str(free_port()),
        **coverage_environment(),
    }
    done = subprocess.run(
        ["bash", str(script)], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "toml")], ids=lambda p: p.stem)
def test_settings_in_pages_are_settings(page: Path, tmp_path: Path):
    for number, block in enumerate(blocks(page, "toml")):
        tomllib.loads(block)
        file = tmp_path / f"{number}.toml"
        file.write_text(block)
        load_settings({}, {"home": tmp_path}, file)
