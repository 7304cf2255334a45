"""Putting labels on jobs and taking them off. Source: harmony-api 5.9; harmony-py sends everything in the query."""

from typing import Any

from litestar import Request, Response, delete, put

from appliance.api.bodies import json_body
from appliance.api.given import Given
from appliance.api.job_access import JOB_ID
from appliance.api.paths import query_pairs
from appliance.errors import NotFoundError, RequestValidationError
from appliance.identity import Identity
from appliance.parts import Parts
from appliance.request.job_filter import parse_labels
from appliance.workflow import job_rows, label_rows


@put("/labels", status_code=201)
async def put_labels(request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity]) -> Response[Any]:
    """Put labels on jobs of the asker's own, all or none. Source: user guide, "Labels"."""
    job_ids, labels = await _asked(request, parts, who)
    with parts.state.immediate():
        label_rows.put_labels(parts.state, job_ids, labels, now=parts.now())
    return Response({"labels": labels}, status_code=201)


@delete("/labels", status_code=204)
async def remove_labels(request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity]) -> None:
    """Take labels off jobs of the asker's own; absent ones do not matter."""
    job_ids, labels = await _asked(request, parts, who)
    with parts.state.immediate():
        label_rows.remove_labels(parts.state, job_ids, labels)


async def _asked(request: Request[Any, Any, Any], parts: Parts, who: Identity) -> tuple[list[str], list[str]]:
    values: dict[str, list[str]] = {"jobid": [], "label": []}
    pairs: list[tuple[str, Any]] = list(query_pairs(request))
    document = await json_body(request)
    if document is not None:
        if not isinstance(document, dict):
            raise RequestValidationError("body: not a JSON object; allowed: an object with jobID and label")
        pairs += document.items()
    for name, value in pairs:
        if name.lower() in values:
            values[name.lower()] += [str(v) for v in value] if isinstance(value, list) else str(value).split(",")
    job_ids = [job_id.strip() for job_id in values["jobid"] if job_id.strip()]
    labels = list(parse_labels(values["label"]))
    if not job_ids or not labels:
        raise RequestValidationError("labels: jobID and label are required, at least one of each")
    for job_id in job_ids:
        _check_owner(parts, job_id, who)
    return job_ids, labels


def _check_owner(parts: Parts, job_id: str, who: Identity) -> None:
    if not JOB_ID.fullmatch(job_id):
        raise RequestValidationError(f"jobId {job_id} is in invalid format.")
    job = job_rows.job(parts.state, job_id)
    if job is None:
        raise NotFoundError(f"Unable to find job {job_id}")
    if job.username != who.username:
        raise NotFoundError
