"""Coordinate reference systems by the texts that clients send."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import RequestValidationError
from appliance.request.crs import parse_crs

WGS84 = "+proj=longlat +datum=WGS84 +no_defs"


@pytest.mark.parametrize(
    "text",
    [
        *("EPSG:4326", "epsg:4326", "EPSGA:4326", "EPSG : 4326", "CRS:84", "CRS84", "WGS84", "WGS 84", "WGS_84"),
        *("urn:ogc:def:crs:EPSG::4326", "http://www.opengis.net/def/crs/EPSG/0/4326"),
        *("https://www.opengis.net/def/crs/OGC/1.3/CRS84", " EPSG:4326 "),
    ],
)
def test_the_forms_of_geographic_coordinates(text: str) -> None:
    found = parse_crs(text)
    assert (found.proj4, found.epsg) == (WGS84, "EPSG:4326")
    assert found.wkt.startswith("GEOGCS[") and found.text == text.strip()


@pytest.mark.parametrize(
    ("text", "epsg"),
    [
        ("NAD83", "EPSG:4269"),
        ("NAD27", "EPSG:4267"),
        ("WGS72", "EPSG:4322"),
        ("urn:ogc:def:crs:EPSG::3857", "EPSG:3857"),
        ("EPSG:6933", "EPSG:6933"),
        ("EPSG:3413", "EPSG:3413"),
        ("+proj=longlat +datum=WGS84", "EPSG:4326"),
        ("+no_defs +datum=WGS84 +type=crs +proj=longlat", "EPSG:4326"),
        ("+units=m +proj=laea +lat_0=90 +lon_0=0 +x_0=0 +y_0=0 +datum=WGS84 +no_defs", "EPSG:6931"),
        ("+proj=longlat +R=6371229", ""),
        ("+proj=sinu +R=6371007.181 +units=m", ""),
    ],
)
def test_codes_are_found_back(text: str, epsg: str) -> None:
    found = parse_crs(text)
    assert found.epsg == epsg
    assert dict(found.srs) == {"proj4": found.proj4, "wkt": found.wkt, "epsg": epsg}
    if text.startswith("+"):
        assert found.proj4 == text


@pytest.mark.parametrize("code", [4326, 3857, 3031, 3413, 32633])
def test_wkt_of_both_kinds_is_read(code: int) -> None:
    from pyproj import CRS

    for version in ("WKT1_GDAL", "WKT2_2019"):
        found = parse_crs(CRS.from_epsg(code).to_wkt(version))
        assert found.epsg == f"EPSG:{code}" and found.proj4 == parse_crs(f"EPSG:{code}").proj4


@pytest.mark.parametrize(
    "text",
    [
        *(
            "EPSG:1",
            "EPSG:99999999",
            "foo",
            "EPSG",
            "+proj=nonsense",
            "+",
            "PROJCS[",
            'GEOGCS["x"]',
            "4326",
            "EPSG:5703",
        ),
        *("+init=/etc/passwd", "+proj=longlat +datum=WGS84 +nadgrids=/etc/passwd", "+proj=longlat +geoidgrids=x.gtx"),
        "+" + "x" * 30_000,
    ],
)
def test_others_are_refused_in_the_published_words(text: str) -> None:
    with pytest.raises(RequestValidationError) as refused:
        parse_crs(text)
    assert refused.value.message == (
        'query parameter "crs/outputCrs" could not be parsed.  Try an EPSG code or Proj4 string.'
    )


@settings(max_examples=60)
@given(st.text(max_size=40) | st.text('+=projlnatumdWGS84EPSGC:[] "0123456789', max_size=60).map(lambda t: "+" + t))
def test_any_text_is_a_crs_or_a_bad_request(text: str) -> None:
    try:
        assert parse_crs(text).proj4
    except RequestValidationError:
        pass


def test_pyproj_is_imported_only_when_a_crs_is_named_and_never_brings_numpy() -> None:
    script = (
        "import sys; import appliance.request.coverage, appliance.services.match; assert 'pyproj' not in sys.modules;"
        "from appliance.request.crs import parse_crs; parse_crs('EPSG:3857');"
        "assert 'pyproj' in sys.modules;"
        "assert not {'numpy', 'shapely', 'rasterio', 'h5py', 'pandas'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
