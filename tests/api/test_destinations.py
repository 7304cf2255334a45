"""`destinationUrl`: refused in the guide's words, tried with a real write; results lie where they were asked for.

Against a real appliance; the bucket is made in its embedded store by another program, as a user's would be.
Source: harmony-api.md, section 1.8.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from minio import Minio

from appliance.api.destinations import is_bucket_name
from tests.running import RunningAppliance, data_links

SWATH = "HARMONIUM_SWATH_L2"
BUCKET = "adas-results"


def rangeset(variables: str = "all") -> str:
    return f"/{SWATH}/ogc-api-coverages/1.0.0/collections/{variables}/coverage/rangeset"


@pytest.fixture(scope="module")
def store(appliance: RunningAppliance) -> Iterator[Minio]:
    """The embedded store as its owner sees it, with a bucket of ada's."""
    keys = json.loads((appliance.home / "objects.keys").read_text())
    endpoint = f"127.0.0.1:{appliance.store_port}"
    client = Minio(endpoint=endpoint, access_key=keys["access_key"], secret_key=keys["secret_key"], secure=False)
    client.make_bucket(bucket_name=BUCKET)
    yield client


def content(store: Minio, key: str) -> bytes:
    with store.get_object(bucket_name=BUCKET, object_name=key) as answer:
        return answer.read()


def keys_in(store: Minio) -> set[str]:
    return {str(found.object_name) for found in store.list_objects(bucket_name=BUCKET, recursive=True)}


def finished(appliance: RunningAppliance, variables: str, **asked: str) -> dict[str, Any]:
    with appliance.client() as client:
        answer = client.get(rangeset(variables), params={"maxResults": "2", **asked})
        assert answer.status_code == 200, answer.text
        appliance.finished(answer.json()["jobID"])
        return dict(client.get(f"/jobs/{answer.json()['jobID']}").json())


def test_results_lie_at_the_destination_and_are_shown_as_they_are(appliance: RunningAppliance, store: Minio):
    asked = {"subset": "lat(-20:20)", "destinationUrl": f"S3://{BUCKET}/My/Path/"}
    document = finished(appliance, "wind_speed", **asked)
    job_id = document["jobID"]
    assert document["status"] == "successful", document
    assert content(store, f"My/Path/{job_id}/harmony-job-status-link").decode() == f"{appliance.url}/jobs/{job_id}"
    links = data_links(document)
    assert len(links) == 2
    for link in links:
        assert link["href"].startswith(f"s3://{BUCKET}/My/Path/{job_id}/")
        item, name = link["href"].rpartition(f"{job_id}/")[2].split("/")
        assert item.isdigit()
        assert content(store, f"My/Path/{job_id}/{item}/{name}")[:4] == b"\x89HDF"
    assert "dataExpiration" not in document
    assert not [link for link in document["links"] if link["rel"].startswith(("s3-access", "cloud-access"))]
    assert "at the custom destination are outside Harmonium's control." in document["message"]
    assert "object store" not in document["message"]
    with appliance.client() as client:
        item = client.get(f"/stac/{job_id}/0").json()
    assert "expires" not in item["properties"]
    assert next(iter(item["assets"].values()))["href"].startswith(f"s3://{BUCKET}/")


def test_the_running_job_says_whose_the_destination_is(appliance: RunningAppliance, store: Minio):
    with appliance.client() as client:
        first_look = client.get(rangeset(), params={"destinationUrl": f"s3://{BUCKET}", "maxResults": "1"}).json()
    assert first_look["status"] == "running"
    assert "at the custom destination are outside Harmonium's control." in first_look["message"]
    appliance.finished(first_look["jobID"])


def test_originals_are_copied_there_by_download(appliance: RunningAppliance, store: Minio):
    document = finished(appliance, "all", destinationUrl=f"s3://{BUCKET}")
    assert document["serviceName"] == "harmony/download"
    for link in data_links(document):
        bucket, _, key = link["href"].removeprefix("s3://").partition("/")
        assert bucket == BUCKET and key.startswith(document["jobID"])
        assert content(store, key)[:4] == b"\x89HDF"


@pytest.mark.parametrize(
    ("destination", "words"),
    [
        ("abcd", "Invalid destinationUrl 'abcd', must start with s3://"),
        ("s3://", "Invalid destinationUrl, no S3 bucket is provided."),
        ("s3://a,s3://b", "only one S3 location is allowed."),
        ("s3://no-such-bucket/x", "The specified bucket 'no-such-bucket' does not exist."),
        ("s3://Bad_Name/x", "The specified bucket 'Bad_Name' is not valid."),
        ("s3://192.168.0.1/x", "The specified bucket '192.168.0.1' is not valid."),
        ("s3://x", "The specified bucket 'x' is not valid."),
        (
            "s3://harmony-staging/public",
            "write permission to the specified S3 location: 's3://harmony-staging/public'.",
        ),
        ("s3://harmony-artifacts", "Do not have write permission to the specified S3 location"),
        (f"s3://{BUCKET}/../harmony-staging/x", "Do not have write permission to the specified S3 location"),
        (f"s3://{BUCKET}/a//b", "Do not have write permission to the specified S3 location"),
        (f"s3://{BUCKET}/a\nb", "Do not have write permission to the specified S3 location"),
    ],
)
def test_a_destination_that_cannot_be_is_refused_before_any_work(
    appliance: RunningAppliance, store: Minio, destination: str, words: str
):
    before = keys_in(store)
    with appliance.client() as client:
        count = client.get("/jobs").json()["count"]
        answer = client.get(rangeset(), params={"destinationUrl": destination})
        assert answer.status_code == 400, answer.text
        assert words in answer.json()["description"]
        if "permission" in words:
            assert f"{appliance.url}/staging-bucket-policy?bucketPath=s3%3A%2F%2F" in answer.json()["description"]
        assert client.get("/jobs").json()["count"] == count
    assert keys_in(store) == before


def test_a_request_that_nobody_can_serve_writes_nothing_there(appliance: RunningAppliance, store: Minio):
    before = keys_in(store)
    with appliance.client() as client:
        asked = {"destinationUrl": f"s3://{BUCKET}", "format": "image/x-unheard"}
        assert client.get(rangeset(), params=asked).status_code == 422
    assert keys_in(store) == before


@pytest.mark.parametrize("name", ["abc", "a.b-c", "0ab", "a" * 63])
def test_names_that_s3_allows(name: str):
    assert is_bucket_name(name)


@pytest.mark.parametrize("name", ["", "ab", "a" * 64, "-ab", "ab-", "a..b", "A.b.c", "a_b", "1.2.3.4", "é-é-é", "a/b"])
def test_names_that_s3_refuses(name: str):
    assert not is_bucket_name(name)
