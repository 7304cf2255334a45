"""Names, destinations, what is read back of a step's outputs, and what publishing puts where."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import UnavailableError
from appliance.runner.item_folder import ItemFolder, item_folder, producer_of
from appliance.runner.stage import Destination, StageError, publish, read_outputs, safe_name
from appliance.workflow.records import Output


@given(st.text(max_size=300))
def test_a_name_is_one_segment_of_a_key_or_refused(text):
    try:
        name = safe_name(text)
    except StageError:
        return
    assert name == unicodedata.normalize("NFC", text)
    assert name not in ("", ".", "..") and not set(name) & set("/\\\0\n") and len(name.encode()) <= 255


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\0b", "é" * 128, "\x1b[2J"])
def test_names_that_could_lead_elsewhere_are_refused(name):
    with pytest.raises(StageError, match="file name"):
        safe_name(name)


@pytest.mark.parametrize(
    ("url", "bucket", "prefix"),
    [
        (None, "harmony-staging", "public/j1/"),
        ("s3://mine", "mine", "j1/"),
        ("s3://mine/", "mine", "j1/"),
        ("s3://mine/a/b/", "mine", "a/b/j1/"),
    ],
)
def test_results_go_to_the_staging_bucket_or_where_the_user_says(url, bucket, prefix):
    assert Destination.of("j1", url, "harmony-staging") == Destination(bucket, prefix)


def output_of(path, index=0, **asset):
    data = {"href": str(path), "title": path.name, "type": "text/plain", "roles": ["data"], **asset}
    return Output(index, {"id": path.name, "bbox": [1, 2, 3, 4], "properties": {}, "assets": {"data": data}}, 1)


def test_outputs_of_one_name_do_not_overwrite_each_other(tmp_path):
    stored = {}
    outputs = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.txt").write_text(folder)
        outputs.append(output_of(tmp_path / folder / "same.txt"))

    def put(bucket, key, path, media_type):
        assert key not in stored
        stored[key] = path.read_text()

    _, links = publish(outputs, 7, Destination("harmony-staging", "public/j1/"), put)
    assert stored == {"public/j1/7/same.txt": "a", "public/j1/7/1/same.txt": "b"}
    assert [link.href for link in links] == [f"s3://harmony-staging/{key}" for key in stored]


def test_there_are_no_links_until_everything_is_stored(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)

    def put(bucket, key, path, media_type):
        if path.name == "b.txt":
            raise UnavailableError("the store is down")

    with pytest.raises(UnavailableError):
        publish([output_of(tmp_path / n) for n in ("a.txt", "b.txt")], 7, Destination("b", "p/"), put)


def test_companions_of_a_result_are_links_of_their_own_kind(tmp_path):
    for name in ("map.png", "map.pgw"):
        (tmp_path / name).write_text(name)
    output = output_of(tmp_path / "map.png", type="image/png")
    output.stac["assets"]["metadata"] = {"href": str(tmp_path / "map.pgw"), "roles": ["metadata"]}
    kinds = []
    _, links = publish([output], 1, Destination("b", "p/"), lambda b, k, p, media_type: kinds.append(media_type))
    assert [(link.rel, link.title) for link in links] == [("data", "map.png"), ("metadata", "map.pgw")]
    assert kinds == ["image/png", "application/octet-stream"]


@pytest.fixture
def folder(tmp_path):
    one = ItemFolder(tmp_path / "work" / "j1" / "1")
    one.prepare()
    return one


def write_catalog(folder, name, files, href="./{}"):
    links = []
    for file in files:
        item = {"id": file, "assets": {"data": {"href": href.format(file)}}}
        (folder.outputs / f"{file}.json").write_text(json.dumps(item))
        links.append({"rel": "item", "href": f"./{file}.json"})
    (folder.outputs / name).write_text(json.dumps({"links": [{"rel": "root", "href": f"./{name}"}, *links]}))


def test_each_catalog_of_a_batch_keeps_its_place(folder):
    for name in "abc":
        (folder.outputs / name).write_text(name * 3)
    write_catalog(folder, "catalog0.json", ["b"])
    write_catalog(folder, "catalog1.json", ["c", "a"])
    (folder.outputs / "batch-catalogs.json").write_text('["catalog0.json", "catalog1.json"]')
    outputs = read_outputs(folder)
    assert [(o.catalog_index, o.stac["id"], o.size_bytes) for o in outputs] == [(0, "b", 3), (1, "c", 3), (1, "a", 3)]


@pytest.mark.parametrize("href", ["../in/{}", "/etc/passwd", "file:///etc/passwd", "../../../other/1/out/x", "./link"])
def test_an_output_outside_its_folder_is_refused(folder, href):
    (folder.outputs / "link").symlink_to("/etc/passwd")
    write_catalog(folder, "catalog.json", ["x"], href=href)
    with pytest.raises(StageError, match="outside the item's output folder"):
        read_outputs(folder)


@pytest.mark.parametrize("text", ["", "[", "not json"])
def test_a_catalog_that_is_none_is_a_failure_that_names_it(folder, text):
    (folder.outputs / "catalog.json").write_text(text)
    with pytest.raises(StageError, match=r"output document catalog\.json"):
        read_outputs(folder)


def test_a_missing_output_is_a_failure_that_names_it(folder):
    write_catalog(folder, "catalog.json", ["x"])
    with pytest.raises(StageError, match="x is in the catalog, but not in the folder"):
        read_outputs(folder)


def test_what_an_earlier_attempt_left_is_gone_but_for_its_log(folder):
    (folder.outputs / "half.nc").write_text("half")
    (folder.inputs / "x").write_text("x")
    folder.log_path.write_text("attempt 1\n")
    folder.prepare()
    assert list(folder.outputs.iterdir()) == list(folder.inputs.iterdir()) == []
    assert folder.log_path.read_text() == "attempt 1\n"


def test_the_producer_of_a_path_is_told_from_the_path_alone(tmp_path):
    out = item_folder(tmp_path, "j1", 12).outputs
    assert producer_of(tmp_path, "j1", out / "a" / "b.nc") == 12
    assert producer_of(tmp_path, "j2", out / "b.nc") is None
    assert producer_of(tmp_path, "j1", item_folder(tmp_path, "j1", 12).inputs / "x") is None
    assert producer_of(tmp_path, "j1", tmp_path / "archive" / "x.nc") is None
