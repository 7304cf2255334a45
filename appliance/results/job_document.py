"""The job as JSON: in listings, alone, in batches. Source: harmony-api 5.2, 5.3, 5.7; clients.md 3.4. Pure."""

from collections.abc import Sequence
from typing import Any

from appliance.results.links import data_link, iso, job_link, s3_links, stac_link, state_links
from appliance.workflow.records import Job, Link, Message
from appliance.workflow.states import COMPLETED, JobStatus

REQUEST_LIMIT = 4096
MESSAGE_LIMIT = 4096
_CUSTOM_NOTE = " Changes that others make to files at the custom destination are outside Harmonium's control."
_CUSTOM_NOTE_STATUSES = (JobStatus.RUNNING, JobStatus.SUCCESSFUL)


def listed_job(job: Job, labels: Sequence[str], root: str, *, prefix: str = "") -> dict[str, Any]:
    """A job in a listing: no results, no errors; the status link has rel `item`."""
    links = [*state_links(job, root, prefix=prefix), job_link(job, root, "item", prefix=prefix)]
    return _fields(job, labels, root, prefix, job.message, links)


def job_document(
    job: Job,
    labels: Sequence[str],
    links: Sequence[Link],
    messages: Sequence[Message],
    paging: Sequence[dict[str, Any]],
    root: str,
    *,
    link_type: str | None,
    staging_bucket: str,
    store_words: str = "",
    prefix: str = "",
) -> dict[str, Any]:
    """A job alone, with one page of its results.

    store_words: endpoint and region of the store, named where results are shown as s3:// links.
    """
    access = s3_links(job, root, links, link_type, staging_bucket)
    shown = [] if job.expired_at else links
    document_links = [
        *state_links(job, root, prefix=prefix),
        *stac_link(job, root, shown),
        *access,
        *(data_link(job, link, root, link_type) for link in shown),
        *(paging or [job_link(job, root, "self", prefix=prefix)]),
    ]
    document = _fields(job, labels, root, prefix, _message(job, root, bool(access), store_words), document_links)
    for name, level in (("errors", "error"), ("warnings", "warning")):
        entries = [{"url": m.url, "message": m.text[:MESSAGE_LIMIT]} for m in messages if m.level == level]
        if entries:
            document[name] = entries
    if job.status in COMPLETED and job.original_size_bytes and job.output_size_bytes:
        document["originalDataSize"] = size_words(job.original_size_bytes)
        document["outputDataSize"] = size_words(job.output_size_bytes)
        document["dataSizePercentChange"] = change_words(job.original_size_bytes, job.output_size_bytes)
    return document


def status_entry(job: Job) -> dict[str, Any]:
    """One entry of POST /jobs/status, the only thing harmony-py polls."""
    return {"jobID": job.job_id, "status": str(job.status), "progress": job.progress}


def size_words(size_bytes: int) -> str:
    """`3.07 MiB`: base 1024, two decimals."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} PiB"


def change_words(original: int, output: int) -> str:
    """`94.01% reduction`, `878.91% increase`, `no change`; a reduction never reads 100.00 %."""
    if original == output:
        return "no change"
    if output > original:
        return f"{(output - original) / original * 100:.2f}% increase"
    return f"{min((original - output) / original * 100, 99.99):.2f}% reduction"


def _message(job: Job, root: str, has_s3_links: bool, store_words: str) -> str:
    message = job.message
    if job.destination_url and job.status in _CUSTOM_NOTE_STATUSES:
        message = message.rstrip(".") + "." + _CUSTOM_NOTE
    if has_s3_links:
        where = f" ({store_words})" if store_words else ""
        message = message.rstrip(".") + f". Contains results in the object store{where}. Access with keys from {root}"
        message += "/cloud-access.sh"
    if job.expired_at:
        message = message.rstrip(".") + f". The results expired on {iso(job.expired_at)} and were deleted."
    return message


def _fields(
    job: Job, labels: Sequence[str], root: str, prefix: str, message: str, links: list[dict[str, Any]]
) -> dict[str, Any]:
    request = job.request_url
    document: dict[str, Any] = {
        "username": job.username,
        "status": str(job.status),
        "message": message,
        "progress": job.progress,
        "createdAt": iso(job.created_at),
        "updatedAt": iso(job.updated_at),
    }
    if job.data_expires_at:
        document["dataExpiration"] = iso(job.data_expires_at)
    return document | {
        "links": links,
        "labels": sorted(labels),
        "steps": f"{root}{prefix}/jobs/{job.job_id}/steps",
        "serviceName": job.service_name,
        "request": request if len(request) <= REQUEST_LIMIT else request[: REQUEST_LIMIT - 3] + "...",
        "numInputGranules": job.input_granule_count,
        "jobID": job.job_id,
    }
