"""Fetching remote data links into the work folder: listed hosts only, credentials for their own host only.

Redirects are followed here, hop by hop, because each hop asks anew who may be told what. Nothing of the environment is
believed (no proxies, no ~/.netrc). A file appears under its name only when it is whole. Source: decisions, section 2.5.
"""

import ipaddress
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from appliance.runner.remote_hosts import RemoteHost, RemoteHosts

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WORTH_REPEATING = frozenset({408, 425, 429, 500, 502, 503, 504})

SignS3 = Callable[[RemoteHost, str, str], str]  # entry, bucket, key -> a signed https URL on the entry's endpoint


class RemoteError(Exception):
    """A remote file could not be had; the text names host and reason, never the query, which may hold a signature."""

    def __init__(self, message: str, *, retryable: bool):
        super().__init__(message)
        self.retryable = retryable


class Canceled(Exception):
    """The work item was canceled, or the appliance stops, while a file was being fetched."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches from `hosts`. sign_s3: makes a signed URL of an s3 link; without it such links are refused."""

    hosts: RemoteHosts
    sign_s3: SignS3 | None = None

    def fetch(self, href: str, target: Path, *, canceled: Callable[[], bool] = lambda: False) -> int:
        """Bring `href` to `target`; its size in bytes.

        Raises RemoteError (refused, unreachable, incomplete, too large, too slow), Canceled, OSError (disk full).
        """
        entry = self.entry(href)
        deadline = time.monotonic() + entry.timeout_s
        partial = target.with_name(f".{target.name}.partial")
        try:
            with _explained(href), self._opened(href, entry) as response:
                size = _stream(response, partial, href, entry, deadline, canceled)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return size

    def entry(self, href: str) -> RemoteHost:
        """The entry of the link's host; RemoteError naming the host when it is not listed."""
        url = _split(href)
        entry = self.hosts.find(url)
        if url.scheme not in ("http", "https", "s3") or entry is None:
            allowed = ", ".join(self.hosts.names) or "none; list hosts in the setting remote_hosts"
            raise RemoteError(f"data link {shown(href)}: its host is not listed; allowed: {allowed}", retryable=False)
        return entry

    @contextmanager
    def _opened(self, href: str, entry: RemoteHost) -> Iterator[httpx.Response]:
        """The final answer, after redirects. Every hop has a client of its own: no cookie, connection or header is
        carried to another host; cookies are kept for hops on listed hosts, by the rules of their domain."""
        jar = httpx.Cookies()
        if href.startswith("s3:"):
            href = self._signed(href, entry)
            headers: dict[str, str] = {}
        else:
            headers = credentials(entry, _split(href))
        is_public_only = False
        for _ in range(MOST_REDIRECTS):
            with _client(None if is_public_only else jar, entry.timeout_s) as client:
                request = client.build_request("GET", href, headers=headers)
                if is_public_only:
                    request.extensions["trace"] = _refuse_private
                response = client.send(request, stream=True)
                try:
                    if response.status_code not in _REDIRECTS:
                        yield response
                        return
                    location = _location(href, response)
                finally:
                    response.close()
                if not is_public_only:
                    jar.extract_cookies(response)
            href, headers, is_public_only = self._next_hop(shown(href), location, entry)
        raise RemoteError(
            f"data link: more than {MOST_REDIRECTS} redirects, the last to {shown(href)}", retryable=False
        )

    def _next_hop(self, origin: str, location: str, entry: RemoteHost) -> tuple[str, dict[str, str], bool]:
        url = _split(location)
        if url.scheme not in ("http", "https"):
            raise RemoteError(f"{origin} redirects to {shown(location)}; allowed: http and https", retryable=False)
        listed = self.hosts.find(url)
        if listed is not None:
            return location, credentials(listed, url), False
        if entry.redirects != "public":
            raise RemoteError(
                f"{origin} redirects to {shown(location)}, whose host is not listed; allowed: "
                f'{", ".join(self.hosts.names)}, or redirects = "public" for {entry.name} in remotes.toml',
                retryable=False,
            )
        return location, {}, True

    def _signed(self, href: str, entry: RemoteHost) -> str:
        if self.sign_s3 is None or not entry.endpoint:
            raise RemoteError(
                f"data link {shown(href)}: no endpoint for [{entry.name}] in remotes.toml", retryable=False
            )
        url = _split(href)
        return self.sign_s3(entry, url.netloc, url.path.lstrip("/"))


