"""The running server over HTTP: every operation, every refusal, and what a hostile path or query cannot do."""

import http.client
import io
import json
import os
import socket
import threading
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from minio.commonconfig import REPLACE, ComposeSource, CopySource
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

BUCKET = "harmony-test"
MIB = 1 << 20


def put(server, key: str, data: bytes = b"hello", **more) -> None:
    server.minio.put_object(bucket_name=BUCKET, object_name=key, data=io.BytesIO(data), length=len(data), **more)


def get(server, key: str, **more) -> bytes:
    response = server.minio.get_object(bucket_name=BUCKET, object_name=key, **more)
    try:
        return response.read()
    finally:
        response.release_conn()
        response.close()


def refused(call, *arguments, **named) -> str:
    with pytest.raises(S3Error) as caught:
        call(*arguments, **named)
    return caught.value.code


def parts_in_progress(server) -> list[Path]:
    return [p for folder in ("tmp", "mp") for p in (server.root / ".sys" / folder).iterdir()]


@pytest.mark.parametrize("key", ["a", "d/e/f.nc", "ü/é è.tif", "a+b c%20=&?#;,'()!*~@:$", "x" * 255, "日本/語"])
def test_an_object_comes_back_as_it_was_put(server, key):
    put(server, key, b"data of it", content_type="application/x-netcdf4", metadata={"owner": "me"})
    assert get(server, key) == b"data of it"
    found = server.minio.stat_object(bucket_name=BUCKET, object_name=key)
    assert (found.size, found.content_type, found.metadata["x-amz-meta-owner"]) == (10, "application/x-netcdf4", "me")
    assert (server.root / BUCKET / key).read_bytes() == b"data of it"
    server.minio.remove_object(bucket_name=BUCKET, object_name=key)
    assert refused(server.minio.stat_object, bucket_name=BUCKET, object_name=key) == "NoSuchKey"
    assert not (server.root / BUCKET / key).parent.joinpath(Path(key).name).exists()


def test_deleting_the_last_key_of_a_folder_removes_the_folder(server):
    put(server, "deep/er/one")
    put(server, "deep/two")
    server.minio.remove_object(bucket_name=BUCKET, object_name="deep/er/one")
    assert not (server.root / BUCKET / "deep" / "er").exists()
    server.minio.remove_object(bucket_name=BUCKET, object_name="deep/two")
    assert not (server.root / BUCKET / "deep").exists()


