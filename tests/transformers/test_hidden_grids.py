"""Grids without x and y: plain HDF5 with a 2-D latitude and longitude, told only by what is known of the collection."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from pyproj import Transformer

from tests.transformers.steps import message
from transformers.quirks import layout_of

ELLIPSOID = "+ellps=WGS84 +units=m +no_defs"
POLAR = f"+proj=laea +lat_0=90 +lon_0=0 {ELLIPSOID}"
GLOBAL = f"+proj=cea +lat_ts=30 +lon_0=0 {ELLIPSOID}"
# short name: group, its data's leading planes, PROJ text, corner, cell, rows, columns
COLLECTIONS = {
    "SPL3FTP": ("Freeze_Thaw_Retrieval_Data_Polar", 2, POLAR, (-9000000.0, 9000000.0), 36000.0, 500, 500),
    "SPL3SMP": ("Soil_Moisture_Retrieval_Data_AM", 1, GLOBAL, (-17367530.4451615, 7314540.8306386),
                36032.22084058, 406, 964),
}  # fmt: skip


def write_granule(path: Path, short_name: str, *, rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
    """Write these rows and columns of the collection's grid; latitude and longitude of its cells, NaN where filled."""
    group, planes, proj, (left, top), cell, height, width = COLLECTIONS[short_name]
    x = left + cell * (np.arange(width)[columns] + 0.5)
    y = top - cell * (np.arange(height)[rows] + 0.5)
    lon, lat = Transformer.from_crs(proj, 4326, always_xy=True).transform(*np.meshgrid(x, y))
    placed = lat >= 0 if proj == POLAR else np.ones(lat.shape, bool)
    lat, lon = np.where(placed, lat, np.nan), np.where(placed, lon, np.nan)
    shape = (planes, *lat.shape) if planes > 1 else lat.shape
    with h5py.File(path, "w") as file:
        there = file.create_group(group)
        for name, values, units in (("latitude", lat, "degrees_north"), ("longitude", lon, "degrees_east")):
            made = there.create_dataset(
                name, data=np.broadcast_to(np.nan_to_num(values, nan=-9999.0), shape), dtype="f4"
            )
            made.attrs["units"] = units
        data = there.create_dataset("flag", data=np.arange(np.prod(shape), dtype="i4").reshape(shape), dtype="i4")
        data.attrs["coordinates"] = f"/{group}/latitude /{group}/longitude"
    return lat, lon


@pytest.mark.parametrize("part", [False, True])
@pytest.mark.parametrize("short_name", list(COLLECTIONS))
def test_the_rows_and_columns_around_the_box_are_cut(short_name, part, tmp_path, run_guarded):
    """A file of a part of the grid lies where its own coordinates say, not where the whole grid starts."""
    group = COLLECTIONS[short_name][0]
    height, width = COLLECTIONS[short_name][5:]
    corner = (slice(height // 20, None), slice(width // 5, None)) if part else (slice(None), slice(None))
    granule = tmp_path / "granule.h5"
    lat, lon = write_granule(granule, short_name, rows=corner[0], columns=corner[1])
    west, south, east, north = box = [-10, 40, 30, 65]
    operation = message(bbox=box, variables=[f"/{group}/flag"])
    operation["sources"][0]["shortName"] = short_name

    result = run_guarded("subset_grid", operation, [granule])

    inside = (lat > south) & (lat < north) & (lon > west) & (lon < east)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    with h5py.File(result.file) as file, h5py.File(granule) as source:
        found, whole = file[group]["flag"][...], source[group]["flag"][...]
        first = np.argwhere(whole == found.flat[0])[0][-2:]
        last = first + found.shape[-2:] - 1
        # All cells with their centre in the box, and no more than one row or column of cells that it only touches.
        assert rows[0] - 1 <= first[0] <= rows[0] <= rows[-1] <= last[0] <= rows[-1] + 1
        assert columns[0] - 1 <= first[1] <= columns[0] <= columns[-1] <= last[1] <= columns[-1] + 1
        window = (..., slice(first[0], last[0] + 1), slice(first[1], last[1] + 1))
        for name in ("flag", "latitude", "longitude"):
            assert file[group][name][...].tobytes() == np.ascontiguousarray(source[group][name][window]).tobytes()


def test_a_box_south_of_a_northern_grid_has_no_data(tmp_path, run_guarded):
    granule = tmp_path / "granule.h5"
    write_granule(granule, "SPL3FTP", rows=slice(None), columns=slice(None))
    operation = message(bbox=[0, -40, 20, -20], variables=["/Freeze_Thaw_Retrieval_Data_Polar/flag"])
    operation["sources"][0]["shortName"] = "SPL3FTP"

    result = run_guarded("subset_grid", operation, [granule])

    assert result.error is not None
    assert result.error["category"] == "nodata"
    assert "/Freeze_Thaw_Retrieval_Data_Polar/flag" in result.error["error"]


@pytest.mark.parametrize(
    ("short_name", "path"),
    [("SPL3SMP_E", "/EASE2_global_projection"), ("SPL3SMP_E", "/EASE2_polar_projection_9km"),
     ("SPL3FTP", "/EASE2_polar_projection_36km"), ("SPL3FTP_E", "/EASE2_global_projection"),
     ("SPL3FTA", "/EASE2_polar_projection_3km"), ("SPL3SMA", "/EASE2_global_projection"),
     ("SPL3SMAP", "/EASE2_global_projection")],
)  # fmt: skip
def test_the_known_grids_are_symmetric_about_their_origin(short_name, path):
    """Twice the way from the corner to the origin is a whole number of cells, on both axes."""
    x, dx, _, y, _, dy = layout_of(short_name)["grid_mappings"][path]["master_geotransform"]
    for size in (-2 * x / dx, -2 * y / dy):
        assert abs(size - round(size)) < 1e-6
        assert round(size) > 0
