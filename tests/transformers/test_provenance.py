"""Histories grow, whatever form they had before."""

import json
from datetime import UTC, datetime

import pytest

from transformers.formats.provenance import SCHEMA, entry, standard_line, version, with_entry, with_line

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"history": "line"}),
        ({"history": ""}, {"history": "line"}),
        ({"history": "old\n"}, {"history": "old\nline"}),
        ({"History": "old"}, {"History": "old\nline"}),
        ({"History": "a", "history": "b"}, {"History": "a\nline", "history": "b"}),
    ],
)
def test_a_line_is_appended_without_blank_lines(before, after):
    assert with_line(before, "line") == after


def test_the_standard_line_has_time_program_version_and_what_more_there_is():
    assert standard_line(NOW, "mask_shape") == f"2026-01-02T03:04:05+00:00 mask_shape {version()}"
    assert standard_line(NOW, "p", "?dap4.ce=/x").endswith(f"p {version()} ?dap4.ce=/x")


@pytest.mark.parametrize(
    ("before", "count"), [(None, 1), ('[{"a": 1}]', 2), ('{"a": 1}', 2), ("not json", 1), ("[]", 1)]
)
def test_an_object_is_appended_to_lists_single_objects_and_nothing(before, count):
    one = entry(NOW, "p", {"cut": True}, ["a.nc", "b.nc"], "https://example.org/S1")
    attributes = {} if before is None else {"history_json": before}
    found = json.loads(with_entry(attributes, one)["history_json"])
    assert len(found) == count
    assert found[-1] == {
        "date_time": "2026-01-02T03:04:05+00:00",
        "derived_from": ["a.nc", "b.nc"],
        "program": "p",
        "version": version(),
        "parameters": {"cut": True},
        "program_ref": "https://example.org/S1",
        "$schema": SCHEMA,
    }
