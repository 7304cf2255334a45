"""The parts of the swath subsetter that the manifest's granules do not reach."""

import netCDF4
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transformers.steps import message
from tests.transformers.swath_files import stored, write_swath
from transformers.formats.layout import Dimension, VariableInfo
from transformers.formats.netcdf import open_granule
from transformers.swath.bounds import bounds_text, item_box, longitude_bounds, root_attributes
from transformers.swath.masks import Mask, fit, mask_of, ruling
from transformers.swath.request import matching


def mask(group: str) -> Mask:
    return Mask(group, (), np.ones(()), {})


@pytest.mark.parametrize(
    ("groups", "asked", "expected"),
    [
        (["/data_01", "/data_20"], "/data_01/ku", "/data_01"),
        (["/s/Geolocation Fields"], "/s/Data Fields", "/s/Geolocation Fields"),
        (["/a/geo", "/b/geo"], "/b/data", "/b/geo"),
        (["/s/a/geo", "/s/b/geo"], "/s/c/data", "/s/a/geo"),
        (["/", "/g"], "/other/deep", "/"),
        (["/geolocation"], "/", "/geolocation"),
        (["/a/b", "/c/d"], "/", None),
        (["/a/b", "/c/d"], "/a", None),
    ],
)
def test_a_group_obeys_its_own_mask_or_that_of_its_nearest_kin(groups, asked, expected):
    """transformers-l2.md 4.5."""
    found = ruling(asked, {g: mask(g) for g in groups})
    assert (found and found.group) == expected


def info(path: str, **dims: int) -> VariableInfo:
    return VariableInfo(path, tuple(f"/{d}" if "/" not in d else d for d in dims), tuple(dims.values()), np.dtype("f4"))


def test_a_level_axis_as_long_as_the_track_is_not_cropped():
    latitude = info("/lat", rows=5)
    members = [info("/g/profile", level=5)]
    dimensions = {f"/{n}": Dimension(f"/{n}", 5) for n in ("rows", "level")}
    own = mask_of(latitude, np.ones(5, bool), cut=True)
    assert fit(own, members, dimensions) == {}
    dimensions["/level"] = Dimension("/level", 5, anonymous=True)
    assert fit(own, members, dimensions) == {"/rows": "/level"}


def test_a_mask_keeps_rows_with_a_pixel_inside_even_when_others_lie_between():
    inside = np.zeros((5, 3), bool)
    inside[[0, 4], 1] = True
    assert mask_of(info("/lat", r=5, c=3), inside, cut=True).keep["/r"].tolist() == [0, 4]
    assert list(mask_of(info("/lat", r=5, c=3), inside, cut=False).keep) == ["/r"]


@pytest.mark.parametrize(("dims", "expected"), [
    (("atrack", "xtrack", "fov"), ["atrack", "xtrack"]),
    (("ydim_grid", "xdim_grid", "look"), ["ydim_grid", "xdim_grid"]),
    (("am_pm", "y", "x"), ["y", "x"]),
])  # fmt: skip
def test_rows_and_columns_of_three_dimensions_and_any_element_counts(dims, expected):
    """D-4: the reference looks at the first element of the third dimension only."""
    inside = np.zeros((2, 3, 4), bool)
    inside[1, 2, 3] = True
    own = mask_of(info("/lat", **dict(zip(dims, (2, 3, 4), strict=True))), inside, cut=True)
    assert list(own.keep) == [f"/{d}" for d in expected]
    assert all(index.size == 1 for index in own.keep.values())


def test_names_are_matched_ignoring_case_blanks_and_underscores():
    known = {p: info(p) for p in ("/HDFEOS/SWATHS/X/Geolocation Fields/Latitude", "/wind_speed")}
    assert matching(["HDFEOS__SWATHS__X__Geolocation_Fields__latitude"], known) == [
        "/HDFEOS/SWATHS/X/Geolocation Fields/Latitude"
    ]
    assert matching(["//WindSpeed", "wind speed", "nothing"], known) == ["/wind_speed"]


@given(st.lists(st.floats(-180, 180), min_size=1, max_size=30))
def test_longitude_bounds_hold_every_longitude(values):
    lon = np.array(values)
    west, east = longitude_bounds(lon)
    assert (((lon - west) % 360 <= (east - west) % 360 + 1e-9) | (west == east) | (east - west == 360)).all()


def test_bounds_across_the_antimeridian_go_by_the_largest_gap():
    assert longitude_bounds(np.array([178.0, 179.5, -179.0, -177.0])) == (178.0, -177.0)
    assert longitude_bounds(np.array([-10.0, 10.0])) == (-10.0, 10.0)
    assert longitude_bounds(np.array([np.nan])) is None


def test_the_items_box_of_0_to_360_may_run_west_of_180():
    lat = np.array([1.0, 2.0])
    assert item_box([(lat, np.array([170.0, 190.0]))], to_360=True).as_list() == [170.0, 1.0, -170.0, 2.0]
    assert item_box([(lat, np.array([0.01, 359.99]))], to_360=True).as_list() == [-180.0, 1.0, 180.0, 2.0]
    assert item_box([(lat * np.nan, lat)], to_360=False) is None


def test_the_outline_is_the_four_corners_or_the_box():
    lat, lon = np.meshgrid([0.0, 1.0], [10.0, 11.0], indexing="ij")
    corners = "POLYGON ((10.00000 0.00000, 11.00000 0.00000, 11.00000 1.00000, 10.00000 1.00000, 10.00000 0.00000))"
    assert bounds_text(lat, lon) == corners
    lon[0, 0] = np.nan
    assert bounds_text(lat, lon).count(",") == 4


