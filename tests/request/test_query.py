"""Parameters: case-blind names, lists, booleans, JSON bodies, unknown names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import RequestValidationError, SchemaValidationError
from appliance.request.query import (
    SchemaProblems,
    check_names,
    listed,
    number,
    pairs_of_json,
    parameters,
    url_with_query,
)

NAMES = st.text("abcXYZ", min_size=1, max_size=5)
ITEMS = st.lists(st.text(st.characters(exclude_characters=",", exclude_categories=["Cs"]), max_size=8), min_size=1)


@given(ITEMS)
def test_repeating_joining_and_both_are_the_same_list(items: list[str]) -> None:
    repeated = parameters([("v", item) for item in items])
    joined = parameters([("v", ",".join(items))])
    mixed = parameters([("v", items[0]), *([("V", ",".join(items[1:]))] if items[1:] else [])])
    assert repeated.items("v") == joined.items("v") == mixed.items("v") == tuple(items)


@given(NAMES, st.text(max_size=5))
def test_names_are_found_in_any_case(name: str, value: str) -> None:
    given_ = parameters([(name, value)])
    assert given_.values(name.swapcase()) == (value,)
    assert given_.unknown([name.swapcase()]) == []


@given(st.text(max_size=8))
def test_a_boolean_is_true_or_false_in_any_case_and_nothing_else(text: str) -> None:
    given_ = parameters([("flag", text)])
    word = text.strip().lower()
    if word in ("true", "false", ""):
        assert given_.boolean("FLAG") == {"true": True, "false": False, "": None}[word]
    else:
        with pytest.raises(RequestValidationError, match=r'^query parameter "flag" must be either true or false$'):
            given_.boolean("flag")


@given(st.text(max_size=12))
def test_a_number_is_finite_or_none(text: str) -> None:
    value = number(text)
    assert value is None or (value == value and abs(value) != float("inf"))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_printed_numbers_are_read_back(value: float) -> None:
    assert number(repr(value)) == value


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1_0", "0x10", "1e999", "", "--1", "1,2", "٣"])
def test_what_only_looks_like_a_number(text: str) -> None:
    assert number(text) is None


def test_a_name_in_query_and_body_is_refused_by_its_spelling() -> None:
    with pytest.raises(RequestValidationError) as refused:
        parameters([("format", "a"), ("label", "x")], [("label", "y"), ("format", "b"), ("FORMAT", "c")])
    assert refused.value.message == 'Duplicate keys "label,format" found from request body and query string!'
    assert parameters([("format", "a")], [("FORMAT", "b")]).text("format") == "a,b"


def test_unknown_names_keep_their_spelling() -> None:
    with pytest.raises(RequestValidationError) as refused:
        check_names(parameters([("outputCrz", "1"), ("SUBSET", "x"), ("maxResultz", "2")]), ["subset", "grid", "crs"])
    assert refused.value.message == (
        "Invalid parameter(s): outputCrz and maxResultz. Allowed parameters are: subset, grid, and crs."
    )


def test_lists_in_messages() -> None:
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b, and c"]
    assert listed(["a", "b", "c"], "or") == "a, b, or c"


def test_json_bodies_are_pairs() -> None:
    body = {"subset": ["lat(0:1)", "lon(2:3)"], "maxResults": 3, "forceAsync": True, "grid": None, "scaleSize": "1,2"}
    assert pairs_of_json(body) == [
        *(("subset", "lat(0:1)"), ("subset", "lon(2:3)"), ("maxResults", "3"), ("forceAsync", "true")),
        ("scaleSize", "1,2"),
    ]


@pytest.mark.parametrize("body", [None, 3, "text", [1], {"a": {"b": 1}}, {"a": [[1]]}])
def test_other_json_is_refused(body: object) -> None:
    with pytest.raises(RequestValidationError, match="request body"):
        pairs_of_json(body)


def test_violations_of_the_schema_are_told_together() -> None:
    problems = SchemaProblems()
    given_ = parameters([("width", "0"), ("scaleSize", "1"), ("scaleExtent", "1,2,3,x"), ("height", "2.5")])
    problems.numbers(given_, "scaleSize", 2, minimum=0)
    problems.integer(given_, "width", 1)
    problems.numbers(given_, "scaleExtent", 4)
    problems.integer(given_, "height", 1)
    with pytest.raises(SchemaValidationError) as refused:
        problems.raise_any()
    assert refused.value.message.split("\n\t") == [
        'query parameter "scaleSize" should NOT have fewer than 2 items',
        'query parameter "width" should be >= 1',
        'query parameter "scaleExtent[3]" should be number',
        'query parameter "height" should be integer',
    ]


def test_a_hundred_thousand_ids_in_one_part() -> None:
    ids = [f"G{n}-LOCAL" for n in range(100_000)]
    assert parameters([], [("granuleId", ",".join(ids))]).items("granuleid") == tuple(ids)


def test_the_url_of_a_post_is_that_of_the_same_get() -> None:
    assert (
        url_with_query("http://h/x", [("subset", "lat(0:1)"), ("a", "b c")]) == "http://h/x?subset=lat%280%3A1%29&a=b+c"
    )
    assert url_with_query("http://h/x", []) == "http://h/x"
