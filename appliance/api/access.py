"""Access to buckets: the policy that lets outputs be written to a bucket of the user's own. Source: harmony-api 8.5."""

from typing import Any

from litestar import Request, get

from appliance.api.given import Given
from appliance.api.paths import query_parameters
from appliance.errors import RequestValidationError
from appliance.parts import Parts
from appliance.results.bucket_policy import bucket_policy, parse_bucket_path


@get("/staging-bucket-policy", sync_to_thread=False)
def staging_bucket_policy(request: Request[Any, Any, Any], parts: Given[Parts]) -> dict[str, Any]:
    """The policy for `bucketPath`; `format=user-policy` is what a MinIO administrator attaches to Harmonium's user."""
    given = query_parameters(request)
    bucket, path = parse_bucket_path(given.text("bucketPath"))
    form = given.text("format")
    if form not in (None, "user-policy"):
        raise RequestValidationError(f"format: {form!r}; allowed: user-policy, or nothing for a bucket policy")
    return bucket_policy(bucket, path, parts.settings.aws_account_id, for_user=form == "user-policy")
