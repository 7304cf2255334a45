"""What the embedded store answers when it refuses: S3's error codes, their statuses, and the XML body.

Not the appliance's own error family (`appliance.errors`): these words are read by S3 clients. The content type must be
exactly `application/xml`, else the minio package cannot tell the codes apart. Source: object-store.md 5.4.
"""

from collections.abc import Iterable
from xml.sax.saxutils import escape

STATUS_OF = {
    "AccessDenied": 403,
    "BadDigest": 400,
    "BucketAlreadyOwnedByYou": 409,
    "BucketNotEmpty": 409,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "IncompleteBody": 400,
    "InsufficientStorage": 507,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidDigest": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidToken": 403,
    "InvalidURI": 400,
    "KeyTooLongError": 400,
    "MalformedXML": 400,
    "MetadataTooLarge": 400,
    "MethodNotAllowed": 405,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "PreconditionFailed": 412,
    "RequestTimeTooSkewed": 403,
    "SignatureDoesNotMatch": 403,
    "XAmzContentSHA256Mismatch": 400,
}


class S3Fault(Exception):
    """One refusal: a code of `STATUS_OF`, a sentence, and further response headers. Never carries a secret."""

    def __init__(self, code: str, message: str = "", headers: Iterable[tuple[str, str]] = ()):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = STATUS_OF[code]
        self.message = message
        self.headers = tuple(headers)


class ClientGone(Exception):
    """The client closed the connection in the middle of its body: nobody is left to answer."""


def error_body(fault: S3Fault, resource: str, request_id: str) -> bytes:
    """The XML document of a refusal. `resource` is the decoded path, never the query, which may hold a signature."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{fault.code}</Code>'
        f"<Message>{xml_text(fault.message)}</Message><Resource>{xml_text(resource)}</Resource>"
        f"<RequestId>{request_id}</RequestId></Error>"
    ).encode()


def xml_text(text: str) -> str:
    """Text for an XML element. Control characters become references, as AWS writes them, so that none breaks a line."""
    return "".join(c if c >= " " else f"&#{ord(c)};" for c in escape(text))
