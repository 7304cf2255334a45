"""Jobs from preview to expiry, and the less travelled ways to ask, over HTTP. Against real appliances."""

import sqlite3
import time

import pytest

from tests.running import RunningAppliance, data_links

TINY = "/HARMONIUM_TINY_L2/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset"
EVERYWHERE = [("subset", "lat(-90:90)"), ("forceAsync", "true")]


def submitted(appliance: RunningAppliance, path: str, parameters: list[tuple[str, str]]) -> str:
    with appliance.client() as client:
        answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["jobID"])


def test_a_preview_pauses_and_resuming_does_the_rest(busy_appliance: RunningAppliance):
    job_id = submitted(busy_appliance, TINY, EVERYWHERE)
    paused = busy_appliance.finished(job_id)
    assert paused["status"] == "paused" and 1 <= len(data_links(paused)) < 120
    rels = [link["rel"] for link in paused["links"]]
    assert "canceler" in rels and "resumer" in rels and "pauser" not in rels
    with busy_appliance.client() as client:
        again = client.post("/jobs/pause", json={"jobIDs": [job_id]})
        assert again.status_code == 409
        assert "Job status cannot be updated from paused to paused." in again.json()["description"]
        answer = client.get(f"/jobs/{job_id}/resume", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (302, f"/jobs/{job_id}")
    document = busy_appliance.finished(job_id)
    assert document["status"] == "successful" and document["progress"] == 100
    assert len(data_links(document)) == document["numInputGranules"] == 120
    assert [link["href"] for link in data_links(document)[: len(data_links(paused))]] == [
        link["href"] for link in data_links(paused)
    ], "links only ever come to the end of the list"
    assert len({link["href"] for link in data_links(document)}) == 120


@pytest.mark.parametrize(("verb", "said"), [("skip-preview", "running"), ("cancel", "canceled")])
def test_a_preview_is_skipped_or_canceled_in_bulk(busy_appliance: RunningAppliance, verb: str, said: str):
    jobs = [submitted(busy_appliance, TINY, EVERYWHERE) for _ in range(2)]
    with busy_appliance.client() as client:
        answer = client.post(f"/jobs/{verb}", json={"jobIDs": jobs})
        assert answer.status_code == 200 and answer.json()["status"] == said
        if verb == "skip-preview":
            assert all(client.get(f"/jobs/{job}").json()["status"] in ("running", "successful") for job in jobs)
            client.post("/jobs/cancel", json={"jobIDs": jobs})
        for job in jobs:
            document = busy_appliance.finished(job)
            assert document["status"] == "canceled" and document["message"] == "Canceled by user."
            steps = client.get(f"/jobs/{job}/steps").json()["steps"]
            assert not {"ready", "queued"} & {status for step in steps for status in step["statuses"]}


def test_granule_ids_that_do_not_exist_fail_the_job_not_the_request(appliance: RunningAppliance):
    path = TINY.replace("TINY", "SWATH")
    job_id = submitted(appliance, path, [("granuleId", "G1-NOWHERE,G2-NOWHERE"), ("forceAsync", "true")])
    document = appliance.finished(job_id)
    assert document["status"] == "failed" and document["message"] == "No matching granules found."


def test_service_ids_name_a_chain(appliance: RunningAppliance):
    path = TINY.replace("TINY", "SWATH")
    job_id = submitted(
        appliance, path, [("serviceId", "podaac/l2-subsetter"), ("forceAsync", "true"), ("maxResults", "1")]
    )
    document = appliance.finished(job_id)
    assert (document["serviceName"], document["status"]) == ("podaac/l2-subsetter", "successful")
    with appliance.client() as client:
        unknown = client.get(path, params={"serviceId": "nobody"})
        absent = client.get(path, params={"serviceId": "podaac/concise"})
    assert unknown.status_code == 400
    assert "Could not find a service chain that matched the provided serviceId." in unknown.json()["description"]
    assert absent.status_code == 422 and "not available" in absent.json()["description"]


def test_two_collections_are_asked_at_once(appliance: RunningAppliance):
    with appliance.client() as client:
        ids = [
            client.get("/capabilities", params={"shortName": name}).json()["conceptId"]
            for name in ("HARMONIUM_SWATH_L2", "HARMONIUM_GRID_L3")
        ]
    path = f"/{'+'.join(ids)}/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset"
    document = appliance.finished(submitted(appliance, path, [("maxResults", "2"), ("forceAsync", "true")]))
    assert document["status"] == "successful" and document["numInputGranules"] == 4
    assert "limited to process only the first 4 granules" in document["message"]
    assert len(data_links(document)) == 4


def test_best_effort_is_said_in_message_and_warnings(appliance: RunningAppliance):
    """No chain does a box of a swath and a grid at once, but netCDF can be had: uncut, and said so."""
    with appliance.client() as client:
        ids = [
            client.get("/capabilities", params={"shortName": name}).json()["conceptId"]
            for name in ("HARMONIUM_SWATH_L2", "HARMONIUM_GRID_L3")
        ]
    path = f"/{'+'.join(ids)}/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset"
    parameters = [("subset", "lat(-15:15)"), ("format", "application/netcdf"), ("forceAsync", "true")]
    document = appliance.finished(submitted(appliance, path, parameters))
    assert document["serviceName"] == "harmony/download" and document["status"] == "successful"
    words = "Data in output files may extend outside the spatial bounds you requested"
    assert words in document["message"]
    assert any(words in warning["message"] for warning in document["warnings"])


def test_results_expire(closed_appliance: tuple[RunningAppliance, str]):
    appliance, token = closed_appliance
    headers = {"Authorization": f"Bearer {token}"}
    with appliance.client(headers=headers) as client:
        path = TINY.replace("TINY", "SWATH")
        parameters = [("subset", "lat(-15:15)"), ("forceAsync", "true")]
        job_id = client.get(path, params=parameters).json()["jobID"]
        document = appliance.finished(job_id, client=appliance.client(headers=headers))
        (href, *_) = [link["href"] for link in data_links(document)]
        assert client.get(href).status_code == 200
        assert appliance.stop() == 0
        with sqlite3.connect(appliance.home / "state.db", timeout=10) as connection:
            connection.execute("UPDATE jobs SET data_expires_at = 1 WHERE job_id = ?", (job_id,))
        appliance.start()  # the first round of upkeep looks; later ones come once in a while
        deadline = time.monotonic() + 30
        while data_links(client.get(f"/jobs/{job_id}").json()):
            assert time.monotonic() < deadline, appliance.log()
            time.sleep(0.3)
        assert "expired" in client.get(f"/jobs/{job_id}").json()["message"]
        assert client.get(href).status_code == 410
        assert client.get(f"/stac/{job_id}").status_code == 410
        assert client.get(f"/stac/{job_id}/0").status_code == 410
