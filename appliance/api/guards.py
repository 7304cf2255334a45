"""Who is asking, from the headers; and what the route lets pass. Sources: clients.md 2, decisions 2.

Bearer, Basic, `Echo-Token` (accepted wherever Authorization is) and our own cookie. In open mode any credentials are
accepted and everybody is `anonymous`. Strangers (foreign hosts and sites) were turned away before, by `strangers.py`.
"""

import base64
import binascii
from typing import Any

from litestar import Request

from appliance.errors import ForbiddenError, UnauthorizedError
from appliance.identity import NOBODY, OPEN, Identity
from appliance.parts import Parts

COOKIE = "harmonium"
_UNAUTHORIZED = "You are not authorized to access the requested resource"


def signed_in(request: Request[Any, Any, Any], parts: Parts) -> Identity:
    """The asker of a route that needs one; UnauthorizedError otherwise."""
    who = identify(request, parts)
    if who is None:
        raise UnauthorizedError(_UNAUTHORIZED)
    return who


def visitor(request: Request[Any, Any, Any], parts: Parts) -> Identity:
    """The asker of a public route: wrong or no credentials make a guest."""
    return identify(request, parts) or NOBODY


def admin(who: Identity) -> Identity:
    """The asker of an admin route; ForbiddenError for everybody else."""
    if not who.is_admin:
        raise ForbiddenError("You are not permitted to access this resource")
    return who


def identify(request: Request[Any, Any, Any], parts: Parts) -> Identity | None:
    """The identity that the credentials prove, or None. A bad header is not mended by a good cookie."""
    if parts.accounts.is_open():
        return OPEN
    header = request.headers.get("authorization") or request.headers.get("echo-token")
    if header:
        return _from_header(header, parts)
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return None
    try:
        return parts.accounts.by_cookie(cookie)
    except (ValueError, UnicodeDecodeError, binascii.Error):
        return None


def _from_header(header: str, parts: Parts) -> Identity | None:
    scheme, _, value = header.strip().partition(" ")
    if scheme.lower() == "basic":
        try:
            username, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (ValueError, UnicodeDecodeError):
            return None
        return parts.accounts.by_password(username, password) if colon else None
    token = value.strip() if scheme.lower() == "bearer" else header.strip()
    return parts.accounts.by_token(token)
