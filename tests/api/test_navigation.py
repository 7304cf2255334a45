"""The pages that lead to a request, the steps of a job and the bucket policy. Against a real appliance."""

from typing import Any

import pytest

from tests.running import RunningAppliance

SWATH = "HARMONIUM_SWATH_L2"
BASE = f"/{SWATH}/ogc-api-coverages/1.0.0"


def got(appliance: RunningAppliance, path: str) -> Any:
    with appliance.client() as client:
        answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_landing_document_links_to_what_there_is(appliance: RunningAppliance, slash: str):
    links = {link["rel"]: link["href"] for link in got(appliance, BASE + slash)["links"]}
    assert {"self", "conformance", "data"} <= set(links)
    for rel in ("self", "conformance", "data"):
        got(appliance, links[rel].removeprefix(appliance.url))
    assert (
        "http://www.opengis.net/spec/ogcapi-coverages-1/1.0/conf/core"
        in got(appliance, f"{BASE}/conformance")["conformsTo"]
    )


def test_every_listed_variable_can_be_asked_by_its_link(appliance: RunningAppliance):
    listing = got(appliance, f"{BASE}/collections")
    entries = {entry["id"].rpartition("/")[2]: entry for entry in listing["collections"]}
    assert "all" in entries and len(entries) == 4
    assert entries["all"]["itemType"] == "Variable"
    west, south, east, north = entries["all"]["extent"]["spatial"]["bbox"]
    assert -90 <= south < north <= 90 and -180 <= west <= 180 and -180 <= east <= 180
    start, end = entries["all"]["extent"]["temporal"]["interval"]
    assert start.startswith("2024-06-01T00:00:00") and end.endswith("Z")
    with appliance.client() as client:
        for entry in listing["collections"]:
            href = entry["links"][0]["href"]
            answer = client.get(href, params={"forceAsync": "true", "maxResults": "1"})
            assert answer.status_code == 200, answer.text


def test_one_variable_by_name_by_id_and_with_an_encoded_slash(appliance: RunningAppliance):
    listing = got(appliance, f"{BASE}/collections")["collections"]
    wind = next(e for e in listing if e["title"].startswith("wind_speed"))
    concept = wind["id"].rpartition("/")[2]
    for name in ("wind_speed", "%2Fwind_speed", concept):
        assert got(appliance, f"{BASE}/collections/{name}") == wind
    with appliance.client() as client:
        answer = client.get(f"{BASE}/collections/nothing")
        assert answer.status_code == 400
        assert "Coverages were not found for the provided variables: nothing" in answer.json()["description"]
        html = client.get(f"{BASE}/collections?f=html")
        assert html.status_code == 400 and 'Unsupported format "html"' in html.json()["description"]


def test_steps_page_by_page_and_by_status(busy_appliance: RunningAppliance):
    url = "/HARMONIUM_TINY_L2/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset"
    parameters = [("forceAsync", "true"), ("maxResults", "7"), ("subset", "lat(-90:90)")]
    with busy_appliance.client() as client:
        job_id = client.get(url, params=parameters).json()["jobID"]
    busy_appliance.finished(job_id)
    document = got(busy_appliance, f"/jobs/{job_id}/steps?limit=3")
    query, subset = document["steps"]
    assert query["statuses"] == {"successful": 1} and subset["statuses"] == {"successful": 7}
    assert subset["workItemCount"] == 7 and subset["paging"]["lastPage"] == 3 and subset["paging"]["total"] == 7
    seen = []
    path: str | None = f"/jobs/{job_id}/steps?limit=3&step=2"
    while path:
        (step,) = got(busy_appliance, path)["steps"]
        seen += [item["id"] for item in step["workItems"]]
        following = [link["href"] for link in step["paging"]["links"] if link["rel"] == "next"]
        path = following[0].removeprefix(busy_appliance.url) if following else None
    assert len(seen) == len(set(seen)) == 7
    (last,) = got(busy_appliance, f"/jobs/{job_id}/steps?limit=3&step=2&step2page=99")["steps"]
    assert last["paging"]["currentPage"] == 3, "past the end shows the last page"
    one = got(busy_appliance, f"/jobs/{job_id}/steps?workItem={seen[0]}")["steps"]
    assert [[item["id"] for item in step["workItems"]] for step in one] == [[seen[0]]]
    (item,) = one[0]["workItems"]
    assert item["inputFiles"][0].startswith(f"{busy_appliance.url}/granules/")
    assert item["outputFiles"][0].startswith(f"{busy_appliance.url}/service-results/")
    assert got(busy_appliance, f"/jobs/{job_id}/steps?status=failed")["steps"] == []
    with busy_appliance.client() as client:
        for query_, words in (
            ("step=0", "step must be a positive integer"),
            ("staus=x", "Invalid parameter(s): staus."),
        ):
            answer = client.get(f"/jobs/{job_id}/steps?{query_}")
            assert answer.status_code == 400 and words in answer.json()["description"]


def test_the_bucket_policy_is_public_and_validated(appliance: RunningAppliance):
    policy = got(appliance, "/staging-bucket-policy?bucketPath=s3://demo-bucket/out/")
    assert policy["Statement"][0]["Resource"] == "arn:aws:s3:::demo-bucket/out/*"
    plain = got(appliance, "/staging-bucket-policy?bucketpath=demo-bucket&format=user-policy")
    assert "Principal" not in plain["Statement"][0]
    with appliance.client() as client:
        for query in ("", "?bucketPath=a//b", "?bucketPath=demo-bucket&format=xml"):
            assert client.get(f"/staging-bucket-policy{query}").status_code == 400
