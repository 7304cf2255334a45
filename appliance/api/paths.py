"""What an HTTP request looks like to the handlers: its base URL, its raw query, names with encoded slashes.

`%2F` is decoded before Litestar routes, so `/collections/%2Fgroup%2Fvar/…` would be another path: the wrapper hides
encoded slashes in a placeholder, `restored` brings them back. Requests get an id here, which becomes the job id.
"""

import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

from litestar import Request

from appliance.parts import Parts
from appliance.request.query import Parameters, parameters

PLACEHOLDER = "\x1f"
_ENCODED_SLASH = re.compile(rb"%2f", re.IGNORECASE)


class EncodedSlashes:
    """Outermost but one: routing must see one path element where the client sent one."""

    def __init__(self, app: Callable[..., Any]):
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Put the placeholder into `path` when the raw path has encoded slashes; give HTTP requests an id."""
        if scope["type"] == "http":
            scope.setdefault("state", {})["request_id"] = str(uuid.uuid4())
            raw = scope.get("raw_path") or b""
            raw = raw.partition(b"?")[0]
            if _ENCODED_SLASH.search(raw):
                path = unquote_to_bytes(_ENCODED_SLASH.sub(b"%1F", raw)).decode("utf-8", "replace")
                scope = {**scope, "path": path}
        await self._app(scope, receive, send)


def restored(element: str) -> str:
    """A path element with its slashes back."""
    return element.replace(PLACEHOLDER, "/")


def request_id(request: Request[Any, Any, Any]) -> str:
    """The id of this request, a UUIDv4; for a service request it is the job id."""
    return str(request.scope["state"]["request_id"])


def base_url(request: Request[Any, Any, Any], parts: Parts) -> str:
    """Scheme and host for absolute links, without trailing slash: the configured public URL, else as addressed."""
    if parts.settings.public_url:
        public = urlsplit(parts.settings.public_url)
        named = request.headers.get("host", "").partition(":")[0]
        if named == public.hostname or named in parts.settings.public_hosts:
            return parts.settings.public_url.rstrip("/")
    client = request.client.host if request.client else ""
    scheme = request.scope.get("scheme", "http")
    if client in parts.settings.trusted_proxies:
        told = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
        scheme = told if told in ("http", "https") else scheme
    return f"{scheme}://{request.headers.get('host', 'localhost')}"


def query_pairs(request: Request[Any, Any, Any]) -> list[tuple[str, str]]:
    """The query string as (name, value) in the order sent, decoded, blanks kept."""
    raw = request.scope.get("query_string") or b""
    return parse_qsl(raw.decode("latin-1"), keep_blank_values=True, encoding="utf-8", errors="replace")


def query_parameters(request: Request[Any, Any, Any]) -> Parameters:
    """The query string, names in any case."""
    return parameters(query_pairs(request))


def unslashed_url(request: Request[Any, Any, Any], root: str) -> str:
    """The URL without its query."""
    raw = request.scope.get("raw_path") or request.scope["path"].encode()
    return root + raw.partition(b"?")[0].decode("latin-1")
