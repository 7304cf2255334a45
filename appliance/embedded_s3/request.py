"""One request as it came over the wire: path and query decoded once, headers by lower-case name.

The decoded path is the only one that exists here: what is signed for, what is authorised and what is opened are the
same string (object-store.md 5.5). Bodies are in `payload.py`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from appliance.embedded_s3.faults import S3Fault

UNRESERVED = "-_.~"
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed request line and its headers. `query` keeps order and repetition; a name without `=` has no value."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]

    @property
    def bucket(self) -> str:
        """The first segment of the path; empty for the service itself."""
        return self.path[1:].partition("/")[0]

    @property
    def key(self) -> str:
        """Everything after the bucket's slash; empty for the bucket itself."""
        return self.path[1:].partition("/")[2]

    def parameter(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def header(self, name: str, default: str = "") -> str:
        """A header's value by lower-case name; repeated headers are joined by commas."""
        return self.headers.get(name, default)

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A whole number from the query. Raises InvalidArgument (400) outside of lowest..highest."""
        text = self.parameter(name)
        if not text:
            return default
        if not re.fullmatch(r"[0-9]{1,10}", text) or not lowest <= int(text) <= highest:
            raise S3Fault("InvalidArgument", f'query parameter "{name}": {text!r}; allowed: {lowest} to {highest}')
        return int(text)


def parse_request(method: str, raw_path: bytes, raw_query: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Request:
    """Decode a request. Raises InvalidURI (400) for a broken escape, for bad UTF-8, or for a path without its slash."""
    path = decoded(raw_path)
    if not path.startswith("/"):
        raise S3Fault("InvalidURI", "the path must begin with a slash; allowed: path-style addresses")
    pairs = [part.partition(b"=") for part in raw_query.split(b"&") if part]
    query = tuple((decoded(name), decoded(value)) for name, _, value in pairs)
    return Request(method, path, query, joined_headers(headers))


def decoded(raw: bytes) -> str:
    """Percent-decode once, as UTF-8; a plus stays a plus. Raises InvalidURI (400)."""
    if _BROKEN_ESCAPE.search(raw):
        raise S3Fault("InvalidURI", "a percent sign without two hexadecimal digits; allowed: %25 for the sign itself")
    try:
        return unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise S3Fault("InvalidURI", "not UTF-8 after percent-decoding") from None


def encoded(text: str, safe: str = "") -> str:
    """Percent-encode everything but A-Z a-z 0-9 - _ . ~ and `safe`, as SigV4 and `encoding-type=url` want it."""
    return quote(text, safe=UNRESERVED + safe)


def joined_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Lower-case names to values; bytes stay themselves as latin-1, so a value can be sent back unchanged."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
        found[name] = f"{found[name]},{value}" if name in found else value
    return found
