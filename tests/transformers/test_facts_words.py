"""What files and their names say: attributes, texts, short names, versions, dates; and the weighing of times."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.facts import file_name
from transformers.facts.bridge_grid import arithmetic_fits, bridge_range
from transformers.facts.identity import identity
from transformers.facts.instants import iso_ms, parse_instant, with_time
from transformers.facts.said import Said, as_text, first, key_values, odl_values
from transformers.facts.said_times import SaidRange, production_time, said_range
from transformers.facts.time_range import time_range
from transformers.facts.variable_times import VariableRange

INSTANTS = st.datetimes(datetime(1850, 1, 1), datetime(2200, 12, 31)).map(
    lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000, tzinfo=UTC)
)


def words(**said: str) -> tuple[Said, ...]:
    return tuple(Said(name.lower(), value, f"/@{name}") for name, value in said.items())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(INSTANTS)
def test_an_instant_written_in_any_of_our_forms_is_read_back(instant: datetime):
    assert parse_instant(iso_ms(instant)) == instant
    whole = instant.replace(microsecond=0)
    assert parse_instant(whole.strftime("%Y%m%dT%H%M%SZ").rjust(16, "0")) == whole
    assert parse_instant(whole.strftime("%Y-%m-%d %H:%M:%S")) == whole
    assert with_time(whole.replace(hour=0, minute=0, second=0), whole.strftime("%H:%M:%S")) == whole


@pytest.mark.parametrize(
    "text", ["", "yesterday", "0000-00-00", "1849-12-31", "2201-01-01", "2024-13-01", "12", "Fri Feb 12"]
)
def test_what_is_no_instant_of_our_time_is_none(text: str):
    assert parse_instant(text) is None


@given(INSTANTS.map(lambda t: t.replace(microsecond=0)), st.sampled_from(["A_{}_B.nc", "{}.h5", "x-{}-001.nc4"]))
def test_a_date_time_in_a_file_name_is_found_and_its_day_too(instant: datetime, pattern: str):
    name = pattern.format(f"{instant:%Y%m%dT%H%M%S}".rjust(15, "0"))
    assert file_name.times(name) == (instant, instant)
    assert file_name.date(name) == instant.replace(hour=0, minute=0, second=0)


@pytest.mark.parametrize(
    ("name", "short", "version", "start", "end"),
    [
        ("S6A_P4_2__HR_RED__NR_014_191_20210403T004056_20210403T005056_F00.nc", "S6A_P4_2__HR_RED__NR", None,
         "2021-04-03T00:40:56", "2021-04-03T00:50:56"),
        ("2020_01_02_3200ff_global.nc", "global", None, "2020-01-02", "2020-01-02T23:59:59.999"),
        ("MLS-Aura_L2GP-OH_v06-01-c01_2005d160.he5", "MLS-Aura_L2GP-OH", "06-01",
         "2005-06-09", "2005-06-09T23:59:59.999"),
        ("OMI-Aura_L2-OMBRO_2020m0116t1207-o82471_v003-2020m0116t182003.he5", "OMI-Aura_L2-OMBRO", "003",
         "2020-01-16T12:07", "2020-01-16T12:07"),
        ("MOD08_D3.A2023001.061.psrpcs_001701881265.hdf", "MOD08_D3", "061", "2023-01-01", "2023-01-01T23:59:59.999"),
        ("2A.GPM.DPR.V9-20211125.20140308-S220950-E004217.000144.V07A.HDF5", "2A.GPM.DPR", None,
         "2014-03-08T22:09:50", "2014-03-09T00:42:17"),
        ("f16_ssmis_20200102v7.nc", "f16_ssmis", None, "2020-01-02", "2020-01-02T23:59:59.999"),
        ("B01.tif", None, None, None, None),
        ("africa.nc", "africa", None, None, None),
    ],
)  # fmt: skip
def test_names_give_away_short_name_version_and_time(name, short, version, start, end):
    assert file_name.short_name(name) == short
    assert file_name.version(name) == version
    assert file_name.times(name) == (None if start is None else (at(start), at(end)))


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a.b.NC4", "a.b"), ("a.nc", "a"), ("a.HDF5", "a"), ("a.txt", "a.txt"), (".nc", ".nc"), ("a.tar.zip", "a.tar")],
)
def test_the_stem_loses_only_the_last_data_extension(name: str, stem: str):
    assert file_name.stem(name) == stem


def test_attributes_come_before_the_name_and_the_name_before_the_folder():
    found = identity(words(short_name="S", title="T", product_version="2"), "MY_L2_20240101.nc", "folder")
    assert (found["short_name"], found["version"], found["title"], found["source"]) == ("S", "2", "T", "attribute")
    found = identity((), "MY_L2_20240101_v03.nc", "folder")
    assert (found["short_name"], found["version"], found["source"], found["sureness"]) == (
        "MY_L2",
        "03",
        "name",
        "guessed",
    )
    assert found["title"] == "MY_L2 version 03"
    found = identity((), "01.nc", "folder")
    assert (found["short_name"], found["version"], found["source"]) == ("folder", "1", "folder")


@pytest.mark.parametrize("placeholder", ["SET_BY_META", "none", "N/A", "TBD", "unknown", ""])
def test_placeholders_are_nobodys_name(placeholder: str):
    found = identity(words(ShortName=placeholder, identifier_product_type="REAL"), "x_20240101.nc", "f")
    assert found["short_name"] == "REAL"


@pytest.mark.parametrize(
    ("value", "taken"), [("PRODUCT-L2", True), ("two words", False), ("G_20240101", False), ("stem", False)]
)
def test_an_acdd_id_counts_only_when_it_cannot_name_the_granule(value: str, taken: bool):
    assert (identity(words(id=value), "stem.nc", "f")["short_name"] == value) == (taken or value == "stem")
    assert (identity(words(id=value), "stem.nc", "f")["source"] == "attribute") == taken


def test_a_version_that_is_a_time_stamp_is_refused_and_version_id_stands_before_collection_version():
    assert identity(words(VersionID="20240101120000", product_version="7"), "a.nc", "f")["version"] == "7"
    assert identity(words(collection_version="1", version_id="3"), "a.nc", "f")["version"] == "3"


def test_a_doi_is_bare():
    assert identity(words(identifier_product_doi="doi:10.5067/X"), "a.nc", "f")["doi"] == "10.5067/X"
    assert identity(words(doi="https://doi.org/10.5067/X"), "a.nc", "f")["doi"] == "10.5067/X"


def test_key_value_lines_and_core_metadata_are_read():
    assert [(w.name, w.value) for w in key_values("DOIshortName=2ADPR;\nGranuleNumber=;\nnot a line\n", "p")] == [
        ("doishortname", "2ADPR"),
        ("granulenumber", ""),
    ]
    odl = """GROUP = INVENTORYMETADATA
      OBJECT = MEASUREDPARAMETERCONTAINER
        CLASS = "1"
        OBJECT = PARAMETERNAME
          NUM_VAL = 1
          VALUE = "BrO"
        END_OBJECT = PARAMETERNAME
      END_OBJECT = MEASUREDPARAMETERCONTAINER
      OBJECT = VERSIONID
        VALUE = (3)
      END_OBJECT = VERSIONID"""
    assert [(w.name, w.value) for w in odl_values(odl, "p")] == [("parametername", "BrO"), ("versionid", "3")]


@pytest.mark.parametrize("bomb", ["OBJECT = a\n" * 90_000, "\n" * 1_000_000, "a=" * 500_000, "VALUE = x\n" * 90_000])
def test_texts_made_to_choke_on_yield_nothing_in_the_end(bomb: str):
    assert odl_values(bomb, "p") == []
    assert key_values(bomb, "p") == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(" a ", "a"), (np.int32(3), "3"), (np.array([5]), "5"), (b"x\0", "x\0"), (np.array([1, 2]), None), (None, None)],
)
def test_single_values_become_text_and_arrays_none(value, text):
    assert as_text(value) == text


def test_the_order_of_names_beats_the_order_of_places():
    said = (Said("b", "2", "/"), Said("a", "1", "/meta"))
    assert first(said, ("A", "B")) == Said("a", "1", "/meta")


@pytest.mark.parametrize(
    ("said", "start", "end"),
    [
        (words(time_coverage_start="2024-01-01T00:00:00Z", time_coverage_end="2024-01-01T01:00:00Z"),
         "2024-01-01T00:00", "2024-01-01T01:00"),
        (words(start_date="2015-07-02", start_time="08:42:00", stop_date="2015-07-02", stop_time="10:23:56"),
         "2015-07-02T08:42:00", "2015-07-02T10:23:56"),
        (words(RangeBeginningDate="2021-01-10", RangeEndingDate="2021-01-11"), "2021-01-10", "2021-01-11T23:59:59.999"),
        (words(start_time="20190805T065501Z", stop_time="20190805T065958Z"),
         "2019-08-05T06:55:01", "2019-08-05T06:59:58"),
        (words(time_coverage_start="2024-01-01T00:00:00Z"), "2024-01-01", None),
        (words(time_coverage_start="2024-01-02", time_coverage_end="2024-01-01", StartUTC="2024-01-05",
               EndUTC="2024-01-05"),
         "2024-01-05", "2024-01-05T23:59:59.999"),
    ],
)  # fmt: skip
def test_the_first_complete_pair_of_attributes_counts(said, start, end):
    found = said_range(said)
    assert found is not None
    assert (found.start, found.end) == (at(start), at(end) if end else None)


def test_production_time_takes_date_and_clock_from_two_attributes_and_skips_what_it_cannot_read():
    assert production_time(words(creation_date="2015-07-02", creation_time="11:25:11")) == at("2015-07-02T11:25:11")
    assert production_time(words(production_date_time="soon", creation_date="2015-07-02")) == at("2015-07-02")
    assert production_time(()) is None


HELD = VariableRange(at("2024-06-01T10:00"), at("2024-06-01T11:00"), ("/time",))
NOON = VariableRange(at("2024-06-01T12:00"), at("2024-06-01T12:00"), ())


@pytest.mark.parametrize(
    ("said", "held", "name", "expected"),
    [
        (SaidRange(at("2024-06-01T09:59:30"), at("2024-06-01T11:00"), "a"), HELD, "x",
         ("2024-06-01T09:59:30", "2024-06-01T11:00:00", "attributes", False)),
        (SaidRange(at("2024-06-01T10:30"), at("2024-06-01T12:00"), "a"), HELD, "x",
         ("2024-06-01T10:00:00", "2024-06-01T12:00:00", "attributes and variables", False)),
        (SaidRange(at("2020-01-01"), at("2020-01-02"), "a"), HELD, "x",
         ("2024-06-01T10:00:00", "2024-06-01T11:00:00", "variables", True)),
        (SaidRange(at("2024-06-01T09:00"), None, "a"), HELD, "x",
         ("2024-06-01T09:00:00", "2024-06-01T11:00:00", "attributes and variables", False)),
        (SaidRange(at("2024-06-02"), at("2024-06-03"), "a"), NOON, "x",
         ("2024-06-02T00:00:00", "2024-06-03T00:00:00", "attributes", False)),
        (None, HELD, "x_20240703", ("2024-06-01T10:00:00", "2024-06-01T11:00:00", "variables", False)),
        (None, NOON, "x_20240601.nc",
         ("2024-06-01T00:00:00", "2024-06-01T23:59:59", "variables", False)),
        (None, NOON, "x_20240602.nc",
         ("2024-06-01T12:00:00", "2024-06-01T12:00:00", "variables", True)),
        (None, None, "x_2024152.nc", ("2024-05-31T00:00:00", "2024-05-31T23:59:59", "name", False)),
    ],
)  # fmt: skip
def test_attributes_variables_and_name_are_weighed_as_the_table_says(said, held, name, expected):
    found = time_range(said, held, name)
    assert (found["start"][:19], found["end"][:19], found["source"], found["warning"] is not None) == expected


@given(
    start=INSTANTS.filter(lambda t: 1852 < t.year < 2199),
    length=st.timedeltas(timedelta(0), timedelta(days=300)),
    shift=st.timedeltas(timedelta(days=-300), timedelta(days=300)),
    said_length=st.timedeltas(timedelta(0), timedelta(days=300)),
)
def test_the_range_holds_every_valid_time_but_for_a_minute_or_a_single_value(start, length, shift, said_length):
    held = VariableRange(start, start + length, ("/t",))
    found = time_range(SaidRange(start + shift, start + shift + said_length, "a"), held, "x")
    if not held.is_single:
        slack = timedelta(seconds=60, milliseconds=1)
        assert parse_instant(found["start"]) <= held.start + slack
        assert parse_instant(found["end"]) >= held.end - slack


def centres(low: float, high: float, count: int) -> np.ndarray:
    return low + (high - low) / count * (np.arange(count) + 0.5)


@pytest.mark.parametrize(
    ("lat", "lon", "fits"),
    [
        (centres(-90, 90, 1800), centres(-180, 180, 3600), True),
        (centres(-90, 90, 180)[::-1], centres(-180, 180, 360), True),
        (np.linspace(-90, 90, 361), np.linspace(-180, 179.375, 576), True),
        (centres(-90, 90, 72), centres(-180, 180, 144), True),
        (centres(-90, 90, 720), centres(0, 360, 1440), False),
        (centres(30, 45, 150), centres(-30, -15, 150), False),
        (np.array([1.0]), centres(-180, 180, 360), False),
    ],
)
def test_the_bridge_understands_global_grids_from_minus_180_only(lat, lon, fits):
    assert arithmetic_fits(lat, lon) == fits


@pytest.mark.parametrize(
    ("low", "high", "size", "span", "descending", "expected"),
    [
        (-10, 20, 360, 360.0, False, (169, 200)),
        (56, 68, 180, 180.0, False, (145, 158)),
        (56, 68, 180, 180.0, True, (21, 34)),
        (-10, 20, 3600, 360.0, False, (1699, 2000)),
    ],
)
def test_the_bridge_counts_from_minus_half_the_span(low, high, size, span, descending, expected):
    assert bridge_range(low, high, size, span, descending=descending) == expected
