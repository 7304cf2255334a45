"""Every kind of file that rules tell apart, made small: which rule holds, where the granule is, how its axes lie."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from transformers.describe import describe
from transformers.facts.positions import Positions
from transformers.facts.projected import hidden_grid
from transformers.sample_files.cf import put_attributes, put_dimension, put_variable

LAT = {"units": "degrees_north", "standard_name": "latitude"}
LON = {"units": "degrees_east", "standard_name": "longitude"}


def tracked(path: Path, more: dict[str, tuple[np.ndarray, tuple[str, ...]]], **attributes: str) -> dict:
    """Facts of a file with a 1-D pair on `n` and more variables on `n` and `m`."""
    with h5py.File(path, "w") as file:
        put_attributes(file, attributes)
        dims = {"n": put_dimension(file, "n", 50), "m": put_dimension(file, "m", 4)}
        put_variable(file, "lat", np.linspace(-20, 20, 50), (dims["n"],), LAT)
        put_variable(file, "lon", np.linspace(100, 110, 50), (dims["n"],), LON)
        for name, (values, on) in more.items():
            put_variable(file, name, values, tuple(dims[d] for d in on))
    return describe(path)


@pytest.mark.parametrize(
    ("more", "attributes", "kind"),
    [
        ({"ssh": (np.zeros(50), ("n",))}, {}, "along-track"),
        ({"waveform": (np.zeros((50, 4)), ("n", "m"))}, {}, "along-track"),
        ({"o3": (np.zeros((50, 4)), ("n", "m")), "pressure": (np.arange(4.0), ("m",))}, {}, "profile"),
        ({"o3": (np.zeros((50, 4), "i2"), ("n", "m")), "pressure": (np.arange(4.0), ("m",))}, {}, "along-track"),
        ({"o3": (np.zeros(50), ("n",))}, {"featureType": "profile"}, "profile"),
        (
            {"ph_index_beg": (np.ones(50, "i8"), ("n",)), "segment_ph_cnt": (np.ones(50, "i4"), ("n",))},
            {},
            "trajectory",
        ),
        ({"h": (np.zeros(50), ("n",))}, {"short_name": "ATL08"}, "trajectory"),
    ],
)
def test_a_pair_on_one_dimension_is_a_track_of_the_kind_that_its_variables_show(tmp_path, more, attributes, kind):
    found = tracked(tmp_path / "t.h5", more, **attributes)
    assert found["kind"] == kind
    assert found["extent"]["bbox"] == [100.0, -20.0, 110.0, 20.0]
    assert len(found["extent"]["lines"]) == 1
    assert found["layouts"][0]["y"] == {"dimension": "n", "size": 50}
    assert found["layouts"][0]["x"] is None


def projected_file(path: Path, epsg: int, *, mapping: bool = True, units: str = "m") -> dict:
    """Facts of a 12 x 10 grid of 25 km cells around the origin of a CRS, y descending."""
    factor = {"m": 1.0, "km": 0.001}[units]
    with h5py.File(path, "w") as file:
        x = put_variable(file, "x", factor * 25_000 * (np.arange(10) - 4.5))
        y = put_variable(file, "y", factor * 25_000 * (5.5 - np.arange(12)))
        for axis, scale in (("x", x), ("y", y)):
            put_attributes(scale, {"units": units, "standard_name": f"projection_{axis}_coordinate"})
        ice = put_variable(file, "ice", np.zeros((12, 10), "f4"), (y, x))
        if mapping:
            put_attributes(ice, {"grid_mapping": "crs"})
            put_attributes(file.create_dataset("crs", data=np.int8(0)), {"crs_wkt": CRS.from_epsg(epsg).to_wkt()})
    return describe(path)


@pytest.mark.parametrize("units", ["m", "km"])
@pytest.mark.parametrize(("epsg", "pole"), [(3413, 90), (3976, -90), (6931, 90)])
def test_a_grid_around_a_pole_goes_around_the_globe_up_to_it(tmp_path: Path, epsg: int, pole: int, units: str):
    found = projected_file(tmp_path / "p.nc", epsg, units=units)
    assert found["kind"] == "grid-projected"
    ((west, south, east, north),) = found["extent"]["rectangles"]
    assert (west, east) == (-180, 180)
    assert pole in (south, north)
    assert 1.7 < north - south < 1.9  # the corners are 195 km from the pole
    assert found["layouts"][0]["geotransform"] == pytest.approx([-125_000, 25_000, 0, 150_000, 0, -25_000])
    ice = next(v for v in found["variables"] if v["name"] == "ice")
    assert (ice["role"], ice["layout"], ice["dim_types"]) == ("data", 0, ["OTHER", "OTHER"])
    assert found["grids"][0]["bounds"] == pytest.approx([-125_000, -150_000, 125_000, 150_000])


def test_projected_axes_without_a_crs_are_unknown_and_the_reason_says_what_is_missing(tmp_path: Path):
    found = projected_file(tmp_path / "p.nc", 3413, mapping=False)
    assert (found["kind"], found["extent"]["bbox"]) == ("unknown", None)
    assert found["reason"] == "x/y without a grid mapping (/x, /y); allowed: a grid_mapping with a CRS"


@settings(max_examples=30, deadline=None)
@given(
    epsg=st.sampled_from([6933, 6931, 3413, 3031]),
    x0=st.integers(-100, 90),
    y0=st.integers(-80, 80),
    rows=st.integers(6, 30),
    columns=st.integers(6, 30),
)
def test_a_grid_hidden_in_2d_positions_is_found_with_its_geotransform(epsg, x0, y0, rows, columns):
    x = 36_000.0 * (x0 + np.arange(columns) + 0.5)
    y = 36_000.0 * (y0 - np.arange(rows) - 0.5)
    lon, lat = Transformer.from_crs(epsg, 4326, always_xy=True).transform(*np.meshgrid(x, y))
    good = np.isfinite(lat) & np.isfinite(lon)
    found = hidden_grid(Positions(np.where(good, lat, np.nan), np.where(good, lon, np.nan)))
    assert found is not None
    if found.crs_source == f"EPSG:{epsg}":  # others of the list differ from it by less than a twentieth of a cell
        assert found.geotransform == pytest.approx((36_000 * x0, 36_000, 0, 36_000 * y0, 0, -36_000), rel=1e-6, abs=50)
    assert found.size == (columns, rows)


@pytest.mark.parametrize("south", [-4.0, 0.0, 30.0, 60.0])
def test_positions_that_are_regular_in_degrees_are_on_no_hidden_grid(south: float):
    lat, lon = np.meshgrid(south + np.arange(9.0), 10 + np.arange(7.0), indexing="ij")
    assert hidden_grid(Positions(lat, lon)) is None
    single = Positions(lat.astype("f4").astype("f8"), lon.astype("f4").astype("f8"))
    assert hidden_grid(single) is None


def test_axes_without_units_are_a_grid_by_guess_when_their_values_could_be_degrees(tmp_path: Path):
    with h5py.File(tmp_path / "g.nc", "w") as file:
        x = put_variable(file, "x", np.arange(0.0, 20.0))
        y = put_variable(file, "y", np.arange(40.0, 50.0))
        put_variable(file, "t2m", np.zeros((10, 20)), (y, x))
    found = describe(tmp_path / "g.nc")
    assert (found["kind"], found["evidence"]["kind"]["sureness"]) == ("grid-geographic", "guessed")
    assert found["extent"]["rectangles"] == [[-0.5, 39.5, 19.5, 49.5]]


@pytest.mark.parametrize("x", [np.arange(4.0), np.arange(500.0)])
def test_x_and_y_that_can_hardly_be_degrees_are_unknown(tmp_path: Path, x: np.ndarray):
    with h5py.File(tmp_path / "g.nc", "w") as file:
        dims = put_variable(file, "y", np.arange(40.0, 50.0)), put_variable(file, "x", x)
        put_variable(file, "t2m", np.zeros((10, x.size)), dims)
    found = describe(tmp_path / "g.nc")
    assert (found["kind"], found["extent"]["bbox"]) == ("unknown", None)


def test_several_swaths_in_a_file_share_one_extent_and_each_variable_its_own_pair(tmp_path: Path):
    with h5py.File(tmp_path / "two.nc", "w") as file:
        for group, east in (("FS", 10.0), ("HS", 60.0)):
            own = file.create_group(group)
            dims = put_dimension(own, "nscan", 9), put_dimension(own, "nray", 5)
            lat, lon = np.meshgrid(np.linspace(0, 8, 9), np.linspace(east, east + 4, 5), indexing="ij")
            put_variable(own, "lat", lat, dims, LAT)
            put_variable(own, "lon", lon, dims, LON)
            put_variable(own, "rain", np.zeros((9, 5), "f4"), dims)
    found = describe(tmp_path / "two.nc")
    assert found["kind"] == "swath"
    west, _, east, _ = found["extent"]["bbox"]
    assert west < 10 and east > 64
    pairs = {v["path"]: found["pairs"][v["pair"]]["latitude"] for v in found["variables"] if v["name"] == "rain"}
    assert pairs == {"FS/rain": "FS/lat", "HS/rain": "HS/lat"}
