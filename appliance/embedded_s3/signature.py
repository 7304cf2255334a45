"""AWS Signature Version 4, in the Authorization header or in the query: who signed this request, and is it still good.

Pure: request, keys and time in, `Signed` out. Bodies are verified by `payload.py` with the `Signed` made here.
Source: object-store.md 5.5; AWS, "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference.
"""

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from appliance.embedded_s3.faults import S3Fault
from appliance.embedded_s3.keys import Identity, Keyring
from appliance.embedded_s3.request import Request, encoded

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
SKEW_S = 15 * 60
LONGEST_S = 7 * 24 * 3600
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_FIELD = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_PAYLOAD = re.compile(r"[0-9a-f]{64}|[A-Z0-9-]{1,64}")
_QUERY_FIELDS = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of its own signature, before anything is believed."""

    access_key: str
    day: str
    region: str
    date: str
    signed_headers: tuple[str, ...]
    signature: str
    token: str
    payload: str
    expires_s: int | None = None

    @property
    def scope(self) -> str:
        """`<day>/<region>/s3/aws4_request`."""
        return f"{self.day}/{self.region}/s3/aws4_request"


@dataclass(frozen=True, slots=True)
class Signed:
    """A request that was signed by somebody known. The rest is what a body in signed chunks goes on from."""

    identity: Identity
    payload: str
    signature: str
    date: str
    scope: str
    signing_key: bytes = field(repr=False)


def authenticate(request: Request, keyring: Keyring, now: float) -> Signed:
    """Verify who signed `request`; `now` is in seconds since 1970, UTC.

    Raises AccessDenied (no signature, or an expired one), SignatureDoesNotMatch, InvalidAccessKeyId, InvalidToken,
    RequestTimeTooSkewed (all 403), and InvalidRequest or InvalidArgument (400) for what is malformed.
    """
    claim = claim_of(request)
    check_time(claim, now)
    key = keyring.key(claim.access_key, claim.token)
    signing_key = signing_key_of(key.secret, claim.day, claim.region)
    expected = signature_of(signing_key, string_to_sign(claim.date, claim.scope, canonical_request(request, claim)))
    matches = hmac.compare_digest(expected.encode(), claim.signature.encode())
    if key.identity is None:
        raise S3Fault("InvalidAccessKeyId", "the access key id does not exist here")
    if not matches:
        raise S3Fault("SignatureDoesNotMatch", "the signature does not belong to this request and this key")
    return Signed(key.identity, claim.payload, claim.signature, claim.date, claim.scope, signing_key)


def claim_of(request: Request) -> Claim:
    """Read the signature's parts from the query or the header. A foreign Authorization beside a signed URL is ignored:
    browsers and curl carry the API's own along when only the port changes (clients.md 3.7)."""
    authorization = request.header("authorization")
    by_query = any(name in ("X-Amz-Signature", "X-Amz-Algorithm") for name, _ in request.query)
    by_header = authorization.startswith("AWS4-")
    if by_query and by_header:
        raise S3Fault("InvalidArgument", "signed twice; allowed: the Authorization header or the query, not both")
    if not by_query and not by_header:
        raise S3Fault("AccessDenied", f"the request carries no signature; allowed: {ALGORITHM}, in header or query")
    claim = query_claim(request) if by_query else header_claim(request, authorization)
    if not _DATE.fullmatch(claim.date) or claim.day != claim.date[:8]:
        raise S3Fault("AccessDenied", "x-amz-date: absent, malformed, or of another day than the credential's")
    if not _SIGNATURE.fullmatch(claim.signature):
        raise S3Fault("SignatureDoesNotMatch", "the signature must be 64 lower-case hexadecimal digits")
    if not _PAYLOAD.fullmatch(claim.payload):
        raise S3Fault(
            "InvalidArgument", f"x-amz-content-sha256: allowed: 64 hexadecimal digits, {UNSIGNED}, STREAMING-…"
        )
    check_signed_headers(request, claim.signed_headers)
    return claim


def query_claim(request: Request) -> Claim:
    """The claim of a presigned URL. No parameter may come twice, so that nobody can add a second `response-*`."""
    repeated = [name for name, count in Counter(name for name, _ in request.query).items() if count > 1]
    missing = [name for name in _QUERY_FIELDS if not request.parameter(name)]
    if repeated or missing:
        wrong = f"twice: {', '.join(repeated)}" if repeated else f"absent: {', '.join(missing)}"
        raise S3Fault("InvalidArgument", f"query of a signed URL: {wrong}; allowed: each parameter once")
    check_algorithm(request.parameter("X-Amz-Algorithm"))
    access_key, day, region = credential_parts(request.parameter("X-Amz-Credential"))
    return Claim(
        access_key,
        day,
        region,
        date=request.parameter("X-Amz-Date"),
        signed_headers=tuple(request.parameter("X-Amz-SignedHeaders").split(";")),
        signature=request.parameter("X-Amz-Signature"),
        token=request.parameter("X-Amz-Security-Token") or request.header("x-amz-security-token"),
        payload=request.header("x-amz-content-sha256") or request.parameter("X-Amz-Content-Sha256", UNSIGNED),
        expires_s=request.number("X-Amz-Expires", 0, 1, LONGEST_S),
    )


