"""Job documents, links, sizes and STAC as JSON: values in, documents out. Source: harmony-api 5 and 7."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from appliance.results import stac
from appliance.results.job_document import change_words, job_document, listed_job, size_words
from appliance.results.links import iso, state_links
from appliance.results.permalinks import ZARR, client_href
from appliance.workflow.records import Job, Link, Message
from appliance.workflow.states import JOB_TRANSITIONS, JobEvent, JobStatus

ROOT = "https://h.example"
JOB_ID = "7b8f2f6e-5f53-4c61-8f0e-0f1b4b7c9a10"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HREF = f"s3://harmony-staging/public/{JOB_ID}/118/a b.nc4"


def a_job(status: JobStatus = JobStatus.SUCCESSFUL, **changes: Any) -> Job:
    job = Job(
        job_id=JOB_ID,
        number=1,
        username="ada",
        status=status,
        messages={},
        progress=100,
        request_url="https://h.example/C1-X/…",
        created_at=NOW,
        updated_at=NOW,
        data_expires_at=NOW + timedelta(days=30),
        service_name="podaac/l2-subsetter",
        collection_ids=("C1-X",),
        provider="X",
        input_granule_count=1,
        is_async=True,
        ignore_errors=True,
    )
    return replace(job, **changes)


def a_link(**changes: Any) -> Link:
    link = Link(HREF, "a b.nc4", "application/netcdf", (-10.0, -5.0, 10.0, 5.0), NOW, NOW, "data", size_bytes=5)
    return replace(link, **changes)


def document(
    job: Job, *links: Link, link_type: str | None = None, messages: tuple[Message, ...] = ()
) -> dict[str, Any]:
    return job_document(
        job, ["b", "a"], links, messages, [], ROOT, link_type=link_type, staging_bucket="harmony-staging"
    )


@pytest.mark.parametrize("status", JobStatus)
def test_links_offer_what_the_table_of_statuses_allows(status: JobStatus):
    verbs = {JobEvent.CANCEL: "cancel", JobEvent.PAUSE: "pause", JobEvent.RESUME: "resume"}
    allowed = {verb for event, verb in verbs.items() if (status, event) in JOB_TRANSITIONS}
    allowed |= {"skip-preview"} if status is JobStatus.PREVIEWING else set()
    links = state_links(a_job(status), ROOT, prefix="/admin")
    assert {link["href"] for link in links} == {f"{ROOT}/admin/jobs/{JOB_ID}/{verb}" for verb in allowed}


@given(st.integers(1, 2**60))
def test_sizes_are_below_1024_of_their_unit_and_mean_what_they_say(size: int):
    number, unit = size_words(size).split()
    power = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"].index(unit)
    assert float(number) <= 1024 and (power == 0 or float(number) >= 1)
    assert abs(float(number) * 1024**power - size) <= 0.005 * 1024**power + 1e-9 * size


@pytest.mark.parametrize(
    ("original", "output", "words"),
    [
        (3_219_128, 3_219_128, "no change"),
        (10_000, 599, "94.01% reduction"),
        (10_000, 97_891, "878.91% increase"),
        (10**12, 1, "99.99% reduction"),
    ],
)
def test_changes_of_size_in_the_guides_words(original: int, output: int, words: str):
    assert change_words(original, output) == words


def test_sizes_are_told_of_complete_jobs_only():
    sizes = {"original_size_bytes": 3_219_128, "output_size_bytes": 1}
    assert document(a_job(**sizes))["originalDataSize"] == "3.07 MiB"
    assert "originalDataSize" not in document(a_job(JobStatus.RUNNING, **sizes))
    assert "originalDataSize" not in document(a_job(original_size_bytes=5))


def test_errors_and_warnings_are_there_only_when_there_are_some():
    messages = (Message("error", "u", "x" * 5000), Message("warning", "w", "y"))
    assert not {"errors", "warnings"} & document(a_job()).keys()
    told = document(a_job(), messages=messages)
    assert told["errors"] == [{"url": "u", "message": "x" * 4096}] and told["warnings"][0]["message"] == "y"


def test_a_long_request_is_cut():
    request = listed_job(a_job(request_url="u" * 5000), [], ROOT)["request"]
    assert len(request) == 4096 and request.endswith("u...")


@pytest.mark.parametrize(
    ("link_type", "wanted"),
    [(None, f"{ROOT}/service-results/harmony-staging/public/{JOB_ID}/118/a%20b.nc4"), ("s3", HREF)],
)
def test_a_result_is_shown_as_asked(link_type: str | None, wanted: str):
    shown = document(a_job(), a_link(), link_type=link_type)
    (data,) = [link for link in shown["links"] if link["rel"] == "data"]
    assert data["href"] == wanted
    assert data["bbox"] == [-10.0, -5.0, 10.0, 5.0] and data["temporal"]["start"] == "2026-01-31T12:00:00.000Z"
    assert ("s3-access" in {link["rel"] for link in shown["links"]}) == (link_type == "s3")
    assert ("cloud-access.sh" in shown["message"]) == (link_type == "s3")


def test_links_that_are_no_objects_of_ours_stay():
    assert client_href("/granules/G1-X/a.nc", ROOT, None, None) == f"{ROOT}/granules/G1-X/a.nc"
    for href in ("https://other.example/a.nc", "ftp://x/a"):
        assert client_href(href, ROOT, "s3", None) == href
    assert client_href("s3://b/a.zarr", ROOT, "https", ZARR) == "s3://b/a.zarr"
    assert client_href("s3://b/a.nc", ROOT, "https", None, is_custom=True) == "s3://b/a.nc"


def test_after_expiry_results_are_gone_and_the_job_says_when():
    shown = document(a_job(expired_at=NOW), a_link())
    assert not {"data", "stac-catalog-json"} & {link["rel"] for link in shown["links"]}
    assert "expired on 2026-01-31T12:00:00.000Z" in shown["message"]


LONGITUDES, LATITUDES = st.integers(-179, 179), st.integers(-89, 89)


@given(west=LONGITUDES, east=LONGITUDES, south=LATITUDES, height=st.integers(1, 90))
def test_a_box_as_geometry_is_valid_and_as_large_as_the_box_across_180_too(
    west: int, east: int, south: int, height: int
):
    if west == east:
        return
    north = min(90, south + height)
    shape = shapely.geometry.shape(stac.box_geometry((west, south, east, north)))
    width = east - west if west < east else east - west + 360
    assert shape.is_valid and shape.area == pytest.approx(width * (north - south))
    assert shape.bounds[0] >= -180 and shape.bounds[2] <= 180
    assert (shape.geom_type == "MultiPolygon") == (west > east)


def test_stac_indices_count_all_results_whatever_the_page():
    page = stac.catalog(a_job(), [a_link(), a_link()], 2000, [], ROOT, None)
    items = [link["href"] for link in page["links"] if link["rel"] == "item"]
    assert items == [f"{ROOT}/stac/{JOB_ID}/2000", f"{ROOT}/stac/{JOB_ID}/2001"]


@pytest.mark.parametrize(
    ("media_type", "role"),
    [("application/json", "metadata"), ("text/xml", "metadata"), ("image/png", "overview"), (None, "data")],
)
def test_a_stac_item_shows_the_object_and_its_role(media_type: str | None, role: str):
    item = stac.item(a_job(), a_link(media_type=media_type), 0, ROOT, None)
    assert list(item["assets"]) == [HREF]
    assert item["assets"][HREF]["roles"] == [role] and ("type" in item["assets"][HREF]) == bool(media_type)
    assert item["properties"]["datetime"] == item["properties"]["start_datetime"]
    assert item["properties"]["expires"] == iso(NOW + timedelta(days=30))
    https = stac.item(a_job(), a_link(), 0, ROOT, "https")
    assert next(iter(https["assets"])).startswith(f"{ROOT}/service-results/")


def test_a_result_without_a_place_is_no_stac_item():
    with pytest.raises(ValueError, match="no box or times"):
        stac.item(a_job(), a_link(bbox=None), 0, ROOT, None)
    assert "stac-catalog-json" not in {link["rel"] for link in document(a_job(), a_link(bbox=None))["links"]}
