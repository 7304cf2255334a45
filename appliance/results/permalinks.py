"""Where a result is, as a client is told: s3://bucket/key, or /service-results/bucket/key on this server.

Source: harmony-api 5.7 (linktype), decisions 1.13. Pure.
"""

from urllib.parse import quote

ZARR = "application/x-zarr"
LINK_TYPES = ("http", "https", "s3")


def client_href(href: str, root: str, link_type: str | None, media_type: str | None, *, is_custom: bool = False) -> str:
    """The link to show for a stored one.

    href: as stored: s3://…, an http(s) URL, or a path of this server such as /granules/G1-X/a.nc.
    link_type: http, https, s3 or None (as https). is_custom: the job wrote to a destinationUrl, which is always shown
    as it is, and so is Zarr, which no single URL can carry.
    """
    if href.startswith("/"):
        return root + href
    if not href.startswith("s3://") or link_type == "s3" or media_type == ZARR or is_custom:
        return href
    bucket, _, key = href.removeprefix("s3://").partition("/")
    return f"{root}/service-results/{bucket}/{quote(key)}"
