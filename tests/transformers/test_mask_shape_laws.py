"""What holds for any mask: which cells are kept, what they are filled with, and that nothing else changes."""

import itertools
import json
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transformers.mask_steps import mask
from transformers.sample_files.grids import FILL16, GridSpec, write_grid

FIELDS = {"sea_surface_temperature", "wind_speed", "air_temperature"}
# How HDF5 and netCDF-4 keep dimensions; their names are compared instead.
OF_THE_LIBRARY = {"DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME", "_Netcdf4Dimid", "_Netcdf4Coordinates"}
POLAR = pyproj.CRS.from_epsg(3413)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("masks")


def stored(path: Path, name: str) -> np.ndarray:
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        return file[name][...]


def everything_but_values(path: Path) -> dict:
    """Kinds, shapes, chunks, filters and attributes of all objects of a file, and values of what is no field."""
    found = {}

    def see(name, thing):
        attributes = {k: np.asarray(v).tobytes() for k, v in thing.attrs.items() if k not in OF_THE_LIBRARY}
        found[name] = [type(thing).__name__, attributes]
        if isinstance(thing, h5py.Dataset):
            found[name] += [thing.shape, thing.dtype, thing.chunks, thing.compression, thing.shuffle]
            found[name] += (
                [[scale.name for scale in axis.values()] for axis in thing.dims] if not thing.is_scale else []
            )
            found[name] += [] if name in FIELDS else [thing[...].tobytes()]

    with h5py.File(path) as file:
        file.visititems(see)
        found["/"] = {k: v for k, v in file.attrs.items() if k not in ("history", "_NCProperties")}
    return found


@st.composite
def grids(draw: st.DrawFn) -> GridSpec:
    west = draw(st.sampled_from([-180.0, -20.0, 0.0, 165.0, 340.0]))
    whole = west in (-180.0, 0.0) and draw(st.booleans())
    return GridSpec(
        step_deg=5.0,
        west=west,
        east=west + (360.0 if whole else 40.0),
        south=-40.0,
        north=30.0,
        levels_hpa=draw(st.sampled_from([(), (1000.0, 500.0)])),
        north_first=draw(st.booleans()),
        bounds=draw(st.booleans()),
        time=draw(st.booleans()),
        packing=draw(st.booleans()),
    )


@st.composite
def shapes(draw: st.DrawFn) -> shapely.Polygon:
    """A triangle of some area, now and then with a hole, near where the grids are. Unrolled: longitudes beyond 180."""
    points = draw(st.lists(st.tuples(st.integers(-30, 30), st.integers(-30, 30)), min_size=3, max_size=3, unique=True))
    triangle = shapely.Polygon(points)
    if triangle.area < 20:
        triangle = shapely.Polygon([(-21, -22), (23, -1), (2, 24)])
    holed = triangle.difference(shapely.Point(triangle.centroid).buffer(2.0, quad_segs=1))
    chosen = holed if isinstance(holed, shapely.Polygon) and draw(st.booleans()) else triangle
    return shapely.affinity.translate(chosen, draw(st.sampled_from([0, 180, -180, 90])))


def overlapping(path: Path, shape: shapely.Polygon) -> np.ndarray:
    """The plain definition: every cell, at every turn, against the unrolled shape. Shape (lat, lon)."""
    lat, lon = np.meshgrid(stored(path, "lat"), stored(path, "lon"), indexing="ij")
    kept = np.zeros(lat.shape, bool)
    for turn in (-720, -360, 0, 360, 720):
        cells = shapely.box(lon + turn - 2.5, lat - 2.5, lon + turn + 2.5, lat + 2.5)
        kept |= shapely.area(shapely.intersection(cells, shape)) > 1e-4
    return kept


@settings(max_examples=40)
@given(spec=grids(), shape=shapes())
def test_the_cells_that_overlap_the_shape_keep_their_values_and_the_others_are_filled(folder, spec, shape):
    granule = write_grid(folder / "in.nc4", spec)
    result = mask(folder, granule, shape)
    assert result.file.name == "in_subsetted.nc4"
    kept = overlapping(granule, shape)
    with h5py.File(granule) as file:
        names = FIELDS & set(file)
    assert names
    for name in names:
        before, after = stored(granule, name), stored(result.file, name)
        np.testing.assert_array_equal(after, np.where(kept, before, before.dtype.type(FILL16)))
    assert everything_but_values(result.file) == everything_but_values(granule)


