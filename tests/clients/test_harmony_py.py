"""harmony-py, unmodified, against `Environment.LOCAL`: everything that its users do."""

import json
from pathlib import Path

import pytest

from tests.clients.scripts import run_harmony
from tests.running import RunningAppliance
from transformers.summary import summary

SWATH, GRID = "HARMONIUM_SWATH_L2", "HARMONIUM_GRID_L3"


def test_submit_wait_and_download_with_box_time_and_variables(appliance: RunningAppliance, tmp_path: Path):
    script = f"""
    request = Request(collection=Collection("{SWATH}"), spatial=BBox(-170, -15, -152, 15),
                      temporal={{"start": datetime(2024, 6, 1, 0, 10), "stop": datetime(2024, 6, 1, 0, 19, 59)}},
                      variables=["sea_surface_temperature"])
    assert request.is_valid(), request.error_messages()
    job_id = client.submit(request)
    assert isinstance(job_id, str), job_id
    client.wait_for_processing(job_id)
    files = [f.result() for f in client.download_all(job_id, directory="{tmp_path}")]
    result = {{"files": files, "status": client.status(job_id), "progress": client.progress(job_id),
               "urls": list(client.result_urls(job_id)), "json": client.result_json(job_id)}}
    """
    result = run_harmony(script, appliance, tmp_path)
    assert result["status"]["status"] == "successful"
    assert result["progress"][0] == 100
    assert len(result["files"]) == len(result["urls"]) == 2
    assert result["json"]["numInputGranules"] == 2
    for path in result["files"]:
        item = path.rpartition("/")[2].partition("_")[0]
        assert item.isdigit(), "the item id goes in front of the name, so that equal names cannot collide"
        facts = summary(Path(path))
        assert facts["longitude"][0] >= -170 and facts["longitude"][1] <= -152
        assert "/wind_speed" not in facts["variables"]


def test_submit_with_a_shape_file(appliance: RunningAppliance, samples: Path, tmp_path: Path):
    script = f"""
    request = Request(collection=Collection("{GRID}"), shape="{samples / "shapes" / "island.geojson"}", max_results=1)
    job_id = client.submit(request)
    client.wait_for_processing(job_id)
    result = [f.result() for f in client.download_all(job_id, directory="{tmp_path}")]
    """
    (path,) = run_harmony(script, appliance, tmp_path)
    facts = summary(Path(path))
    assert facts["longitude"][0] >= -170 and facts["longitude"][1] <= -153


def test_dimension_subset_and_iterator(appliance: RunningAppliance, tmp_path: Path):
    script = f"""
    request = Request(collection=Collection("{GRID}"), dimensions=[Dimension("lev", 500, 850)],
                      spatial=BBox(-10, -10, 10, 10), variables=["air_temperature"], max_results=2)
    job_id = client.submit(request)
    client.wait_for_processing(job_id)
    result = [{{"bbox": r["bbox"], "temporal": r["temporal"]}} for r in client.iterator(job_id)]
    """
    results = run_harmony(script, appliance, tmp_path)
    assert len(results) == 2
    assert all(len(r["bbox"]) == 4 and r["temporal"]["start"] for r in results)


def test_pause_resume_and_cancel(busy_appliance: RunningAppliance, tmp_path: Path):
    script = """
    request = Request(collection=Collection("HARMONIUM_TINY_L2"), spatial=BBox(-180, -90, 180, 90), skip_preview=True)
    job_id = client.submit(request)
    client.pause(job_id)
    paused = client.status(job_id)["status"]
    client.resume(job_id)
    resumed = client.status(job_id)["status"]
    client.cancel(job_id)
    canceled = client.status(job_id)["status"]
    try:
        client.resume(job_id)
        words = "no error"
    except Exception as error:
        words = str(error)
    result = [paused, resumed, canceled, words]
    """
    paused, resumed, canceled, words = run_harmony(script, busy_appliance, tmp_path)
    assert (paused, resumed, canceled) == ("paused", "running", "canceled")
    assert "Job status is canceled - only paused jobs can be resumed." in words


