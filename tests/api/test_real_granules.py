"""Files that the project did not make: harvested as they are, a box asked of each collection, the results opened."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import RunningAppliance, data_links
from transformers.summary import summary

KINDS = ("swath", "grid-geographic")
# Three grids in a file, two of them round the poles: a box is outside of those, so one variable of the third is asked.
VARIABLES = {"ATL16": "global_asr_obs_grid"}


@pytest.fixture(scope="module")
def harvested(
    tmp_path_factory: pytest.TempPathFactory, shared_data: Path
) -> Iterator[tuple[RunningAppliance, list[dict[str, Any]]]]:
    """An appliance over the real granules, and what the harvest said of each collection."""
    folder = tmp_path_factory.mktemp("real")
    running = RunningAppliance(folder / "home")
    report = folder / "report.json"
    sources = [str(shared_data / "granules" / name) for name in ("l2", "l3", "extra")]
    running.command("harvest", *sources, "--report", str(report), check=False)
    running.start()
    yield running, json.loads(report.read_text())["collections"]
    assert running.stop() == 0, running.log()


def test_swaths_and_grids_of_the_archive_are_found(harvested: tuple[RunningAppliance, list[dict[str, Any]]]):
    _, collections = harvested
    kinds = [c["kind"] for c in collections]
    assert kinds.count("swath") >= 14
    assert kinds.count("grid-geographic") >= 9


def test_a_box_of_every_swath_and_grid_can_be_opened(
    harvested: tuple[RunningAppliance, list[dict[str, Any]]], tmp_path: Path
):
    """The middle half of each collection's extent; every value that comes out lies in it (grids: by cell edges)."""
    appliance, collections = harvested
    jobs = {}
    with appliance.client() as client:
        for collection in collections:
            if collection["kind"] not in KINDS or collection["extent"] is None:
                continue
            west, south, east, north = middle(collection["extent"])
            variables = VARIABLES.get(collection["short_name"], "all")
            path = f"/{collection['concept_id']}/ogc-api-coverages/1.0.0/collections/{variables}/coverage/rangeset"
            box = [("subset", f"lat({south}:{north})"), ("subset", f"lon({west}:{east})"), ("forceAsync", "true")]
            answer = client.get(path, params=[*box, ("maxResults", "1")])
            assert answer.status_code == 200, (collection["short_name"], answer.text)
            jobs[answer.json()["jobID"]] = (collection, (west, south, east, north))
        wrong = []
        for job_id, (collection, box_) in jobs.items():
            document = appliance.finished(job_id)
            links = data_links(document)
            if document["status"] != "successful" or not links:
                wrong.append(f"{collection['short_name']}: {document['status']}: {document['message']}")
                continue
            file = tmp_path / f"{job_id}{Path(links[0]['href']).suffix}"
            file.write_bytes(client.get(links[0]["href"]).content)
            facts = summary(file)
            if not inside(facts, box_, slack=0.0 if collection["kind"] == "swath" else 2.5):
                wrong.append(f"{collection['short_name']}: {facts['latitude']} {facts['longitude']} asked {box_}")
    assert len(jobs) >= 20
    assert not wrong, "\n".join(wrong)


def middle(extent: list[float]) -> tuple[float, float, float, float]:
    west, south, east, north = extent
    width = (east - west) % 360 or 360.0

    def wrapped(longitude: float) -> float:
        return round((longitude + 180) % 360 - 180, 4)

    height = north - south
    return (
        wrapped(west + width / 4),
        round(south + height / 4, 4),
        wrapped(west + 3 * width / 4),
        round(north - height / 4, 4),
    )


def inside(facts: dict[str, Any], box: tuple[float, float, float, float], slack: float) -> bool:
    west, south, east, north = box
    if facts["latitude"] is None or facts["longitude"] is None:
        return False
    if not south - slack <= facts["latitude"][0] <= facts["latitude"][1] <= north + slack:
        return False
    if west > east:
        return True
    return bool(west - slack <= facts["longitude"][0] <= facts["longitude"][1] <= east + slack)
