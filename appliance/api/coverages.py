"""OGC API - Coverages 1.0.0: rangeset requests by GET and POST, and the pages that lead there.

Source: harmony-api 1; clients.md 3.1, 3.2. The collection is the first path element; an OGC "collection" in the path is
a variable.
"""

from typing import Any
from urllib.parse import urlencode

import anyio
from litestar import Request, get, post
from litestar.response import Redirect

from appliance.api.bodies import read_body
from appliance.api.given import Given
from appliance.api.paths import base_url, query_pairs, request_id, restored, unslashed_url
from appliance.api.submission import find_collections, submit_request, variables_of
from appliance.api.waiting import wait_for
from appliance.errors import RequestValidationError
from appliance.identity import Identity
from appliance.parts import Parts
from appliance.request.coverage import CoverageRequest, Upload, parse_coverage
from appliance.results.coverage_pages import api_root, collections_listing, conformance, one_collection
from appliance.workflow.records import Job

_BASE = "/{collection:str}/ogc-api-coverages/1.0.0"
# The guide's Example 8 leaves `/collections` out (decisions 1.6).
_RANGESET = [f"{_BASE}/collections/{{variables:str}}/coverage/rangeset", f"{_BASE}/{{variables:str}}/coverage/rangeset"]


@get(_RANGESET)
async def coverage(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], collection: str, variables: str
) -> Redirect:
    """A rangeset request: 303 to the result of one granule, else to the job. Source: user guide, "Coverages"."""
    return await _answer(request, parts, who, collection, variables, None, None)


@post(_RANGESET)
async def posted_coverage(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], collection: str, variables: str
) -> Redirect:
    """The same with a body: form fields and a shape file."""
    async with read_body(request, parts.settings.work_folder, parts.settings.max_upload_bytes) as body:
        return await _answer(request, parts, who, collection, variables, body.fields, body.shape)


async def _answer(
    request: Request[Any, Any, Any],
    parts: Parts,
    who: Identity,
    collection: str,
    variables: str,
    form: list[tuple[str, str]] | None,
    shape: Upload | None,
) -> Redirect:
    query = query_pairs(request)
    root = base_url(request, parts)
    request_url = _request_url(unslashed_url(request, root), [*query, *(form or [])])
    headers = dict(request.headers)
    job_id = request_id(request)

    def submitted() -> tuple[Job, CoverageRequest]:
        name = restored(collection)
        collections, notes = find_collections(parts, who, name)
        asked = parse_coverage(name, restored(variables), query, form, shape, headers)
        job = submit_request(parts, who, asked, collections, notes, job_id=job_id, request_url=request_url, root=root)
        return job, asked

    job, asked = await anyio.to_thread.run_sync(submitted)
    if job.is_async:
        return Redirect(f"/jobs/{job.job_id}", status_code=303)
    return await wait_for(parts, job, root, asked.link_type)


def _request_url(url: str, pairs: list[tuple[str, str]]) -> str:
    """What the job document shows: the URL with all text fields as its query."""
    return f"{url}?{urlencode(pairs)}" if pairs else url


@get([_BASE, f"{_BASE}/"], sync_to_thread=True)
def coverages_root(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], collection: str
) -> dict[str, Any]:
    """The landing document of a collection's coverages."""
    find_collections(parts, who, restored(collection))
    return api_root(_collection_root(request, parts))


@get(f"{_BASE}/conformance", sync_to_thread=True)
def coverages_conformance(parts: Given[Parts], who: Given[Identity], collection: str) -> dict[str, Any]:
    """The conformance classes of OGC API - Coverages and Common that are kept."""
    find_collections(parts, who, restored(collection))
    return conformance()


@get(f"{_BASE}/collections", sync_to_thread=True)
def coverage_listing(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], collection: str
) -> dict[str, Any]:
    """All variables of the collection, each with the link that asks for it."""
    collections, _ = find_collections(parts, who, restored(collection))
    kind = dict(query_pairs(request)).get("f", "json")
    if kind == "html":
        raise RequestValidationError('Unsupported format "html". Currently only the json format is supported.')
    return collections_listing(collections, variables_of(parts, collections), base_url(request, parts))


@get(f"{_BASE}/collections/{{variables:str}}", sync_to_thread=True)
def coverage_description(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], collection: str, variables: str
) -> dict[str, Any]:
    """One variable of the collection; an unknown one is 400, in the guide's words."""
    collections, _ = find_collections(parts, who, restored(collection))
    name = restored(variables)
    found = one_collection(collections, variables_of(parts, collections), name, base_url(request, parts))
    if found is None:
        raise RequestValidationError(f"Coverages were not found for the provided variables: {name}")
    return found


def _collection_root(request: Request[Any, Any, Any], parts: Parts) -> str:
    return unslashed_url(request, base_url(request, parts)).rstrip("/")


NAVIGATION = (coverages_root, coverages_conformance, coverage_listing, coverage_description)
