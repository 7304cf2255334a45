"""STAC catalogs of finished jobs: public by unguessable job id, as in Harmony. Source: harmony-api 7; clients.md 5."""

from typing import Any

from litestar import Request, get

from appliance.api.given import Given
from appliance.api.job_access import JOB_ID
from appliance.api.paths import base_url, query_parameters
from appliance.errors import ConflictError, GoneError, NotFoundError, RequestValidationError
from appliance.parts import Parts
from appliance.request.job_filter import parse_link_type
from appliance.request.paging import paging_links, parse_paging
from appliance.results import stac
from appliance.results.links import iso
from appliance.workflow import job_rows
from appliance.workflow.records import Job
from appliance.workflow.states import COMPLETED, JobStatus

DEFAULT_LIMIT = 2000


@get(["/stac/{job_id:str}"], sync_to_thread=True)
def stac_catalog(request: Request[Any, Any, Any], parts: Given[Parts], job_id: str) -> dict[str, Any]:
    """One page of the catalog of a job. Source: user guide, "STAC"."""
    job = _complete_job(parts, job_id)
    given = query_parameters(request)
    link_type = parse_link_type(given)
    paging = parse_paging(given, default_limit=DEFAULT_LIMIT)
    total = job_rows.stac_count(parts.state, job.job_id)
    if total == 0 and job.status is JobStatus.COMPLETE_WITH_ERRORS:
        raise NotFoundError(f"Service did not provide STAC items for job {job_id}")
    if total and (paging.limit == 0 or paging.offset >= total):
        raise RequestValidationError("The requested paging parameters were out of bounds")
    root = base_url(request, parts)
    items = job_rows.stac_links(parts.state, job.job_id, offset=paging.offset, limit=paging.limit)
    links = paging_links(f"{root}/stac/{job_id}/", given.pairs, paging, total)
    return stac.catalog(job, items, paging.offset, links, root, link_type)


@get("/stac/{job_id:str}/{index:str}", sync_to_thread=True)
def stac_item(request: Request[Any, Any, Any], parts: Given[Parts], job_id: str, index: str) -> dict[str, Any]:
    """One result as a STAC item, counted from 0 over all of them."""
    job = _complete_job(parts, job_id)
    link_type = parse_link_type(query_parameters(request))
    if not (index.isascii() and index.isdigit()):
        raise RequestValidationError("STAC item index should be a valid integer")
    total = job_rows.stac_count(parts.state, job.job_id)
    if total == 0:
        raise NotFoundError(f"Service did not provide STAC items for job {job_id}")
    if len(index) > 12 or int(index) >= total:
        raise RequestValidationError("STAC item index is out of bounds")
    (link,) = job_rows.stac_links(parts.state, job.job_id, offset=int(index), limit=1)
    return stac.item(job, link, int(index), base_url(request, parts), link_type)


def _complete_job(parts: Parts, job_id: str) -> Job:
    if not JOB_ID.fullmatch(job_id):
        raise RequestValidationError(f"jobId {job_id} is in invalid format.")
    job = job_rows.job(parts.state, job_id)
    if job is None:
        raise NotFoundError(f"Unable to find job {job_id}")
    if job.status not in COMPLETED:
        raise ConflictError(f"Job {job_id} is not complete")
    if job.expired_at:
        raise GoneError(f"The results of job {job_id} expired on {iso(job.expired_at)} and were deleted")
    return job
