"""`destinationUrl`: the one S3 location that results are to be put at. Whether it can be written is asked elsewhere.

Source: harmony-api.md, section 1.8 (the checks that need no store, in their order and words).
"""

from appliance.errors import RequestValidationError


def parse_destination(text: str) -> str:
    """The URL with a lower-case scheme; case of bucket and path is kept. Raises RequestValidationError."""
    if not text[:5].lower() == "s3://":
        raise RequestValidationError(f"Invalid destinationUrl '{text}', must start with s3://")
    if ",s3://" in text.lower():
        raise RequestValidationError(f"Invalid destinationUrl '{text}', only one S3 location is allowed.")
    rest = text[5:]
    if not rest.partition("/")[0]:
        raise RequestValidationError("Invalid destinationUrl, no S3 bucket is provided.")
    return "s3://" + rest
