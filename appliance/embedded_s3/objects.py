"""Operations on objects: read, write, copy, delete, and multipart uploads.

Each takes a verified call and gives a reply. Source: object-store.md 5.3 and 5.4; AWS, S3 API reference.
"""

import hashlib
import os
import re
from functools import partial

from appliance.embedded_s3 import documents
from appliance.embedded_s3.call import Call, Reply, Store, xml_reply
from appliance.embedded_s3.conditions import byte_range, check_read, wanted_range, write_check
from appliance.embedded_s3.faults import S3Fault
from appliance.embedded_s3.files import Info, OpenObject, copy_bytes, segments, write_all
from appliance.embedded_s3.metadata import Facts
from appliance.embedded_s3.multipart import LARGEST_NUMBER
from appliance.embedded_s3.request import Request, decoded

DEFAULT_TYPE = "application/octet-stream"
LARGEST_METADATA_BYTES = 8192
STORED = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
OVERRIDES = {
    f"response-{name}": name
    for name in (
        "content-type",
        "content-language",
        "expires",
        "cache-control",
        "content-disposition",
        "content-encoding",
    )
}
# Asking for these and not getting them would surprise later, so they are refused now.
_REFUSED = re.compile(r"x-amz-(tagging|object-lock|server-side-encryption|website|grant)")
_HARMLESS_ACLS = ("", "private", "bucket-owner-full-control", "bucket-owner-read")


async def get_object(call: Call) -> Reply:
    """GetObject and HeadObject: the edge leaves the bytes out of a HEAD."""
    request = call.request
    opened = await call.run(call.store.files.open, request.bucket, request.key)
    try:
        return object_reply(request, opened)
    except BaseException:
        os.close(opened.fd)
        raise


