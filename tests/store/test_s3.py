"""What the appliance says to a store, against a real one; and what it makes of a store that is broken."""

import hashlib
import http.server
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.errors import NotFoundError, RequestValidationError, UnavailableError
from appliance.store.child import EmbeddedStore
from appliance.store.s3 import PART_BYTES, Store, StoreAccess, StoreFullError, disposition, part_bytes
from tests.running import coverage_environment

BUCKET = "harmony-staging"


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreAccess]:
    """The access to a running embedded store."""
    embedded = EmbeddedStore(
        tmp_path_factory.mktemp("store") / "objects", fsync=False, environment=coverage_environment()
    )
    yield embedded.start()
    embedded.stop()


@pytest.fixture(scope="module")
def store(access: StoreAccess) -> Store:
    """A store with its bucket."""
    made = Store(access)
    made.ensure_bucket(BUCKET)
    made.ensure_bucket(BUCKET)
    return made


def read(store: Store, key: str, start: int = 0, length: int | None = None) -> bytes:
    with store.open_range(BUCKET, key, start, length) as pieces:
        return b"".join(pieces)


def link(store: Store, key: str, **changes) -> str:
    asked = {"seconds": 60, "file_name": "a.nc", "media_type": "x/y", "extra": {}, **changes}
    return store.presigned_get(BUCKET, key, **asked)


def test_a_file_comes_back_byte_for_byte_with_its_type(store, tmp_path):
    data = os.urandom(3 * PART_BYTES // 2)  # two parts
    (tmp_path / "f").write_bytes(data)
    store.put_file(BUCKET, "public/j0/1/f.nc", tmp_path / "f", "application/x-netcdf4")
    found = store.stat(BUCKET, "public/j0/1/f.nc")
    assert found is not None
    assert (found.bucket, found.key, found.size_bytes) == (BUCKET, "public/j0/1/f.nc", len(data))
    assert found.media_type == "application/x-netcdf4" and found.etag and '"' not in found.etag
    assert found.modified_at.utcoffset().total_seconds() == 0
    assert hashlib.sha256(read(store, "public/j0/1/f.nc")).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, None, b"0123456789"), (3, None, b"3456789"), (3, 2, b"34"), (0, 1, b"0"), (9, 99, b"9"), (4, 0, b"")],
)
def test_a_range_is_read(store, start, length, expected):
    store.put_bytes(BUCKET, "ranges/r", b"0123456789", "a/b")
    assert read(store, "ranges/r", start, length) == expected


def test_a_range_past_the_end_and_an_absent_key_are_told_apart(store):
    store.put_bytes(BUCKET, "ranges/r", b"0123456789", "a/b")
    with pytest.raises(RequestValidationError, match="InvalidRange"):
        read(store, "ranges/r", 10)
    with pytest.raises(NotFoundError):
        read(store, "ranges/absent")
    assert store.stat(BUCKET, "ranges/absent") is None
    assert store.stat("no-such-bucket", "ranges/absent") is None


def test_an_empty_file_is_an_object(store):
    store.put_bytes(BUCKET, "empty/e", b"", "a/b")
    assert read(store, "empty/e") == b""


def test_a_prefix_takes_no_sibling_along(store):
    for key in ("public/j1/1/a", "public/j1/2/b", "public/j10/1/c"):
        store.put_bytes(BUCKET, key, b"x", "a/b")
    assert [o.key for o in store.list_keys(BUCKET, "public/j1/")] == ["public/j1/1/a", "public/j1/2/b"]
    assert store.delete_prefix(BUCKET, "public/j1/") == 2
    assert store.delete_prefix(BUCKET, "public/j1/") == 0
    assert [o.key for o in store.list_keys(BUCKET, "public/j10/")] == ["public/j10/1/c"]


@pytest.mark.parametrize("prefix", ["", "/", "//"])
def test_a_whole_bucket_is_neither_listed_nor_deleted(store, prefix):
    with pytest.raises(ValueError, match="allowed"):
        store.delete_prefix(BUCKET, prefix)
    with pytest.raises(ValueError, match="allowed"):
        list(store.list_keys(BUCKET, prefix))


def test_a_deletion_needs_the_slash_of_its_folder(store):
    with pytest.raises(ValueError, match="and its slash"):
        store.delete_prefix(BUCKET, "public/j1")


