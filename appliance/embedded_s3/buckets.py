"""Operations on the service and on buckets: list, make, delete, where, and what is in them.

Each takes a verified call and gives a reply; files and pages are `files.py`'s and `listing.py`'s.
Source: object-store.md 5.3; AWS, S3 API reference.
"""

import base64
import binascii

from appliance.embedded_s3 import documents
from appliance.embedded_s3.call import Call, Reply, xml_reply
from appliance.embedded_s3.faults import S3Fault
from appliance.embedded_s3.files import segments
from appliance.embedded_s3.listing import LARGEST_PAGE, Wanted, list_page


async def list_buckets(call: Call) -> Reply:
    """ListBuckets."""
    return xml_reply(documents.bucket_list(await call.run(call.store.files.buckets)))


async def head_bucket(call: Call) -> Reply:
    """HeadBucket: is it there, and in which region."""
    await call.run(call.store.files.require_bucket, call.request.bucket)
    return Reply(200, (("x-amz-bucket-region", call.store.region),))


async def create_bucket(call: Call) -> Reply:
    """CreateBucket. A region in the body is read and not heeded: there is one."""
    await call.document()
    await call.run(call.store.files.create_bucket, call.request.bucket)
    return Reply(200, (("location", f"/{call.request.bucket}"),))


async def delete_bucket(call: Call) -> Reply:
    """DeleteBucket; it must be empty."""
    await call.run(call.store.files.delete_bucket, call.request.bucket)
    return Reply(204)


async def bucket_location(call: Call) -> Reply:
    """GetBucketLocation."""
    await call.run(call.store.files.require_bucket, call.request.bucket)
    return xml_reply(documents.location(call.store.region))


async def bucket_versioning(call: Call) -> Reply:
    """GetBucketVersioning: never switched on, which is an empty document."""
    await call.run(call.store.files.require_bucket, call.request.bucket)
    return xml_reply(documents.document("VersioningConfiguration"))


async def list_objects(call: Call) -> Reply:
    """ListObjects, versions 1 and 2."""
    request = call.request
    limit = request.number("max-keys", LARGEST_PAGE, 0, 2**31 - 1)
    shown = min(limit, LARGEST_PAGE)
    if request.parameter("encoding-type") not in ("", "url"):
        raise S3Fault("InvalidArgument", f"encoding-type {request.parameter('encoding-type')!r}; allowed: url")
    if request.parameter("list-type") == "2":
        token = request.parameter("continuation-token")
        after = token_key(token) if token else request.parameter("start-after")
    else:
        after = request.parameter("marker")
    prefix, delimiter = request.parameter("prefix"), request.parameter("delimiter")
    page = await call.run(list_page, call.store.files, Wanted(request.bucket, prefix, delimiter, after, shown))
    token = key_token(page.last) if page.last else ""
    return xml_reply(await call.run(documents.object_list, request, page, shown, token))


async def list_uploads(call: Call) -> Reply:
    """ListMultipartUploads, without grouping: a delimiter is refused rather than ignored."""
    request = call.request
    if request.parameter("delimiter"):
        raise S3Fault("NotImplemented", "grouping of multipart uploads")
    limit = request.number("max-uploads", LARGEST_PAGE, 1, LARGEST_PAGE)
    found = await call.run(call.store.uploads.listed, request.bucket, request.parameter("prefix"))
    marker = (request.parameter("key-marker"), request.parameter("upload-id-marker"))
    begun = next((u.begun_at for u in found if (u.key, u.upload_id) == marker), None)
    uploads = [
        u for u in found if u.key > marker[0] or (begun is not None and (u.key, u.begun_at) > (marker[0], begun))
    ]
    return xml_reply(documents.upload_list(request, uploads, limit))


async def delete_objects(call: Call) -> Reply:
    """DeleteObjects: up to 1000 keys; one that is no key is refused by itself."""
    keys, quiet = documents.parsed_deletion(await call.document())
    good, refused = [], []
    for key in keys:
        try:
            call.signed.identity.authorise("DELETE", call.request.bucket, key)
            segments(key)
            good.append(key)
        except S3Fault as fault:
            refused.append((key, fault))
    await call.run(call.store.files.delete, call.request.bucket, good)
    return xml_reply(documents.deletion(good, refused, quiet=quiet))


def key_token(key: str) -> str:
    """A continuation token: opaque to clients, the last key to us."""
    return base64.urlsafe_b64encode(key.encode()).decode()


def token_key(token: str) -> str:
    """The key behind a continuation token. Raises InvalidArgument (400)."""
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise S3Fault("InvalidArgument", "continuation-token: allowed: one that a listing gave") from None
