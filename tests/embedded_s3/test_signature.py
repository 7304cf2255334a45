"""Who signed a request: AWS's published examples, tampering, and time."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.embedded_s3.faults import S3Fault
from appliance.embedded_s3.keys import Keyring
from appliance.embedded_s3.request import Request, parse_request
from appliance.embedded_s3.signature import (
    authenticate,
    canonical_request,
    claim_of,
    signature_of,
    signing_key_of,
    string_to_sign,
)

# AWS, S3 API reference, "Examples: Signature Calculations" (single chunk), and "Authenticating Requests: Using Query
# Parameters": the keys, requests and signatures printed there.
KEYS = Keyring("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
AT = 1369353600.0  # 20130524T000000Z
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
CREDENTIAL = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
HOST = ("host", "examplebucket.s3.amazonaws.com")
EXAMPLES = {
    "get with range": (
        "GET",
        "/test.txt",
        "",
        [("range", "bytes=0-9")],
        EMPTY,
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "put": (
        "PUT",
        "/test%24file.text",
        "",
        [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "get lifecycle": (
        "GET",
        "/",
        "lifecycle",
        [],
        EMPTY,
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "list": (
        "GET",
        "/",
        "max-keys=2&prefix=J",
        [],
        EMPTY,
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}
PRESIGNED = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": CREDENTIAL,
    "X-Amz-Date": "20130524T000000Z",
    "X-Amz-Expires": "86400",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
}


def request(method: str, path: str, query: str, headers: list[tuple[str, str]]) -> Request:
    return parse_request(method, path.encode(), query.encode(), [(n.encode(), v.encode()) for n, v in headers])


def example(name: str) -> Request:
    method, path, query, headers, digest, signature = EXAMPLES[name]
    sent = [HOST, *headers, ("x-amz-content-sha256", digest), ("x-amz-date", "20130524T000000Z")]
    signed = ";".join(sorted(n for n, _ in sent))
    text = f"AWS4-HMAC-SHA256 Credential={CREDENTIAL},SignedHeaders={signed},Signature={signature}"
    return request(method, path, query, [*sent, ("authorization", text)])


def presigned(changes: dict[str, str] | None = None, path: str = "/test.txt", method: str = "GET") -> Request:
    return request(method, path, urlencode({**PRESIGNED, **(changes or {})}), [HOST])


def refusal(asked: Request, now: float = AT) -> S3Fault:
    with pytest.raises(S3Fault) as caught:
        authenticate(asked, KEYS, now)
    return caught.value


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_published_examples_are_signed_by_their_key(name):
    assert authenticate(example(name), KEYS, AT).identity.access_key == "AKIAIOSFODNN7EXAMPLE"


def test_the_published_presigned_url_is_good():
    assert authenticate(presigned(), KEYS, AT).payload == "UNSIGNED-PAYLOAD"


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("index", range(0, 64, 7))
def test_one_other_digit_of_the_signature_is_refused(name, index):
    good = example(name)
    text = good.headers["authorization"]
    at = len(text) - 64 + index
    good.headers["authorization"] = text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]
    assert refusal(good).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("name", [n for n in PRESIGNED if n != "X-Amz-Algorithm"])
def test_a_changed_query_parameter_is_refused(name):
    changed = {
        "X-Amz-Credential": CREDENTIAL.replace("us-east-1", "eu-west-1"),
        "X-Amz-Date": "20130524T000001Z",
        "X-Amz-Expires": "86401",
        "X-Amz-SignedHeaders": "host;host",
        "X-Amz-Signature": PRESIGNED["X-Amz-Signature"][:-1] + "5",
    }
    assert refusal(presigned({name: changed[name]})).status == 403


@pytest.mark.parametrize("name", PRESIGNED)
def test_a_missing_or_repeated_query_parameter_is_malformed(name):
    pairs = list(PRESIGNED.items())
    without = request("GET", "/test.txt", urlencode([p for p in pairs if p[0] != name]), [HOST])
    twice = request("GET", "/test.txt", urlencode([*pairs, (name, PRESIGNED[name])]), [HOST])
    assert refusal(without).status == 400
    assert refusal(twice).status == 400


@pytest.mark.parametrize(
    "extra", ["response-content-type", "versionId", "A-userid", "acl", "X-Amz-Security-Token", "x-amz-acl"]
)
def test_an_added_query_parameter_is_refused(extra):
    assert refusal(presigned({extra: "a"})).status == 403


def test_another_method_or_path_is_refused():
    assert refusal(presigned(method="PUT")).code == "SignatureDoesNotMatch"
    assert refusal(presigned(path="/test.txt2")).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("expires", ["0", "-1", "604801", "1.5", "", "１"])
def test_a_life_that_is_not_1_to_604800_seconds_is_malformed(expires):
    assert refusal(presigned({"X-Amz-Expires": expires})).status == 400


@pytest.mark.parametrize("after", [0, 1, 86399, 86400])
def test_a_signed_url_lives_to_its_last_second(after):
    authenticate(presigned(), KEYS, AT + after)


@pytest.mark.parametrize("after", [86400.001, 86401, 10**9])
def test_a_signed_url_is_dead_after_its_last_second(after):
    assert (refusal(presigned(), AT + after).code, refusal(presigned(), AT + after).message) == (
        "AccessDenied",
        "Request has expired",
    )


def test_a_signed_url_from_the_future_is_refused_beyond_15_minutes():
    authenticate(presigned(), KEYS, AT - 900)
    assert refusal(presigned(), AT - 901).code == "AccessDenied"


@pytest.mark.parametrize("off", [-900, 900])
def test_a_signed_header_is_good_for_15_minutes_either_way(off):
    authenticate(example("list"), KEYS, AT + off)
    assert refusal(example("list"), AT + off * 1.01).code == "RequestTimeTooSkewed"


def test_every_amz_header_must_be_signed():
    asked = example("list")
    asked.headers["x-amz-acl"] = "public-read"
    assert refusal(asked).code == "AccessDenied"


def test_the_host_must_be_signed():
    asked = example("list")
    asked.headers["authorization"] = asked.headers["authorization"].replace("SignedHeaders=host;", "SignedHeaders=")
    assert refusal(asked).code == "AccessDenied"


def test_the_scope_must_be_of_the_same_day_and_for_s3():
    for wrong in ("20130525/us-east-1/s3", "20130524/us-east-1/sts", "20130524//s3"):
        asked = presigned({"X-Amz-Credential": f"AKIAIOSFODNN7EXAMPLE/{wrong}/aws4_request"})
        assert refusal(asked).status in (400, 403)


def test_an_unknown_key_and_a_token_with_the_root_key_are_told_apart():
    assert refusal(presigned({"X-Amz-Credential": CREDENTIAL.replace("AKIA", "AKIB")})).code == "InvalidAccessKeyId"
    assert refusal(presigned({"X-Amz-Security-Token": "t"})).code == "InvalidToken"


def test_a_request_without_a_signature_is_refused():
    assert refusal(request("GET", "/", "", [HOST])).code == "AccessDenied"
    for foreign in ("Bearer abc", "Basic YTpi", "AWS AKIA:abc"):
        assert refusal(request("GET", "/", "", [HOST, ("authorization", foreign)])).code == "AccessDenied"


def test_a_foreign_authorization_beside_a_signed_url_is_ignored():
    asked = presigned()
    asked.headers["authorization"] = "Bearer of-the-api"
    authenticate(asked, KEYS, AT)


def test_two_signatures_are_malformed():
    asked = presigned()
    asked.headers["authorization"] = example("list").headers["authorization"]
    assert refusal(asked).status == 400


@given(
    path=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    query=st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=4),
    moved=st.integers(0, 400),
)
def test_whatever_is_signed_is_accepted_and_nothing_else(path, query, moved):
    """Sign any path and query, then change one character of the signed text: only the unchanged one is accepted."""
    pairs = [(f"p{index}{name}", value) for index, (name, value) in enumerate(query)]
    asked = Request("GET", "/" + path, tuple(pairs), {"host": "h", "x-amz-date": "20130524T000000Z"})
    asked.headers["x-amz-content-sha256"] = EMPTY
    names = "host;x-amz-content-sha256;x-amz-date"
    template = f"AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders={names}, Signature="
    asked.headers["authorization"] = template + "0" * 64
    claim = claim_of(asked)
    key = signing_key_of(KEYS.root_secret_key, claim.day, claim.region)
    text = string_to_sign(claim.date, claim.scope, canonical_request(asked, claim))
    asked.headers["authorization"] = template + signature_of(key, text)
    assert authenticate(asked, KEYS, AT).signature == signature_of(key, text)
    at = moved % len(asked.path)
    other = asked.path[:at] + ("x" if asked.path[at] != "x" else "y") + asked.path[at + 1 :]
    assert refusal(Request("GET", other, asked.query, asked.headers)).code == "SignatureDoesNotMatch"


def test_a_keyring_without_keys_cannot_be_made():
    for access, secret in (("", ""), ("abc", ""), ("", "12345678"), ("ab", "12345678"), ("abc", "1234567")):
        with pytest.raises(ValueError, match="keys of the store"):
            Keyring(access, secret)


def test_no_secret_is_in_a_printed_key():
    assert "wJalrXUtnFEMI" not in repr(KEYS) + repr(KEYS.key("AKIAIOSFODNN7EXAMPLE", ""))
    assert "signing_key" not in repr(authenticate(presigned(), KEYS, AT))
