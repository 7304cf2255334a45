"""Everything the appliance says to an S3 endpoint, through the minio package, and the one map from its errors to ours.

Knows nothing of which server is behind the endpoint. The package is imported at the first use: that takes a third of a
second, which a start need not wait for. Source: object-store.md 4.
"""

import errno
import math
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote, urlsplit

from appliance.errors import (
    ConflictError,
    HarmoniumError,
    NotFoundError,
    RequestValidationError,
    ServerError,
    UnavailableError,
)
from appliance.store.access import StoreAccess

if TYPE_CHECKING:
    import urllib3
    from minio import Minio
    from minio.datatypes import Object

__all__ = ["Store", "StoreAccess", "StoreFullError", "StoredObject"]

# The package keeps whole parts in memory, so parts stay small: two at a time for each file that is being stored.
PART_BYTES = 16 << 20
PARALLEL_PARTS = 2
MOST_PARTS = 10_000
PIECE_BYTES = 256 << 10
LONGEST_LINK_S = 604_800
_DELETED_AT_ONCE = 1000


class StoreFullError(UnavailableError):
    """No room in the store (HTTP 503 here; the store said 507). Not for a full disk elsewhere in the appliance."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object as the store describes it. `etag` is opaque: equal means unchanged, nothing more. `media_type` is ""
    in listings, which do not tell it. `modified_at` is UTC."""

    bucket: str
    key: str
    size_bytes: int
    etag: str
    media_type: str
    modified_at: datetime


