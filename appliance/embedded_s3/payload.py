"""Bodies: their framing taken off and every digest that was promised verified, piece by piece.

Knows no files and no sockets: bytes in, bytes out. Nothing may be kept before `Body.finish` returned.
Source: object-store.md 5.5; AWS, "Signature calculations: transferring payload in multiple chunks", with trailers.
"""

import base64
import binascii
import hashlib
import hmac
import re
import zlib
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Protocol

from appliance.embedded_s3.faults import S3Fault
from appliance.embedded_s3.request import Request
from appliance.embedded_s3.signature import UNSIGNED, Signed, signature_of

SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_CHUNKS_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
LARGEST_PUT_BYTES = 5 * 1024**3
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_LONGEST_LINE_BYTES = 1024
_CHECKSUM = "x-amz-checksum-"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?")
_TRAILER_LINE = re.compile(rb"([A-Za-z0-9-]+):[ ]*([^\r\n]*)")


class Digest(Protocol):
    """What hashlib's objects offer."""

    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class Crc32:
    """CRC-32 in the shape of a hash, big-endian, as `x-amz-checksum-crc32` carries it."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """Four bytes."""
        return self._value.to_bytes(4, "big")


CHECKSUMS: dict[str, Callable[[], Digest]] = {
    "crc32": Crc32,
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
    "sha256": hashlib.sha256,
}  # others (crc32c, crc64nvme) are accepted unverified: the standard library has neither


class Chunks:
    """The `aws-chunked` framing: takes it off, and verifies each chunk's and the trailer's signature in chain.

    One instance reads one body. `trailers` are complete once `finish` returned.
    """

    def __init__(self, signed: Signed):
        self.trailers: dict[str, str] = {}
        self._signed = signed
        self._previous = signed.signature
        self._is_signed = signed.payload != UNSIGNED_CHUNKS_TRAILER
        self._wants_trailer = signed.payload != SIGNED_CHUNKS
        self._trailer_signature = ""
        self._buffer = bytearray()
        self._reads = self._read()
        self._is_in_trailer = self._is_done = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The payload bytes within `data`. Raises IncompleteBody (400) or SignatureDoesNotMatch (403)."""
        self._buffer += data
        for piece in self._reads:
            if piece is None:
                return
            yield piece
        self._is_done = True
        if self._buffer:
            raise S3Fault("IncompleteBody", "bytes after the last chunk")

    def finish(self) -> None:
        """Raise IncompleteBody when the last chunk has not come. The empty line after it may be missing, as it is in
        AWS's own example of a trailer."""
        if self._is_in_trailer and not self._is_done and not self._buffer:
            list(self.feed(b"\r\n"))
        if not self._is_done:
            raise S3Fault("IncompleteBody", "the body ended before its last chunk")

    def _read(self) -> Generator[bytes | None, None, None]:
        """Pieces of payload; None asks for more input. `yield from` of a line returns it."""
        while True:
            line = yield from self._line()
            found = _CHUNK_LINE.fullmatch(line)
            if found is None or (found[2] is None) == self._is_signed:
                raise S3Fault("IncompleteBody", "a chunk must begin with its length and, where signed, its signature")
            size, chunk = int(found[1], 16), hashlib.sha256()
            yield from self._data(size, chunk)
            if self._is_signed:
                self._verify("PAYLOAD", f"{_EMPTY_SHA256}\n{chunk.hexdigest()}", found[2].decode())
            if size == 0:
                break
            if (yield from self._line()):
                raise S3Fault("IncompleteBody", "a chunk must end with a line break")
        yield from self._trailer()

    def _data(self, size: int, chunk: Digest) -> Generator[bytes | None, None, None]:
        while size:
            if not self._buffer:
                yield None
                continue
            piece = bytes(self._buffer[:size])
            del self._buffer[:size]
            size -= len(piece)
            if self._is_signed:
                chunk.update(piece)
            yield piece

    def _line(self) -> Generator[bytes | None, None, bytes]:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _LONGEST_LINE_BYTES:
                raise S3Fault("IncompleteBody", f"a line of the framing is over {_LONGEST_LINE_BYTES} bytes")
            yield None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _trailer(self) -> Generator[bytes | None, None, None]:
        self._is_in_trailer, canonical = True, ""
        while line := (yield from self._line()):
            found = _TRAILER_LINE.fullmatch(line)
            if found is None or not self._wants_trailer or len(self.trailers) > 16:
                raise S3Fault("IncompleteBody", "a trailer was announced by nobody, or is not `name:value`")
            name, value = found[1].decode().lower(), found[2].decode("latin-1").strip()
            if name == "x-amz-trailer-signature":
                self._trailer_signature = value
            else:
                self.trailers[name] = value
                canonical += f"{name}:{value}\n"
        if self._is_signed and self._wants_trailer:
            self._verify("TRAILER", hashlib.sha256(canonical.encode("latin-1")).hexdigest(), self._trailer_signature)

    def _verify(self, kind: str, hashes: str, found: str) -> None:
        text = "\n".join((f"AWS4-HMAC-SHA256-{kind}", self._signed.date, self._signed.scope, self._previous, hashes))
        expected = signature_of(self._signed.signing_key, text)
        if not hmac.compare_digest(expected.encode(), found.encode()):
            raise S3Fault("SignatureDoesNotMatch", f"the signature of a {'chunk' if kind == 'PAYLOAD' else 'trailer'}")
        self._previous = expected


