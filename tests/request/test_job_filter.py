"""Labels, link types, filters of jobs and of steps."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import RequestValidationError
from appliance.request.job_filter import (
    Choice,
    JobFilter,
    StepsQuery,
    parse_job_filter,
    parse_labels,
    parse_link_type,
    parse_steps_query,
)
from appliance.request.query import parameters


@given(st.lists(st.text(min_size=1, max_size=20), max_size=6))
def test_labels_are_clean_sorted_and_stay_so(texts: list[str]) -> None:
    try:
        labels = parse_labels(texts)
    except RequestValidationError:
        assert any(not text.strip() for text in texts)
        return
    assert parse_labels(labels) == labels == tuple(sorted(set(labels)))
    assert {text.strip().lower() for text in texts} == set(labels)


def test_labels_of_255_characters_and_emoji_are_fine() -> None:
    assert parse_labels(["x" * 255, "🛰"]) == ("x" * 255, "🛰")
    with pytest.raises(RequestValidationError, match=r"^Labels may not exceed 255 characters in length\.$"):
        parse_labels(["x" * 256])


@pytest.mark.parametrize(("text", "kind"), [("HTTP", "http"), ("https", "https"), ("S3", "s3"), ("", None)])
def test_link_types_in_any_case(text: str, kind: str | None) -> None:
    assert parse_link_type(parameters([("LINKTYPE", text)])) == kind


def test_other_link_types_are_refused() -> None:
    with pytest.raises(RequestValidationError, match=r"^Invalid linkType 'ftp' must be http, https, or s3$"):
        parse_link_type(parameters([("linktype", "ftp")]))


def test_the_list_of_jobs_is_filtered_by_any_of_the_labels() -> None:
    asked = parameters([("label", "B,a"), ("Label", "c"), ("label", ""), ("page", "2")])
    assert parse_job_filter(asked, username="ada") == JobFilter("ada", labels=("a", "b", "c"))


def test_the_filters_of_the_table_of_jobs() -> None:
    table = [
        {"value": "status: running with errors", "dbValue": "running_with_errors"},
        {"value": "service: x", "dbValue": "podaac/concise"},
        {"value": "provider: POCLOUD"},
        {"value": "user: ada.l"},
        {"value": "user: x"},
        {"value": "label: Mine"},
        {"value": "status: nonsense"},
        "rubbish",
    ]
    asked = parameters(
        [
            ("tableFilter", json.dumps(table)),
            ("disallowStatus", "on"),
            ("dateKind", "updatedAt"),
            ("fromDateTime", "2020-01-01T10:00"),
            ("tzOffsetMinutes", "-60"),
            ("sortGranules", "desc"),
        ]
    )
    found = parse_job_filter(asked, username=None, known_statuses=["running_with_errors"])
    assert (found.statuses, found.not_statuses, found.labels) == (("running_with_errors",), True, ("mine",))
    assert (found.services, found.providers) == (Choice(("podaac/concise",)), Choice(("pocloud",)))
    assert found.users == Choice(("ada.l",))
    assert (found.date_column, found.since, found.sort_by_granules) == (
        *("updatedAt", datetime(2020, 1, 1, 9, tzinfo=UTC), "desc"),
    )
    assert parse_job_filter(asked, username="ada").users == Choice()


def test_more_than_thirty_filters_are_too_many() -> None:
    table = json.dumps([{"value": "status: failed", "dbValue": "failed"}] * 31)
    with pytest.raises(RequestValidationError, match=r"^Maximum amount of filters \(30\) was exceeded\.$"):
        parse_job_filter(parameters([("tablefilter", table)]), username=None)


def test_what_harmony_py_asks_of_the_steps() -> None:
    asked = parameters(
        [
            *(("step", "1"), ("status", "failed"), ("status", "successful"), ("workItem", "1,2"), ("limit", "3")),
            *(("resolveFiles", "true"), ("wiLimit", "4"), ("step2page", "3"), ("linktype", "https")),
            *(("workItem95inputPage", "2"), ("workItem97outputPage", "2")),
        ]
    )
    assert parse_steps_query(asked) == StepsQuery(1, ("failed", "successful"), (1, 2), 3, {2: 3})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("step", "0", "step must be a positive integer"),
        ("step", "x", "step must be a positive integer"),
        ("workItem", "1,-2", "workItem must be a positive integer"),
        (
            "status",
            "done",
            "status must be one of: ready, queued, running, successful, failed, canceled, warning",
        ),
        (
            "staus",
            "ready",
            "Invalid parameter(s): staus. Allowed parameters are: step, status, workItem, and limit.",
        ),
        ("step1Page", "0", 'Parameter "step1page" is invalid. Must be an integer greater than or equal to 1.'),
    ],
)
def test_refusals_of_the_steps_in_the_published_words(name: str, value: str, words: str) -> None:
    with pytest.raises(RequestValidationError) as refused:
        parse_steps_query(parameters([(name, value)]))
    assert refused.value.message == words


@pytest.mark.parametrize(("text", "limit"), [("0", 1), ("-5", 1), ("7", 7), ("5000", 1000)])
def test_the_limit_of_the_steps_is_clamped(text: str, limit: int) -> None:
    assert parse_steps_query(parameters([("LIMIT", text)])).limit == limit


NAMES = st.sampled_from(
    ["step", "status", "workItem", "limit", "step3page", "tableFilter", "fromDateTime", "label", "x"]
)


@given(st.lists(st.tuples(NAMES, st.text(max_size=12)), max_size=5))
def test_any_text_is_a_filter_or_a_bad_request(pairs: list[tuple[str, str]]) -> None:
    for parse in (parse_steps_query, lambda given_: parse_job_filter(given_, username=None)):
        try:
            parse(parameters(pairs))
        except RequestValidationError:
            pass