def header_claim(request: Request, authorization: str) -> Claim:
    """The claim of an Authorization header."""
    algorithm, _, rest = authorization.partition(" ")
    check_algorithm(algorithm)
    found = _FIELD.findall(rest)
    fields = dict(found)
    if len(found) != 3 or len(fields) != 3:
        raise S3Fault("InvalidArgument", "Authorization: allowed: Credential, SignedHeaders and Signature, once each")
    payload = request.header("x-amz-content-sha256")
    if not payload:
        raise S3Fault("InvalidRequest", f"header x-amz-content-sha256: absent; allowed: a SHA-256 or {UNSIGNED}")
    access_key, day, region = credential_parts(fields["Credential"])
    return Claim(
        access_key,
        day,
        region,
        date=request.header("x-amz-date"),
        signed_headers=tuple(fields["SignedHeaders"].split(";")),
        signature=fields["Signature"],
        token=request.header("x-amz-security-token"),
        payload=payload,
    )


def check_algorithm(name: str) -> None:
    """Only SigV4 with HMAC-SHA256: no older version, no asymmetric one."""
    if name != ALGORITHM:
        raise S3Fault("InvalidArgument", f"signature algorithm {name!r}; allowed: {ALGORITHM}")


def credential_parts(credential: str) -> tuple[str, str, str]:
    """Access key, day and region of `<key>/<day>/<region>/s3/aws4_request`. Any region will do."""
    parts = credential.split("/")
    if len(parts) != 5 or not all(parts) or parts[3:] != ["s3", "aws4_request"]:
        raise S3Fault("InvalidArgument", "credential: allowed: <key>/<day>/<region>/s3/aws4_request")
    return parts[0], parts[1], parts[2]


def check_signed_headers(request: Request, names: tuple[str, ...]) -> None:
    """`host`, every name that is listed, and every x-amz-* header must be present and signed."""
    if "host" not in names or len(set(names)) != len(names):
        raise S3Fault("AccessDenied", "signed headers: host must be among them, and each name once")
    if absent := [name for name in names if name not in request.headers]:
        raise S3Fault("AccessDenied", f"signed headers that were not sent: {', '.join(absent)}")
    if unsigned := [name for name in request.headers if name.startswith("x-amz-") and name not in names]:
        raise S3Fault("AccessDenied", f"headers that were sent but not signed: {', '.join(unsigned)}")


def check_time(claim: Claim, now: float) -> None:
    """Signed headers live 15 minutes either way; a signed URL lives for its own seconds, to the second."""
    try:
        signed_at = datetime.strptime(claim.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise S3Fault("AccessDenied", f"x-amz-date {claim.date!r} is no date") from None
    if claim.expires_s is None:
        if abs(now - signed_at) > SKEW_S:
            raise S3Fault("RequestTimeTooSkewed", "the request's time differs from this server's by over 15 minutes")
    elif signed_at - now > SKEW_S:
        raise S3Fault("AccessDenied", "the signed URL is not valid yet")
    elif now > signed_at + claim.expires_s:
        raise S3Fault("AccessDenied", "Request has expired")


def canonical_request(request: Request, claim: Claim) -> str:
    """The text that both sides hash. Latin-1 of it is what was on the wire."""
    names = sorted(claim.signed_headers)
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in names)
    return "\n".join(
        (
            request.method,
            encoded(request.path, safe="/"),
            canonical_query(request.query),
            headers,
            ";".join(claim.signed_headers),
            claim.payload,
        )
    )


def canonical_query(query: Iterable[tuple[str, str]]) -> str:
    """Pairs encoded, then sorted, without the signature itself."""
    pairs = sorted((encoded(name), encoded(value)) for name, value in query if name != "X-Amz-Signature")
    return "&".join(f"{name}={value}" for name, value in pairs)


def string_to_sign(date: str, scope: str, canonical: str) -> str:
    """Algorithm, date, scope and the canonical request's hash."""
    return "\n".join((ALGORITHM, date, scope, hashlib.sha256(canonical.encode("latin-1")).hexdigest()))


def signing_key_of(secret: str, day: str, region: str) -> bytes:
    """The key of one day and region, derived from the secret in four steps."""
    key = b"AWS4" + secret.encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signature_of(signing_key: bytes, text: str) -> str:
    """Hexadecimal HMAC-SHA256."""
    return hmac.digest(signing_key, text.encode(), "sha256").hex()
