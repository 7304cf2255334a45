"""What this server is and whether it is well: health, readiness, versions. Source: harmony-api 8.1, 8.3."""

from typing import Any

from litestar import MediaType, Request, Response, get

from appliance.api.given import Given
from appliance.api.guards import admin
from appliance.identity import Identity
from appliance.parts import Parts
from appliance.services.versions import versions_document


@get("/readiness", media_type=MediaType.TEXT, sync_to_thread=False)
def readiness() -> str:
    """OK as soon as requests are answered."""
    return "OK"


@get("/health", sync_to_thread=True)
def health(parts: Given[Parts]) -> Response[Any]:
    """Each part by name; 503 when one is down."""
    return _health(parts)


@get("/admin/health", sync_to_thread=True)
def admin_health(parts: Given[Parts], who: Given[Identity]) -> Response[Any]:
    """The same, for admins."""
    admin(who)
    return _health(parts)


@get("/versions", sync_to_thread=True)
def versions(request: Request[Any, Any, Any], parts: Given[Parts]) -> list[dict[str, Any]]:
    """The chains in order of precedence, with the images of their steps."""
    return versions_document(parts.registry.chains, parts.version)


def _health(parts: Parts) -> Response[Any]:
    dependencies = []
    for name, check in parts.health.items():
        reason = check()
        entry = {"name": name, "status": "down" if reason else "up"}
        dependencies.append(entry | ({"message": reason} if reason else {}))
    down = any(d["status"] == "down" for d in dependencies)
    body = {
        "status": "down" if down else "up",
        "message": "Harmony is currently down." if down else "Harmony is operating normally.",
        "dependencies": dependencies,
    }
    return Response(body, status_code=503 if down else 200)
