"""Jobs: list, status, status of many, pause, resume, cancel, skip preview; for owners and, under /admin, for admins.

Source: harmony-api 5; clients.md 3.2 to 3.5.
"""

from typing import Any

from litestar import Request, Response, get, post, route
from litestar.response import Redirect

from appliance.api.bodies import json_body
from appliance.api.given import Given
from appliance.api.guards import admin
from appliance.api.job_access import checked_id, found_job, may_see, own_job, visible_job
from appliance.api.paths import base_url, query_parameters, unslashed_url
from appliance.errors import HarmoniumError, NotFoundError, RequestValidationError
from appliance.identity import Identity
from appliance.parts import Parts
from appliance.request.job_filter import parse_job_filter, parse_link_type
from appliance.request.paging import paging_links, parse_paging
from appliance.results.job_document import job_document, listed_job, status_entry
from appliance.workflow import control, job_rows, label_rows, listing
from appliance.workflow.records import Advanced, Job

_VERBS = {
    "pause": (control.pause, "paused"),
    "resume": (control.resume, "running"),
    "cancel": (control.cancel, "canceled"),
    "skip-preview": (control.skip_preview, "running"),
}
MOST_IDS = 2000
DEFAULT_LIST_LIMIT = 10
DEFAULT_RESULT_LIMIT = 2000


@get("/jobs", sync_to_thread=True)
def list_jobs(request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity]) -> Response[Any]:
    """The asker's jobs, newest first. Source: user guide, "Getting the list of jobs"."""
    return _listing(request, parts, who.username, "")


@get("/admin/jobs", sync_to_thread=True)
def list_all_jobs(request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity]) -> Response[Any]:
    """Everybody's jobs, for admins."""
    admin(who)
    return _listing(request, parts, None, "/admin")


@get("/jobs/{job_id:str}", sync_to_thread=True)
def job_status(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], job_id: str
) -> dict[str, Any]:
    """The job status document. Source: user guide, "Getting job status"."""
    job = visible_job(parts, job_id, who)
    if job.username == who.username:
        job = job_rows.first_look(parts.state, job)
    return _document(request, parts, job, "")


@get("/admin/jobs/{job_id:str}", sync_to_thread=True)
def any_job_status(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], job_id: str
) -> dict[str, Any]:
    """The status document of anybody's job, for admins."""
    admin(who)
    return _document(request, parts, found_job(parts, job_id), "/admin")


@post("/jobs/status", status_code=200)
async def status_of_many(request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity]) -> dict[str, Any]:
    """Status and progress of up to 2000 jobs; unknown ones and other people's are listed apart."""
    job_ids = await _posted_ids(request)
    if len(job_ids) > MOST_IDS:
        raise RequestValidationError(f"jobIDs: {len(job_ids)} ids; allowed: at most {MOST_IDS}")
    jobs = job_rows.jobs(parts.state, [checked_id(job_id) for job_id in job_ids])
    seen = {job.job_id: job for job in jobs if may_see(parts, job, who)}
    return {
        "jobStatuses": [status_entry(seen[job_id]) for job_id in dict.fromkeys(job_ids) if job_id in seen],
        "notFoundJobIDs": [job_id for job_id in dict.fromkeys(job_ids) if job_id not in seen],
    }


@route("/jobs/{job_id:str}/{verb:str}", http_method=["GET", "POST"], sync_to_thread=True)
def steer_job(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], job_id: str, verb: str
) -> Redirect:
    """Pause, resume, cancel or skip the preview of an own job; 302 to its status."""
    _known_verb(verb)
    job = own_job(parts, job_id, who)
    _steer(parts, job.job_id, verb, by_admin=False)
    return Redirect(_with_query(request, f"/jobs/{job_id}"), status_code=302)


@route("/admin/jobs/{job_id:str}/{verb:str}", http_method=["GET", "POST"], sync_to_thread=True)
def steer_any_job(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], job_id: str, verb: str
) -> Redirect:
    """The same for anybody's job, for admins."""
    _known_verb(verb)
    admin(who)
    _steer(parts, found_job(parts, job_id).job_id, verb, by_admin=True)
    return Redirect(_with_query(request, f"/admin/jobs/{job_id}"), status_code=302)


