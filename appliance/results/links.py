"""Links of job documents: what may be done next, the STAC catalog, cloud access, results.

Source: harmony-api 5.7. Paging links come from `request/paging.py`. Pure.
"""

from collections.abc import Sequence
from typing import Any

from appliance.results.permalinks import client_href
from appliance.workflow.records import Job, Link
from appliance.workflow.states import COMPLETED, JobEvent, offered_events

_STATE_LINKS = {
    JobEvent.CANCEL: ("canceler", "cancel", "Cancels the job."),
    JobEvent.PAUSE: ("pauser", "pause", "Pauses the job."),
    JobEvent.RESUME: ("resumer", "resume", "Resumes the job."),
    JobEvent.SKIP_PREVIEW: ("preview-skipper", "skip-preview", "Skips preview and runs the job."),
}


def state_links(job: Job, root: str, *, prefix: str = "", everything: bool = False) -> list[dict[str, Any]]:
    """Links for the verbs that are allowed now (`everything`: all four). prefix: "/admin" on admin routes."""
    events = tuple(_STATE_LINKS) if everything else offered_events(job.status)
    return [
        {"title": title, "href": f"{root}{prefix}/jobs/{job.job_id}/{verb}", "rel": rel, "type": "application/json"}
        for rel, verb, title in (_STATE_LINKS[event] for event in events)
    ]


def stac_link(job: Job, root: str, links: Sequence[Link]) -> list[dict[str, Any]]:
    """The STAC catalog, once the job is complete and some result here has a place and a time."""
    if job.status not in COMPLETED or not any(is_stac_item(link) for link in links):
        return []
    href = f"{root}/stac/{job.job_id}/"
    return [{"title": "STAC catalog", "href": href, "rel": "stac-catalog-json", "type": "application/json"}]


def is_stac_item(link: Link) -> bool:
    """Whether a result has what a STAC item needs: box, start and end."""
    return link.rel == "data" and link.bbox is not None and link.start is not None and link.end is not None


def s3_links(job: Job, root: str, links: Sequence[Link], link_type: str | None, bucket: str) -> list[dict[str, Any]]:
    """How to get keys for s3:// results, where any result is shown as one; none for a destinationUrl."""
    shown = [client_href(link.href, root, link_type, link.media_type) for link in links]
    if job.destination_url or not any(href.startswith("s3://") for href in shown):
        return []
    title = f"Results in the object store. Access with keys from {root}/cloud-access.sh"
    return [
        {
            "title": "Obtain object store keys for sh",
            "href": f"{root}/cloud-access.sh",
            "rel": "cloud-access-sh",
            "type": "application/x-sh",
        },
        {
            "title": "Obtain object store keys as JSON",
            "href": f"{root}/cloud-access",
            "rel": "cloud-access-json",
            "type": "application/json",
        },
        {"title": title, "href": f"s3://{bucket}/public/{job.job_id}/", "rel": "s3-access"},
    ]


def data_link(job: Job, link: Link, root: str, link_type: str | None) -> dict[str, Any]:
    """One result. `bbox` and `temporal` are always there when known: harmony-py's iterator reads them unchecked."""
    custom = bool(job.destination_url)
    document: dict[str, Any] = {
        "href": client_href(link.href, root, link_type, link.media_type, is_custom=custom),
        "title": link.title,
    }
    if link.media_type:
        document["type"] = link.media_type
    document["rel"] = link.rel
    if link.bbox:
        document["bbox"] = list(link.bbox)
    if link.start and link.end:
        document["temporal"] = {"start": iso(link.start), "end": iso(link.end)}
    return document


def job_link(job: Job, root: str, rel: str, *, prefix: str = "") -> dict[str, Any]:
    """The link to a job: rel `item` in listings, `self` where nothing pages."""
    href = f"{root}{prefix}/jobs/{job.job_id}"
    return {"title": "Job Status", "href": href, "rel": rel, "type": "application/json"}


def iso(instant: Any) -> str:
    """ISO 8601, UTC, milliseconds, Z: every instant on the wire."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"
