"""Behind a proxy that ends TLS: public names, forwarded headers, absolute links. Against a real appliance."""

from collections.abc import Iterator

import httpx
import pytest

from tests.running import RunningAppliance

NAME = "harmonium.example"


def started(folder, **settings: object) -> RunningAppliance:
    running = RunningAppliance(folder / "home", public_hosts=NAME, **settings)
    running.command("user", "add", "ada", text="correct horse")
    return running.start()


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAppliance]:
    """Believes forwarded headers from this machine."""
    running = started(tmp_path_factory.mktemp("behind"), trusted_proxies="127.0.0.1,::1")
    yield running
    assert running.stop() == 0


def self_link(running: RunningAppliance, **headers: str) -> str:
    answer = httpx.get(f"{running.url}/jobs", headers={"Host": NAME, **headers}, auth=("ada", "correct horse"))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["links"][0]["href"])


def test_links_carry_the_scheme_that_a_trusted_proxy_tells(behind: RunningAppliance):
    assert self_link(behind, **{"X-Forwarded-Proto": "https"}).startswith(f"https://{NAME}/jobs")
    assert self_link(behind, **{"X-Forwarded-Proto": "HTTPS, http"}).startswith(f"https://{NAME}/jobs")
    assert self_link(behind).startswith(f"http://{NAME}/jobs")
    assert self_link(behind, **{"X-Forwarded-Proto": "javascript"}).startswith(f"http://{NAME}/jobs")
    evil = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    assert self_link(behind, **evil).startswith(f"https://{NAME}/jobs")


def test_nobody_else_is_believed(closed_appliance: tuple[RunningAppliance, str]):
    appliance, token = closed_appliance
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    answer = httpx.get(f"{appliance.url}/jobs", headers=headers)
    assert answer.json()["links"][0]["href"].startswith(f"{appliance.url}/jobs")


def test_a_browser_signs_in_through_the_proxy(behind: RunningAppliance):
    form = {"username": "ada", "password": "correct horse", "redirect": "/jobs"}
    for origin, status in ((f"https://{NAME}", 303), ("https://evil.example", 403), (f"https://{NAME}.evil", 403)):
        headers = {"Host": NAME, "Origin": origin, "X-Forwarded-Proto": "https", "Sec-Fetch-Site": "same-origin"}
        assert httpx.post(f"{behind.url}/login", data=form, headers=headers).status_code == status, origin


@pytest.mark.parametrize("host", ["evil.example", f"{NAME}.evil.example", f"evil.{NAME}"])
def test_only_the_names_that_were_set_are_ours(behind: RunningAppliance, host: str):
    assert httpx.get(f"{behind.url}/jobs", headers={"Host": host}).status_code == 421
