"""The subset grammar: parse of print is the identity, the published words, no other errors."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import RequestValidationError
from appliance.request.subset import Subset, iso_milliseconds, parse_date_time, parse_subset, print_subset
from transformers.contract import BoundingBox, DimensionSubset, TemporalRange

LAT = st.floats(-90, 90)
LON = st.floats(-180, 180)
INSTANT = st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)).map(
    lambda t: t.replace(tzinfo=UTC, microsecond=t.microsecond // 1000 * 1000)
)
BOXES = st.builds(lambda w, e, a, b: BoundingBox(w, min(a, b), e, max(a, b)), LON, LON, LAT, LAT)
RANGES = st.builds(lambda a, b: TemporalRange(min(a, b), max(a, b)), INSTANT, INSTANT) | st.builds(
    TemporalRange, INSTANT
)
NAME = st.from_regex(r"[A-Za-z/_][A-Za-z0-9/_ .-]{0,10}[A-Za-z0-9]", fullmatch=True).filter(
    lambda n: n not in ("lat", "lon", "time")
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
DIMENSION = st.builds(lambda n, a, b: DimensionSubset(n, min(a, b), max(a, b)), NAME, FINITE, FINITE) | st.builds(
    DimensionSubset, NAME, st.none(), FINITE
)
SUBSETS = st.builds(
    Subset,
    st.none() | BOXES,
    st.none() | RANGES,
    st.lists(DIMENSION, max_size=3, unique_by=lambda d: d.name).map(tuple),
)


@given(SUBSETS)
def test_parse_of_print_is_the_identity(subset: Subset) -> None:
    assert parse_subset(print_subset(subset)) == subset


@given(st.lists(st.text(max_size=30), max_size=4))
def test_any_text_is_a_subset_or_a_bad_request(texts: list[str]) -> None:
    try:
        parse_subset(texts)
    except RequestValidationError as error:
        assert error.message.startswith('query parameter "subset" ')


@given(st.lists(st.from_regex(r'(lat|lon|time|z)\([-*:"0-9TZ. ]{0,25}\)?', fullmatch=True), max_size=4))
def test_nearly_right_text_is_a_subset_or_a_bad_request(texts: list[str]) -> None:
    try:
        parse_subset(texts)
    except RequestValidationError as error:
        assert error.message.startswith('query parameter "subset" ')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", 'unable to parse subset dimension from value ""'),
        ("lat", 'unable to parse subset dimension from value "lat"'),
        ("(0:1)", 'unable to parse subset dimension from value "(0:1)"'),
        ("lat(0:1", 'subset dimension "lat" could not be parsed'),
        ("lat(0)", 'subset dimension "lat" could not be parsed'),
        ("lat(:1)", 'subset dimension "lat" could not be parsed'),
        ("lat(0:1:2)", 'subset dimension "lat" could not be parsed'),
        ("lat()", 'subset dimension "lat" could not be parsed'),
        ("lat(0:1)x", 'subset dimension "lat" could not be parsed'),
        ("time(2020-01-01:2021-01-01)", 'subset dimension "time" could not be parsed'),
        ("lat(a:1)", 'subset dimension "lat" has an invalid numeric value "a"'),
        ("z(0:nan)", 'subset dimension "z" has an invalid numeric value "nan"'),
        ("lat(-91:1)", 'subset dimension "lat" values must be greater than -90'),
        ("lat(0:90.5)", 'subset dimension "lat" values must be less than 90'),
        ("lon(-180.5:0)", 'subset dimension "lon" values must be greater than -180'),
        ("lon(0:181)", 'subset dimension "lon" values must be less than 180'),
        ('time("yesterday":*)', 'subset dimension "time" has an invalid date time "yesterday"'),
        ('time("2020-02-30T00:00:00Z")', 'subset dimension "time" has an invalid date time "2020-02-30T00:00:00Z"'),
        ("lat(20:10)", 'subset dimension "lat" values must be ordered from low to high'),
        ("/lev(2:1)", 'subset dimension "/lev" values must be ordered from low to high'),
        ('time("2021-01-01":"2020-01-01")', 'subset dimension "time" values must be ordered from low to high'),
    ],
)
def test_errors_in_the_published_words(text: str, reason: str) -> None:
    with pytest.raises(RequestValidationError) as refused:
        parse_subset([text])
    assert refused.value.message == f'query parameter "subset" {reason}'


def test_an_axis_only_once() -> None:
    with pytest.raises(RequestValidationError, match='dimension "lat" was specified multiple times'):
        parse_subset(["lat(0:1)", "lon(0:1)", "lat(2:3)"])


@pytest.mark.parametrize(
    ("texts", "box"),
    [
        (["lat(1:2)"], (-180, 1, 180, 2)),
        (["lon(3:4)"], (3, -90, 4, 90)),
        (["lon(170:-170)", "lat(*:5)"], (170, -90, -170, 5)),
        (["lat(*:*)"], (-180, -90, 180, 90)),
        (["lat( -90 : 90 )", "lon(-180:180)"], (-180, -90, 180, 90)),
    ],
)
def test_boxes(texts: list[str], box: tuple[float, ...]) -> None:
    found = parse_subset(texts).bounding_box
    assert found is not None and tuple(found.as_list()) == box


def test_axis_names_are_case_sensitive() -> None:
    assert parse_subset(["Lat(100:200)", "/lev(0:1000)", "z(*:3)"]).dimensions == (
        DimensionSubset("Lat", 100, 200),
        DimensionSubset("/lev", 0, 1000),
        DimensionSubset("z", None, 3),
    )


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        (
            'time("2020-01-01T00:00:00":"2020-01-02T03:04:05.600000")',
            "2020-01-01T00:00:00.000Z",
            "2020-01-02T03:04:05.600Z",
        ),
        ('time("2020-01-01T05:00:00+05:00":*)', "2020-01-01T00:00:00.000Z", None),
        ('time(*:"2020-01-01")', None, "2020-01-01T00:00:00.000Z"),
        ('time("2020-06-01T00:00:00Z")', "2020-06-01T00:00:00.000Z", "2020-06-01T00:00:00.000Z"),
        ("time(*:*)", None, None),
        ("time(*)", None, None),
    ],
)
def test_times_as_clients_write_them(text: str, start: str | None, end: str | None) -> None:
    found = parse_subset([text]).temporal
    assert found is not None
    assert [t and iso_milliseconds(t) for t in (found.start, found.end)] == [start, end]


@given(INSTANT, st.integers(-12, 14))
def test_a_date_time_means_the_same_in_every_zone(instant: datetime, hours: int) -> None:
    there = instant.astimezone(timezone(timedelta(hours=hours)))
    assert parse_date_time(there.isoformat()) == instant


@given(st.text(max_size=30))
def test_any_text_is_a_date_or_none(text: str) -> None:
    found = parse_date_time(text)
    assert found is None or found.tzinfo is not None


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2020", "20200101", "2020-W01"]
)
def test_dates_beyond_the_calendar_and_other_notations_are_none(text: str) -> None:
    assert parse_date_time(text) is None
