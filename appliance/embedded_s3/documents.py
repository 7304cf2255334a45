"""The XML that S3 requests and answers carry. Pure text; the values come from the other modules.

Source: AWS, S3 API reference: the response syntax of each operation.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from email.utils import formatdate
from xml.etree import ElementTree

from appliance.embedded_s3.faults import S3Fault, xml_text
from appliance.embedded_s3.files import Info
from appliance.embedded_s3.listing import Page
from appliance.embedded_s3.multipart import Part, Upload
from appliance.embedded_s3.request import Request, encoded

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
MOST_KEYS = 1000
_OWNER = "<Owner><ID>harmonium</ID><DisplayName>harmonium</DisplayName></Owner>"


def element(name: str, value: object) -> str:
    """One element with text."""
    return f"<{name}>{xml_text(str(value))}</{name}>"


def document(name: str, *parts: str) -> bytes:
    """A whole answer."""
    body = "".join(parts)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{NAMESPACE}">{body}</{name}>'.encode()


def instant(seconds: float) -> str:
    """A time as S3's documents write it: UTC, milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(seconds % 1 * 1000):03d}Z"


def http_date(seconds: float) -> str:
    """A time as HTTP's headers write it."""
    return formatdate(seconds, usegmt=True)


def bucket_list(buckets: Iterable[tuple[str, float]]) -> bytes:
    """ListAllMyBucketsResult."""
    rows = "".join(
        f"<Bucket>{element('Name', name)}{element('CreationDate', instant(made))}</Bucket>" for name, made in buckets
    )
    return document("ListAllMyBucketsResult", _OWNER, f"<Buckets>{rows}</Buckets>")


def object_list(request: Request, page: Page, limit: int, next_token: str) -> bytes:
    """ListBucketResult, of version 2 when the request says so, else of version 1. `next_token`: "" on the last page."""
    is_v2 = request.parameter("list-type") == "2"
    name = _name_writer(request)
    parts = [element("Name", request.bucket), element("Prefix", name(request.parameter("prefix")))]
    if is_v2:
        parts.append(element("KeyCount", len(page.objects) + len(page.groups)))
        parts += _echo(request, {"continuation-token": "ContinuationToken"}, str)
        parts += _echo(request, {"start-after": "StartAfter"}, name)
        parts += [element("NextContinuationToken", next_token)] if next_token else []
    else:
        parts.append(element("Marker", name(request.parameter("marker"))))
        parts += [element("NextMarker", name(page.last))] if next_token else []
    parts += [element("MaxKeys", limit), element("IsTruncated", str(bool(next_token)).lower())]
    parts += _echo(request, {"delimiter": "Delimiter"}, name)
    parts += _echo(request, {"encoding-type": "EncodingType"}, str)
    owner = "" if is_v2 and request.parameter("fetch-owner") != "true" else _OWNER
    parts += [f"<Contents>{element('Key', name(key))}{_facts(info)}{owner}</Contents>" for key, info in page.objects]
    parts += [f"<CommonPrefixes>{element('Prefix', name(group))}</CommonPrefixes>" for group in page.groups]
    return document("ListBucketResult", *parts)


def upload_list(request: Request, uploads: Sequence[Upload], limit: int) -> bytes:
    """ListMultipartUploadsResult: the first `limit` uploads after the markers."""
    name = _name_writer(request)
    shown, rest = uploads[:limit], uploads[limit:]
    rows = "".join(
        f"<Upload>{element('Key', name(u.key))}{element('UploadId', u.upload_id)}{_OWNER}"
        f"<StorageClass>STANDARD</StorageClass>{element('Initiated', instant(u.begun_at))}</Upload>"
        for u in shown
    )
    following = ""
    if rest and shown:
        last = shown[-1]
        following = element("NextKeyMarker", name(last.key)) + element("NextUploadIdMarker", last.upload_id)
    return document(
        "ListMultipartUploadsResult",
        element("Bucket", request.bucket),
        element("Prefix", name(request.parameter("prefix"))),
        element("MaxUploads", limit),
        element("IsTruncated", str(bool(rest)).lower()),
        following,
        rows,
    )


