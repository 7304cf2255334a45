"""Signing in with a browser: a form, our signed cookie, signing out. Source: clients.md 2 ("browsers").

The cookie is HttpOnly, SameSite=Lax, Path=/, and lives as long as the browser session or eight hours.
"""

import html
from typing import Any
from urllib.parse import parse_qs

import anyio
from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.response import Redirect

from appliance.api.bodies import bounded_body
from appliance.api.given import Given
from appliance.api.guards import COOKIE, by_password, identify
from appliance.api.page_layout import page
from appliance.api.paths import query_parameters
from appliance.errors import UnauthorizedError
from appliance.parts import Parts

LARGEST_FORM_BYTES = 64 * 1024


@get("/login", media_type=MediaType.HTML)
async def login_page(request: Request[Any, Any, Any], parts: Given[Parts]) -> str:
    """The form; says who is signed in already."""
    target = _local_path(query_parameters(request).text("redirect") or "/")
    who = await identify(request, parts)
    known = f"<p>You are signed in as {html.escape(who.username)}.</p>" if who else ""
    form = f"""{known}<form method=post action=/login>
      <input type=hidden name=redirect value="{html.escape(target, quote=True)}">
      <p><label>User <input name=username autocomplete=username autofocus></label>
      <p><label>Password <input name=password type=password autocomplete=current-password></label>
      <p><button>Sign in</button></form>"""
    return page("Sign in", form)


@post("/login", status_code=303)
async def log_in(request: Request[Any, Any, Any], parts: Given[Parts]) -> Response[Any]:
    """Check name and password, set the cookie, go where the form came from."""
    fields = parse_qs((await bounded_body(request, LARGEST_FORM_BYTES)).decode("utf-8", "replace"), errors="replace")
    username, password = fields.get("username", [""])[0], fields.get("password", [""])[0]
    who = await by_password(parts, username, password)
    if who is None:
        raise UnauthorizedError("User name or password is wrong")
    answer = Redirect(_local_path(fields.get("redirect", ["/"])[0]), status_code=303)
    cookie = await anyio.to_thread.run_sync(parts.accounts.make_cookie, who.username)
    answer.set_cookie(Cookie(COOKIE, value=cookie, path="/", httponly=True, samesite="lax"))
    return answer


@get("/logout", sync_to_thread=False)
def log_out() -> Redirect:
    """Forget the cookie; never fails."""
    answer = Redirect("/", status_code=307)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _local_path(target: str) -> str:
    # "//host" and "/\host" are other hosts to a browser.
    return target if target.startswith("/") and target[1:2] not in ("/", "\\") else "/"
