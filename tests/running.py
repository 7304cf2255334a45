"""A real appliance for tests: `harmonium serve` as its own process, over a home of its own, on free ports."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
READY_S = 40


def coverage_environment() -> dict[str, str]:
    """What makes a child process count for coverage, when coverage is measured."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}


_ports = itertools.count()


def free_port() -> int:
    """A port that nobody else takes while a test has its server down.

    Below the range from which the kernel gives clients theirs (a client that knocks at a closed port of that range can
    connect to itself and so take it), away from the store's own 9000, and another range for each worker of the suite.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = 20_000 + worker * 3_000 + (os.getpid() * 7 + next(_ports)) % 3_000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class RunningAppliance:
    """One home. `start` and `kill` may be called again and again; the port stays."""

    def __init__(self, home: Path, **settings: Any):
        self.home = home
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.store_port = free_port()
        chosen = {"embedded_port": self.store_port, "embedded_fsync": "false", "upkeep_s": "0.5", **settings}
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("HARMONIUM_")},
            **{f"HARMONIUM_{name.upper()}": str(value) for name, value in chosen.items()},
        }

    def start(self) -> "RunningAppliance":
        """Start it and wait until it answers."""
        log = (self.home.parent / f"{self.home.name}.log").open("ab")
        command = [sys.executable, "-m", "appliance", "--home", str(self.home), "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/readiness", timeout=2).status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"the appliance did not start:\n{self.log()}")

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(40)

    def kill(self) -> None:
        """kill -9 of the appliance itself."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def log(self) -> str:
        """What it wrote."""
        path = self.home.parent / f"{self.home.name}.log"
        return path.read_text("utf-8", "replace")[-6000:] if path.exists() else ""

    def command(self, *arguments: str, check: bool = True, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """`harmonium …` over the same home."""
        command = [sys.executable, "-m", "appliance", "--home", str(self.home), *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=check, input=text
        )

    def client(self, **options: Any) -> httpx.Client:
        """A plain HTTP client of this appliance; redirects are followed."""
        return httpx.Client(base_url=self.url, timeout=60, follow_redirects=True, **options)

    def finished(self, job_id: str, *, within_s: float = 60, client: httpx.Client | None = None) -> dict[str, Any]:
        """The job's document once it ended or paused."""
        deadline = time.monotonic() + within_s
        with client or self.client() as http:
            while True:
                document: dict[str, Any] = http.get(f"/jobs/{job_id}").json()
                if document["status"] not in ("accepted", "previewing", "running", "running_with_errors"):
                    return document
                assert time.monotonic() < deadline, f"still {document}\n{self.log()}"
                time.sleep(0.1)


def data_links(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of a job document."""
    return [link for link in document["links"] if link["rel"] == "data"]
