"""Who is asking, from the headers; and what the route lets pass. Sources: clients.md 2, decisions 2.

Bearer, Basic, `Echo-Token` (accepted wherever Authorization is) and our own cookie. In open mode any credentials are
accepted and everybody is `anonymous`. Strangers (foreign hosts and sites) were turned away before, by `strangers.py`.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

import anyio
from litestar import Request

from appliance.errors import ForbiddenError, UnauthorizedError
from appliance.identity import NOBODY, OPEN, Identity
from appliance.parts import Parts

COOKIE = "harmonium"
_UNAUTHORIZED = "You are not authorized to access the requested resource"
# A password check takes 50 ms of a core and 16 MB. One at a time, not on the threads that answer requests: a hundred
# wrong passwords at once wait for each other, while everybody else is served.
_ONE_PASSWORD_AT_A_TIME = anyio.CapacityLimiter(1)


@dataclass(frozen=True, slots=True)
class _NameAndPassword:
    """Credentials that are costly to check."""

    username: str
    password: str = field(repr=False)


async def signed_in(request: Request[Any, Any, Any], parts: Parts) -> Identity:
    """The asker of a route that needs one; UnauthorizedError otherwise."""
    who = await identify(request, parts)
    if who is None:
        raise UnauthorizedError(_UNAUTHORIZED)
    return who


async def visitor(request: Request[Any, Any, Any], parts: Parts) -> Identity:
    """The asker of a public route: wrong or no credentials make a guest."""
    return await identify(request, parts) or NOBODY


def admin(who: Identity) -> Identity:
    """The asker of an admin route; ForbiddenError for everybody else."""
    if not who.is_admin:
        raise ForbiddenError("You are not permitted to access this resource")
    return who


async def identify(request: Request[Any, Any, Any], parts: Parts) -> Identity | None:
    """The identity that the credentials prove, or None. A bad header is not mended by a good cookie."""
    found = await anyio.to_thread.run_sync(_cheaply_identified, request, parts)
    if isinstance(found, _NameAndPassword):
        return await by_password(parts, found.username, found.password)
    return found


async def by_password(parts: Parts, username: str, password: str) -> Identity | None:
    """The user whose name and password these are, or None; waits for its turn."""
    check = parts.accounts.by_password
    return await anyio.to_thread.run_sync(check, username, password, limiter=_ONE_PASSWORD_AT_A_TIME)


def _cheaply_identified(request: Request[Any, Any, Any], parts: Parts) -> Identity | _NameAndPassword | None:
    if parts.accounts.is_open():
        return OPEN
    header = request.headers.get("authorization") or request.headers.get("echo-token")
    if header:
        return _from_header(header, parts)
    cookie = request.cookies.get(COOKIE)
    return parts.accounts.by_cookie(cookie) if cookie else None


def _from_header(header: str, parts: Parts) -> Identity | _NameAndPassword | None:
    scheme, _, value = header.strip().partition(" ")
    if scheme.lower() == "basic":
        try:
            username, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (ValueError, UnicodeDecodeError):
            return None
        known = parts.accounts.by_remembered_password(username, password) if colon else None
        return known or (_NameAndPassword(username, password) if colon else None)
    token = value.strip() if scheme.lower() == "bearer" else header.strip()
    return parts.accounts.by_token(token)
