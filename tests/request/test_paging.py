"""Pages and their links."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import RequestValidationError
from appliance.request.paging import Paging, paging_links, parse_paging
from appliance.request.query import parameters

URL = "https://h.example/jobs"


def links(page: int, limit: int, total: int) -> list[tuple[str, str]]:
    return [(link["rel"], link["title"]) for link in paging_links(URL, [], Paging(page, limit), total)]


@given(st.integers(1, 10_000), st.integers(0, 2000))
def test_parse_of_print_is_the_identity(page: int, limit: int) -> None:
    first = paging_links(URL, [("page", "7"), ("LIMIT", "1"), ("label", "a")], Paging(page, limit), page * limit)
    shown = next(link for link in first if link["rel"] == "self")["href"]
    query = parse_qs(urlsplit(shown).query)
    assert query["label"] == ["a"]
    given_ = parameters([(name, value) for name, values in query.items() for value in values])
    assert parse_paging(given_, default_limit=10) == Paging(page, limit)


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 300))
def test_following_next_from_the_first_page_shows_everything_once(page: int, limit: int, total: int) -> None:
    paging, seen = Paging(1, limit), []
    while True:
        seen += range(paging.offset, min(total, paging.offset + limit))
        rels = dict(links(paging.page, limit, total))
        if "next" not in rels:
            break
        paging = Paging(paging.page + 1, limit)
    assert seen == list(range(total))
    rels = [rel for rel, _ in links(page, limit, total)]
    assert rels == [rel for rel in ("first", "prev", "self", "next", "last") if rel in rels]


@pytest.mark.parametrize(
    ("page", "limit", "total", "rels"),
    [
        (1, 10, 23, ["self", "next", "last"]),
        (2, 10, 23, ["prev", "self", "next"]),
        (3, 10, 23, ["first", "prev", "self"]),
        (3, 10, 60, ["first", "prev", "self", "next", "last"]),
        (1, 10, 20, ["self", "next"]),
        (9, 10, 23, ["first", "self", "last"]),
        (1, 10, 0, ["self"]),
        (4, 0, 23, ["self"]),
    ],
)
def test_links_that_lead_nowhere_new_are_left_out(page: int, limit: int, total: int, rels: list[str]) -> None:
    assert [rel for rel, _ in links(page, limit, total)] == rels


def test_titles_count_pages_where_there_are_several() -> None:
    assert links(1, 10, 23) == [
        ("self", "The current page (1 of 3)"),
        ("next", "The next page (2 of 3)"),
        ("last", "The last page (3 of 3)"),
    ]
    assert links(1, 10, 3) == [("self", "The current page")]


@pytest.mark.parametrize("page", ["0", "-1", "x", "1.5", "99999999999999999999"])
def test_a_bad_page(page: str) -> None:
    with pytest.raises(RequestValidationError) as refused:
        parse_paging(parameters([("PAGE", page)]), default_limit=10)
    assert refused.value.message == 'Parameter "page" is invalid. Must be an integer greater than or equal to 1.'


@pytest.mark.parametrize("limit", ["-1", "2001", "x", "1,2"])
def test_a_bad_limit(limit: str) -> None:
    with pytest.raises(RequestValidationError) as refused:
        parse_paging(parameters([("limit", limit)]), default_limit=10)
    assert refused.value.message == (
        'Parameter "limit" is invalid. Must be an integer greater than or equal to 0 and less than or equal to 2000.'
    )


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_is_a_page_or_a_bad_request(page: str, limit: str) -> None:
    try:
        found = parse_paging(parameters([("page", page), ("limit", limit)]), default_limit=10)
    except RequestValidationError:
        return
    assert found.page >= 1 and 0 <= found.limit <= 2000
