"""Errors as answers: one table turns an exception into a status and a JSON body.

Always an object with `code` and `description` (decisions 1.1); harmony-py shows the description. A browser that asks
for HTML on a page gets the same words as a page. Source: harmony-api 10.
"""

import html
import logging
import sqlite3
from collections.abc import Callable
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from appliance.errors import HarmoniumError, UnauthorizedError, UnavailableError

logger = logging.getLogger(__name__)
RETRY_AFTER_S = "5"


def known_problem(request: Request[Any, Any, Any], error: HarmoniumError) -> Response[Any]:
    """An error of ours: its own status, code and sentence."""
    headers = {}
    if isinstance(error, UnauthorizedError):
        # Basic alone: urllib refuses challenges without it, and curl -n answers it from .netrc.
        headers["WWW-Authenticate"] = 'Basic realm="Harmonium"'
    if error.status == 503:
        headers["Retry-After"] = RETRY_AFTER_S
    return problem(request, error.status, error.code, error.message, headers)


def framework_problem(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """An error of the framework: unknown route, wrong method, body too large, malformed body."""
    details = error.extra if isinstance(error.extra, list) and error.extra else None
    text = error.detail
    if error.status_code == 404:
        text = "The requested POST page was not found." if request.method == "POST" else _PAGE_NOT_FOUND
    elif error.status_code == 405:
        text = f"{request.method} is not allowed for {request.url.path}"
    elif details:
        first = details[0]
        text = f"{first.get('key', 'body')}: {first.get('message', error.detail)}"
    code = _CODES.get(error.status_code, "harmony.RequestValidationError")
    return problem(request, error.status_code, code, text, dict(error.headers or {}))


def unexpected_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A fault of ours: logged with its traceback, told without its words. A full disk or a busy database is 503."""
    if isinstance(error, sqlite3.OperationalError) or (isinstance(error, OSError) and error.errno == 28):
        logger.exception("%s %s: storage failed", request.method, request.url.path)
        return known_problem(request, UnavailableError(f"The appliance cannot write at the moment ({error})"))
    logger.exception("%s %s: unexpected error", request.method, request.url.path)
    return problem(request, 500, "harmony.ServerError", "Internal server error", {})


def problem(
    request: Request[Any, Any, Any], status: int, code: str, text: str, headers: dict[str, str]
) -> Response[Any]:
    """The body: JSON, or a small page where a browser asked for one."""
    if _wants_page(request):
        page = (
            f"<!doctype html><title>Harmonium</title><h1>Sorry! {html.escape(text)}</h1><p><a href=/>Harmonium</a></p>"
        )
        return Response(page, status_code=status, media_type="text/html", headers=headers)
    body = {"code": code, "description": f"Error: {text}"}
    return Response(body, status_code=status, media_type="application/json", headers=headers)


_PAGE_NOT_FOUND = "The requested page was not found."
_CODES = {404: "harmony.NotFoundError", 401: "harmony.UnauthorizedError", 403: "harmony.ForbiddenError"}
_API_WORDS = ("jobs", "labels", "capabilities", "ogc-api", "service-results", "stac", "health", "granules", "search")


def _wants_page(request: Request[Any, Any, Any]) -> bool:
    accept = request.headers.get("accept", "")
    return "text/html" in accept and not any(word in request.url.path for word in _API_WORDS)


EXCEPTION_HANDLERS: dict[type[Exception] | int, Callable[..., Response[Any]]] = {
    HarmoniumError: known_problem,
    HTTPException: framework_problem,
    Exception: unexpected_problem,
}
