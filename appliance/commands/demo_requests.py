"""The demo's requests: what is asked, live progress, downloads, and whether the files hold what was asked for."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from json import loads
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

BAR_WIDTH = 24
POLL_S = 0.15
TERMINAL = ("successful", "complete_with_errors", "failed", "canceled")


@dataclass(frozen=True)
class DemoRequest:
    """One request. box: west, south, east, north that every coordinate must lie in; None: not looked at."""

    title: str
    url: str
    parameters: tuple[tuple[str, str], ...]
    shape: Path | None = None
    box: tuple[float, float, float, float] | None = None
    variables: tuple[str, ...] = ()
    python_lines: tuple[str, ...] = ()

    def curl(self, token: str) -> str:
        """The same request for a shell."""
        bearer = f'-H "Authorization: Bearer {token}"'
        return f'curl -L {bearer} "{self.url}?{urlencode(self.parameters)}"'

    def python(self, token: str, port: int) -> str:
        """The same request for harmony-py; LOCALHOST_PORT tells it another port than 3000."""
        lines = ["from harmony import BBox, Client, Collection, Environment, Request"]
        if port != 3000:
            lines = ["import os", f'os.environ["LOCALHOST_PORT"] = "{port}"', *lines]
        lines += [f'client = Client(env=Environment.LOCAL, token="{token}")', *self.python_lines]
        lines += ["job = client.submit(request)", "print([f.result() for f in client.download_all(job)])"]
        return "\n".join(f"  {line}" for line in lines)


@dataclass
class Outcome:
    """What became of a request."""

    words: str = ""
    problems: list[str] = field(default_factory=list)


def demo_requests(root: str, token: str, samples: Path) -> list[DemoRequest]:
    """Four requests over the two sample collections, found by their short names."""

    def url(collection: str, variables: str) -> str:
        return f"{root}/{collection}/ogc-api-coverages/1.0.0/collections/{variables}/coverage/rangeset"

    swath_box, grid_box = (-170.0, -15.0, -152.0, 15.0), (-170.0, -10.0, -150.0, 10.0)
    swath, grid = "HARMONIUM_SWATH_L2", "HARMONIUM_GRID_L3"
    return [
        DemoRequest(
            "Swaths, a box and one variable",
            url(swath, "sea_surface_temperature"),
            (("subset", "lat(-15:15)"), ("subset", "lon(-170:-152)"), ("forceAsync", "true")),
            box=swath_box,
            variables=("sea_surface_temperature",),
            python_lines=(
                f'request = Request(collection=Collection("{swath}"), spatial=BBox(-170, -15, -152, 15),',
                '                  variables=["sea_surface_temperature"])',
            ),
        ),
        DemoRequest(
            "Grids, a box, two days and one pressure level",
            url(grid, "air_temperature"),
            (
                ("subset", "lat(-10:10)"),
                ("subset", "lon(-170:-150)"),
                ("subset", 'time("2024-06-02T00:00:00Z":"2024-06-03T23:59:59Z")'),
                ("subset", "lev(500:850)"),
                ("forceAsync", "true"),
            ),
            box=grid_box,
            variables=("air_temperature",),
        ),
        DemoRequest(
            "Grids, the shape of an island",
            url(grid, "all"),
            (("forceAsync", "true"), ("maxResults", "2")),
            shape=samples / "shapes" / "island.geojson",
        ),
        DemoRequest("The originals, untouched", url(swath, "all"), (("maxResults", "2"), ("forceAsync", "true"))),
    ]


def run_requests(root: str, token: str, requests: Sequence[DemoRequest], folder: Path) -> list[Outcome]:
    """Submit all, follow all at once, download, check."""
    outcomes = [Outcome() for _ in requests]
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60, follow_redirects=True) as client:
        jobs = [_submit(client, request, outcome) for request, outcome in zip(requests, outcomes, strict=True)]
        documents = _follow(client, root, [job for job in jobs if job], requests)
        for request, job, outcome in zip(requests, jobs, outcomes, strict=True):
            if job:
                _collect(client, documents[job], request, outcome, folder / job)
    return outcomes


def _submit(client: httpx.Client, request: DemoRequest, outcome: Outcome) -> str | None:
    if request.shape:
        files = {"shapefile": ("shapefile", request.shape.read_bytes(), "application/geo+json")}
        answer = client.post(request.url, data=dict(request.parameters), files=files)
    else:
        answer = client.get(request.url, params=list(request.parameters))
    if answer.status_code != 200:
        outcome.problems.append(f"answered {answer.status_code}: {answer.text[:300]}")
        return None
    return str(answer.json()["jobID"])


def _follow(
    client: httpx.Client, root: str, jobs: list[str], requests: Sequence[DemoRequest]
) -> dict[str, dict[str, Any]]:
    """Wait for all jobs; a line of bars on a terminal, else a line per finished job."""
    live = sys.stdout.isatty()
    told: set[str] = set()
    while True:
        documents = {job: client.get(f"{root}/jobs/{job}").json() for job in jobs}
        if live:
            bars = "  ".join(_bar(documents[job]["progress"]) for job in jobs)
            print(f"\r{bars}", end="", flush=True)
        for job in jobs:
            document = documents[job]
            if document["status"] in TERMINAL and job not in told:
                told.add(job)
                if not live:
                    print(f"{_bar(document['progress'])}  {document['status']}  {job}", flush=True)
        if len(told) == len(jobs):
            print(flush=True)
            return documents
        time.sleep(POLL_S)


def _bar(progress: int) -> str:
    full = progress * BAR_WIDTH // 100
    return f"{'█' * full}{'░' * (BAR_WIDTH - full)} {progress:3d} %"


def _collect(
    client: httpx.Client, document: dict[str, Any], request: DemoRequest, outcome: Outcome, folder: Path
) -> None:
    links = [link for link in document["links"] if link["rel"] == "data"]
    outcome.words = f"{document['status']}, {len(links)} files"
    if document["status"] != "successful" or not links:
        outcome.problems.append(document["message"])
        return
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for link in links:
        path = folder / link["href"].rpartition("/")[2]
        with client.stream("GET", link["href"]) as answer, path.open("wb") as file:
            answer.raise_for_status()
            for piece in answer.iter_bytes():
                file.write(piece)
        total += path.stat().st_size
        outcome.problems += _problems(path, request)
    change = f", {document['dataSizePercentChange']}" if "dataSizePercentChange" in document else ""
    outcome.words += f", {total / 1024:.0f} KiB{change}"


def _problems(path: Path, request: DemoRequest) -> list[str]:
    """What a reader of the file finds wrong. Read by a process of its own: no science library in this one."""
    done = subprocess.run(
        [sys.executable, "-m", "transformers.summary", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return [f"{path.name}: {done.stderr.strip().splitlines()[-1:]}"]
    facts = loads(done.stdout)
    problems = []
    if request.box:
        west, south, east, north = request.box
        for name, low, high in (("longitude", west, east), ("latitude", south, north)):
            found = facts[name]
            if found is None or not low <= found[0] <= found[1] <= high:
                problems.append(f"{path.name}: {name} {found}; allowed: {low} to {high}")
    missing = set(request.variables) - {v.strip("/") for v in facts["variables"]}
    if missing:
        problems.append(f"{path.name}: no variable {', '.join(sorted(missing))}")
    return problems
