"""Whatever a client sends: never 5xx; errors are JSON objects with code and description. Against a real appliance."""

import json
import re
import socket
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.running import RunningAppliance

SWATH = "HARMONIUM_SWATH_L2"
JOB = "7b8f2f6e-5f53-4c61-8f0e-0f1b4b7c9a10"
BASE = f"/{SWATH}/ogc-api-coverages/1.0.0"
RANGESET = f"{BASE}/collections/all/coverage/rangeset"
PATHS = (
    *("/", "/login", "/versions", "/health", "/admin/health", "/capabilities", "/jobs", "/admin/jobs", "/jobs/status"),
    *("/labels", "/jobs/cancel", "/granules/G1-X/a.nc", f"/service-results/harmony-staging/public/{JOB}/1/a.nc"),
    *(BASE, f"{BASE}/collections", f"{BASE}/collections/all", f"{BASE}/conformance", RANGESET),
    *(f"{place}/{JOB}{rest}" for place in ("/jobs", "/admin/jobs", "/stac") for rest in ("", "/steps", "/pause", "/0")),
    f"/jobs/{JOB}/items/1/outputs/a.nc",
)
NAMES = tuple(
    re.split(
        r"\s+",
        """subset outputCrs interpolation scaleExtent scaleSize concatenate granuleId granuleName point width
        height format forceAsync serviceId maxResults skipPreview destinationUrl grid extend variable
        average label linktype page limit f version collectionId shortName jobID step status workItem
        step1Page labels redirect""",
    )
)
ODD = (
    *(
        "",
        "0",
        "-1",
        "1e400",
        "nan",
        "9" * 30,
        "\0",
        "\x1f",
        "/",
        "..",
        "../..",
        "é",
        "\U0001f600",
        "'",
        '"',
        "%",
        "[",
        "{}",
    ),
    *(
        "lat(20:10)",
        "lat(nan:inf)",
        "lon(",
        "time(*:*)",
        'time("0000-00-00":*)',
        "POINT(1 2)",
        "EPSG:-1",
        "s3://",
        "*",
        "?",
    ),
    *("true", "all", SWATH, JOB, JOB.upper(), "\r\nX: y", "\x7f", "a" * 3000, "\\", "+proj=longlat", "s3://b/../c"),
)
TEXTS = st.sampled_from(ODD) | st.text(max_size=20)


def assert_is_an_answer(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        body = answer.json()
        assert body["code"] and body["description"]


@given(data=st.data())
def test_no_path_query_or_body_is_answered_by_5xx(appliance: RunningAppliance, data: st.DataObject):
    """Any route by any method, elements of the path replaced or added, any parameters, any JSON."""
    elements = data.draw(st.sampled_from(PATHS)).split("/")
    for place in data.draw(st.lists(st.integers(1, len(elements) - 1), max_size=1)):
        odd = data.draw(TEXTS)
        elements[place] = quote(odd, safe=data.draw(st.sampled_from(("", "/"))))
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(NAMES), TEXTS), max_size=3))
    # granuleName: no granule has it, so that no job is made
    query = "&".join(f"{quote(n)}={quote(v)}" for n, v in [*pairs, ("granuleName", "nothing")])
    method = data.draw(st.sampled_from(("GET", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "FOO")))
    json_values = st.none() | st.booleans() | st.floats() | st.sampled_from(ODD) | st.lists(st.sampled_from(ODD))
    bodies = st.dictionaries(st.sampled_from([*NAMES, "jobIDs"]), json_values, max_size=3)
    content = json.dumps(data.draw(bodies | json_values)) if method in ("POST", "PUT", "DELETE") else None
    headers = {"Content-Type": "application/json"} if content else {}
    with httpx.Client(timeout=30) as client:
        url = f"{appliance.url}{'/'.join(elements)}?{query}"
        assert_is_an_answer(client.request(method, url, content=content, headers=headers))


@pytest.mark.parametrize("path", ["/jobs/status", "/jobs/cancel", "/labels", RANGESET])
@pytest.mark.parametrize(
    "content",
    [b"[1", b"NaN", b"\xff", b"[" * 100_000, b'{"jobIDs":["\\ud800"]}', b'{"a":1e400}', b"9" * 400, b"null", b'"x"'],
)
def test_broken_json_is_the_clients_fault(appliance: RunningAppliance, path: str, content: bytes):
    method = "PUT" if path == "/labels" else "POST"
    headers = {"Content-Type": "application/json"}
    answer = httpx.request(method, appliance.url + path, content=content, headers=headers)
    assert answer.status_code == 400, answer.text
    assert_is_an_answer(answer)


PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n'


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=", b"--\r\n"),
        ("multipart/form-data; boundary=x", b"--x"),
        ("multipart/form-data; boundary=x", PART),
        ("multipart/form-data; boundary=x", PART + b"Content-Type: text/plain; charset=zzz\r\n\r\nb\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", PART + b"Content-Type: application/json\r\n\r\n{bad\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", (PART + b"\r\nb\r\n") * 21_000 + b"--x--\r\n"),
        ("application/x-www-form-urlencoded; charset=zzz", b"a=%ff&%00=1&=&&"),
        ("application/json; charset=utf-16", b"{}\x00"),
        ("text/plain", b"x"),
        ("é", b"x"),
    ],
)
def test_broken_forms_are_the_clients_fault(appliance: RunningAppliance, content_type: str, content: bytes):
    answer = httpx.post(
        f"{appliance.url}{RANGESET}?width=0", content=content, headers={"Content-Type": content_type.encode()}
    )
    assert answer.status_code == 400, answer.text
    assert_is_an_answer(answer)


def test_a_hundred_thousand_granules_may_be_named_in_one_part(appliance: RunningAppliance):
    """harmony-py joins them with commas; more than SQLite takes as variables or selects."""
    many = ",".join(f"G{n}-NOWHERE" for n in range(100_000))
    for name in ("granuleId", "granuleName"):
        answer = httpx.post(appliance.url + RANGESET, files={name: (None, many)}, timeout=60)
        assert answer.status_code == 400
        assert "No matching granules found." in answer.json()["description"]


def test_a_body_that_would_fill_the_memory_is_refused(appliance: RunningAppliance):
    def endless():
        for _ in range(200):
            yield b"a" * 1_000_000

    for path in ("/jobs/status", "/login", RANGESET):
        try:
            answer = httpx.post(appliance.url + path, content=endless(), headers={"Content-Type": "application/json"})
        except httpx.TransportError:  # it may hang up while we still send
            continue
        assert answer.status_code == 413
    assert httpx.get(f"{appliance.url}/readiness").status_code == 200


@pytest.mark.parametrize(
    "request_text",
    [
        "GET /jobs HTTP/1.0\r\n\r\n",
        "GET /jobs HTTP/1.1\r\nHost:\r\n\r\n",
        "GET http://evil.example/jobs HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
        "GET /jobs HTTP/1.1\r\nHost: localhost\r\nRange: bytes=-\r\nCookie: harmonium=\xe9.\xe9\r\n\r\n",
        "POST /jobs/status HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_odd_but_legal_requests_get_an_answer(appliance: RunningAppliance, request_text: str):
    with socket.create_connection(("127.0.0.1", appliance.port), 10) as connection:
        connection.sendall(request_text.replace("\r\n", "\r\nConnection: close\r\n", 1).encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    assert status in (200, 204, 400, 404, 421)
    if status >= 400:
        assert json.loads(body)["description"]
