"""The landing page: what this server is, what to do next, where everything is. Scripts are not needed."""

import html
from typing import Any

from litestar import MediaType, Request, Response, get

from appliance.api.given import Given
from appliance.api.page_layout import page
from appliance.api.paths import base_url
from appliance.identity import Identity
from appliance.metadata import rows
from appliance.metadata.concepts import Collection
from appliance.parts import Parts
from appliance.settings import DEFAULT_PORT, default_home

MOST_COLLECTIONS = 50


@get("/", media_type=MediaType.HTML, sync_to_thread=True)
def landing(request: Request[Any, Any, Any], parts: Given[Parts], guest: Given[Identity]) -> Response[Any]:
    """What is here and what to do next; JSON for those who ask for it."""
    root = base_url(request, parts)
    steps = next_steps(parts)
    if "application/json" in request.headers.get("accept", ""):
        links = {"jobs": "/jobs", "capabilities": "/capabilities", "versions": "/versions", "health": "/health"}
        body = {"name": "Harmonium", "version": parts.version, "nextSteps": steps}
        return Response(body | {name: root + path for name, path in links.items()}, media_type="application/json")
    return Response(_page(root, parts, steps, _visible(parts, guest)), media_type="text/html")


def next_steps(parts: Parts) -> list[str]:
    """Sentences for somebody who just started: harvest, make a user, open the monitor."""
    steps = []
    own = "" if parts.settings.home == default_home() else f" --home {parts.settings.home}"
    address = "" if parts.settings.port == DEFAULT_PORT else f" http://localhost:{parts.settings.port}"
    if not rows.counts(parts.catalog).get("collections"):
        steps.append(f"Harvest a folder of files: harmonium{own} harvest DIR")
    if parts.accounts.is_open():
        who = "until then everybody on this machine is 'anonymous'"
        steps.append(f"Make an account ({who}): harmonium{own} user add NAME")
    steps.append(f"Open the monitor in a terminal: harmonium tui{address}")
    return steps


def _visible(parts: Parts, who: Identity) -> list[Collection]:
    """What the visitor may know of."""
    may_see, guests = parts.accounts.may_see, parts.settings.search_guests
    return [c for c in rows.all_collections(parts.catalog) if may_see(who, c.concept_id, search_guests=guests)]


def _page(root: str, parts: Parts, steps: list[str], visible: list[Collection]) -> str:
    todo = "".join(_step(sentence) for sentence in steps)
    collections = "".join(_collection(root, c) for c in visible[:MOST_COLLECTIONS])
    table = (
        f"<table><tr><th>Collection<th>Kind<th>Granules<th>Try</tr>{collections}</table>"
        if collections
        else "<p>No collection yet.</p>"
    )
    body = f"""<p>NASA's Harmony and the CMR Service-Bridge on one machine, offline: turns a request for a coverage into
files.</p><div class=note><b>Next</b><ul>{todo}</ul></div>
<h2>Collections ({len(visible)}, with {sum(c.granule_count for c in visible)} granules)</h2>{table}
<h2>Where things are</h2><ul>
<li><code>{root}/{{collectionId}}/ogc-api-coverages/1.0.0/collections/{{variables}}/coverage/rangeset</code> requests
<li><a href=/jobs>/jobs</a> your jobs; <a href=/versions>/versions</a> service chains;
<a href=/health>/health</a> is all well
<li><code>{root}/capabilities?collectionId=…</code> what can be done with a collection</ul>"""
    return page("Harmonium", body, footer=f"version <a href=/versions>{html.escape(parts.version)}</a>")


def _step(sentence: str) -> str:
    words, _, command = sentence.rpartition(": ")
    return f"<li>{html.escape(words)}: <code>{html.escape(command)}</code>"


def _collection(root: str, collection: Collection) -> str:
    request = f"{root}/{collection.concept_id}/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset?maxResults=1"
    return (
        f"<tr><td>{html.escape(collection.short_name)} {html.escape(collection.version)}<br>"
        f"<code>{html.escape(collection.concept_id)}</code><td>{html.escape(collection.kind or 'copied')}"
        f"<td>{collection.granule_count}<td><a href='{html.escape(request)}'>one granule</a></tr>"
    )
