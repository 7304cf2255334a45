"""Strangers at the door: which hosts we are addressed by, and which web sites may make a browser ask us things.

An ASGI wrapper around everything, in every mode (decisions 2.2): a Host that is not ours is 421; a forwarded request in
open mode is 403; a request that changes state or starts work and comes from another web site is 403.
"""

import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from appliance.errors import ForbiddenError, HarmoniumError, MisdirectedError
from appliance.settings import Settings

Scope = dict[str, Any]
AsgiApp = Callable[[Scope, Any, Any], Any]

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
# GET requests that start work or change state.
_ACTIVE_GET = re.compile(
    r"/coverage/rangeset$|/wms$|^/ogc-api-edr/.+/(cube|area|position|trajectory)$"
    r"|/jobs/[^/]+/(pause|resume|cancel|skip-preview)$|/retry$|/resubmit$|^/cloud-access|^/logout$"
)
_SLASHES = re.compile(r"/{2,}")
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Content-Length, Accept"),
    (b"access-control-expose-headers", b"Content-Encoding, Content-Disposition"),
    (b"access-control-max-age", b"86400"),
]


class Strangers:
    """Wraps an ASGI application. is_open: whether no account exists yet, asked at each request that needs to know."""

    def __init__(self, app: AsgiApp, settings: Settings, is_open: Callable[[], bool]):
        self._app = app
        self._settings = settings
        self._is_open = is_open
        public = urlsplit(settings.public_url).hostname
        self._public_names = frozenset({n.lower() for n in (*settings.public_hosts, public) if n})

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Refuse, answer a preflight, or pass on with CORS headers."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self._check(scope, headers)
        except HarmoniumError as error:
            await _refuse(scope, send, error)
            return
        origin = headers.get("origin")
        cors = [] if origin and not self._own_origin(headers) and self._is_open() else _cors(origin)
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            await _answer(send, 204, [*cors, *(_PREFLIGHT if cors else [])], b"")
            return

        async def send_with_cors(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *cors]}
            await send(message)

        await self._app(scope, receive, send_with_cors)

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        name = _host_name(headers.get("host", ""))
        is_public = name in self._public_names
        if not is_public and not self._is_loopback_or_own(name):
            allowed = ", ".join(sorted({"localhost", "127.0.0.1", *self._public_names}))
            raise MisdirectedError(f"Host {name!r} is not served here; allowed: {allowed} (setting public_hosts)")
        forwarded = any(h == "forwarded" or h.startswith("x-forwarded-") for h in headers)
        if (forwarded or is_public) and self._is_open():
            raise ForbiddenError(
                "Without an account only direct requests from this machine are answered; "
                "`harmonium user add NAME` makes an account"
            )
        if _is_active(scope) and self._is_foreign(headers):
            raise ForbiddenError("Requests from other web sites may not start work or change anything here")

    def _is_loopback_or_own(self, name: str) -> bool:
        if name in _LOOPBACK_NAMES:
            return True
        # Bound to an address of a network, that address is a name of ours too (only with accounts: see `check`).
        return name == self._settings.host.lower() or (self._settings.host in ("0.0.0.0", "::") and _is_address(name))

    def _is_foreign(self, headers: dict[str, str]) -> bool:
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return True
        return bool(headers.get("origin")) and not self._own_origin(headers)

    def _own_origin(self, headers: dict[str, str]) -> bool:
        origin = headers.get("origin", "")
        # A proxy that ends TLS speaks http to us, while browsers name the https origin. The Host was checked before.
        own = {f"{scheme}://{headers.get('host', '')}" for scheme in ("http", "https")}
        public = urlsplit(self._settings.public_url)
        return origin in own or (bool(public.netloc) and origin == f"{public.scheme}://{public.netloc}")


def _is_active(scope: Scope) -> bool:
    if scope["type"] == "websocket":
        return True
    if scope["method"] in ("GET", "HEAD"):
        # The router overlooks doubled and trailing slashes; so must this.
        return bool(_ACTIVE_GET.search(_SLASHES.sub("/", scope["path"]).rstrip("/")))
    return bool(scope["method"] != "OPTIONS")


def _host_name(host: str) -> str:
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.rpartition(":")[0] if ":" in host else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _cors(origin: str | None) -> list[tuple[bytes, bytes]]:
    allowed = [(b"access-control-allow-origin", (origin or "*").encode("latin-1"))]
    return [*allowed, (b"vary", b"Origin")] if origin else allowed


async def _refuse(scope: Scope, send: Any, error: HarmoniumError) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = json.dumps({"code": error.code, "description": f"Error: {error.message}"}).encode()
    # The body of the request stays unread, so the connection must not be reused for another one.
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await _answer(send, error.status, headers, body)


async def _answer(send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    length = [] if status == 204 else [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})
