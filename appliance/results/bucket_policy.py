"""The policy that a bucket owner applies so that outputs can be written there. Source: harmony-api 8.5; decisions 1.12.

Pure. The JSON is Harmony's; the form for a MinIO administrator is the same two statements without `Principal`, attached
to Harmonium's own user, because MinIO's bucket policies grant nothing to users who sign in.
"""

import re
from typing import Any

from appliance.errors import RequestValidationError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\.s3\.amazonaws\.com)?")
_PATH = re.compile(r"[A-Za-z0-9.!\-_*'()/?,+:;=@$& ]*")
REQUIRED = (
    "`bucketPath` is a required parameter. The value must be in one of the following formats: bucketname, "
    "bucketname/path/to/folder, s3://bucketname/path/to/folder"
)


def parse_bucket_path(text: str | None) -> tuple[str, str]:
    """Bucket and path below it ("" for none) of `bucket`, `bucket/path` or `s3://bucket/path`; a last slash goes.

    Raises RequestValidationError in the published words.
    """
    if not text:
        raise RequestValidationError(REQUIRED)
    rest = text.removeprefix("s3://").removesuffix("/")
    if "//" in rest:
        raise RequestValidationError("bucketPath parameter value contains repeated forward slashes (//)")
    bucket, _, path = rest.partition("/")
    if not _BUCKET.fullmatch(bucket) or not _PATH.fullmatch(path):
        raise RequestValidationError("bucketPath parameter value contains unsupported characters")
    return bucket.removesuffix(".s3.amazonaws.com"), path


def bucket_policy(bucket: str, path: str, account: str, *, for_user: bool = False) -> dict[str, Any]:
    """Writing below the path, and asking where the bucket is. for_user: without `Principal`, for a user of MinIO."""
    below = f"{bucket}/{path}" if path else bucket
    principal = {} if for_user else {"Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "write permission",
                "Effect": "Allow",
                **principal,
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{below}/*",
            },
            {
                "Sid": "get bucket location permission",
                "Effect": "Allow",
                **principal,
                "Action": "s3:GetBucketLocation",
                "Resource": f"arn:aws:s3:::{bucket}",
            },
        ],
    }