def test_root_attributes_keep_their_types_and_old_ones_go():
    before = {
        "geospatial_lat_min": "-90", "geospatial_lon_max": np.float32(180), "northernmost_latitude": 90.0,
        "product_name": "old.nc", "title": "t",
    }  # fmt: skip
    after = root_attributes(before, [(np.array([1.0, 2.0]), np.array([3.0, 4.0]))], "new.nc")
    assert after["geospatial_lat_min"] == "1.0"
    assert after["geospatial_lon_max"] == np.float32(4)
    assert after["geospatial_lon_max"].dtype == np.float32
    assert "northernmost_latitude" not in after
    assert "geospatial_lat_max" not in after
    assert (after["product_name"], after["title"]) == ("new.nc", "t")


@pytest.fixture
def profiles(tmp_path):
    """Six profiles of five layers; altitude 0..4 km, the top of profile 2 missing."""
    path = tmp_path / "profiles.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("profile", 6)
        file.createDimension("level", 5)
        file.createDimension("channel", 3)
        for name, values in (("latitude", np.arange(6.0)), ("longitude", np.arange(6.0))):
            file.createVariable(name, "f4", ("profile",), fill_value=np.float32(-1))[:] = values
        altitude = file.createVariable("altitude", "f4", ("profile", "level"), fill_value=np.float32(-9))
        altitude[:] = np.arange(5.0)[None].repeat(6, 0)
        altitude[2, 3:] = np.ma.masked
        file.createVariable("o3", "i8", ("profile", "level"), fill_value=np.int64(-9))[:] = 2**60 + np.arange(
            30
        ).reshape(6, 5)
        file.createVariable("radiance", "i4", ("channel",), fill_value=np.int32(-1))[:] = [1, 2, 3]
    return path


def test_layers_in_range_are_cropped_and_the_rest_of_the_same_shape_is_blanked(profiles, run_guarded):
    operation = message(bbox=[0, 1, 10, 3], dimensions=[{"name": "altitude", "min": 2, "max": 3}])
    file = run_guarded("subset_swath", operation, [profiles]).file
    assert stored(file, "altitude").tolist() == [[2, 3], [2, -9], [2, 3]]
    kept = stored(file, "o3") - 2**60  # 64-bit integers pass exactly (D-13)
    assert kept[[0, 2]].tolist() == [[7, 8], [17, 18]]
    assert stored(file, "o3")[1].tolist() == [2**60 + 12, -9]


def test_without_cut_all_layers_stay(profiles, run_guarded):
    operation = message(cut=False, dimensions=[{"name": "/altitude", "min": None, "max": 1}])
    file = run_guarded("subset_swath", operation, [profiles]).file
    assert stored(file, "altitude")[0].tolist() == [0, 1, -9, -9, -9]


@pytest.mark.parametrize(("cut", "expected"), [(True, [2, 3]), (False, [-1, 2, 3])])
def test_a_dimension_without_a_variable_counts_from_zero(cut, expected, profiles, run_guarded):
    operation = message(cut=cut, dimensions=[{"name": "channel", "min": 1, "max": 2}])
    assert stored(run_guarded("subset_swath", operation, [profiles]).file, "radiance").tolist() == expected


def test_no_layer_in_range_is_no_data(profiles, run_guarded):
    operation = message(dimensions=[{"name": "altitude", "min": 50, "max": 60}])
    assert run_guarded("subset_swath", operation, [profiles]).error["category"] == "nodata"


def test_impossible_milliseconds_of_a_scan_time_are_refused(tmp_path, run_guarded):
    path = write_swath(tmp_path / "a.nc", *np.mgrid[:3, :2].astype("f8"))
    with netCDF4.Dataset(path, "a") as file:
        group = file.createGroup("ScanTime")
        fields = {"Year": 2020, "Month": 1, "DayOfMonth": 1, "Hour": 0, "Minute": 0, "Second": 0, "MilliSecond": 1000}
        for name, value in fields.items():
            group.createVariable(name, "i2", ("rows",))[:] = value
    error = run_guarded("subset_swath", message(), [path]).error["error"]
    assert "a.nc: /ScanTime/MilliSecond: milliseconds outside 0 to 999" in error


def test_one_dimension_cut_in_two_ways_is_told_apart(tmp_path, run_guarded):
    """Two swaths that share root dimensions, each with a box of its own inside."""
    path = tmp_path / "two.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("n", 6)
        for name, start in (("a", 0.0), ("b", 3.0)):
            group = file.createGroup(name)
            group.createVariable("lat", "f4", ("n",))[:] = np.arange(6) + start
            group.createVariable("lon", "f4", ("n",))[:] = 1.0
            group.createVariable("v", "i4", ("n",))[:] = np.arange(6)
    file = run_guarded("subset_swath", message(bbox=[0, 3.5, 2, 5.5]), [path]).file
    assert stored(file, "a/v").tolist() == [4, 5]
    assert stored(file, "b/v").tolist() == [1, 2]


def test_chunks_and_filters_of_the_input_are_kept(tmp_path, run_guarded):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("r", 50)
        file.createDimension("c", 40)
        for name, value in (("lat", np.arange(50.0)[:, None] + np.zeros(40)), ("lon", np.zeros((50, 40)))):
            file.createVariable(name, "f4", ("r", "c"))[:] = value
        data = file.createVariable("v", "i2", ("r", "c"), zlib=True, complevel=7, chunksizes=(20, 30), fletcher32=True)
        data[:] = 1
    with open_granule(run_guarded("subset_swath", message(bbox=[-1, 10, 1, 40]), [path]).file) as granule:
        found = granule.variables["/v"]
        assert (found.chunks, found.filters.deflate, found.filters.fletcher32) == ((20, 30), 7, True)
        assert granule.variables["/lat"].filters.deflate
