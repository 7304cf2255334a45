"""Units of time, against cftime and against arithmetic."""

from datetime import UTC, datetime, timedelta

import cftime
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.coordinates.times import day_of_year, parse_date, parse_unit, time_unit

STEPS = {"milliseconds": 1e-3, "seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(lambda d: d.replace(tzinfo=UTC))


@given(
    word=st.sampled_from(sorted(STEPS)),
    epoch=st.datetimes(datetime(1900, 1, 1), datetime(2020, 1, 1)).map(lambda d: d.replace(microsecond=0)),
    value=st.integers(-1000, 1_000_000),
)
def test_values_mean_what_cftime_says(word, epoch, value):
    text = f"{word} since {epoch:%Y-%m-%d %H:%M:%S}"
    expected = cftime.num2pydate(value, text)
    found = parse_unit(text).instants(np.array([value, np.nan]))
    assert found[0] == np.datetime64(expected, "us")
    assert np.isnat(found[1])


@given(instant=INSTANTS, word=st.sampled_from(["seconds", "milliseconds"]))
def test_an_instant_becomes_its_value_and_back(instant, word):
    unit = parse_unit(f"{word} since 1993-01-01")
    back = unit.instants(np.array([unit.value_of(instant)]))[0]
    assert abs(back - np.datetime64(instant.replace(tzinfo=None), "us")) <= np.timedelta64(1, "us")


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        ("seconds since 2000-1-1 0:0:0 0", datetime(2000, 1, 1)),
        ("Seconds since 1993-01-01T00:00:00Z", datetime(1993, 1, 1)),
        ("seconds since 01-JAN-1993", datetime(1993, 1, 1)),
        ("Mid-scan time in seconds since 2012-03-04 05:06:07.5", datetime(2012, 3, 4, 5, 6, 7, 500_000)),
        ("hours since 1900-01-01 00:00:0.0", datetime(1900, 1, 1)),
        ("minutes since 1970-01-01T00:00:00+02:00", datetime(1969, 12, 31, 22)),
        ("days since 1950-01-01 00:00:00 -5", datetime(1950, 1, 1, 5)),
    ],
)
def test_the_many_spellings_of_an_epoch(text, epoch):
    assert parse_unit(text).epoch == epoch.replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "s", "seconds", "degrees", "months since 2000-01-01", "days since yesterday",
                                  "days since 2000-13-01"])  # fmt: skip
def test_what_names_no_epoch_is_no_unit(text):
    assert parse_unit(text) is None


@pytest.mark.parametrize("calendar", ["360_day", "noleap", "julian"])
def test_rare_calendars_compare_as_cftime_does(calendar):
    unit = time_unit({"units": "days since 2000-01-01", "calendar": calendar})
    march = cftime.date2num(cftime.datetime(2001, 3, 1, calendar=calendar), "days since 2000-01-01", calendar)
    assert unit.value_of(datetime(2001, 3, 1, tzinfo=UTC)) == march


def test_the_standard_calendar_is_julian_before_1582():
    unit = time_unit({"units": "days since 1-1-1", "calendar": "standard"})
    # Julian day 1721423.5 is 1 January 1 (Julian calendar); 2451545.0 is noon of 1 January 2000.
    assert unit.instants(np.array([2451544.5 - 1721423.5]))[0] == np.datetime64("2000-01-01")


def test_large_counts_keep_their_microseconds():
    unit = parse_unit("seconds since 1970-01-01")
    assert unit.instants(np.array([1.6e9 + 0.25]))[0] == np.datetime64("2020-09-13T12:26:40.250000")


def test_days_of_the_year():
    assert day_of_year("2015-123T01:02:03.4") == datetime(2015, 1, 1, tzinfo=UTC) + timedelta(122)
    assert day_of_year("2015-12-03") is None
    assert parse_date("nothing") is None