def part_list(upload: Upload, parts: Sequence[Part], limit: int) -> bytes:
    """ListPartsResult: the first `limit` of `parts`, which begin after the marker."""
    rows = "".join(
        f"<Part>{element('PartNumber', p.number)}{element('LastModified', instant(p.modified_at))}"
        f"{_quoted(p.etag)}{element('Size', p.size_bytes)}</Part>"
        for p in parts[:limit]
    )
    is_cut = len(parts) > limit > 0
    return document(
        "ListPartsResult",
        element("Bucket", upload.bucket),
        element("Key", upload.key),
        element("UploadId", upload.upload_id),
        element("MaxParts", limit),
        element("IsTruncated", str(is_cut).lower()),
        element("NextPartNumberMarker", parts[limit - 1].number) if is_cut else "",
        rows,
    )


def upload_begun(upload: Upload) -> bytes:
    """InitiateMultipartUploadResult."""
    return document(
        "InitiateMultipartUploadResult",
        element("Bucket", upload.bucket),
        element("Key", upload.key),
        element("UploadId", upload.upload_id),
    )


def upload_completed(request: Request, etag: str) -> bytes:
    """CompleteMultipartUploadResult."""
    return document(
        "CompleteMultipartUploadResult",
        element("Location", encoded(request.path, safe="/")),
        element("Bucket", request.bucket),
        element("Key", request.key),
        _quoted(etag),
    )


def copied(name: str, etag: str, mtime_ns: int) -> bytes:
    """CopyObjectResult or CopyPartResult."""
    return document(name, element("LastModified", instant(mtime_ns / 1e9)), _quoted(etag))


def deletion(deleted: Iterable[str], refused: Iterable[tuple[str, S3Fault]], *, quiet: bool) -> bytes:
    """DeleteResult; a quiet one names only what was refused."""
    gone = "" if quiet else "".join(f"<Deleted>{element('Key', key)}</Deleted>" for key in deleted)
    errors = "".join(
        f"<Error>{element('Key', key)}{element('Code', fault.code)}{element('Message', fault.message)}</Error>"
        for key, fault in refused
    )
    return document("DeleteResult", gone, errors)


def location(region: str) -> bytes:
    """LocationConstraint: empty for us-east-1."""
    return document("LocationConstraint", xml_text("" if region == "us-east-1" else region))


def parsed_deletion(body: bytes) -> tuple[list[str], bool]:
    """The keys of a DeleteObjects request, and whether it is quiet. Raises MalformedXML (400)."""
    root = _parsed(body, "Delete")
    keys = [_text(item, "Key") for item in root if _tag(item) == "Object"]
    if not 1 <= len(keys) <= MOST_KEYS or not all(keys):
        raise S3Fault("MalformedXML", f"Delete: {len(keys)} keys; allowed: 1 to {MOST_KEYS}, none empty")
    if any(_text(item, "VersionId") not in ("", "null") for item in root):
        raise S3Fault("NotImplemented", "versions of objects are not kept")
    return keys, _text(root, "Quiet").lower() == "true"


def parsed_completion(body: bytes) -> list[tuple[int, str]]:
    """Numbers and ETags of a CompleteMultipartUpload request. Raises MalformedXML (400)."""
    root = _parsed(body, "CompleteMultipartUpload")
    try:
        return [(int(_text(part, "PartNumber")), _text(part, "ETag")) for part in root if _tag(part) == "Part"]
    except ValueError:
        raise S3Fault("MalformedXML", "PartNumber: allowed: a whole number") from None


def _parsed(body: bytes, name: str) -> ElementTree.Element:
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise S3Fault("MalformedXML", "the document declares a type; allowed: plain elements")
    try:
        root = ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, LookupError):
        raise S3Fault("MalformedXML", "the body is no XML document") from None
    if _tag(root) != name:
        raise S3Fault("MalformedXML", f"root element: allowed: {name}")
    return root


def _tag(item: ElementTree.Element) -> str:
    return item.tag.rpartition("}")[2]


def _text(item: ElementTree.Element, name: str) -> str:
    return next((child.text or "" for child in item if _tag(child) == name), "")


def _name_writer(request: Request) -> Callable[[str], str]:
    return (lambda text: encoded(text, safe="/")) if request.parameter("encoding-type") == "url" else str


def _echo(request: Request, names: dict[str, str], writer: Callable[[str], str]) -> list[str]:
    return [element(tag, writer(value)) for name, tag in names.items() if (value := request.parameter(name))]


def _facts(info: Info) -> str:
    modified = element("LastModified", instant(info.mtime_ns / 1e9))
    return f"{modified}{_quoted(info.etag)}{element('Size', info.size_bytes)}<StorageClass>STANDARD</StorageClass>"


def _quoted(etag: str) -> str:
    return element("ETag", f'"{etag}"')
