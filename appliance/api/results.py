"""Results of jobs: the bytes, with Range, or a signed link where the store has a public name of its own.

Source: harmony-api 8.7; decisions 1.11, 1.13. Only the staging bucket can be read here, and only keys of jobs.
"""

from typing import Any
from urllib.parse import unquote

from litestar import Request, Response, route
from litestar.response import Redirect

from appliance.api.byte_ranges import Resource, answer
from appliance.api.given import Given
from appliance.api.job_access import JOB_ID, may_see
from appliance.errors import GoneError, NotFoundError
from appliance.identity import Identity
from appliance.parts import Parts
from appliance.results.links import iso
from appliance.workflow import job_rows
from appliance.workflow.records import Job


@route("/service-results/{bucket:str}/{key:path}", http_method=["GET", "HEAD"], sync_to_thread=True)
def service_result(
    request: Request[Any, Any, Any], parts: Given[Parts], who: Given[Identity], bucket: str, key: str
) -> Response[Any] | Redirect:
    """One output of a job that the asker may see; else 404, and 410 once it expired."""
    key = key.removeprefix("/")
    job = _job_of(parts, bucket, key)
    if job is None or not may_see(parts, job, who) or not _is_key(key):
        raise NotFoundError
    if job.expired_at:
        raise GoneError(f"The results of job {job.job_id} expired on {iso(job.expired_at)} and were deleted")
    link = job_rows.link_by_href(parts.state, job.job_id, f"s3://{bucket}/{key}")
    stored = parts.store.stat(bucket, key)
    if stored is None:
        raise NotFoundError
    media_type = (link.media_type if link else None) or stored.media_type
    name = unquote(key.rpartition("/")[2])
    if parts.settings.object_store_public_endpoint:
        url = parts.store.presigned_get(
            bucket,
            key,
            seconds=parts.settings.object_store_presign_seconds,
            file_name=name,
            media_type=media_type,
            extra={"A-userid": who.username, "A-api-request-uuid": job.job_id},
        )
        return Redirect(url, status_code=307, headers={"Cache-Control": "private, max-age=600"})
    resource = Resource(
        name=name,
        size_bytes=stored.size_bytes,
        etag=f'"{stored.etag}"',
        media_type=media_type,
        modified=f"{stored.modified_at:%a, %d %b %Y %H:%M:%S} GMT",
        open_range=lambda start, length: parts.store.open_range(bucket, key, start, length),
    )
    return answer(request, resource)


def _is_key(key: str) -> bool:
    """Whether a result can have this key; stores answer others with errors of many kinds."""
    is_plain = not any(c == "\\" or c < " " or c == "\x7f" for c in key) and len(key.encode("utf-8", "replace")) <= 1024
    return is_plain and not any(element in ("", ".", "..") or len(element) > 255 for element in key.split("/"))


def _job_of(parts: Parts, bucket: str, key: str) -> Job | None:
    elements = key.split("/")
    if bucket != parts.settings.object_store_staging_bucket or len(elements) < 4 or elements[0] != "public":
        return None
    return job_rows.job(parts.state, elements[1]) if JOB_ID.fullmatch(elements[1]) else None
