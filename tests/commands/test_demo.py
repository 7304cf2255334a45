"""`harmonium demo`, twice: everything it promises, and the second time nothing is made again."""

import os
import subprocess
import sys
from pathlib import Path

from tests.running import ROOT, coverage_environment, free_port


def demo(folder: Path, port: int) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder.parent),
        "HARMONIUM_EMBEDDED_PORT": str(free_port()),
    } | coverage_environment()
    command = [sys.executable, "-m", "appliance", "demo", "--folder", str(folder), "--port", str(port)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_demo_twice(tmp_path: Path):
    folder, port = tmp_path / "demo", free_port()
    first = demo(folder, port)
    assert "10 granules added" in first
    second = demo(folder, port)
    assert "10 files unchanged" in second and "Making sample granules" not in second
    for text in (first, second):
        lines = [line for line in text.splitlines() if line.startswith("    ok  ")]
        assert len(lines) == 4, text
        assert "100 %" in text
        assert 'curl -L -H "Authorization: Bearer ' in text
        assert "client = Client(env=Environment.LOCAL" in text
        assert "harmonium tui" in text
    assert len(list((folder / "results").rglob("*.nc*"))) == 16
    token = second.partition("Token of user demo:  ")[2].split()[0]
    assert token in first, "the second run hands out the same token"


def test_demo_takes_the_next_port_when_3000_is_taken_and_says_so(tmp_path: Path):
    import socket

    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 3000))
            taken.listen()
        except OSError:
            pass  # somebody has it already, which is just as good
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | coverage_environment()
        command = [sys.executable, "-m", "appliance", "demo", "--folder", str(tmp_path / "demo")]
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "(3000 is taken)" in done.stdout
