"""Pages of a listing, against a sorted list of keys in memory."""

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.embedded_s3.faults import S3Fault
from appliance.embedded_s3.files import Files
from appliance.embedded_s3.listing import Page, Wanted, list_page
from appliance.embedded_s3.metadata import Facts

SEGMENT = st.text(st.sampled_from("ab.-!0~é￿𐀀 +"), min_size=1, max_size=3).filter(lambda s: s not in (".", ".."))
KEY = st.lists(SEGMENT, min_size=1, max_size=4).map("/".join)
FRAGMENT = st.text(st.sampled_from("ab./-é"), max_size=3)


def put(files: Files, bucket: str, key: str, data: bytes = b"x") -> None:
    with files.draft() as (path, fd):
        os.write(fd, data)
        files.publish(path, files.flush(fd), bucket, key, Facts("etag", "a/b", {}), lambda present: None)


def filled(folder: Path, keys: list[str]) -> tuple[Files, list[str]]:
    """A store with those of `keys` that can stand together, and their names in byte order."""
    files = Files(folder, fsync=False)
    files.create_bucket("bucket")
    kept = []
    for key in keys:
        with contextlib.suppress(S3Fault):  # a and a/b
            put(files, "bucket", key)
            kept.append(key)
    return files, sorted(set(kept), key=str.encode)


def expected(keys: list[str], wanted: Wanted) -> list[str]:
    """Keys and groups that a listing must show, in order: the specification in five lines."""
    shown = []
    for key in (k for k in keys if k.startswith(wanted.prefix) and k.encode() > wanted.after.encode()):
        end = key.find(wanted.delimiter, len(wanted.prefix)) if wanted.delimiter else -1
        name = key if end < 0 else key[: end + len(wanted.delimiter)]
        if name not in shown and (end < 0 or name.encode() > wanted.after.encode()):
            shown.append(name)
    return shown


def names(page: Page) -> list[str]:
    return sorted([key for key, _ in page.objects] + page.groups, key=str.encode)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(
    keys=st.lists(KEY, max_size=12),
    prefix=FRAGMENT,
    delimiter=st.sampled_from(["", "/", "a", "b/", "é"]),
    after=FRAGMENT,
    limit=st.integers(1, 5),
)
def test_all_pages_together_show_what_a_sorted_list_shows(tmp_path_factory, keys, prefix, delimiter, after, limit):
    files, kept = filled(tmp_path_factory.mktemp("list") / "objects", keys)
    wanted = Wanted("bucket", prefix, delimiter, after, limit)
    shown: list[str] = []
    while True:
        page = list_page(files, wanted)
        assert len(names(page)) <= limit
        shown += names(page)
        if not page.last:
            break
        assert len(names(page)) == limit and page.last == shown[-1]
        wanted = Wanted("bucket", prefix, delimiter, page.last, limit)
    files.metadata.close()
    assert shown == expected(kept, Wanted("bucket", prefix, delimiter, after))


def test_a_folder_and_a_key_that_sorts_between_its_name_and_slash(tmp_path):
    files, _ = filled(tmp_path / "objects", ["a/b", "a-c", "a.d", "a0"])
    assert names(list_page(files, Wanted("bucket"))) == ["a-c", "a.d", "a/b", "a0"]


def test_prefix_siblings_are_not_listed(tmp_path):
    files, _ = filled(tmp_path / "objects", ["public/j1/1/a", "public/j10/1/a", "public/j2/1/a"])
    assert names(list_page(files, Wanted("bucket", "public/j1/"))) == ["public/j1/1/a"]
    assert names(list_page(files, Wanted("bucket", "public/j1"))) == ["public/j1/1/a", "public/j10/1/a"]


def test_a_folder_marker_is_a_key_of_its_own(tmp_path):
    files, _ = filled(tmp_path / "objects", ["d/", "d/a"])
    assert names(list_page(files, Wanted("bucket"))) == ["d/", "d/a"]
    assert list_page(files, Wanted("bucket", delimiter="/")).groups == ["d/"]
    files.delete("bucket", ["d/a"])
    assert names(list_page(files, Wanted("bucket"))) == ["d/"]


def test_empty_folders_pipes_and_symbolic_links_are_not_listed_nor_read(tmp_path):
    files, _ = filled(tmp_path / "objects", ["real/a"])
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "s").write_text("s")
    bucket = tmp_path / "objects" / "bucket"
    (bucket / "empty").mkdir()
    (bucket / "link").symlink_to(secret)
    (bucket / "file").symlink_to(secret / "s")
    os.mkfifo(bucket / "pipe")
    assert names(list_page(files, Wanted("bucket"))) == ["real/a"]
    assert names(list_page(files, Wanted("bucket", "link/"))) == []
    for key in ("link/s", "file", "pipe", "empty", "link"):
        with pytest.raises(S3Fault, match="NoSuchKey"):
            files.open("bucket", key)
    with pytest.raises(S3Fault):
        put(files, "bucket", "link/new")
    assert sorted(p.name for p in secret.iterdir()) == ["s"]


def test_a_prefix_cannot_leave_the_bucket(tmp_path):
    files, _ = filled(tmp_path / "objects", ["a/b"])
    for prefix in ("../", "../../", "a/../", ".sys/", "../.sys/", "/", "a//", "a/./"):
        assert names(list_page(files, Wanted("bucket", prefix))) == []


def test_a_page_of_no_keys_is_whole(tmp_path):
    files, _ = filled(tmp_path / "objects", ["a"])
    assert list_page(files, Wanted("bucket", limit=0)) == Page()


def test_rows_of_older_versions_do_not_pile_up(tmp_path):
    files, _ = filled(tmp_path / "objects", [])
    for number in range(20):
        put(files, "bucket", "k", b"x" * number)
    count = files.metadata._reader.execute("SELECT count(*) FROM objects").fetchone()[0]
    assert count <= 2
    files.delete("bucket", ["k"])
    assert files.metadata._reader.execute("SELECT count(*) FROM objects").fetchone()[0] == 0


def test_a_file_without_its_row_is_served_with_a_guessed_type(tmp_path):
    files, _ = filled(tmp_path / "objects", [])
    (tmp_path / "objects" / "bucket" / "a.png").write_bytes(b"12")
    opened = files.open("bucket", "a.png")
    os.close(opened.fd)
    assert (opened.info.content_type, opened.info.size_bytes) == ("image/png", 2)
