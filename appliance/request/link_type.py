"""`linktype=http|https|s3`: which form of result links a client wants. Accepted on any route, any case.

Source: harmony-api.md, section 5.7.
"""

from appliance.errors import RequestValidationError
from appliance.request.query import Parameters

LINK_TYPES = ("http", "https", "s3")


def parse_link_type(given: Parameters) -> str | None:
    """The link type in lower case, or None when it was not said."""
    text = given.text("linkType")
    if text is None:
        return None
    if text.lower() not in LINK_TYPES:
        raise RequestValidationError(f"Invalid linkType '{text}' must be http, https, or s3")
    return text.lower()
