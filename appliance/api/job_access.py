"""Which jobs an asker may see or steer. Source: harmony-api 5.4, 5.8; decisions 2."""

import re

from appliance.errors import ForbiddenError, NotFoundError, RequestValidationError
from appliance.identity import Identity
from appliance.parts import Parts
from appliance.workflow import job_rows
from appliance.workflow.records import Job

JOB_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def checked_id(job_id: str) -> str:
    """The id itself; RequestValidationError when it is no lower-case UUID."""
    if not JOB_ID.fullmatch(job_id):
        raise RequestValidationError(f"Invalid format for Job ID '{job_id}'. Job ID must be a UUID.")
    return job_id


def found_job(parts: Parts, job_id: str) -> Job:
    """The job, whoever asks; NotFoundError when there is none."""
    job = job_rows.job(parts.state, checked_id(job_id))
    if job is None:
        raise NotFoundError(f"Unable to find job {job_id}")
    return job


def visible_job(parts: Parts, job_id: str, who: Identity) -> Job:
    """A job that the asker may read: the owner, admins, and everybody for shareable ones; else NotFoundError."""
    job = found_job(parts, job_id)
    if may_see(parts, job, who):
        return job
    raise NotFoundError


def readable_steps_job(parts: Parts, job_id: str, who: Identity) -> Job:
    """As `visible_job`, but 403 for jobs of others, as Harmony's steps route answers."""
    job = found_job(parts, job_id)
    if may_see(parts, job, who):
        return job
    raise ForbiddenError("You do not have permission to access the requested resource")


def own_job(parts: Parts, job_id: str, who: Identity) -> Job:
    """A job that the asker may steer on a non-admin route: only its owner, not even an admin."""
    job = found_job(parts, job_id)
    if job.username != who.username:
        raise NotFoundError(f"Unable to find job {job_id}")
    return job


def may_see(parts: Parts, job: Job, who: Identity) -> bool:
    """Whether the asker may read the job and its results."""
    if who.is_admin or job.username == who.username:
        return True
    return parts.accounts.guests_may_read(list(job.collection_ids))
