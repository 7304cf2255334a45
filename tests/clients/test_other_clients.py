"""pystac reading a job's catalog, curl and urllib with the recipes of the guide."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.scripts import run_python
from tests.running import RunningAppliance

SWATH = "HARMONIUM_SWATH_L2"
RANGESET = f"/{SWATH}/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset"


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("link_type", ["", "?linktype=https"])
def test_pystac_reads_the_catalog_of_a_job(appliance: RunningAppliance, tmp_path: Path, slash: str, link_type: str):
    with appliance.client() as client:
        job_id = client.get(RANGESET, params={"forceAsync": "true", "subset": "lat(-15:15)"}).json()["jobID"]
    appliance.finished(job_id)
    script = f"""
    import json, pystac
    catalog = pystac.Catalog.from_file("{appliance.url}/stac/{job_id}{slash}{link_type}")
    items = list(catalog.get_items())
    result = {{"id": catalog.id, "root": catalog.get_root().id, "items": [
        {{"id": i.id, "bbox": i.bbox, "datetime": i.datetime.isoformat(), "geometry": i.geometry,
          "assets": [[a.href, a.media_type, a.roles] for a in i.assets.values()]}} for i in items]}}
    """
    result = run_python(script, appliance, tmp_path)
    assert result["id"] == result["root"] == job_id
    assert [item["id"] for item in result["items"]] == [f"{job_id}_{n}" for n in range(len(result["items"]))]
    for item in result["items"]:
        ((href, media_type, roles),) = item["assets"]
        assert href.startswith("s3://harmony-staging/public/" if not link_type else f"{appliance.url}/service-results/")
        assert media_type and roles == ["data"]
        ring = item["geometry"]["coordinates"][0]
        assert ring[0] == ring[-1]


def test_curl_with_netrc_and_cookies_ends_at_the_data(closed_appliance: tuple[RunningAppliance, str], tmp_path: Path):
    """`curl -Lnbj URL`, as the guide says."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    appliance, _ = closed_appliance
    netrc = tmp_path / ".netrc"
    netrc.write_text('machine localhost login ada password "correct horse"\n')
    netrc.chmod(0o600)
    out = tmp_path / "out.nc"
    command = ["curl", "-sS", "-Lnbj", "-o", str(out), "-w", "%{http_code} %{num_redirects}"]
    url = f"{appliance.url}{RANGESET}?maxResults=1&subset=lat(-15:15)"
    done = subprocess.run(
        [*command, "-g", url],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "200 1", done.stderr
    assert out.read_bytes()[:4] == b"\x89HDF"
    nobody = subprocess.run(
        [*command, "-g", url],
        env={"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert nobody.stdout.startswith("401")


def test_urllib_answers_the_basic_challenge(closed_appliance: tuple[RunningAppliance, str], tmp_path: Path):
    appliance, _ = closed_appliance
    script = f"""
    import json
    from http.cookiejar import CookieJar
    from urllib.request import HTTPBasicAuthHandler, HTTPCookieProcessor, HTTPPasswordMgrWithDefaultRealm, build_opener
    manager = HTTPPasswordMgrWithDefaultRealm()
    manager.add_password(None, "{appliance.url}", "ada", "correct horse")
    opener = build_opener(HTTPBasicAuthHandler(manager), HTTPCookieProcessor(CookieJar()))
    answer = opener.open("{appliance.url}/jobs")
    result = [answer.status, list(json.load(answer))]
    """
    status, keys = run_python(script, appliance, tmp_path)
    assert status == 200 and {"count", "jobs", "links"} <= set(keys)