def shown(href: str) -> str:
    """A link without query, fragment and user: these may hold secrets, and texts end in logs and jobs."""
    url = _split(href)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"


def _split(href: str) -> SplitResult:
    try:
        url = urlsplit(href)
        _ = url.port
    except ValueError as error:
        raise RemoteError(f"data link: {error}", retryable=False) from None
    return url


def _location(href: str, response: httpx.Response) -> str:
    try:
        return str(urljoin(href, response.headers.get("location", "")))
    except ValueError as error:
        raise RemoteError(f"{shown(href)} redirects to no URL: {error}", retryable=False) from None


def _client(jar: httpx.Cookies | None, timeout_s: float) -> httpx.Client:
    timeout = httpx.Timeout(min(READ_TIMEOUT_S, timeout_s), connect=CONNECT_TIMEOUT_S)
    return httpx.Client(
        timeout=timeout, trust_env=False, follow_redirects=False, cookies=jar, headers={"Accept-Encoding": "identity"}
    )


def credentials(entry: RemoteHost, url: SplitResult) -> dict[str, str]:
    """Authorization for a request to this very host; none over plain http, but on loopback or with leave."""
    if url.scheme != "https" and not entry.plain_http and not _is_loopback(url.hostname or ""):
        return {}
    if entry.token:
        return {"Authorization": f"Bearer {entry.token}"}
    if entry.user:
        basic = httpx.BasicAuth(entry.user, entry.password)
        request = next(basic.auth_flow(httpx.Request("GET", "http://unused")))
        return {"Authorization": request.headers["Authorization"]}
    return {}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse_private(event: str, info: dict[str, Any]) -> None:
    """Called while httpx connects: before anything is sent, the address that was really reached must be public."""
    if event != "connection.connect_tcp.complete":
        return
    address = info["return_value"].get_extra_info("server_addr")[0]
    if not ipaddress.ip_address(address.partition("%")[0]).is_global:
        raise RemoteError(f"a redirect leads to {address}, which is not public; refused", retryable=False)


@contextmanager
def _explained(href: str) -> Iterator[None]:
    """Errors of the HTTP library as ours, worth another try."""
    try:
        yield
    except httpx.TimeoutException:
        raise RemoteError(f"{shown(href)}: the host does not answer in time", retryable=True) from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        reason = str(error) or type(error).__name__
        retryable = not isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol)
        raise RemoteError(f"{shown(href)}: {reason}", retryable=retryable) from None


def _stream(
    response: httpx.Response,
    partial: Path,
    href: str,
    entry: RemoteHost,
    deadline: float,
    canceled: Callable[[], bool],
) -> int:
    if response.status_code != 200:
        phrase = f"{response.status_code} {response.reason_phrase}".strip()
        raise RemoteError(f"{shown(href)}: {phrase}", retryable=response.status_code in _WORTH_REPEATING)
    _check_size(int(response.headers.get("content-length") or 0), href, entry)
    size = 0
    with partial.open("wb") as file:
        for chunk in response.iter_bytes():  # as it arrives, so that a trickle meets the deadline too
            file.write(chunk)
            size += len(chunk)
            _check_size(size, href, entry)
            if time.monotonic() > deadline:
                raise RemoteError(f"{shown(href)}: not complete after {entry.timeout_s:g} s", retryable=True)
            if canceled():
                raise Canceled
    return size


def _check_size(size: int, href: str, entry: RemoteHost) -> None:
    if size > entry.max_bytes:
        raise RemoteError(f"{shown(href)}: {size} bytes; allowed: {entry.max_bytes}", retryable=False)
