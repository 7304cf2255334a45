"""Facts about missions' files: looked up by short name, beneath what the message says."""

import yaml

from transformers.quirks import QUIRKS, layout_of, with_quirks


def test_entries_that_match_are_merged_in_order(tmp_path):
    path = tmp_path / "quirks.yml"
    entries = [
        {"match": ["A*"], "layout": {"excluded": ["/x"], "crs": {"a": 1, "b": 2}, "epoch": "1"}},
        {"match": ["B", "AB"], "layout": {"excluded": ["/y"], "crs": {"b": 3}, "epoch": "2"}},
    ]
    path.write_text(yaml.safe_dump({"collections": entries}))
    assert layout_of("AB", path) == {"excluded": ["/x", "/y"], "crs": {"a": 1, "b": 3}, "epoch": "2"}
    assert layout_of("ab", path) == {}
    assert layout_of("", path) == {}
    assert with_quirks("B", {"epoch": "3"}, path) == {"excluded": ["/y"], "crs": {"b": 3}, "epoch": "3"}
    assert with_quirks("AB", {}, tmp_path / "absent.yml") == {}


def test_every_entry_of_the_shipped_file_has_a_source_and_patterns():
    entries = yaml.safe_load(QUIRKS.read_text())["collections"]
    assert entries
    for entry in entries:
        assert entry["source"].strip()
        assert entry["match"]
        assert isinstance(entry["layout"], dict)


def test_aura_times_count_from_1993():
    assert layout_of("OMBRO")["time_epoch"].startswith("1993-01-01")
    assert layout_of("ML2OH")["time_epoch"].startswith("1993-01-01")
