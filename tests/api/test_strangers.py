"""Strangers at the door: foreign hosts, forwarded requests, other web sites. Against a real appliance."""

import httpx
import pytest

from tests.running import RunningAppliance

RANGESET = "/HARMONIUM_SWATH_L2/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset?maxResults=1"


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:3000", ""])
def test_a_foreign_host_name_is_refused(appliance: RunningAppliance, host: str):
    """DNS rebinding: a page of evil.example that resolves to this machine gets nothing."""
    answer = httpx.get(f"{appliance.url}/jobs", headers={"Host": host})
    assert answer.status_code in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_loopback_names_are_ours(appliance: RunningAppliance, host: str):
    answer = httpx.get(f"{appliance.url}/readiness", headers={"Host": f"{host}:{appliance.port}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "x-forwarded-proto"])
def test_a_forwarded_request_needs_an_account(appliance: RunningAppliance, name: str):
    answer = httpx.get(f"{appliance.url}/jobs", headers={name: "1.2.3.4"})
    assert answer.status_code == 403
    assert "harmonium user add" in answer.json()["description"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", RANGESET),
        ("POST", RANGESET),
        ("GET", "/jobs/7b8f2f6e-5f53-4c61-8f0e-0f1b4b7c9a10/cancel"),
        # The router overlooks these slashes, and so must the guard.
        ("GET", "/jobs/7b8f2f6e-5f53-4c61-8f0e-0f1b4b7c9a10/cancel/"),
        ("GET", "/jobs//7b8f2f6e-5f53-4c61-8f0e-0f1b4b7c9a10//cancel//"),
        ("GET", "/admin/jobs/7b8f2f6e-5f53-4c61-8f0e-0f1b4b7c9a10/cance%6c/"),
        ("GET", RANGESET.replace("/rangeset", "//rangeset//")),
        ("GET", "/logout/"),
        ("POST", "/jobs/cancel"),
        ("PUT", "/labels?label=a&jobID=7b8f2f6e-5f53-4c61-8f0e-0f1b4b7c9a10"),
    ],
)
def test_another_web_site_cannot_start_or_change_anything(
    appliance: RunningAppliance, headers: dict[str, str], method: str, path: str
):
    answer = httpx.request(method, appliance.url + path, headers=headers)
    assert answer.status_code == 403, answer.text
    assert "other web sites" in answer.json()["description"]


def test_another_web_site_cannot_read_in_open_mode(appliance: RunningAppliance):
    answer = httpx.get(f"{appliance.url}/jobs", headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
    own = httpx.get(f"{appliance.url}/jobs", headers={"Origin": appliance.url})
    assert own.headers["access-control-allow-origin"] == appliance.url


def test_preflight_is_answered_without_credentials(closed_appliance: tuple[RunningAppliance, str]):
    appliance, _ = closed_appliance
    answer = httpx.options(f"{appliance.url}/jobs", headers={"Origin": "http://notebook.example"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "http://notebook.example"
    assert "access-control-allow-credentials" not in answer.headers