def object_reply(request: Request, opened: OpenObject) -> Reply:
    """Status, headers and the part of the object that was asked for."""
    info = opened.info
    check_read(request, info)
    chosen = wanted_range(request, info)
    start, length = chosen or (0, info.size_bytes)
    headers = {
        "accept-ranges": "bytes",
        "content-type": info.content_type,
        "content-length": str(length),
        "etag": f'"{info.etag}"',
        "last-modified": documents.http_date(info.mtime_ns // 10**9),
        **info.headers,
        **overrides(request),
    }
    if chosen:
        headers["content-range"] = f"bytes {start}-{start + length - 1}/{info.size_bytes}"
    return Reply(206 if chosen else 200, tuple(headers.items()), b"", opened, start, length)


def overrides(request: Request) -> dict[str, str]:
    """The headers that `response-*` parameters replace. Raises InvalidArgument (400) for control characters."""
    found = {OVERRIDES[name]: value for name, value in request.query if name in OVERRIDES and value}
    if any(c < " " or c == "\x7f" for value in found.values() for c in value):
        raise S3Fault("InvalidArgument", "response-* parameters: allowed: no control characters")
    return {name: value.encode().decode("latin-1") for name, value in found.items()}


async def put_object(call: Call) -> Reply:
    """PutObject: visible whole at the end, or not at all."""
    request, files = call.request, call.store.files
    check, facts = write_check(request), stored_facts(request)
    segments(request.key)
    await call.run(files.require_bucket, request.bucket)
    with files.draft() as (path, fd):
        body = await call.pour(partial(write_all, fd))

        def finish() -> Info:
            whole = Facts(body.md5.hexdigest(), *facts)
            return files.publish(path, files.flush(fd), request.bucket, request.key, whole, check)

        info = await call.run(finish)
    return Reply(200, (("etag", f'"{info.etag}"'),))


async def copy_object(call: Call) -> Reply:
    """CopyObject: with the source's type and headers, or with the request's when it says REPLACE."""
    request, files = call.request, call.store.files
    check, facts = write_check(request), stored_facts(request)
    bucket, key = copy_source(call)
    directive = request.header("x-amz-metadata-directive", "COPY").upper()
    if directive not in ("COPY", "REPLACE"):
        raise S3Fault("InvalidArgument", f"x-amz-metadata-directive {directive!r}; allowed: COPY, REPLACE")
    if (bucket, key) == (request.bucket, request.key) and directive == "COPY":
        raise S3Fault("InvalidRequest", "an object cannot be copied to itself; allowed: REPLACE its headers")

    def copy() -> Info:
        files.require_bucket(request.bucket)
        with files.draft() as (path, fd), _Source(files.open(bucket, key)) as source:
            check_read(request, source.info, "x-amz-copy-source-")
            copy_bytes(source.fd, fd, 0, source.info.size_bytes)
            kept = source.info.facts if directive == "COPY" else Facts(source.info.etag, *facts)
            return files.publish(path, files.flush(fd), request.bucket, request.key, kept, check)

    info = await call.run(copy)
    return xml_reply(documents.copied("CopyObjectResult", info.etag, info.mtime_ns))


async def put_or_copy(call: Call) -> Reply:
    """PutObject or CopyObject: a header tells."""
    return await (copy_object if call.request.header("x-amz-copy-source") else put_object)(call)


async def delete_object(call: Call) -> Reply:
    """DeleteObject; an absent one is no error."""
    segments(call.request.key)
    await call.run(call.store.files.delete, call.request.bucket, [call.request.key])
    return Reply(204)


async def begin_upload(call: Call) -> Reply:
    """CreateMultipartUpload."""
    request = call.request
    content_type, headers = stored_facts(request)
    await call.document()
    upload = await call.run(call.store.uploads.begin, request.bucket, request.key, content_type, headers)
    return xml_reply(documents.upload_begun(upload))


async def put_part(call: Call) -> Reply:
    """UploadPart or UploadPartCopy: a header tells."""
    request, store = call.request, call.store
    number = request.number("partNumber", 0, 1, LARGEST_NUMBER)
    source = copy_source(call) if request.header("x-amz-copy-source") else None
    with (
        store.uploads.held(request.bucket, request.key, request.parameter("uploadId")) as upload,
        store.files.draft() as (path, fd),
    ):
        if source is None:
            etag = (await call.pour(partial(write_all, fd))).md5.hexdigest()
            await call.run(store.uploads.keep_part, upload, number, path, fd, etag)
            return Reply(200, (("etag", f'"{etag}"'),))
        etag = await call.run(_copied_part, store, request, source, fd)
        await call.run(store.uploads.keep_part, upload, number, path, fd, etag)
        return xml_reply(documents.copied("CopyPartResult", etag, int(store.now() * 1e9)))


async def list_parts(call: Call) -> Reply:
    """ListParts."""
    request, uploads = call.request, call.store.uploads
    limit = request.number("max-parts", 1000, 1, 1000)
    after = request.number("part-number-marker", 0, 0, LARGEST_NUMBER)
    with uploads.held(request.bucket, request.key, request.parameter("uploadId")) as upload:
        parts = [part for part in await call.run(uploads.parts, upload) if part.number > after]
        return xml_reply(documents.part_list(upload, parts, limit))


async def complete_upload(call: Call) -> Reply:
    """CompleteMultipartUpload: the object is visible whole when this answers, or not at all."""
    request, uploads = call.request, call.store.uploads
    check = write_check(request)
    chosen = documents.parsed_completion(await call.document())
    with uploads.held(request.bucket, request.key, request.parameter("uploadId")) as upload:
        info = await call.run(uploads.complete, upload, chosen, check)
    return xml_reply(documents.upload_completed(request, info.etag))


async def abort_upload(call: Call) -> Reply:
    """AbortMultipartUpload."""
    request, uploads = call.request, call.store.uploads
    with uploads.held(request.bucket, request.key, request.parameter("uploadId")) as upload:
        await call.run(uploads.abort, upload)
    return Reply(204)


def stored_facts(request: Request) -> tuple[str, dict[str, str]]:
    """The media type and the headers to keep with an object. Raises NotImplemented (501), MetadataTooLarge (400)."""
    refused = [name for name in request.headers if _REFUSED.match(name)]
    if request.header("x-amz-acl") not in _HARMLESS_ACLS:
        refused.append("x-amz-acl")
    if refused:
        raise S3Fault("NotImplemented", f"headers that this store does not serve: {', '.join(refused)}")
    kept = {n: v for n, v in request.headers.items() if n in STORED or n.startswith("x-amz-meta-")}
    codings = [c.strip() for c in kept.pop("content-encoding", "").split(",")]
    if coding := ",".join(c for c in codings if c not in ("", "aws-chunked")):
        kept["content-encoding"] = coding
    if sum(len(name) + len(value) for name, value in kept.items()) > LARGEST_METADATA_BYTES:
        raise S3Fault("MetadataTooLarge", f"allowed: {LARGEST_METADATA_BYTES} bytes of headers")
    return request.header("content-type") or DEFAULT_TYPE, kept


def copy_source(call: Call) -> tuple[str, str]:
    """Bucket and key of `x-amz-copy-source`, which may be read by whoever asks. Raises InvalidArgument (400)."""
    text, _, version = call.request.header("x-amz-copy-source").partition("?")
    if version not in ("", "versionId=null"):
        raise S3Fault("NotImplemented", "versions of objects are not kept")
    bucket, _, key = decoded(text.encode("latin-1")).removeprefix("/").partition("/")
    segments(key)
    call.signed.identity.authorise("GET", bucket, key)
    return bucket, key


def _copied_part(store: Store, request: Request, source: tuple[str, str], fd: int) -> str:
    """Copy a source, or the range of it that the request names, and hash what was copied."""
    with _Source(store.files.open(*source)) as opened:
        check_read(request, opened.info, "x-amz-copy-source-")
        size = opened.info.size_bytes
        text = request.header("x-amz-copy-source-range")
        chosen = byte_range(text, size) if text else (0, size)
        if chosen is None:
            raise S3Fault("InvalidArgument", f"x-amz-copy-source-range {text!r}; allowed: bytes=first-last")
        copy_bytes(opened.fd, fd, *chosen)
    return md5_of(fd)


def md5_of(fd: int) -> str:
    """Hexadecimal MD5 of a draft."""
    digest = hashlib.md5(usedforsecurity=False)
    offset = 0
    while piece := os.pread(fd, 1 << 20, offset):
        digest.update(piece)
        offset += len(piece)
    return digest.hexdigest()


class _Source:
    """An open object that is closed at the end."""

    def __init__(self, opened: OpenObject):
        self._opened = opened

    def __enter__(self) -> OpenObject:
        return self._opened

    def __exit__(self, *_: object) -> None:
        os.close(self._opened.fd)