def test_more_keys_than_one_page_are_deleted(store, access):
    folder = "many"
    threads = [
        threading.Thread(
            target=lambda n=n: [store.put_bytes(BUCKET, f"{folder}/{n}-{i}", b"", "a/b") for i in range(260)]
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.delete_prefix(BUCKET, f"{folder}/") == 1040


def test_an_absent_key_may_be_deleted(store):
    store.put_bytes(BUCKET, "once/o", b"x", "a/b")
    store.delete(BUCKET, "once/o")
    store.delete(BUCKET, "once/o")
    assert store.stat(BUCKET, "once/o") is None


def test_a_link_gives_the_bytes_under_the_name_and_type_it_was_made_for(store):
    store.put_bytes(BUCKET, "l/é.nc", b"data", "a/b")
    url = link(store, "l/é.nc", file_name='Ä "1".nc', extra={"A-userid": "joe", "A-api-request-uuid": "1-2"})
    with urllib.request.urlopen(url) as answer:
        assert (answer.read(), answer.headers["content-type"]) == (b"data", "x/y")
        assert answer.headers["content-disposition"] == disposition('Ä "1".nc')
    assert "A-userid=joe" in url
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url.replace("joe", "eve"))


def test_a_link_is_signed_for_the_public_endpoint_without_asking_anybody(access):
    elsewhere = Store(replace(access, endpoint="http://127.0.0.1:9", public_endpoint="https://data.example:8443"))
    assert link(elsewhere, "k").startswith(f"https://data.example:8443/{BUCKET}/k?")


def test_a_link_lives_between_a_second_and_a_week(store):
    for seconds in (0, 604_801):
        with pytest.raises(ValueError, match="life of a link"):
            link(store, "k", seconds=seconds)


def test_names_in_links_are_ascii_and_utf8():
    assert disposition("a.nc") == "attachment; filename=\"a.nc\"; filename*=UTF-8''a.nc"
    assert disposition('é"\\\r\n.nc') == "attachment; filename=\"_____.nc\"; filename*=UTF-8''%C3%A9%22%5C%0D%0A.nc"


def test_ten_thousand_parts_are_always_enough():
    for size in (0, 1, PART_BYTES, 10_000 * PART_BYTES, 10_000 * PART_BYTES + 1, 5 * 2**40):
        assert part_bytes(size) * 10_000 >= size and part_bytes(size) % PART_BYTES == 0
    assert part_bytes(10_000 * PART_BYTES) == PART_BYTES


def test_a_store_that_is_up_says_so(store):
    assert store.is_up() is None


def test_a_store_that_is_down_is_unavailable_and_says_why(access):
    down = Store(replace(access, endpoint="http://127.0.0.1:9"))
    assert "does not answer" in (down.is_up() or "")
    with pytest.raises(UnavailableError, match="does not answer") as caught:
        down.put_bytes(BUCKET, "k", b"x", "a/b")
    assert caught.value.status == 503
    with pytest.raises(UnavailableError):
        down.stat(BUCKET, "k")


def test_keys_that_the_store_refuses_are_unavailable_and_not_shown(access):
    wrong = Store(replace(access, secret_key="not-the-secret-key"))
    assert "refuses our keys" in (wrong.is_up() or "")
    with pytest.raises(UnavailableError, match="refuses our keys") as caught:
        wrong.put_bytes(BUCKET, "k", b"x", "a/b")
    assert "not-the-secret-key" not in str(caught.value)


def test_a_malformed_key_is_refused_before_or_by_the_store(store):
    for key in ("a/../b", "a//b", "x" * 300):
        with pytest.raises(RequestValidationError):
            store.put_bytes(BUCKET, key, b"x", "a/b")


def test_access_is_printed_without_its_secret(access):
    assert access.secret_key not in repr(access)


class Broken(http.server.BaseHTTPRequestHandler):
    """A store of another make, with its own idea of an error."""

    answer = (500, "text/xml", b"")

    def do_PUT(self) -> None:
        """Read, then refuse."""
        self.rfile.read(int(self.headers["content-length"]))
        status, kind, body = self.answer
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("status", "kind", "body", "expected"),
    [
        (507, "application/xml", b"<Error><Code>InsufficientStorage</Code></Error>", StoreFullError),
        (507, "application/xml", b"<Error><Code>XMinioStorageFull</Code></Error>", StoreFullError),
        (507, "text/plain", b"full", StoreFullError),
        (403, "text/xml", b"<Error><Code>AccessDenied</Code></Error>", UnavailableError),
        (404, "text/xml", b"<Error><Code>NoSuchBucket</Code></Error>", NotFoundError),
        (503, "application/xml", b"<Error><Code>SlowDown</Code></Error>", UnavailableError),
    ],
)
def test_errors_of_other_servers_are_told_apart(access, status, kind, body, expected):
    handler = type("Handler", (Broken,), {"answer": (status, kind, body)})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        other = Store(replace(access, endpoint=f"http://127.0.0.1:{server.server_address[1]}"))
        with pytest.raises(expected) as caught:
            other.put_bytes(BUCKET, "k", b"x", "a/b")
        server.shutdown()
    assert isinstance(caught.value, StoreFullError) == (expected is StoreFullError)


def test_importing_the_store_does_not_import_minio():
    script = "import sys, appliance.store.s3, appliance.store.child; print('minio' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert out.stdout == "False\n"