@pytest.mark.parametrize(
    ("text", "status", "body", "content_range"),
    [
        ("bytes=0-4", 206, b"01234", "bytes 0-4/10"),
        ("bytes=0-9", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=0-", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=5-2", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("bytes=a-b", 200, b"0123456789", None),
        ("lines=0-1", 200, b"0123456789", None),
    ],
)
def test_ranges(server, text, status, body, content_range):
    put(server, "ranges", b"0123456789")
    answer = server.ask("GET", f"/{BUCKET}/ranges", headers={"Range": text})
    assert (answer.status, answer.headers.get("content-range")) == (status, content_range)
    if body is None:
        assert answer.code == "InvalidRange"
    else:
        assert answer.body == body
        assert answer.headers["content-length"] == str(len(body))


def test_conditions_of_reads(server):
    put(server, "cond", b"x")
    path = f"/{BUCKET}/cond"
    etag = server.ask("HEAD", path).headers["etag"]
    changed = server.ask("HEAD", path).headers["last-modified"]
    assert server.ask("GET", path, headers={"If-None-Match": etag}).status == 304
    assert server.ask("GET", path, headers={"If-None-Match": '"other"'}).status == 200
    assert server.ask("GET", path, headers={"If-Match": '"other"'}).status == 412
    assert server.ask("GET", path, headers={"If-Match": etag}).status == 200
    assert server.ask("GET", path, headers={"If-Modified-Since": changed}).status == 304
    assert server.ask("GET", path, headers={"If-Unmodified-Since": changed}).status == 200
    assert server.ask("GET", path, headers={"Range": "bytes=0-0", "If-Range": '"other"'}).status == 200
    assert server.ask("GET", path, headers={"Range": "bytes=0-0", "If-Range": etag}).status == 206


def test_conditions_of_writes(server):
    path = f"/{BUCKET}/once"
    assert server.ask("PUT", path, b"1", {"If-None-Match": "*"}).status == 200
    assert server.ask("PUT", path, b"2", {"If-None-Match": "*"}).code == "PreconditionFailed"
    etag = server.ask("HEAD", path).headers["etag"]
    assert server.ask("PUT", path, b"3", {"If-Match": '"other"'}).code == "PreconditionFailed"
    assert server.ask("PUT", path, b"4", {"If-Match": etag}).status == 200
    assert server.ask("PUT", f"/{BUCKET}/absent", b"4", {"If-Match": etag}).code == "NoSuchKey"
    assert get(server, "once") == b"4"


def test_only_one_of_16_writers_that_want_to_be_first_succeeds(server):
    statuses: list[int] = []

    def write(number: int) -> None:
        body = str(number).encode() * 1000
        statuses.append(server.ask("PUT", f"/{BUCKET}/first", body, {"If-None-Match": "*"}).status)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [412] * 15


def test_16_writers_of_one_key_leave_one_whole_version(server):
    threads = [threading.Thread(target=put, args=(server, "many", bytes([n]) * 300_000)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = get(server, "many")
    assert len(data) == 300_000 and len(set(data)) == 1
    assert parts_in_progress(server) == []


def test_a_reader_during_overwrites_sees_one_whole_version(server):
    """Each version is one byte repeated, with that byte as its media type: bytes, length and headers must agree."""
    stop = threading.Event()
    put(server, "torn", b"a" * MIB, content_type="x/a")

    def overwrite() -> None:
        number = 0
        while not stop.is_set():
            letter = "abcdefgh"[number % 8]
            put(server, "torn", letter.encode() * (MIB + number % 8 * 1000), content_type=f"x/{letter}")
            number += 1

    writer = threading.Thread(target=overwrite)
    writer.start()
    try:
        seen = set()
        for _ in range(60):
            answer = server.ask("GET", f"/{BUCKET}/torn")
            letter = chr(answer.body[0])
            assert set(answer.body) == {ord(letter)}
            assert answer.headers["content-type"] == f"x/{letter}"
            assert len(answer.body) == MIB + "abcdefgh".index(letter) * 1000
            seen.add(letter)
    finally:
        stop.set()
        writer.join()
    assert len(seen) > 1


def test_a_copy_keeps_or_replaces_the_headers(server):
    put(server, "from/é a+b", b"data", content_type="a/b", metadata={"m": "1"})
    client = server.minio
    client.copy_object(bucket_name=BUCKET, object_name="to", source=CopySource(BUCKET, "from/é a+b"))
    found = client.stat_object(bucket_name=BUCKET, object_name="to")
    assert (get(server, "to"), found.content_type, found.metadata["x-amz-meta-m"]) == (b"data", "a/b", "1")
    client.copy_object(
        bucket_name=BUCKET,
        object_name="to",
        source=CopySource(BUCKET, "to"),
        metadata={"m": "2"},
        metadata_directive=REPLACE,
    )
    assert client.stat_object(bucket_name=BUCKET, object_name="to").metadata["x-amz-meta-m"] == "2"
    itself = server.ask("PUT", f"/{BUCKET}/to", headers={"x-amz-copy-source": f"/{BUCKET}/to"})
    assert itself.code == "InvalidRequest"
    absent = server.ask("PUT", f"/{BUCKET}/to2", headers={"x-amz-copy-source": f"/{BUCKET}/absent"})
    assert absent.code == "NoSuchKey"
    outside = server.ask("PUT", f"/{BUCKET}/to2", headers={"x-amz-copy-source": f"/{BUCKET}/../.sys/meta.db"})
    assert outside.status == 400


def test_a_multipart_upload_of_unknown_length(server):
    data = os.urandom(11 * MIB)
    client = server.minio
    client.put_object(
        bucket_name=BUCKET, object_name="multi", data=io.BytesIO(data), length=-1, part_size=5 * MIB, content_type="m/p"
    )
    assert get(server, "multi") == data
    found = client.stat_object(bucket_name=BUCKET, object_name="multi")
    assert found.etag.strip('"').endswith("-3") and found.content_type == "m/p"
    sources = [ComposeSource(BUCKET, "multi", offset=1, length=6 * MIB), ComposeSource(BUCKET, "multi", length=3)]
    client.compose_object(bucket_name=BUCKET, object_name="composed", sources=sources)
    assert get(server, "composed") == data[1 : 6 * MIB + 1] + data[:3]
    assert parts_in_progress(server) == []


def begin(server, key: str) -> str:
    body = server.ask("POST", f"/{BUCKET}/{key}", query={"uploads": ""}).body.decode()
    return body.partition("<UploadId>")[2].partition("<")[0]


def put_part(server, key: str, upload_id: str, number: int, data: bytes) -> str:
    query = {"partNumber": str(number), "uploadId": upload_id}
    return server.ask("PUT", f"/{BUCKET}/{key}", data, query=query).headers["etag"]


def complete(server, key: str, upload_id: str, parts: list[tuple[int, str]]):
    rows = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag></Part>" for n, e in parts)
    body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
    return server.ask("POST", f"/{BUCKET}/{key}", body, query={"uploadId": upload_id})


def test_parts_in_any_order_with_gaps_and_replaced_ones(server):
    upload = begin(server, "gaps")
    put_part(server, "gaps", upload, 7, b"wrong")
    last = put_part(server, "gaps", upload, 7, b"end")
    first = put_part(server, "gaps", upload, 3, b"a" * 5 * MIB)
    put_part(server, "gaps", upload, 5, b"not chosen")
    listed = server.ask("GET", f"/{BUCKET}/gaps", query={"uploadId": upload}).body.decode()
    assert listed.count("<Part>") == 3 and last.strip('"') in listed
    assert "gaps" in server.ask("GET", f"/{BUCKET}", query={"uploads": ""}).body.decode()
    assert refused(server.minio.stat_object, bucket_name=BUCKET, object_name="gaps") == "NoSuchKey"
    assert complete(server, "gaps", upload, [(3, first), (7, last)]).status == 200
    assert get(server, "gaps") == b"a" * 5 * MIB + b"end"
    assert complete(server, "gaps", upload, [(3, first)]).code == "NoSuchUpload"


def test_what_cannot_be_completed(server):
    upload = begin(server, "wrong")
    small, last = (put_part(server, "wrong", upload, n, b"x" * n) for n in (1, 2))
    assert complete(server, "wrong", upload, [(1, small), (2, last)]).code == "EntityTooSmall"
    assert complete(server, "wrong", upload, [(2, last), (1, small)]).code == "InvalidPartOrder"
    assert complete(server, "wrong", upload, [(1, last)]).code == "InvalidPart"
    assert complete(server, "wrong", upload, [(3, last)]).code == "InvalidPart"
    assert complete(server, "wrong", upload, []).code == "InvalidPartOrder"
    assert complete(server, "other", upload, [(1, small)]).code == "NoSuchUpload"
    assert complete(server, "wrong", "../../tmp", [(1, small)]).code == "NoSuchUpload"
    broken = server.ask("POST", f"/{BUCKET}/wrong", b"<a><b>", query={"uploadId": upload})
    assert broken.code == "MalformedXML"
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><CompleteMultipartUpload>&b;</CompleteMultipartUpload>'
    assert server.ask("POST", f"/{BUCKET}/wrong", bomb, query={"uploadId": upload}).code == "MalformedXML"
    assert server.ask("DELETE", f"/{BUCKET}/wrong", query={"uploadId": upload}).status == 204
    assert server.ask("DELETE", f"/{BUCKET}/wrong", query={"uploadId": upload}).code == "NoSuchUpload"


def test_many_keys_are_deleted_at_once_and_wrong_ones_named(server):
    for number in range(20):
        put(server, f"del/{number}")
    wanted = [DeleteObject(f"del/{n}") for n in range(20)] + [DeleteObject("del/../up"), DeleteObject("absent")]
    errors = list(server.minio.remove_objects(bucket_name=BUCKET, delete_object_list=wanted))
    assert [(e.name, e.code) for e in errors] == [("del/../up", "InvalidArgument")]
    assert list(server.minio.list_objects(bucket_name=BUCKET, prefix="del/", recursive=True)) == []


@pytest.mark.parametrize("is_v1", [True, False])
def test_both_listings_page_through_many_keys(server, is_v1):
    prefix = f"list{is_v1}/ü"
    keys = sorted(f"{prefix}/{n // 40:02d}/{n:04d}" for n in range(90))
    for key in keys:
        put(server, key, b"")
    extra = {"max-keys": "7"}
    found = server.minio.list_objects(
        bucket_name=BUCKET, prefix=prefix, recursive=True, use_api_v1=is_v1, extra_query_params=extra
    )
    assert [o.object_name for o in found] == keys
    groups = server.minio.list_objects(bucket_name=BUCKET, prefix=prefix + "/", use_api_v1=is_v1)
    assert [o.object_name for o in groups] == [f"{prefix}/{n:02d}/" for n in range(3)]


def test_a_bucket_is_made_found_listed_and_removed_when_empty(server):
    client = server.minio
    client.make_bucket(bucket_name="another.bucket-1")
    assert client.bucket_exists(bucket_name="another.bucket-1")
    assert "another.bucket-1" in [b.name for b in client.list_buckets()]
    assert refused(client.make_bucket, bucket_name="another.bucket-1") == "BucketAlreadyOwnedByYou"
    head = server.ask("HEAD", "/another.bucket-1")
    assert (head.status, head.headers["x-amz-bucket-region"]) == (200, "us-east-1")
    assert b"<LocationConstraint" in server.ask("GET", "/another.bucket-1", query={"location": ""}).body
    assert server.ask("PUT", "/another.bucket-1/k", b"x").status == 200
    assert refused(client.remove_bucket, bucket_name="another.bucket-1") == "BucketNotEmpty"
    assert server.ask("DELETE", "/another.bucket-1/k").status == 204
    client.remove_bucket(bucket_name="another.bucket-1")
    assert not client.bucket_exists(bucket_name="another.bucket-1")
    assert server.ask("PUT", "/another.bucket-1/k", b"x").code == "NoSuchBucket"


@pytest.mark.parametrize(
    "name", ["ab", "A-bucket", ".sys", "a..b", "a.-b", "-ab", "ab-", "a_b", "a" * 64, "..", "%2e%2e"]
)
def test_names_that_are_no_buckets(server, name):
    assert server.ask("PUT", f"/{name}").status == 400
    assert server.ask("GET", f"/{name}/meta.db").status in (400, 404)


@pytest.mark.parametrize(
    "path",
    [
        "%2e%2e/x",
        "a/%2e%2e/%2e%2e/x",
        "a/../x",
        "./x",
        "a/./x",
        "a//x",
        "/x",
        "%2fx",
        "a%00b",
        "a%5cb",
        "%5c",
        "a/%5c",
        "x" * 256,
        "/".join(["x" * 200] * 6),
    ],
)
def test_keys_that_are_not_canonical_are_refused_not_repaired(server, path):
    before = sorted(str(p) for p in server.root.parent.rglob("*"))
    for method in ("PUT", "GET", "DELETE"):
        answer = server.ask(method, f"/{BUCKET}/{path}", b"x" if method == "PUT" else b"")
        assert (answer.status, answer.code in ("InvalidArgument", "KeyTooLongError")) == (400, True)
    assert sorted(str(p) for p in server.root.parent.rglob("*")) == before


@pytest.mark.parametrize("path", ["%c0%ae%c0%ae/x", "%ff", "%", "%2", "%zz", "%ed%a0%80"])
def test_bad_utf8_and_broken_escapes_are_malformed(server, path):
    answer = server.send("GET", f"/{BUCKET}/{path}", headers=server.signed("GET", f"/{BUCKET}/x"))
    assert (answer.status, answer.code) == (400, "InvalidURI")


def test_spellings_of_one_key_are_one_key(server):
    assert server.ask("PUT", f"/{BUCKET}/sp/%61%2Bb", b"x").status == 200
    for spelling in ("sp/a+b", "sp/a%2bb", "sp%2Fa%2Bb", "%73p/a%2Bb"):
        signed = server.signed("GET", f"/{BUCKET}/sp/a%2Bb")
        assert server.send("GET", f"/{BUCKET}/{spelling}", headers=signed).body == b"x"


def test_a_key_cannot_be_a_folder_of_another(server):
    put(server, "plain")
    assert server.ask("PUT", f"/{BUCKET}/plain/below", b"x").status == 400
    assert server.ask("GET", f"/{BUCKET}/plain/below").code == "NoSuchKey"
    put(server, "folder/below")
    assert server.ask("PUT", f"/{BUCKET}/folder", b"x").status == 400
    assert server.ask("GET", f"/{BUCKET}/folder").code == "NoSuchKey"
    assert server.ask("DELETE", f"/{BUCKET}/folder").status == 204
    assert get(server, "folder/below") == b"hello"


@pytest.mark.parametrize(
    "query",
    ["acl", "tagging", "policy", "retention", "legal-hold", "versionId=1", "torrent", "attributes", "x", "cors"],
)
def test_sub_resources_that_are_not_served_are_refused_before_anything_happens(server, query):
    put(server, "sub", b"kept")
    name, _, value = query.partition("=")
    for method in ("GET", "PUT", "DELETE", "POST"):
        body = b"<x/>" if method in ("PUT", "POST") else b""
        assert server.ask(method, f"/{BUCKET}/sub", body, query={name: value}).status == 501
        assert server.ask(method, f"/{BUCKET}", body, query={name: value}).status == 501
    assert server.ask("PUT", "/new-bucket", query={name: value}).status == 501
    assert get(server, "sub") == b"kept"
    assert not (server.root / "new-bucket").exists()


def test_headers_whose_promise_would_not_be_kept_are_refused(server):
    for name, value in (
        ("x-amz-acl", "public-read"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-server-side-encryption", "AES256"),
    ):
        assert server.ask("PUT", f"/{BUCKET}/hdr", b"x", {name: value}).status == 501
    assert refused(server.minio.stat_object, bucket_name=BUCKET, object_name="hdr") == "NoSuchKey"


def test_nothing_is_open_to_those_without_keys(server):
    put(server, "closed")
    for method, target in (
        ("GET", "/"),
        ("GET", f"/{BUCKET}"),
        ("GET", f"/{BUCKET}/closed"),
        ("HEAD", f"/{BUCKET}/closed"),
        ("PUT", f"/{BUCKET}/closed"),
        ("DELETE", f"/{BUCKET}/closed"),
        ("OPTIONS", f"/{BUCKET}/closed"),
        ("POST", f"/{BUCKET}"),
        ("GET", "/-/ready/../x"),
        ("GET", "/-/status"),
    ):
        answer = server.send(method, target)
        assert answer.status == 403
        assert answer.headers["content-type"] == "application/xml"
        assert answer.headers["x-amz-request-id"]
    assert server.send("GET", "/-/ready").status == 200


def test_the_error_document_has_its_four_elements_and_no_query(server):
    answer = server.send("GET", f"/{BUCKET}/a%20%3Cb%3E?X-Amz-Signature=tell-nobody")
    text = answer.body.decode()
    assert answer.headers["content-type"] == "application/xml"
    assert "<Resource>/harmony-test/a &lt;b&gt;</Resource>" in text
    assert f"<RequestId>{answer.headers['x-amz-request-id']}</RequestId>" in text
    assert "tell-nobody" not in text


def test_a_presigned_url_answers_with_the_name_and_type_it_was_signed_for(server):
    put(server, "p/é.nc", b"data")
    link = server.minio.get_presigned_url(
        method="GET",
        bucket_name=BUCKET,
        object_name="p/é.nc",
        expires=timedelta(seconds=60),
        response_headers={"response-content-type": "x/y", "response-content-disposition": 'attachment; filename="ü"'},
        extra_query_params={"A-userid": "joe"},
    )
    target = link.partition(server.netloc)[2]
    answer = server.send("GET", target, headers={"Authorization": "Bearer of-the-api", "Cookie": "a=b"})
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"data", "x/y")
    assert answer.headers["content-disposition"] == 'attachment; filename="ü"'.encode().decode("latin-1")
    assert server.send("GET", target.replace("A-userid=joe", "A-userid=eve")).code == "SignatureDoesNotMatch"
    assert server.send("PUT", target, b"x").code == "SignatureDoesNotMatch"
    split = target.replace("x%2Fy", quote("x/y\r\nset-cookie: a"))
    assert server.send("GET", split).status in (400, 403)


def test_a_response_header_cannot_be_split(server):
    put(server, "split")
    answer = server.ask("GET", f"/{BUCKET}/split", query={"response-content-type": "a\r\nx-evil: 1"})
    assert answer.status == 400


def test_a_refused_put_then_a_good_request_on_the_same_connection(server):
    put(server, "same")
    connection = http.client.HTTPConnection(server.netloc, timeout=20)
    evil = b"GET /harmony-test/same HTTP/1.1\r\nHost: x\r\n\r\n" * 1000
    for body in (evil, b"x" * 3 * MIB):
        connection.request("PUT", f"/{BUCKET}/same", body)
        response = connection.getresponse()
        assert (response.status, response.getheader("connection")) == (403, "close")
        assert response.read().count(b"<Error>") == 1
        connection.request("GET", f"/{BUCKET}/same", headers=server.signed("GET", f"/{BUCKET}/same"))
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"hello")
    connection.close()


def test_a_refused_put_that_expects_to_be_asked_is_not_asked(server):
    with server.connect() as plain:
        plain.sendall(b"PUT /harmony-test/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        answer = b""
        while piece := plain.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 403") and answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("flip", ["body", "hash", "md5"])
def test_a_damaged_body_stores_nothing(server, flip):
    put(server, "whole", b"before")
    path = f"/{BUCKET}/whole"
    headers = {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="} if flip == "md5" else {}
    if flip == "hash":
        headers["x-amz-content-sha256"] = "0" * 64
    signed = server.signed("PUT", path, b"after", headers)
    answer = server.send("PUT", path, b"aftes" if flip == "body" else b"after", signed)
    assert answer.code == ("BadDigest" if flip == "md5" else "XAmzContentSHA256Mismatch")
    assert get(server, "whole") == b"before"
    assert parts_in_progress(server) == []


def test_a_client_that_hangs_up_in_its_body_stores_nothing(server):
    head = server.signed("PUT", f"/{BUCKET}/hung", b"x" * 100)
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    with server.connect() as plain:
        plain.sendall(f"PUT /{BUCKET}/hung HTTP/1.1\r\n{lines}Content-Length: 100\r\n\r\n".encode() + b"x" * 50)
        plain.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + 10
    while parts_in_progress(server) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert parts_in_progress(server) == []
    assert refused(server.minio.stat_object, bucket_name=BUCKET, object_name="hung") == "NoSuchKey"


def test_chunked_transfer_without_a_length(server):
    """As boto3 and pyarrow send over https."""
    path = f"/{BUCKET}/chunked"
    signed = server.signed("PUT", path, headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    connection = http.client.HTTPConnection(server.netloc, timeout=20)
    connection.request("PUT", path, iter([b"abc", b"d" * 100_000]), signed, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert get(server, "chunked") == b"abc" + b"d" * 100_000


def test_the_log_has_a_line_for_each_request_and_no_secret(server):
    put(server, "logged/key")
    link = server.minio.presigned_get_object(bucket_name=BUCKET, object_name="logged/key")
    signature = link.partition("X-Amz-Signature=")[2]
    assert server.send("GET", link.partition(server.netloc)[2]).status == 200
    deadline = time.monotonic() + 10  # the line follows the answer
    while '"GET"' not in (text := server.store.log_path.read_text()).splitlines()[-1] and time.monotonic() < deadline:
        time.sleep(0.01)
    last = json.loads(text.splitlines()[-1])
    assert (last["method"], last["bucket"], last["key"], last["status"]) == ("GET", BUCKET, "logged/key", 200)
    assert (last["bytes"], last["access_key"], last["subject"]) == (5, server.access.access_key, "root")
    assert {"ms", "request_id", "at"} <= last.keys()
    command = Path(f"/proc/{server.store.pid}/cmdline").read_bytes().decode()
    for secret in (server.access.secret_key, signature):
        assert secret not in text
        assert secret not in command


def test_memory_stays_bounded_whatever_the_size(server):
    data = b"m" * (64 * MIB)
    put(server, "large", data)
    assert get(server, "large", offset=10, length=60 * MIB) == data[: 60 * MIB]
    status = Path(f"/proc/{server.store.pid}/status").read_text()
    peak_kb = int(status.partition("VmHWM:")[2].split()[0])
    assert peak_kb < 110 * 1024
