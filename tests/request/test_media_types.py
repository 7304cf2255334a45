"""Names of formats, the Accept header, wildcards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.request.media_types import accepts_anything, first_fitting, fits, parse_accept, parse_format


@pytest.mark.parametrize(
    ("text", "mime"),
    [
        ("application/netcdf", "application/netcdf"),
        ("application/x-netcdf4", "application/netcdf"),
        ("Application/NetCDF4", "application/netcdf"),
        ("application/x-netcdf", "application/netcdf"),
        (' "image/tiff" ', "image/tiff"),
        ("geotiff", "image/tiff"),
        ("NetCDF - 4", "application/netcdf"),
        ("HDF-EOS2", "application/x-hdf"),
        ("netcdf-4 (opendap url)", "application/x-netcdf4;profile=opendap_url"),
        ("Zarr", "application/x-zarr"),
        ("CSV", "text/csv"),
        ("a,b", "a,b"),
    ],
)
def test_names_and_aliases(text: str, mime: str) -> None:
    assert parse_format(text) == mime


@given(st.text(max_size=30))
def test_a_format_is_read_once_and_for_all(text: str) -> None:
    assert parse_format(parse_format(text)) == parse_format(text)


@pytest.mark.parametrize(
    ("header", "types"),
    [
        (None, ()),
        ("", ()),
        ("*/*", ("*/*",)),
        ("image/png;q=0.5, image/tiff", ("image/tiff", "image/png")),
        ("image/png, image/tiff", ("image/png", "image/tiff")),
        ("a/b;q=x, c/d;q=0.9", ("a/b", "c/d")),
        ("image/tiff; profile=cog; q=0.3, text/csv;q=.8", ("text/csv", "image/tiff")),
        ("application/x-netcdf4", ("application/netcdf",)),
        ("a/b;q=0, c/d", ("c/d",)),
    ],
)
def test_the_accept_header_by_quality_then_order(header: str | None, types: tuple[str, ...]) -> None:
    assert parse_accept(header) == types


@given(st.text(max_size=60))
def test_any_accept_header_is_a_list(header: str) -> None:
    assert all(mime for mime in parse_accept(header))


@pytest.mark.parametrize(
    ("wanted", "offered", "fitting"),
    [
        ("*/*", "image/png", True),
        ("*", "image/png", True),
        ("image/*", "image/png", True),
        ("image/*", "text/csv", False),
        ("*/tiff", "image/tiff", True),
        ("*/tiff", "image/png", False),
        ("application/x-netcdf4", "application/netcdf", True),
        ("image/png", "image/png", True),
        ("image/png", "image/gif", False),
    ],
)
def test_fitting(wanted: str, offered: str, fitting: bool) -> None:
    assert fits(wanted, offered) is fitting


def test_the_first_offer_that_fits() -> None:
    assert first_fitting("image/*", ["text/csv", "image/gif", "image/png"]) == "image/gif"
    assert first_fitting("image/*", ["text/csv"]) is None


def test_only_the_any_wildcard_accepts_anything() -> None:
    assert accepts_anything(["image/png", "*/*"]) and accepts_anything(["*"])
    assert not accepts_anything(["image/*", "*/tiff"])