@settings(max_examples=15)
@given(spec=grids(), first=shapes(), second=shapes())
def test_masks_of_two_shapes_unite_as_the_shapes_do_and_a_second_time_changes_nothing(folder, spec, first, second):
    granule = write_grid(folder / "in.nc4", spec)
    features = [
        {"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(s))} for s in (first, second)
    ]
    both = mask(folder, granule, {"type": "FeatureCollection", "features": features}).file
    again = mask(folder, both, {"type": "FeatureCollection", "features": features}).file
    name = "wind_speed"
    one, two = (stored(mask(folder, granule, s).file, name) for s in (first, second))
    np.testing.assert_array_equal(stored(both, name), np.where(one == FILL16, two, one))
    np.testing.assert_array_equal(stored(again, name), stored(both, name))


def test_a_shape_and_a_box_are_both_obeyed(folder):
    granule = write_grid(folder / "in.nc4", GridSpec(step_deg=5))
    shape, box = shapely.Polygon([(-20, -20), (30, 0), (0, 30)]), [0, -10, 170, 12]
    together = mask(folder, granule, shape, bbox=box).file
    in_turn = mask(folder, mask(folder, granule, shape).file, bbox=box).file
    np.testing.assert_array_equal(stored(together, "wind_speed"), stored(in_turn, "wind_speed"))
    assert (stored(together, "wind_speed") != FILL16).any()


@pytest.mark.parametrize("west", [-180.0, 0.0])
def test_a_box_across_the_antimeridian_keeps_both_sides(west, folder):
    granule = write_grid(folder / "in.nc4", GridSpec(step_deg=10, west=west, east=west + 360))
    kept = stored(mask(folder, granule, bbox=[170, -10, -160, 10]).file, "air_temperature")[0, 0] != FILL16
    lon = (stored(granule, "lon") + 180) % 360 - 180
    assert sorted(lon[kept.any(axis=0)]) == [-175, -165, 175]
    assert sorted(stored(granule, "lat")[kept.any(axis=1)]) == [-5, 5]


def test_a_shape_elsewhere_leaves_nothing_but_fill(folder):
    granule = write_grid(folder / "in.nc4", GridSpec(step_deg=5, west=0, east=40))
    result = mask(folder, granule, shapely.box(100, 0, 110, 10))
    assert (stored(result.file, "wind_speed") == FILL16).all()


def test_one_line_of_history_is_added_and_the_item_keeps_its_box(folder):
    granule = write_grid(folder / "in.nc4", GridSpec(step_deg=10))
    with h5py.File(granule, "a") as file:
        file.attrs["history"] = np.bytes_("made")
    result = mask(folder, granule, bbox=[0, 0, 20, 20])
    with netCDF4.Dataset(result.file) as file:
        first, second = file.history.split("\n")
    assert first == "made"
    assert " harmonium/mask_shape " in second
    assert result.items[0]["bbox"] == [-180, -90, 180, 90]
    assert result.items[0]["assets"]["data"]["type"] == "application/x-netcdf4"


def write_plain(path: Path, dims: dict[str, np.ndarray | int], variables: dict, attributes: dict | None = None) -> Path:
    """dims: values of coordinates or sizes; variables: name -> (dims, values, attributes)."""
    degrees = {"lat": "degrees_north", "lon": "degrees_east"}
    with netCDF4.Dataset(path, "w") as file:
        for name, values in dims.items():
            file.createDimension(name, values if isinstance(values, int) else len(values))
            if not isinstance(values, int):
                variable = file.createVariable(name, "f8", (name,))
                variable[:] = values
                variable.setncatts((attributes or {}).get(name, {"units": degrees.get(name, "1")}))
        for name, (axes, values, more) in variables.items():
            fill = more.pop("_FillValue", None)
            variable = file.createVariable(name, values.dtype, axes, fill_value=fill)
            variable.set_auto_maskandscale(False)
            variable.setncatts(more)
            variable[...] = values
    return path


@pytest.mark.parametrize(("dtype", "fill"), [
    ("f4", -9999), ("f8", -9999), ("i1", 127), ("i2", 32767), ("i4", 2**31 - 1), ("u1", 254), ("u2", 65534),
    ("u4", 2**32 - 2), ("u8", 2**64 - 2), ("i8", 2**63 - 1),
])  # fmt: skip
def test_without_a_fill_value_each_type_has_its_own(dtype, fill, folder):
    axis, values = np.arange(4.0), np.ones((4, 4), dtype)
    granule = write_plain(folder / "in.nc4", {"lat": axis, "lon": axis}, {"v": (("lat", "lon"), values, {})})
    found = stored(mask(folder, granule, shapely.box(0, 0, 1, 1)).file, "v")
    expected = np.full((4, 4), fill, dtype)
    expected[:2, :2] = 1
    np.testing.assert_array_equal(found, expected)
    with netCDF4.Dataset(granule) as file:
        assert "_FillValue" not in file["v"].ncattrs()


@pytest.mark.parametrize("order", list(itertools.permutations(("lat", "lon", "z"))))
def test_any_order_of_dimensions_is_masked_alike(order, folder):
    sizes = {"lat": 4, "lon": 6, "z": 2}
    values = np.arange(48, dtype="i2").reshape([sizes[n] for n in order])
    dims = {"lat": np.arange(4.0)[::-1], "lon": np.arange(6.0), "z": 2}
    granule = write_plain(folder / "in.nc4", dims, {"v": (order, values, {"_FillValue": -1})})
    found = stored(mask(folder, granule, shapely.box(1.6, 0.6, 3, 2)).file, "v")
    kept = np.zeros((4, 6, 2), bool)
    kept[1:3, 2:4] = True
    kept = kept.transpose([("lat", "lon", "z").index(n) for n in order])
    np.testing.assert_array_equal(found, np.where(kept, values, -1))


def test_coordinates_bounds_text_and_series_are_left_alone(folder):
    plane = np.arange(16.0).reshape(4, 4)
    granule = write_plain(folder / "in.nc4", {"lat": np.arange(4.0), "lon": np.arange(4.0), "nv": 2}, {
        "v": (("lat", "lon"), plane, {"coordinates": "area"}),
        "area": (("lat", "lon"), plane, {}),
        "lat_bnds": (("lat", "nv"), np.stack([np.arange(4) - 0.5, np.arange(4) + 0.5], axis=1), {}),
        "letters": (("lat", "lon"), np.full((4, 4), b"a", "S1"), {}),
        "row": (("lat",), np.arange(4.0), {}),
    })  # fmt: skip
    result = mask(folder, granule, shapely.box(0, 0, 1, 1)).file
    for name in ("area", "lat_bnds", "letters", "row", "lat", "lon"):
        np.testing.assert_array_equal(stored(result, name), stored(granule, name))
    assert (stored(result, "v") == -9999).sum() == 12


def test_what_was_observed_is_told_anew(folder):
    values = np.arange(16, dtype="f4").reshape(4, 4)
    values[0, 1] = np.nan
    said = {"observed_max": np.float32(15), "observed_min": np.float32(0), "observed_mean": 7.5, "_FillValue": -9999.0}
    dims = {"lat": np.arange(4.0), "lon": np.arange(4.0)}
    granule = write_plain(folder / "in.nc4", dims, {"v": (("lat", "lon"), values, dict(said))})
    for box, (low, high, mean) in (([0.6, 0.6, 2, 2], (5, 10, 7.5)), ([100, 0, 110, 10], (-9999,) * 3)):
        with netCDF4.Dataset(mask(folder, granule, bbox=box).file) as file:
            assert (file["v"].observed_min, file["v"].observed_max, file["v"].observed_mean) == (low, high, mean)


def write_polar(path: Path, crs: pyproj.CRS, x: np.ndarray, y: np.ndarray) -> Path:
    attributes = {n: {"standard_name": f"projection_{n}_coordinate", "units": "m"} for n in "xy"}
    values = np.arange(y.size * x.size, dtype="i4").reshape(y.size, x.size)
    cf = {k: v for k, v in crs.to_cf().items() if k != "crs_wkt"}
    return write_plain(path, {"y": y, "x": x}, {
        "v": (("y", "x"), values, {"grid_mapping": "crs", "_FillValue": -1}),
        "crs": ((), np.int32(0), cf),
    }, attributes)  # fmt: skip


@pytest.mark.parametrize("shape", [
    shapely.box(-60, 62, -10, 85),
    shapely.box(-180, 70, 180, 90),
    shapely.box(-80, 60, 80, 80).difference(shapely.box(-40, 66, 20, 74)),
    shapely.Polygon([(150, 65), (220, 70), (180, 84)]),
])  # fmt: skip
def test_a_projected_grid_keeps_the_cells_that_the_shape_overlaps_on_the_globe(shape, folder):
    x, y = np.arange(-3.8e6, 3.9e6, 2e5), np.arange(3.8e6, -3.9e6, -2e5)
    granule = write_polar(folder / "in.nc4", POLAR, x, y)
    kept = stored(mask(folder, granule, shape).file, "v") != -1
    # Plainly: a fine raster of points in every cell, each asked on the globe.
    back = pyproj.Transformer.from_crs(POLAR, 4326, always_xy=True)
    steps = (np.arange(21) - 10) / 21 * 2e5
    some, every = np.zeros(kept.shape, bool), np.ones(kept.shape, bool)
    for dx, dy in itertools.product(steps, steps):
        lon, lat = back.transform(*np.meshgrid(x + dx, y + dy))
        hit = shapely.contains_xy(shape, lon, lat) | shapely.contains_xy(shape, lon + 360, lat)
        some |= hit
        every &= hit
    assert (kept | ~some).all(), "a cell with a point inside was lost"
    assert (kept & ~some).sum() <= 6, "cells are kept that only a sliver of the shape can touch"
    assert every.any()


def test_a_map_that_is_cut_open_elsewhere_is_masked_on_both_edges(folder):
    crs = pyproj.CRS.from_proj4("+proj=cea +lat_ts=30 +lon_0=180 +datum=WGS84 +units=m")
    there = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    edge = there.transform(-0.0001, 0)[0]
    x, y = np.linspace(-edge, edge, 36), np.linspace(5e6, -5e6, 11)
    granule = write_polar(folder / "in.nc4", crs, x, y)
    kept = stored(mask(folder, granule, shapely.box(-14, -9, 14, 9)).file, "v") != -1
    assert np.flatnonzero(kept.any(axis=0)).tolist() == [0, 1, 34, 35]


def test_a_projected_grid_without_a_crs_is_refused_in_the_archive_s_words(folder):
    attributes = {n: {"standard_name": f"projection_{n}_coordinate", "units": "m"} for n in "xy"}
    dims = {"y": np.arange(3.0), "x": np.arange(3.0)}
    granule = write_plain(folder / "in.nc4", dims, {"v": (("y", "x"), np.ones((3, 3)), {})}, attributes)
    error = mask(folder, granule, bbox=[0, 0, 1, 1]).error
    text = 'Projected variable "/v" does not have an associated "grid_mapping" metadata attribute.'
    assert error == {"error": text, "level": "error", "category": "noretry"}


@pytest.mark.parametrize(("asked", "words"), [
    ({}, "neither a shape nor a box"),
    ({"subset": {"shape": {"href": "/s.zip", "type": "application/shapefile+zip"}}},
     'Shape file format "application/shapefile+zip" not supported.'),
])  # fmt: skip
def test_what_cannot_be_asked_is_refused(asked, words, folder):
    granule = write_grid(folder / "in.nc4", GridSpec(step_deg=10))
    error = mask(folder, granule, **asked).error
    assert words in error["error"]
    assert error["category"] == "noretry"


def test_one_variable_s_grid_mapping_serves_its_whole_grid_and_positions_stay(folder):
    attributes = {n: {"standard_name": f"projection_{n}_coordinate", "units": "m"} for n in "xy"}
    cf = {k: v for k, v in POLAR.to_cf().items() if k != "crs_wkt"}
    plane = np.ones((3, 3))
    granule = write_plain(folder / "in.nc4", {"y": np.arange(3) * 1e5, "x": np.arange(3) * 1e5}, {
        "lat": (("y", "x"), plane, {"units": "degrees_north"}),
        "v": (("y", "x"), plane, {}),
        "w": (("y", "x"), plane, {"grid_mapping": "crs"}),
        "crs": ((), np.int32(0), cf),
    }, attributes)  # fmt: skip
    result = mask(folder, granule, bbox=[-30, -80, -20, -70]).file
    assert (stored(result, "v") == -9999).all()
    assert (stored(result, "w") == -9999).all()
    assert (stored(result, "lat") == 1).all()


def test_classic_netcdf_is_masked_too(folder):
    with netCDF4.Dataset(folder / "in.nc", "w", format="NETCDF3_CLASSIC") as file:
        for name, units in (("lat", "degrees_north"), ("lon", "degrees_east")):
            file.createDimension(name, 4)
            file.createVariable(name, "f4", (name,))[:] = np.arange(4)
            file[name].units = units
        file.createVariable("v", "i2", ("lat", "lon"), fill_value=-1)[:] = np.ones((4, 4))
    found = stored(mask(folder, folder / "in.nc", shapely.box(0, 0, 1, 1)).file, "v")
    assert (found != -1).sum() == 4


def test_a_file_without_a_grid_is_refused_by_name(folder):
    granule = write_plain(folder / "in.nc4", {"a": 3, "b": 4}, {"v": (("a", "b"), np.ones((3, 4)), {})})
    error = mask(folder, granule, bbox=[0, 0, 1, 1]).error
    assert error["error"].startswith("in.nc4: no variable on a grid")
    assert error["category"] == "noretry"


def test_a_single_cell_that_a_subset_left_is_kept(folder):
    granule = write_plain(
        folder / "in.nc4",
        {"lat": np.array([5.0]), "lon": np.array([5.0])},
        {"v": (("lat", "lon"), np.ones((1, 1)), {})},
    )
    assert stored(mask(folder, granule, shapely.Point(5.3, 5.3)).file, "v").tolist() == [[1]]