class Body:
    """One request's body: framing, lengths and digests. `md5` is the ETag of what came."""

    def __init__(self, request: Request, signed: Signed):
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.size_bytes = 0
        self._chunks = chunks_of(signed)
        self._expected = dict(expected_digests(request, signed))
        self._announced = {n.strip().lower() for n in request.header("x-amz-trailer").split(",") if n.strip()}
        self._digests: dict[str, Digest] = {"content-md5": self.md5}
        for name in {*self._expected, *self._announced} - {"content-md5"}:
            if make := CHECKSUMS.get(name.removeprefix(_CHECKSUM)):
                self._digests[name] = make()
        self._length = declared_length(request, self._chunks is not None)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces of payload in `data`, to be written. Raises EntityTooLarge and whatever the framing raises."""
        for piece in self._chunks.feed(data) if self._chunks else (data,):
            self.size_bytes += len(piece)
            if self.size_bytes > LARGEST_PUT_BYTES:
                raise S3Fault("EntityTooLarge", f"allowed: {LARGEST_PUT_BYTES} bytes; larger objects come in parts")
            for digest in self._digests.values():
                digest.update(piece)
            yield piece

    def finish(self) -> None:
        """Verify lengths and digests. Raises IncompleteBody, BadDigest, XAmzContentSHA256Mismatch (400)."""
        if self._chunks:
            self._chunks.finish()
            self._take_trailers(self._chunks.trailers)
        if self._length is not None and self._length != self.size_bytes:
            raise S3Fault("IncompleteBody", f"{self.size_bytes} bytes came where {self._length} were declared")
        for name, expected in self._expected.items():
            if name in self._digests and not hmac.compare_digest(self._digests[name].digest(), expected):
                code = "XAmzContentSHA256Mismatch" if name == "sha256" else "BadDigest"
                raise S3Fault(code, f"{name}: what came has another digest than the one declared")

    def _take_trailers(self, trailers: dict[str, str]) -> None:
        for name in self._announced:
            if name not in trailers:
                raise S3Fault("IncompleteBody", f"trailer {name}: announced and not sent")
            if name in self._digests:
                self._expected[name] = digest_bytes(name, trailers[name])


def chunks_of(signed: Signed) -> Chunks | None:
    """The framing that `x-amz-content-sha256` names; None for a plain body. Raises InvalidArgument (400)."""
    if signed.payload in (SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, UNSIGNED_CHUNKS_TRAILER):
        return Chunks(signed)
    if signed.payload != UNSIGNED and not _SHA256.fullmatch(signed.payload):
        raise S3Fault(
            "InvalidArgument",
            f"x-amz-content-sha256: {signed.payload!r}; allowed: a SHA-256, {UNSIGNED}, {SIGNED_CHUNKS}, "
            f"{SIGNED_CHUNKS_TRAILER}, {UNSIGNED_CHUNKS_TRAILER}",
        )
    return None


def expected_digests(request: Request, signed: Signed) -> Iterator[tuple[str, bytes]]:
    """Names and values of the digests that the headers promise; `sha256` is the signed payload's own."""
    if _SHA256.fullmatch(signed.payload):
        yield "sha256", bytes.fromhex(signed.payload)
    if value := request.header("content-md5"):
        yield "content-md5", digest_bytes("content-md5", value)
    for name, value in request.headers.items():
        if name.startswith(_CHECKSUM) and name.removeprefix(_CHECKSUM) in CHECKSUMS:
            yield name, digest_bytes(name, value)


def digest_bytes(name: str, text: str) -> bytes:
    """Decode a digest from base64. Raises InvalidDigest (400) when it is none, or of another length."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    length = {"content-md5": 16, "x-amz-checksum-crc32": 4, "x-amz-checksum-sha1": 20, "x-amz-checksum-sha256": 32}[
        name
    ]
    if len(value) != length:
        raise S3Fault("InvalidDigest", f"{name}: {text!r}; allowed: base64 of {length} bytes")
    return value


def declared_length(request: Request, is_framed: bool) -> int | None:
    """Bytes of payload that the headers promise; None when they promise nothing (chunked transfer without a length)."""
    text = request.header("x-amz-decoded-content-length" if is_framed else "content-length")
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise S3Fault("InvalidArgument", f"declared length {text!r}; allowed: a whole number of bytes")
    if int(text) > LARGEST_PUT_BYTES:
        raise S3Fault("EntityTooLarge", f"{text} bytes; allowed: {LARGEST_PUT_BYTES}; larger objects come in parts")
    return int(text)
