"""Byte ranges as answers, held against slices of bytes (RFC 9110, section 14). Pure: no server, no file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Request, Response
from litestar.response import Stream

from appliance.api.byte_ranges import Resource, answer, disposition

ETAG = '"1-2"'


def resource(data: bytes) -> Resource:
    @contextmanager
    def open_range(start: int, length: int) -> Iterator[Iterator[bytes]]:
        yield iter([data[start : start + length]])

    return Resource("a.nc", len(data), ETAG, "application/netcdf", "Thu, 01 Jan 1970 00:00:00 GMT", open_range)


def answered(data: bytes, method: str = "GET", **headers: str) -> Response[Any]:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": method, "path": "/", "headers": raw, "query_string": b""}
    return answer(Request(scope), resource(data))


def sent(response: Response[Any]) -> bytes:
    return b"".join(response.iterator) if isinstance(response, Stream) else response.content


@given(data=st.binary(max_size=50), first=st.integers(0, 60), last=st.integers(0, 60))
def test_a_range_is_the_slice_of_the_bytes(data: bytes, first: int, last: int):
    for header, wanted in (
        (f"bytes={first}-{last}", data[first : last + 1]),
        (f"bytes={first}-", data[first:]),
        (f"bytes=-{last}", data[-last:] if last else b""),
    ):
        response = answered(data, range=header)
        if header.startswith(f"bytes={first}-{last}") and last < first:
            assert (response.status_code, sent(response)) == (200, data)  # malformed: ignored
        elif wanted:
            assert (response.status_code, sent(response)) == (206, wanted)
            begin = len(data) - len(wanted) if header.startswith("bytes=-") else first
            assert response.headers["Content-Range"] == f"bytes {begin}-{begin + len(wanted) - 1}/{len(data)}"
            assert response.headers["Content-Length"] == str(len(wanted))
        else:
            assert response.status_code == 416
            assert response.headers["Content-Range"] == f"bytes */{len(data)}"
            assert response.content["code"] and response.content["description"]


RANGES = st.from_regex(r"bytes=[0-9]*-[0-9]*(,[0-9]*-[0-9]*)?", fullmatch=True)


@given(header=st.text(st.characters(max_codepoint=255), max_size=30) | RANGES)
def test_no_header_breaks_it(header: str):
    assert answered(b"0123456789", range=header).status_code in (200, 206, 416)


@pytest.mark.parametrize("digits", [19, 5000])
def test_positions_beyond_all_files_are_just_beyond(digits: int):
    """Python refuses to read numbers of more than 4300 digits."""
    far = "9" * digits
    assert answered(b"0123", range=f"bytes={far}-").status_code == 416
    assert sent(answered(b"0123", range=f"bytes=1-{far}")) == b"123"
    assert sent(answered(b"0123", range=f"bytes=-{far}")) == b"0123"


def test_a_known_etag_is_304_and_another_one_makes_a_range_the_whole():
    assert answered(b"0123", if_none_match=f'"x", {ETAG}').status_code == 304
    assert answered(b"0123", if_none_match="*").status_code == 304
    assert answered(b"0123", range="bytes=0-1", if_range=ETAG).status_code == 206
    assert answered(b"0123", range="bytes=0-1", if_range='"other"').status_code == 200


def test_head_tells_the_length_and_sends_nothing():
    response = answered(b"0123", method="HEAD", range="bytes=1-2")
    assert (response.status_code, response.content, response.headers["Content-Length"]) == (206, b"", "2")


@given(name=st.text(max_size=20))
def test_no_name_breaks_out_of_its_header(name: str):
    if any(0xD800 <= ord(c) < 0xE000 for c in name):
        return
    words = disposition(name)
    assert words.isascii() and words.isprintable() and words.count('"') == 2
