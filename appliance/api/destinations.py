"""`destinationUrl`: whether the store lets us write there, asked before any work. Its text: `request/destination.py`.

What is written as a test is worth keeping: the link to the job (object-store.md 4: rights to delete are not asked for).
Our own buckets are nobody's destination: results of others lie there. Source: harmony-api.md, section 1.8.
"""

from urllib.parse import quote

from appliance.errors import (
    ConflictError,
    HarmoniumError,
    NotFoundError,
    RequestValidationError,
    ServerError,
    UnavailableError,
)
from appliance.parts import Parts
from appliance.store.s3 import StoreFullError

STATUS_LINK = "harmony-job-status-link"
INSTRUCTIONS = "For how to give this server the permission to write there, see {}/staging-bucket-policy?bucketPath={}"
_REFUSED = ("AccessDenied", "AllAccessDisabled")


def check_destination(parts: Parts, destination_url: str, job_id: str, root: str) -> None:
    """Write `<destinationUrl>/<jobID>/harmony-job-status-link`, which says where the job is.

    Raises RequestValidationError in the guide's words for a bucket that is absent, badly named or not ours to write,
    UnavailableError when the store is down.
    """
    bucket, _, path = destination_url.removeprefix("s3://").partition("/")
    instructions = INSTRUCTIONS.format(root, quote(destination_url, safe=""))
    refused = RequestValidationError(
        f"Do not have write permission to the specified S3 location: '{destination_url}'. {instructions}"
    )
    settings = parts.settings
    if bucket in (settings.object_store_staging_bucket, settings.object_store_artifact_bucket):
        raise refused
    if not is_bucket_name(bucket):
        raise RequestValidationError(f"The specified bucket '{bucket}' is not valid.")
    if not _is_folder(path):
        raise refused
    folder = f"{path.strip('/')}/{job_id}" if path.strip("/") else job_id
    try:
        parts.store.put_bytes(bucket, f"{folder}/{STATUS_LINK}", f"{root}/jobs/{job_id}".encode(), "text/plain")
    except NotFoundError:
        raise RequestValidationError(f"The specified bucket '{bucket}' does not exist.") from None
    except StoreFullError:
        raise
    except UnavailableError as error:
        if any(code in error.message for code in _REFUSED):
            raise refused from None
        raise
    except (RequestValidationError, ConflictError, ServerError) as error:
        raise _told(refused, error) from None


def is_bucket_name(name: str) -> bool:
    """Whether S3 lets a bucket have this name: 3 to 63 small letters, digits, dots, hyphens; no address."""
    is_plain = all(c in "abcdefghijklmnopqrstuvwxyz0123456789.-" for c in name)
    has_ends = name[:1].isalnum() and name[-1:].isalnum()
    is_address = name.count(".") == 3 and name.replace(".", "").isdigit()
    return 3 <= len(name) <= 63 and is_plain and has_ends and ".." not in name and not is_address


def _is_folder(path: str) -> bool:
    """Whether keys may begin so: no step upwards, nothing that stores or clients read in two ways."""
    trimmed = path.strip("/")
    if not trimmed:
        return True
    is_plain = not any(c < " " or c in "\\\x7f" for c in trimmed) and len(trimmed.encode("utf-8", "replace")) <= 700
    return is_plain and not any(element in ("", ".", "..") or len(element) > 255 for element in trimmed.split("/"))


def _told(refused: RequestValidationError, error: HarmoniumError) -> RequestValidationError:
    return RequestValidationError(f"{refused.message} ({error.message})")
