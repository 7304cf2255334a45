"""One byte range of a file or object, as an HTTP answer. Source: RFC 9110, section 14; clients.md 3.7.

Bytes are never compressed: harmony-py stores what arrives. Multi-range and malformed headers are ignored (200).
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

from litestar import Request, Response
from litestar.response import Stream

CHUNK_BYTES = 512 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_FARTHEST = 10**18


RangeReader = Callable[[int, int], AbstractContextManager[Iterator[bytes]]]


@dataclass(frozen=True, slots=True)
class Resource:
    """What is to be sent. open_range(start, length) yields the bytes in pieces."""

    name: str
    size_bytes: int
    etag: str  # quoted
    media_type: str
    modified: str  # HTTP date
    open_range: RangeReader


def answer(request: Request[Any, Any, Any], resource: Resource) -> Response[Any]:
    """200, 206, 304 or 416, with the headers that each needs; no body for HEAD."""
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": resource.etag,
        "Last-Modified": resource.modified,
        "Cache-Control": "private, max-age=600",
        "Content-Disposition": disposition(resource.name),
        "X-Content-Type-Options": "nosniff",
    }
    known = request.headers.get("if-none-match", "")
    if known and (known.strip() == "*" or resource.etag in (tag.strip() for tag in known.split(","))):
        return Response(None, status_code=304, headers=headers)
    wanted = _wanted(request.headers.get("range"), request.headers.get("if-range"), resource)
    if wanted is None:
        headers["Content-Range"] = f"bytes */{resource.size_bytes}"
        text = f"Error: range {request.headers.get('range', '')[:100]}; allowed: within {resource.size_bytes} bytes"
        body = {"code": "harmony.RangeNotSatisfiableError", "description": text}
        return Response(body, status_code=416, headers=headers, media_type="application/json")
    start, length, partial = wanted
    headers["Content-Length"] = str(length)
    if partial:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{resource.size_bytes}"
    status = 206 if partial else 200
    if request.method == "HEAD":
        return Response(b"", status_code=status, headers=headers, media_type=resource.media_type)
    pieces = _pieces(resource, start, length)
    return Stream(pieces, status_code=status, headers=headers, media_type=resource.media_type)


def file_pieces(descriptor: int, start: int, length: int) -> Iterator[bytes]:
    """The bytes of an open file; ends early when the file does. The descriptor is the caller's to close."""
    position, end = start, start + length
    while position < end:
        piece = os.pread(descriptor, min(CHUNK_BYTES, end - position), position)
        if not piece:
            return
        yield piece
        position += len(piece)


def file_resource(name: str, facts: os.stat_result, media_type: str, open_range: RangeReader) -> Resource:
    """A file of this machine as a resource; its ETag changes with its time and size."""
    return Resource(
        name=name,
        size_bytes=facts.st_size,
        etag=f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"',
        media_type=media_type,
        modified=formatdate(facts.st_mtime, usegmt=True),
        open_range=open_range,
    )


def disposition(name: str) -> str:
    """Content-Disposition with both spellings of the name (RFC 6266)."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\;' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"


def _wanted(header: str | None, if_range: str | None, resource: Resource) -> tuple[int, int, bool] | None:
    """(start, length, whether partial), or None when the range cannot be satisfied."""
    size = resource.size_bytes
    match = _RANGE.fullmatch(header.strip()) if header else None
    if not match or (if_range and if_range.strip() != resource.etag) or match.group(1, 2) == ("", ""):
        return 0, size, False
    first, last = match.group(1), match.group(2)
    if first == "":
        length = min(_position(last), size)
        return (size - length, length, True) if length else None
    start = _position(first)
    stop = min(_position(last), size - 1) if last else size - 1
    if last and _position(last) < start:
        return 0, size, False
    return (start, stop - start + 1, True) if start < size else None


def _position(digits: str) -> int:
    """A byte position; all that lie beyond any file are one (Python refuses to read thousands of digits)."""
    return int(digits) if len(digits) <= 18 else _FARTHEST


def _pieces(resource: Resource, start: int, length: int) -> Iterator[bytes]:
    with resource.open_range(start, length) as pieces:
        yield from pieces
