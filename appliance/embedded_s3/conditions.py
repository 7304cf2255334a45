"""Ranges and preconditions: which part of an object is meant, and whether the request still applies.

Pure. Source: object-store.md 5.4; RFC 9110, sections 13 and 14.
"""

import re
from email.utils import parsedate_to_datetime

from appliance.embedded_s3.faults import S3Fault
from appliance.embedded_s3.files import Check, Info
from appliance.embedded_s3.request import Request

_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")


def byte_range(text: str, size: int) -> tuple[int, int] | None:
    """First byte and length of `bytes=a-b`, `bytes=a-` or `bytes=-n`; None when there is no range to heed: absent,
    malformed, or several. Raises InvalidRange (416) when no byte of the object lies in it."""
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    if found[3] is not None:
        length = min(int(found[3]), size)
        start = size - length
    else:
        start, end = int(found[1]), int(found[2]) if found[2] else size - 1
        if found[2] and end < start:
            return None
        length = min(end, size - 1) - start + 1
    if length <= 0:
        headers = [("content-range", f"bytes */{size}")]
        raise S3Fault("InvalidRange", f"range {text!r}: no byte of it is there; the object has {size}", headers)
    return start, length


def wanted_range(request: Request, info: Info) -> tuple[int, int] | None:
    """The range of a GET or HEAD; If-Range with another version asks for the whole."""
    condition = request.header("if-range")
    if condition and not etag_matches(condition, info) and seconds_of(condition) != info.mtime_ns // 10**9:
        return None
    return byte_range(request.header("range").replace(" ", ""), info.size_bytes)


def check_read(request: Request, info: Info, prefix: str = "") -> None:
    """Preconditions of a read; `prefix` is `x-amz-copy-source-` for those on a copy's source.

    Raises PreconditionFailed (412), or NotModified (304), which on a copy is 412 as well.
    """
    match, none_match = request.header(f"{prefix}if-match"), request.header(f"{prefix}if-none-match")
    modified = info.mtime_ns // 10**9
    before = seconds_of(request.header(f"{prefix}if-unmodified-since"))
    after = seconds_of(request.header(f"{prefix}if-modified-since"))
    if (match and not etag_matches(match, info)) or (not match and before is not None and modified > before):
        raise S3Fault("PreconditionFailed", "the object is another version")
    if (none_match and etag_matches(none_match, info)) or (not none_match and after is not None and modified <= after):
        code = "PreconditionFailed" if prefix else "NotModified"
        raise S3Fault(code, "the object is still that version", [("etag", f'"{info.etag}"')])


def write_check(request: Request) -> Check:
    """The precondition of a write, to be asked at the moment of the rename. Raises PreconditionFailed (412), and
    NoSuchKey (404) for If-Match where there is nothing."""
    match, none_match = request.header("if-match"), request.header("if-none-match")
    if none_match not in ("", "*"):
        raise S3Fault("NotImplemented", f"If-None-Match {none_match!r} on a write; allowed: *")

    def check(present: Info | None) -> None:
        if none_match and present is not None:
            raise S3Fault("PreconditionFailed", "there is an object with this key already")
        if match and present is None:
            raise S3Fault("NoSuchKey", "If-Match: there is no object with this key")
        if match and present is not None and not etag_matches(match, present):
            raise S3Fault("PreconditionFailed", "If-Match: the object is another version")

    return check


def etag_matches(condition: str, info: Info) -> bool:
    """Whether a list of entity tags, with or without quotes, names this version; `*` names every one."""
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in condition.split(",")]
    return "*" in tags or info.etag in tags


def seconds_of(text: str) -> int | None:
    """An HTTP date in seconds since 1970; None when it is none."""
    try:
        return int(parsedate_to_datetime(text).timestamp()) if text else None
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