class Store:
    """One endpoint, for the whole process; thread safe. Every method raises NotFoundError where bucket or key is
    absent, StoreFullError, and UnavailableError when the store is down or refuses our keys."""

    def __init__(self, access: StoreAccess):
        self._access = access
        self._lock = threading.Lock()
        self._known_bucket = ""

    @property
    def access(self) -> StoreAccess:
        """Where the endpoint is and how it is reached; its repr hides the secret key."""
        return self._access

    def ensure_bucket(self, bucket: str) -> None:
        """Make the bucket when it is absent and we may; two that do so at once are no error."""
        with _ours(f"bucket {bucket}"):
            if not self._client.bucket_exists(bucket_name=bucket):
                try:
                    self._client.make_bucket(bucket_name=bucket)
                except Exception as error:
                    if getattr(error, "code", "") != "BucketAlreadyOwnedByYou":
                        raise
        self._known_bucket = bucket

    def put_file(self, bucket: str, key: str, path: Path, media_type: str) -> None:
        """Store a file; it becomes visible whole or not at all. Raises OSError when the file cannot be read."""
        with path.open("rb") as data:
            self._put(bucket, key, data, path.stat().st_size, media_type)

    def put_bytes(self, bucket: str, key: str, data: bytes, media_type: str) -> None:
        """Store bytes; they become visible whole or not at all."""
        self._put(bucket, key, BytesIO(data), len(data), media_type)

    def stat(self, bucket: str, key: str) -> StoredObject | None:
        """What is stored under a key, or None."""
        try:
            with _ours(f"{bucket}/{key}"):
                return _described(bucket, self._client.stat_object(bucket_name=bucket, object_name=key))
        except NotFoundError:
            return None

    @contextmanager
    def open_range(self, bucket: str, key: str, start: int = 0, length: int | None = None) -> Iterator[Iterator[bytes]]:
        """The bytes from `start`, `length` of them or all that follow, in pieces of at most 256 KiB, as stored.

        Raises RequestValidationError when no byte lies in the range.
        """
        if length == 0:
            yield iter(())
            return
        what = f"{bucket}/{key}"
        with _ours(what):
            headers: dict[str, str | list[str] | tuple[str]] = {}
            if start and length is None:
                headers["Range"] = f"bytes={start}-"
            response = self._client.get_object(
                bucket_name=bucket,
                object_name=key,
                offset=start if length is not None else 0,
                length=length or 0,
                request_headers=headers,
            )
        try:
            yield _pieces(response, what)
        finally:
            response.close()
            response.release_conn()

    def list_keys(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key begins with `prefix`, in order of keys. Never the whole bucket: "" is refused."""
        if not prefix.strip("/"):
            raise ValueError(f"list of bucket {bucket}: prefix {prefix!r}; allowed: at least one segment of a key")
        with _ours(f"{bucket}/{prefix}"):
            for found in self._client.list_objects(bucket_name=bucket, prefix=prefix, recursive=True):
                yield _described(bucket, found)

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        """Delete every object below a folder and say how many. The prefix must end in a slash, so that `public/j1/`
        cannot take `public/j10/` along. Raises UnavailableError naming the first key that the store kept."""
        if not prefix.strip("/") or not prefix.endswith("/"):
            raise ValueError(f"deletion in bucket {bucket}: prefix {prefix!r}; allowed: a folder of keys and its slash")
        count = 0
        while keys := [found.key for found in islice(self.list_keys(bucket, prefix), _DELETED_AT_ONCE)]:
            self._delete_all(bucket, keys)
            count += len(keys)
        return count

    def delete(self, bucket: str, key: str) -> None:
        """Delete one object; an absent one is no error."""
        with _ours(f"{bucket}/{key}"):
            self._client.remove_object(bucket_name=bucket, object_name=key)

    def presigned_get(
        self, bucket: str, key: str, *, seconds: int, file_name: str, media_type: str, extra: Mapping[str, str]
    ) -> str:
        """A link on the public endpoint that reads one object for `seconds`, under this file name and media type.

        extra: further parameters that are signed along (`A-userid`, …). Asks the store nothing.
        """
        if not 1 <= seconds <= LONGEST_LINK_S:
            raise ValueError(f"life of a link: {seconds} s; allowed: 1 to {LONGEST_LINK_S}")
        answer = {"response-content-type": media_type, "response-content-disposition": disposition(file_name)}
        with _ours(f"{bucket}/{key}"):
            return self._signer.get_presigned_url(
                method="GET",
                bucket_name=bucket,
                object_name=key,
                expires=timedelta(seconds=seconds),
                response_headers=dict(answer),
                extra_query_params=dict(extra),
            )

    def is_up(self) -> str | None:
        """None when the store answers our keys, else the reason in one sentence; takes at most about 2 s."""
        try:
            with _ours(f"bucket {self._known_bucket}" if self._known_bucket else "the store"):
                if self._known_bucket and not self._probe.bucket_exists(bucket_name=self._known_bucket):
                    return f"bucket {self._known_bucket} is gone"
                if not self._known_bucket:
                    self._probe.list_buckets()
        except HarmoniumError as error:
            return error.message
        return None

    @cached_property
    def _client(self) -> "Minio":
        return self._made(self._access.endpoint, connect_s=5, read_s=60, retries=3)

    @cached_property
    def _signer(self) -> "Minio":
        return self._made(self._access.public_endpoint or self._access.endpoint, connect_s=5, read_s=60, retries=0)

    @cached_property
    def _probe(self) -> "Minio":
        return self._made(self._access.endpoint, connect_s=1, read_s=2, retries=0)

    def _made(self, endpoint: str, *, connect_s: float, read_s: float, retries: int) -> "Minio":
        with self._lock:
            import urllib3
            from minio import Minio

            access, address = self._access, urlsplit(endpoint)
            pool = urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=connect_s, read=read_s),
                maxsize=16,
                cert_reqs="CERT_REQUIRED",
                ca_certs=access.ca_file or None,
                retries=urllib3.Retry(total=retries, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
            )
            return Minio(
                endpoint=address.netloc,
                access_key=access.access_key,
                secret_key=access.secret_key,
                secure=address.scheme == "https",
                region=access.region,
                http_client=pool,
            )

    def _put(self, bucket: str, key: str, data: BinaryIO, size: int, media_type: str) -> None:
        with _ours(f"{bucket}/{key}"):
            self._client.put_object(
                bucket_name=bucket,
                object_name=key,
                data=data,
                length=size,
                content_type=media_type,
                part_size=part_bytes(size),
                num_parallel_uploads=PARALLEL_PARTS,
            )

    def _delete_all(self, bucket: str, keys: list[str]) -> None:
        from minio.deleteobjects import DeleteObject

        with _ours(bucket):
            wanted = [DeleteObject(key) for key in keys]
            errors = list(self._client.remove_objects(bucket_name=bucket, delete_object_list=wanted))
        if errors:
            raise UnavailableError(f"the store kept {errors[0].name}: {errors[0].code} ({errors[0].message})")


def part_bytes(size: int) -> int:
    """How large the parts of an object must be, in bytes, so that 10 000 are enough."""
    return max(PART_BYTES, math.ceil(size / MOST_PARTS / PART_BYTES) * PART_BYTES)


def disposition(file_name: str) -> str:
    """Content-Disposition of a download, with the name in ASCII and in UTF-8 (RFC 6266, appendix D)."""
    plain = re.sub(r"[^ !#-\[\]-~]", "_", file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def _described(bucket: str, found: "Object") -> StoredObject:
    modified_at = found.last_modified or datetime.fromtimestamp(0, UTC)
    etag, media_type = (found.etag or "").strip('"'), found.content_type or ""
    return StoredObject(bucket, found.object_name or "", found.size or 0, etag, media_type, modified_at)


def _pieces(response: "urllib3.response.BaseHTTPResponse", what: str) -> Iterator[bytes]:
    with _ours(what):
        yield from response.stream(PIECE_BYTES, decode_content=False)


_NOT_FOUND = ("NoSuchKey", "NoSuchBucket", "NoSuchUpload", "ResourceNotFound")
_FULL = ("InsufficientStorage", "XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded")
_KEYS_REFUSED = (
    "AccessDenied",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
)
_BUSY = ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted")
_MALFORMED = (
    "InvalidRange",
    "InvalidArgument",
    "InvalidBucketName",
    "KeyTooLongError",
    "XMinioInvalidObjectName",
    "InvalidRange",
)


def translated(code: str, message: str, what: str) -> HarmoniumError:
    """The error of ours that an S3 error code means; `what` is the bucket or key that was asked for."""
    sentence = f"object store, {what}: {code}{': ' + message if message else ''}"
    if code in _NOT_FOUND:
        return NotFoundError(sentence)
    if code in _FULL:
        return StoreFullError(f"object store, {what}: no room left ({code})")
    if code in _KEYS_REFUSED:
        return UnavailableError(f"object store, {what}: it refuses our keys ({code})")
    if code in _BUSY:
        return UnavailableError(sentence)
    if code in _MALFORMED:
        return RequestValidationError(sentence)
    return ConflictError(sentence) if code == "PreconditionFailed" else ServerError(sentence)


@contextmanager
def _ours(what: str) -> Iterator[None]:
    """Turn what the package raises into errors of the appliance. Signed URLs never get into a message."""
    import urllib3
    from minio import error as theirs

    try:
        yield
    except theirs.S3Error as error:
        raise translated(error.code or "unknown", error.message or "", what) from error
    except theirs.InvalidResponseError as error:
        found = re.search(r"<Code>(\w+)</Code>", error._body or "")  # some servers answer text/xml (object-store.md 4)
        code = found[1] if found else ("InsufficientStorage" if error._code == 507 else f"HTTP {error._code}")
        raise translated(code, "", what) from error
    except theirs.ServerError as error:
        code = "InsufficientStorage" if error.status_code == 507 else "ServiceUnavailable"
        raise translated(code, f"HTTP {error.status_code}", what) from error
    except urllib3.exceptions.HTTPError as error:
        reason = type(getattr(error, "reason", None) or error).__name__
        raise UnavailableError(f"object store, {what}: it does not answer ({reason})") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFullError(f"object store, {what}: no room left") from error
        raise
    except ValueError as error:
        raise RequestValidationError(f"object store, {what}: {error}") from error
