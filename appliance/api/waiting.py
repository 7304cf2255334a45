"""Synchronous requests: wait until the job ends, then go to its one output. Source: harmony-api 4.6; decisions 3.7."""

import time

import anyio
from litestar.response import Redirect

from appliance.errors import ServiceError
from appliance.parts import Parts
from appliance.results.permalinks import client_href
from appliance.workflow import job_rows
from appliance.workflow.records import Job
from appliance.workflow.states import TERMINAL, JobStatus

FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.25


async def wait_for(parts: Parts, job: Job, root: str, link_type: str | None) -> Redirect:
    """303 to the one result; to the job when there are none or several, or when it takes longer than one waits."""
    ended = await _ended(parts, job.job_id)
    if ended is None or ended.status is JobStatus.CANCELED:
        return Redirect(f"/jobs/{job.job_id}", status_code=303)
    if ended.status is JobStatus.FAILED:
        raise ServiceError(ended.message)
    links = job_rows.links(parts.state, job.job_id, offset=0, limit=2)
    if len(links) != 1:
        return Redirect(f"/jobs/{job.job_id}", status_code=303)
    (link,) = links
    # A plain redirect must lead to bytes: s3:// is no address that a browser or curl can follow.
    kind = None if link_type == "s3" else link_type
    return Redirect(client_href(link.href, root, kind, link.media_type), status_code=303)


async def _ended(parts: Parts, job_id: str) -> Job | None:
    deadline = time.monotonic() + parts.settings.sync_wait_s
    pause = FIRST_PAUSE_S
    while time.monotonic() < deadline:
        job = await anyio.to_thread.run_sync(job_rows.job, parts.state, job_id)
        if job is not None and job.status in TERMINAL:
            return job
        await anyio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_S)
    return None
