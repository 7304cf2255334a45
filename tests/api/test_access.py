"""Who may do what, once there are accounts. Against a real appliance."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.running import RunningAppliance

SWATH = "HARMONIUM_SWATH_L2"
RANGESET = f"/{SWATH}/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset"


@pytest.fixture(scope="module")
def two_users(closed_appliance: tuple[RunningAppliance, str]) -> tuple[RunningAppliance, dict[str, str]]:
    """ada, the admin, and bob, who is none; their bearer headers' tokens."""
    appliance, token = closed_appliance
    appliance.command("user", "add", "bob", text="another password")
    return appliance, {"ada": token, "bob": appliance.command("token", "bob").stdout.strip()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def a_job(appliance: RunningAppliance, token: str) -> str:
    with appliance.client(headers=bearer(token)) as client:
        job_id = str(client.get(RANGESET, params={"forceAsync": "true", "maxResults": "1"}).json()["jobID"])
        appliance.finished(job_id, client=appliance.client(headers=bearer(token)))
    return job_id


@pytest.mark.parametrize("path", ["/jobs", RANGESET, "/capabilities?shortname=x", "/labels", "/granules/G1-X/a.nc"])
def test_protected_routes_challenge_with_basic(two_users: tuple[RunningAppliance, dict[str, str]], path: str):
    appliance, _ = two_users
    method = "PUT" if path == "/labels" else "GET"
    for headers in ({}, bearer("wrong"), {"Authorization": "Basic !!!"}, {"Cookie": "harmonium=x.y"}):
        answer = httpx.request(method, appliance.url + path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="Harmonium"'
        assert answer.json()["code"] == "harmony.UnauthorizedError"


@pytest.mark.parametrize("path", ["/", "/versions", "/health", "/readiness"])
def test_public_routes_need_nobody(two_users: tuple[RunningAppliance, dict[str, str]], path: str):
    appliance, _ = two_users
    assert httpx.get(appliance.url + path).status_code == 200
    assert httpx.get(appliance.url + path, headers=bearer("wrong")).status_code == 200


def test_all_carriers_name_the_same_user(two_users: tuple[RunningAppliance, dict[str, str]]):
    appliance, tokens = two_users
    job_id = a_job(appliance, tokens["bob"])
    carriers = [
        {"headers": bearer(tokens["bob"])},
        {"headers": {"authorization": f"bearer {tokens['bob']}"}},
        {"headers": {"Echo-Token": tokens["bob"]}},
        {"auth": ("bob", "another password")},
    ]
    with httpx.Client(base_url=appliance.url) as browser:
        form = {"username": "bob", "password": "another password", "redirect": "//evil.example"}
        answer = browser.post("/login", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "httponly" in answer.headers["set-cookie"].lower()
        carriers.append({"cookies": dict(browser.cookies)})
    for carrier in carriers:
        assert httpx.get(f"{appliance.url}/jobs/{job_id}", **carrier).json()["username"] == "bob"


def test_jobs_of_others_do_not_exist_but_for_admins(two_users: tuple[RunningAppliance, dict[str, str]]):
    appliance, tokens = two_users
    adas, bobs = a_job(appliance, tokens["ada"]), a_job(appliance, tokens["bob"])

    def status(method: str, path: str, user: str, **options: object) -> int:
        return httpx.request(method, appliance.url + path, headers=bearer(tokens[user]), **options).status_code

    assert status("GET", f"/jobs/{adas}", "bob") == 404
    assert status("GET", f"/jobs/{bobs}", "ada") == 200
    assert status("GET", f"/admin/jobs/{bobs}", "ada") == 200
    assert status("GET", f"/admin/jobs/{adas}", "bob") == 403
    assert status("GET", "/admin/jobs", "bob") == 403
    assert status("POST", f"/jobs/{bobs}/cancel", "ada") == 404
    assert status("POST", f"/admin/jobs/{bobs}/cancel", "ada") == 409
    assert status("GET", f"/jobs/{adas}/steps", "bob") == 403
    assert status("PUT", f"/labels?label=x&jobID={bobs}", "ada") == 404
    listed = httpx.get(f"{appliance.url}/jobs?limit=2000", headers=bearer(tokens["bob"])).json()["jobs"]
    assert {job["username"] for job in listed} == {"bob"}
    body = {"jobIDs": [adas, bobs]}
    answer = httpx.post(f"{appliance.url}/jobs/status", json=body, headers=bearer(tokens["bob"])).json()
    assert [job["jobID"] for job in answer["jobStatuses"]] == [bobs]
    assert answer["notFoundJobIDs"] == [adas]


def test_results_of_others_do_not_exist(two_users: tuple[RunningAppliance, dict[str, str]]):
    appliance, tokens = two_users
    with appliance.client(headers=bearer(tokens["ada"])) as client:
        answer = client.get(RANGESET, params={"maxResults": "1", "subset": "lat(-15:15)"})
        assert answer.status_code == 200
        href = str(answer.url)
    assert httpx.get(href, headers=bearer(tokens["ada"])).status_code == 200
    assert httpx.get(href, headers=bearer(tokens["bob"])).status_code == 404
    assert httpx.get(href).status_code == 401


def test_what_may_not_be_read_does_not_exist(two_users: tuple[RunningAppliance, dict[str, str]]):
    appliance, tokens = two_users
    appliance.command("revoke", "*", "registered")
    try:
        answer = httpx.get(appliance.url + RANGESET, headers=bearer(tokens["bob"]))
        assert answer.status_code == 404
        assert (
            httpx.get(f"{appliance.url}/capabilities?shortname={SWATH}", headers=bearer(tokens["bob"])).status_code
            == 404
        )
        assert httpx.get(appliance.url + RANGESET + "?maxResults=1", headers=bearer(tokens["ada"])).status_code == 303
    finally:
        appliance.command("grant", "*", "registered")


def test_no_trick_with_a_path_leads_to_results_of_others(two_users: tuple[RunningAppliance, dict[str, str]]):
    """bob asks for ada's results through his own job; odd keys are 404 to everybody, never an error of the store."""
    appliance, tokens = two_users
    box = {"forceAsync": "true", "maxResults": "1", "subset": "lat(-20:20)"}
    with appliance.client(headers=bearer(tokens["ada"])) as client:
        job_id = client.get(RANGESET.replace("all", "wind_speed"), params=box).json()["jobID"]
        document = appliance.finished(job_id, client=appliance.client(headers=bearer(tokens["ada"])))
    (link,) = [link["href"] for link in document["links"] if link["rel"] == "data"]
    key = link.partition(f"public/{job_id}/")[2]
    own = a_job(appliance, tokens["bob"])
    place = "/service-results/harmony-staging/public"
    tricks = [f"{own}/../{job_id}/{key}", f"{own}/%2e%2e/{job_id}/{key}", f"{own}/..%2f{job_id}%2f{key}"]
    tricks += [f"{job_id.upper()}/{key}", f"{job_id}/./{key}", f"../public/{job_id}/{key}", f"{job_id}%2F{key}"]
    with httpx.Client(base_url=appliance.url) as client:
        assert client.get(f"{place}/{job_id}/{key}", headers=bearer(tokens["ada"])).status_code == 200
        for path in (f"{place}/{job_id}/{key}", *(f"{place}/{trick}" for trick in tricks)):
            assert client.get(path, headers=bearer(tokens["bob"])).status_code == 404, path
        for odd in ("%00", "%1F", "%5C", "%7F", "a" * 300, "a/" * 600 + "b", "..", "%FF", "x%0A"):
            answer = client.get(f"{place}/{job_id}/1/{odd}", headers=bearer(tokens["ada"]))
            assert answer.status_code == 404 and answer.json()["code"] == "harmony.NotFoundError", odd


def test_a_hundred_wrong_passwords_at_once_keep_nobody_waiting(two_users: tuple[RunningAppliance, dict[str, str]]):
    """Checks of passwords wait for each other; requests with a token pass them by, and in the end all are answered."""
    appliance, tokens = two_users
    order: list[str] = []

    def ask(name: str, **options: object) -> int:
        status = httpx.get(f"{appliance.url}/jobs", timeout=60, **options).status_code
        order.append(name)
        return status

    with ThreadPoolExecutor(101) as pool:
        wrong = [pool.submit(ask, "wrong", auth=("bob", f"wrong {n}")) for n in range(100)]
        while "wrong" not in order:
            time.sleep(0.01)
        assert ask("right", headers=bearer(tokens["ada"])) == 200
        passed = order.index("right")
        assert {answer.result() for answer in wrong} == {401}
    assert passed < 100