@post(["/jobs/pause", "/jobs/resume", "/jobs/cancel", "/jobs/skip-preview"], status_code=200)
async def steer_many(request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity]) -> Response[Any]:
    """One verb for several jobs, in order; the first failure stops. Admins may act on anyone's."""
    verb = request.url.path.rstrip("/").rpartition("/")[2]
    job_ids = await _posted_ids(request)
    done: list[dict[str, Any]] = []
    for job_id in job_ids:
        try:
            job = found_job(parts, job_id)
            if job.username != who.username and not who.is_admin:
                raise NotFoundError(f"Unable to find job {job_id}")
            _steer(parts, job_id, verb, by_admin=who.is_admin and not who.is_open)
        except HarmoniumError as error:
            words = f"Could not change all job statuses. Proccessed {len(done)}."
            failed = {"jobID": job_id, "error": error.message}
            body = {"code": error.code, "description": f"Error: {words} {error.message}", "jobs": [*done, failed]}
            return Response(body, status_code=error.status)
        done.append({"jobID": job_id, "status": _VERBS[verb][1]})
    return Response({"status": _VERBS[verb][1], "jobs": done})


def _listing(request: Request[Any, Any, Any], parts: Parts, username: str | None, prefix: str) -> Response[Any]:
    given = query_parameters(request)
    paging = parse_paging(given, default_limit=DEFAULT_LIST_LIMIT)
    job_filter = parse_job_filter(given, username=username)
    jobs, total = listing.list_jobs(parts.state, job_filter, page=paging.page, limit=paging.limit)
    labels = label_rows.labels_of_many(parts.state, [job.job_id for job in jobs])
    root = base_url(request, parts)
    body = {
        "count": total,
        "jobs": [listed_job(job, labels.get(job.job_id, ()), root, prefix=prefix) for job in jobs],
        "links": paging_links(unslashed_url(request, root), given.pairs, paging, total),
    }
    return Response(body, headers={"Harmony-Hits": str(total)})


def _document(request: Request[Any, Any, Any], parts: Parts, job: Job, prefix: str) -> dict[str, Any]:
    given = query_parameters(request)
    paging = parse_paging(given, default_limit=DEFAULT_RESULT_LIMIT)
    root = base_url(request, parts)
    total = job_rows.link_count(parts.state, job.job_id)
    return job_document(
        job,
        label_rows.labels_of(parts.state, job.job_id),
        job_rows.links(parts.state, job.job_id, offset=paging.offset, limit=paging.limit),
        job_rows.messages(parts.state, job.job_id),
        paging_links(unslashed_url(request, root), given.pairs, paging, total),
        root,
        link_type=parse_link_type(given),
        staging_bucket=parts.settings.object_store_staging_bucket,
        store_words=_store_words(parts),
        prefix=prefix,
    )


def _store_words(parts: Parts) -> str:
    return f"{parts.store.access.endpoint}, region {parts.store.access.region}"


def _steer(parts: Parts, job_id: str, verb: str, *, by_admin: bool) -> None:
    change, _ = _VERBS[verb]
    advanced: Advanced = change(parts.state, job_id, now=parts.now(), by_admin=by_admin)
    if advanced.ready_count:
        parts.ring(advanced.ready_count)


def _known_verb(verb: str) -> None:
    if verb not in _VERBS:
        raise NotFoundError("The requested page was not found.")


def _with_query(request: Request[Any, Any, Any], path: str) -> str:
    query = (request.scope.get("query_string") or b"").decode("latin-1")
    return f"{path}?{query}" if query else path


async def _posted_ids(request: Request[Any, Any, Any]) -> list[str]:
    document = await json_body(request)
    ids = document.get("jobIDs") if isinstance(document, dict) else None
    if not isinstance(ids, list) or not all(isinstance(i, str) for i in ids):
        raise RequestValidationError('body: no list "jobIDs"; allowed: a JSON object {"jobIDs": ["<uuid>", …]}')
    return ids
