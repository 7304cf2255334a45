"""UMM-JSON files: every form in which records come, each record with its own bytes."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.metadata.record_files import holds_records, read_records, records_in
from appliance.metadata.umm import RecordError, kind_of
from tests.metadata_builders import item, umm_collection, umm_granule, umm_service, umm_variable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), min_size=1, max_size=4), st.sampled_from([None, 1, "\t"]))
def test_each_record_of_an_answer_keeps_its_bytes_whatever_stands_around_it(
    extras: list[dict[str, Any]], indent: int | str | None
) -> None:
    umms = [{**extra, **umm_granule(f"g{n}")} for n, extra in enumerate(extras)]
    document = {"hits": 2, "items": [item(umm, f"G{n}-P", umms=[1]) for n, umm in enumerate(umms)], "took": 1}
    text = json.dumps(document, indent=indent, ensure_ascii=indent is None)
    found = records_in(b"\xef\xbb\xbf" + text.encode())
    assert [json.loads(one.text) for one in found] == umms
    assert [one.meta["concept-id"] for one in found] == [f"G{n}-P" for n in range(len(umms))]
    assert all(one.text.decode() in text for one in found)


def test_a_bare_record_is_the_whole_file_byte_for_byte(tmp_path: Path) -> None:
    text = b'{ "GranuleUR" : "a",\n\t"CollectionReference":{"ShortName":"S","Version":"1"}, "x": 1.50 }\n'
    (tmp_path / "a.json").write_bytes(text)
    (found,) = read_records(tmp_path / "a.json")
    assert (found.kind, found.text, found.umm["x"]) == ("granule", text, 1.5)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda one: one,
        lambda one: {"meta": {}, "umm": one},
        lambda one: {"items": [one]},
        lambda one: [{"umm": one}],
    ],
)
def test_records_come_bare_as_items_in_answers_and_in_lists(wrapped: Any) -> None:
    (found,) = records_in(json.dumps(wrapped(umm_collection())).encode())
    assert found.umm == umm_collection()


@pytest.mark.parametrize(
    ("umm", "kind"),
    [
        (umm_collection(), "collection"),
        (umm_granule("g"), "granule"),
        (umm_variable("v"), "variable"),
        (umm_service("s"), "service"),
        ({"Name": "n", "MetadataSpecification": {"Name": "Grid"}}, "grid"),
        ({"GranuleUR": "g"}, "granule"),
        ({"ShortName": "S", "EntryTitle": "t"}, "collection"),
        ({"Name": "v", "Dimensions": []}, "variable"),
        ({"Name": "s", "ServiceKeywords": []}, "service"),
        ({"Name": "g", "GridDefinition": {}}, "grid"),
    ],
)
def test_the_kind_is_what_the_record_says_else_what_its_fields_say(umm: dict[str, Any], kind: str) -> None:
    assert kind_of(umm) == kind


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff{}", "byte 0 is not UTF-8"),
        (b"{} {}", "something follows"),
        (b'{"a": 1}', "no UMM record"),
        (b'{"items": []}', "no UMM record"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_holds_no_records_says_why(content: bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=reason):
        records_in(content)
    (tmp_path / "a.json").write_bytes(content)
    assert not holds_records(tmp_path / "a.json")
