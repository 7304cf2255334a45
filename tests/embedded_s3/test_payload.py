"""Bodies in every framing: what was sent comes out, whatever the pieces; what was changed on the way does not."""

import base64
import hashlib
import hmac
import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.embedded_s3.faults import S3Fault
from appliance.embedded_s3.keys import Identity
from appliance.embedded_s3.payload import Body
from appliance.embedded_s3.request import Request
from appliance.embedded_s3.signature import Signed

# AWS, S3 API reference, "Signature Calculations: Transferring Payload in Multiple Chunks" and the same "Including
# Trailing Headers": keys, seed signatures and the signatures of all chunks as printed there.
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
DATE = "20130524T000000Z"
SCOPE = "20130524/us-east-1/s3/aws4_request"
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNKS = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
TRAILER_CHUNKS = (
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
)
TRAILER = (
    "x-amz-checksum-crc32c:sOO8/Q==\r\n"
    "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n"
)
FRAMINGS = (
    "UNSIGNED-PAYLOAD",
    "hash",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
)


def hmac_of(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signing_key() -> bytes:
    return hmac_of(hmac_of(hmac_of(hmac_of(b"AWS4" + SECRET.encode(), "20130524"), "us-east-1"), "s3"), "aws4_request")


def signed(payload: str, seed: str = SEED) -> Signed:
    return Signed(Identity("k", "root"), payload, seed, DATE, SCOPE, signing_key())


def request(**headers: str) -> Request:
    return Request("PUT", "/b/k", (), {name.replace("_", "-"): value for name, value in headers.items()})


def crc32_of(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def framed(data: bytes, kind: str, size: int) -> tuple[Request, Signed, bytes]:
    """Frame as the specification says, with code of the test's own; an unsigned payload carries a CRC-32."""
    if kind == "UNSIGNED-PAYLOAD":
        headers = {"content_length": str(len(data)), "x_amz_checksum_crc32": crc32_of(data)}
        return request(**headers), signed(kind), data
    if kind == "hash":
        return request(content_length=str(len(data))), signed(hashlib.sha256(data).hexdigest()), data
    wire, previous = b"", SEED
    for piece in [data[i : i + size] for i in range(0, len(data), size)] + [b""]:
        line = f"{len(piece):x}"
        if "AWS4" in kind:
            hashes = f"{hashlib.sha256(b'').hexdigest()}\n{hashlib.sha256(piece).hexdigest()}"
            previous = hmac_of(signing_key(), f"AWS4-HMAC-SHA256-PAYLOAD\n{DATE}\n{SCOPE}\n{previous}\n{hashes}").hex()
            line += f";chunk-signature={previous}"
        wire += line.encode() + b"\r\n" + (piece + b"\r\n" if piece else b"")
    headers = {"x_amz_decoded_content_length": str(len(data))}
    if kind.endswith("TRAILER"):
        headers["x_amz_trailer"] = "x-amz-checksum-crc32"
        trailer = f"x-amz-checksum-crc32:{crc32_of(data)}\n"
        wire += trailer.strip().encode() + b"\r\n"
        if "AWS4" in kind:
            digest = hashlib.sha256(trailer.encode()).hexdigest()
            text = f"AWS4-HMAC-SHA256-TRAILER\n{DATE}\n{SCOPE}\n{previous}\n{digest}"
            wire += f"x-amz-trailer-signature:{hmac_of(signing_key(), text).hex()}\r\n".encode()
    return request(**headers), signed(kind), wire + b"\r\n"


def read(asked: Request, who: Signed, wire: bytes, cuts: list[int]) -> bytes:
    """Feed the wire in pieces; what came out, or S3Fault."""
    body = Body(asked, who)
    bounds = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    out = b"".join(piece for a, b in pairwise(bounds) for piece in body.feed(wire[a:b]))
    body.finish()
    assert body.md5.hexdigest() == hashlib.md5(out).hexdigest()
    return out


@given(
    data=st.binary(max_size=400),
    kind=st.sampled_from(FRAMINGS),
    size=st.integers(1, 200),
    cuts=st.lists(st.integers(0, 5000), max_size=8),
)
def test_every_framing_gives_back_what_was_sent_whatever_the_pieces(data, kind, size, cuts):
    assert read(*framed(data, kind, size), cuts) == data


@settings(max_examples=300)
@given(
    data=st.binary(min_size=1, max_size=120),
    kind=st.sampled_from(FRAMINGS),
    size=st.integers(1, 60),
    bit=st.integers(0, 10**6),
)
def test_no_flipped_bit_changes_what_is_kept(data, kind, size, bit):
    """Anywhere in the wire. A flip that only changes a hexadecimal digit's case, say, may pass, with the same bytes."""
    asked, who, wire = framed(data, kind, size)
    flipped = bytearray(wire)
    flipped[bit // 8 % len(wire)] ^= 1 << bit % 8
    try:
        assert read(asked, who, bytes(flipped), []) == data
    except S3Fault as fault:
        assert fault.status in (400, 403)


@pytest.mark.parametrize("kind", FRAMINGS)
@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_of_the_data_is_refused(kind, bit):
    data = b"\x00" * 50
    asked, who, wire = framed(data, kind, 20)
    at = wire.index(b"\x00" * 10) + 5
    with pytest.raises(S3Fault) as caught:
        read(asked, who, wire[:at] + bytes([1 << bit]) + wire[at + 1 :], [])
    assert caught.value.code in ("BadDigest", "XAmzContentSHA256Mismatch", "SignatureDoesNotMatch")


@given(data=st.binary(max_size=100), kind=st.sampled_from(FRAMINGS), size=st.integers(1, 60), cut=st.integers(3, 10**6))
def test_a_body_that_ends_early_is_refused(data, kind, size, cut):
    """The last line break may be missing; anything more may not."""
    asked, who, wire = framed(data, kind, size)
    shorter = wire[: -(3 + cut % len(wire))] if len(wire) > 3 else b""
    if kind in ("UNSIGNED-PAYLOAD", "hash") and not data:
        return
    with pytest.raises(S3Fault):
        read(asked, who, shorter, [])


@pytest.mark.parametrize("kind", FRAMINGS)
def test_bytes_after_the_end_are_refused(kind):
    asked, who, wire = framed(b"abc", kind, 2)
    with pytest.raises(S3Fault):
        read(asked, who, wire + b"0\r\n", [])


def test_the_published_chunks_are_good():
    wire = (
        f"10000;chunk-signature={CHUNKS[0]}\r\n{'a' * 65536}\r\n400;chunk-signature={CHUNKS[1]}\r\n{'a' * 1024}\r\n"
        f"0;chunk-signature={CHUNKS[2]}\r\n\r\n"
    )
    asked = request(x_amz_decoded_content_length="66560")
    assert read(asked, signed(FRAMINGS[3]), wire.encode(), []) == b"a" * 66560


def test_the_published_chunks_with_a_trailer_are_good():
    wire = (
        f"10000;chunk-signature={TRAILER_CHUNKS[0]}\r\n{'a' * 65536}\r\n"
        f"400;chunk-signature={TRAILER_CHUNKS[1]}\r\n{'a' * 1024}\r\n0;chunk-signature={TRAILER_CHUNKS[2]}\r\n{TRAILER}"
    )
    asked = request(x_amz_decoded_content_length="66560", x_amz_trailer="x-amz-checksum-crc32c")
    assert read(asked, signed(FRAMINGS[4], TRAILER_SEED), wire.encode(), []) == b"a" * 66560
    tampered = wire.replace("sOO8/Q==", "sOO8/A==").encode()
    with pytest.raises(S3Fault, match="trailer"):
        read(asked, signed(FRAMINGS[4], TRAILER_SEED), tampered, [])


def test_a_decoded_length_that_does_not_match_is_refused():
    for kind in FRAMINGS[2:]:
        asked, who, wire = framed(b"abc", kind, 2)
        asked.headers["x-amz-decoded-content-length"] = "4"
        with pytest.raises(S3Fault, match="IncompleteBody"):
            read(asked, who, wire, [])


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("content-md5", hashlib.md5(b"abc").digest()),
        ("x-amz-checksum-sha1", hashlib.sha1(b"abc").digest()),
        ("x-amz-checksum-sha256", hashlib.sha256(b"abc").digest()),
        ("x-amz-checksum-crc32", zlib.crc32(b"abc").to_bytes(4, "big")),
    ],
)
def test_a_digest_in_a_header_is_verified(name, digest):
    good = Request("PUT", "/b/k", (), {name: base64.b64encode(digest).decode()})
    assert read(good, signed("UNSIGNED-PAYLOAD"), b"abc", []) == b"abc"
    with pytest.raises(S3Fault, match="BadDigest"):
        read(good, signed("UNSIGNED-PAYLOAD"), b"abd", [])
    for wrong in ("%", "YWJj", ""):
        asked = Request("PUT", "/b/k", (), {name: wrong or "="})
        with pytest.raises(S3Fault, match="InvalidDigest"):
            Body(asked, signed("UNSIGNED-PAYLOAD"))


def test_an_announced_trailer_must_come():
    asked, who, _ = framed(b"abc", FRAMINGS[2], 2)
    with pytest.raises(S3Fault, match="not sent"):
        read(asked, who, b"3\r\nabc\r\n0\r\n\r\n", [])


def test_an_unknown_framing_is_malformed():
    with pytest.raises(S3Fault, match="InvalidArgument"):
        Body(request(), signed("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"))