def test_a_large_job_previews_and_skips_it_on_request(busy_appliance: RunningAppliance, tmp_path: Path):
    script = """
    request = Request(collection=Collection("HARMONIUM_TINY_L2"), spatial=BBox(-180, -90, 180, 90))
    job_id = client.submit(request)
    import time
    for _ in range(300):
        status = client.status(job_id)["status"]
        if status == "paused":
            break
        time.sleep(0.2)
    urls = len(list(client.result_urls(job_id)))
    client.cancel(job_id)
    result = [status, urls]
    """
    status, urls = run_harmony(script, busy_appliance, tmp_path)
    assert status == "paused"
    assert urls >= 1, "what the preview made is there to look at"


def test_labels_and_lists_of_jobs(appliance: RunningAppliance, tmp_path: Path):
    script = f"""
    request = Request(collection=Collection("{SWATH}"), max_results=1, labels=["Amazon", "run 7"])
    job_id = client.submit(request)
    client.wait_for_processing(job_id)
    first = client.status(job_id)
    client.submit(AddLabelsRequest(labels=["added"], job_ids=[job_id]))
    listed = client.submit(JobsRequest(labels=["added"]))
    client.submit(DeleteLabelsRequest(labels=["amazon"], job_ids=[job_id]))
    after = client.result_json(job_id)["labels"]
    result = {{"job": job_id, "listed": [j["jobID"] for j in listed["jobs"]], "count": listed["count"], "after": after}}
    """
    result = run_harmony(script, appliance, tmp_path)
    assert result["listed"] == [result["job"]] and result["count"] == 1
    assert result["after"] == ["added", "harmony-py", "run 7"]


def test_capabilities_and_steps(appliance: RunningAppliance, tmp_path: Path):
    script = f"""
    capabilities = client.submit(CapabilitiesRequest(short_name="{SWATH}", capabilities_version="2"))
    job_id = client.submit(Request(collection=Collection("{SWATH}"), spatial=BBox(-170, -15, -152, 15)))
    client.wait_for_processing(job_id)
    steps = client.submit(StepsRequest(job_id=job_id))
    result = [capabilities, steps]
    """
    capabilities, steps = run_harmony(script, appliance, tmp_path)
    assert capabilities["shortName"] == SWATH
    assert capabilities["bboxSubset"] and capabilities["variableSubset"] and capabilities["shapeSubset"]
    assert "podaac/l2-subsetter" in [s["name"] for s in capabilities["services"]]
    assert [s["stepIndex"] for s in steps["steps"]] == [1, 2]
    assert all(item["inputFiles"] is not None for s in steps["steps"] for item in s["workItems"])


def test_unsupported_requests_are_told_in_words(appliance: RunningAppliance, tmp_path: Path):
    script = f"""
    try:
        client.submit(Request(collection=Collection("{SWATH}"), concatenate=True, format="image/x-unheard"))
        result = "no error"
    except Exception as error:
        result = str(error)
    """
    assert "unsupported" in run_harmony(script, appliance, tmp_path)


@pytest.mark.parametrize("carrier", ["token", "password", "netrc"])
def test_signing_in(closed_appliance: tuple[RunningAppliance, str], tmp_path: Path, carrier: str):
    appliance, token = closed_appliance
    options = {"token": {"token": token}, "password": {"auth": ["ada", "correct horse"]}, "netrc": {}}[carrier]
    if carrier == "netrc":
        (tmp_path / ".netrc").write_text(
            "machine localhost login ada password correct horse\n".replace("correct horse", '"correct horse"')
        )
        (tmp_path / ".netrc").chmod(0o600)
    script = f"""
    job_id = client.submit(Request(collection=Collection("{SWATH}"), max_results=1))
    client.wait_for_processing(job_id)
    result = client.result_json(job_id)["username"]
    """
    prepared = json.dumps(options)
    if carrier == "password":
        script = "client = Client(env=Environment.LOCAL, auth=('ada', 'correct horse'))\n" + script.replace(
            "\n    ", "\n"
        )
        prepared = json.dumps({"token": token})
    assert run_harmony(script, appliance, tmp_path, CLIENT_OPTIONS=prepared) == "ada"


def test_wrong_credentials_are_refused_at_once(closed_appliance: tuple[RunningAppliance, str], tmp_path: Path):
    appliance, token = closed_appliance
    script = """
    try:
        Client(env=Environment.LOCAL, auth=("ada", "wrong"))
        result = "no error"
    except Exception as error:
        result = type(error).__name__
    """
    options = json.dumps({"token": token})
    assert run_harmony(script, appliance, tmp_path, CLIENT_OPTIONS=options) == "BadAuthentication"
