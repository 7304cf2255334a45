"""What goes wrong with one granule stays with it, and is told in the library's own words. Against a real appliance."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningAppliance, data_links
from transformers.samples import make

RANGESET = "/HARMONIUM_SWATH_L2/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset"
EVERYWHERE = [("subset", "lat(-90:90)"), ("forceAsync", "true")]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAppliance]:
    """Six swaths, harvested whole; afterwards one was cut short and one overwritten with a web page, in place."""
    folder = tmp_path_factory.mktemp("damaged")
    make(folder / "data", swaths=6, grids=0)
    running = RunningAppliance(folder / "home", retry_limit=1)
    running.command("harvest", str(folder / "data" / "granules"))
    first, second, *_ = sorted((folder / "data" / "granules" / "HARMONIUM_SWATH_L2").iterdir())
    os.truncate(first, first.stat().st_size // 2)
    with second.open("r+b") as file:
        file.truncate(0)
        file.write(b"<!doctype html><title>502 Bad Gateway</title>" * 100)
    running.start()
    yield running
    assert running.stop() == 0, running.log()


def names(folder: RunningAppliance) -> list[str]:
    return sorted(p.name for p in (folder.home.parent / "data" / "granules" / "HARMONIUM_SWATH_L2").iterdir())


def test_broken_granules_fail_alone_with_the_reason(damaged: RunningAppliance):
    with damaged.client() as client:
        job_id = client.get(RANGESET, params=EVERYWHERE).json()["jobID"]
    document = damaged.finished(job_id)
    assert document["status"] == "complete_with_errors" and document["progress"] == 100
    assert len(data_links(document)) == 4
    told = {error["url"].rpartition("/")[2]: error["message"] for error in document["errors"]}
    cut, page, *_ = names(damaged)
    assert set(told) == {cut, page}
    assert all(text.startswith("WorkItem failed: ") for text in told.values())
    assert "truncated" in told[cut].lower()
    assert page in told[page] and "allowed: NetCDF-4, HDF5 or classic NetCDF" in told[page]
    catalog = damaged.client().get(f"/stac/{job_id}").json()
    assert len([link for link in catalog["links"] if link["rel"] == "item"]) == 4


def test_without_ignore_errors_the_first_failure_ends_the_job(damaged: RunningAppliance):
    with damaged.client() as client:
        job_id = client.get(RANGESET, params=[*EVERYWHERE, ("ignoreErrors", "false")]).json()["jobID"]
        document = damaged.finished(job_id)
        assert document["status"] == "failed"
        assert document["message"].startswith("WorkItem failed: ")
        steps = client.get(f"/jobs/{job_id}/steps").json()["steps"]
    left = {status for step in steps for status in step["statuses"]}
    assert left <= {"successful", "failed", "canceled"}, "nothing goes on after a failure"


def test_a_synchronous_failure_is_400_with_the_reason(damaged: RunningAppliance):
    cut = names(damaged)[0]
    with damaged.client() as client:
        answer = client.get(RANGESET, params=[("granuleName", cut.removesuffix(".nc")), ("subset", "lat(-90:90)")])
    assert answer.status_code == 400
    body = answer.json()
    assert body["code"] == "harmony.ServiceError" and "truncated" in body["description"].lower()


def test_nothing_inside_is_a_warning_and_the_job_succeeds(damaged: RunningAppliance):
    """The box touches the padded footprint but no pixel of the granule."""
    whole = names(damaged)[3]
    with damaged.client() as client:
        parameters = [
            ("granuleName", whole.removesuffix(".nc")),
            ("subset", "lat(18.7:18.72)"),
            ("subset", "lon(-160:-159.9)"),
            ("forceAsync", "true"),
        ]
        answer = client.get(RANGESET, params=parameters)
        assert answer.status_code == 200, answer.text
        document = damaged.finished(answer.json()["jobID"])
    assert document["status"] == "successful" and data_links(document) == []
    (warning,) = document["warnings"]
    assert warning["message"].startswith("WorkItem warned: ") and document["message"] == warning["message"]


def test_a_file_that_was_replaced_is_not_served(damaged: RunningAppliance, tmp_path: Path):
    """Another file under the same name is not what was catalogued (another inode)."""
    path = sorted((damaged.home.parent / "data" / "granules" / "HARMONIUM_SWATH_L2").iterdir())[5]
    with damaged.client() as client:
        job = client.get(RANGESET, params={"granuleName": path.stem, "forceAsync": "true"}).json()["jobID"]
        (link,) = data_links(damaged.finished(job))
        assert client.get(link["href"]).status_code == 200
        aside = tmp_path / path.name
        path.rename(aside)
        path.symlink_to("/etc/passwd")
        try:
            assert client.get(link["href"]).status_code == 404
        finally:
            path.unlink()
            path.write_bytes(aside.read_bytes())
        assert client.get(link["href"]).status_code == 404, "harvest again first"
