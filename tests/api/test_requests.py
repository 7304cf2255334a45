"""A whole request, from HTTP to files: what is asked is what comes out. Against a real appliance."""

import json
from pathlib import Path

import httpx
import pytest

from tests.running import RunningAppliance, data_links
from transformers.summary import summary

SWATH, GRID = "HARMONIUM_SWATH_L2", "HARMONIUM_GRID_L3"


def rangeset(collection: str, variables: str = "all") -> str:
    return f"/{collection}/ogc-api-coverages/1.0.0/collections/{variables}/coverage/rangeset"


def submitted(client: httpx.Client, collection: str, variables: str = "all", **options: object) -> str:
    answer = client.get(rangeset(collection, variables), **options)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["jobID"])


def downloaded(client: httpx.Client, document: dict, folder: Path) -> list[Path]:
    paths = []
    for link in data_links(document):
        path = folder / link["href"].rpartition("/")[2]
        answer = client.get(link["href"])
        assert answer.status_code == 200
        path.write_bytes(answer.content)
        paths.append(path)
    return paths


def test_a_swath_box_with_a_variable(appliance: RunningAppliance, tmp_path: Path):
    with appliance.client() as client:
        box = [("subset", "lat(-15:15)"), ("subset", "lon(-170:-152)"), ("forceAsync", "true")]
        job_id = submitted(client, SWATH, "sea_surface_temperature", params=box)
        document = appliance.finished(job_id)
        assert document["status"] == "successful", document
        assert document["progress"] == 100
        assert document["serviceName"] == "podaac/l2-subsetter"
        paths = downloaded(client, document, tmp_path)
    assert len(paths) == document["numInputGranules"] >= 2
    for path in paths:
        facts = summary(path)
        assert -15 <= facts["latitude"][0] <= facts["latitude"][1] <= 15
        assert -170 <= facts["longitude"][0] <= facts["longitude"][1] <= -152
        assert "/sea_surface_temperature" in facts["variables"]
        assert "/wind_speed" not in facts["variables"]


def test_a_grid_box_in_space_time_and_pressure(appliance: RunningAppliance, tmp_path: Path):
    parameters = [
        ("subset", "lat(-10:10)"),
        ("subset", "lon(-170:-150)"),
        ("subset", 'time("2024-06-02T00:00:00Z":"2024-06-03T23:59:59Z")'),
        ("subset", "lev(500:850)"),
        ("forceAsync", "true"),
    ]
    with appliance.client() as client:
        document = appliance.finished(submitted(client, GRID, "air_temperature", params=parameters))
        assert document["status"] == "successful", document
        paths = downloaded(client, document, tmp_path)
    assert len(paths) == 2
    for path in paths:
        facts = summary(path)
        assert facts["latitude"] == [-9.5, 9.5]
        assert facts["longitude"] == [-169.5, -150.5]


def test_a_shape_masks_a_grid(appliance: RunningAppliance, samples: Path, tmp_path: Path):
    files = {"shapefile": ("shapefile", (samples / "shapes" / "island.geojson").read_bytes(), "application/geo+json")}
    with appliance.client() as client:
        answer = client.post(rangeset(GRID), data={"forceAsync": "true", "maxResults": "1"}, files=files)
        assert answer.status_code == 200, answer.text
        document = appliance.finished(answer.json()["jobID"])
        assert document["status"] == "successful", document
        assert "limited to process only the first 1 granules because you requested 1 maxResults." in document["message"]
        (path,) = downloaded(client, document, tmp_path)
    facts = summary(path)
    assert facts["longitude"][0] >= -170 and facts["longitude"][1] <= -153
    assert facts["cells"] < 16 * 17


def test_originals_by_download(appliance: RunningAppliance, samples: Path):
    with appliance.client() as client:
        document = appliance.finished(submitted(client, SWATH, params={"forceAsync": "true"}))
        assert document["serviceName"] == "harmony/download"
        links = data_links(document)
        originals = {p.name: p.read_bytes() for p in (samples / "granules" / SWATH).iterdir()}
        assert {link["title"] for link in links} == set(originals)
        for link in links:
            assert client.get(link["href"]).content == originals[link["title"]]
            assert len(link["bbox"]) == 4 and link["temporal"]["start"]


def test_one_granule_is_answered_at_once(appliance: RunningAppliance):
    """Synchronous: 303 to the data, whose URL harmony-py recognises."""
    with appliance.client() as client:
        box = [("subset", "lat(-15:15)"), ("subset", "lon(-170:-152)"), ("maxResults", "1")]
        answer = client.get(rangeset(SWATH, "wind_speed"), params=box)
        assert answer.status_code == 200
        assert answer.history[0].status_code == 303
        assert "/service-results/harmony-staging/public/" in str(answer.url)
        assert answer.content[:4] == b"\x89HDF"
        assert "content-encoding" not in answer.headers
        part = client.get(str(answer.url), headers={"Range": "bytes=0-7"})
        assert part.status_code == 206 and part.content == answer.content[:8]
        again = client.get(str(answer.url), headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (rangeset("C1-NOWHERE"), 404, "must be a collection short name or CMR collection identifier"),
        (rangeset(SWATH) + "?subset=lat(20:10)", 400, "values must be ordered from low to high"),
        (rangeset(SWATH) + "?width=0&scaleSize=1", 400, 'query parameter "width" should be >= 1'),
        (rangeset(SWATH) + "?outputCrz=1", 400, "Invalid parameter(s): outputCrz. Allowed parameters are: "),
        (rangeset(SWATH, "no_such_variable"), 400, "Coverages were not found for the provided variables"),
        (rangeset(SWATH) + "?format=image/x-unheard", 422, "reformatting to image/x-unheard"),
        (rangeset(SWATH) + "?granuleName=nothing*", 400, "No matching granules found."),
        ("/jobs/foo", 400, "Invalid format for Job ID 'foo'. Job ID must be a UUID."),
        ("/jobs/7b8f2f6e-5f53-4c61-8f0e-0f1b4b7c9a10", 404, "Unable to find job 7b8f2f6e"),
        ("/jobs?page=0", 400, 'Parameter "page" is invalid.'),
        ("/jobs?limit=2001", 400, 'Parameter "limit" is invalid.'),
        ("/stac/foo", 400, "jobId foo is in invalid format."),
        ("/capabilities", 400, "Must specify either collectionId or shortName"),
        ("/service-results/harmony-staging/public/x/1/a.nc", 404, "could not be found"),
        ("/granules/G1-X/a.nc", 404, "could not be found"),
        ("/no/such/page", 404, "The requested page was not found."),
    ],
)
def test_errors_say_where_and_what(appliance: RunningAppliance, path: str, status: int, words: str):
    with appliance.client() as client:
        answer = client.get(path)
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["code"] and body["description"].startswith("Error: ")
    assert words in body["description"]


def test_posted_json_and_urlencoded_bodies_are_read(appliance: RunningAppliance):
    fields = {"forceAsync": "true", "maxResults": "1"}
    with appliance.client() as client:
        for options in (
            {"json": fields},
            {"data": fields},
            {"content": json.dumps(fields), "headers": {"Content-Type": "application/json"}},
        ):
            answer = client.post(rangeset(SWATH), **options)
            assert answer.status_code == 200, answer.text
            assert "maxResults=1" in answer.json()["request"]
        twice = client.post(rangeset(SWATH) + "?maxResults=2", data=fields)
        assert twice.status_code == 400
        assert 'Duplicate keys "maxResults" found' in twice.json()["description"]
