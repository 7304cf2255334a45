"""Laws of swath subsets, over generated swaths: in any convention of longitude, packed or not, across 180 and 0."""

import json
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transformers.steps import message, outcome, write_step
from tests.transformers.swath_files import degrees, stored, write_swath
from transformers.run import run_step


def subset(folder: Path, granule: Path, **wanted):
    """Run without the guard, many times."""
    folder.mkdir(parents=True, exist_ok=True)
    run_step("subset_swath", *write_step(folder, message(**wanted), [granule]), folder / "out")
    return outcome(folder / "out")


def inside_box(lat: np.ndarray, lon: np.ndarray, box: list[float]) -> np.ndarray:
    """The plain definition: longitudes on the circle, all sides included; a degenerate side selects everything."""
    west, south, east, north = box
    ahead = (lon - west) % 360
    in_longitude = (ahead <= (east - west) % 360) | (west == east) | (east - west == 360)
    in_latitude = (lat >= south) & (lat <= north) if south != north else np.abs(lat) <= 90
    return in_longitude & in_latitude


@st.composite
def swaths(draw):
    """(lat, lon, holes) of a tilted swath, longitudes -180..180 or 0..360, on a lattice that rounding cannot blur."""
    rows, columns = draw(st.integers(1, 12)), draw(st.integers(2, 9))
    north, west = draw(st.integers(-60, 60)), draw(st.integers(-180, 179))
    r, c = np.mgrid[:rows, :columns]
    lat = np.clip(north + 1.5 * r - 0.25 * c, -89, 89)
    lon = west + 2.0 * c + 0.5 * r + 0.25
    lon = lon % 360 if draw(st.booleans()) else (lon + 180) % 360 - 180
    holes = np.zeros(lat.shape, bool)
    for _ in range(draw(st.integers(0, 4))):
        holes[draw(st.integers(0, rows - 1)), draw(st.integers(0, columns - 1))] = True
    return lat, lon, holes


@st.composite
def boxes(draw, around):
    """A box near the swath, its sides off the lattice; half of those near 180 cross it."""
    lat, lon, _ = around
    south = draw(st.integers(int(lat.min()) - 3, int(lat.max()) + 1)) + 0.1
    north = min(south + draw(st.integers(1, 20)), 90)
    west = (float(lon.flat[0]) + draw(st.integers(-10, 10)) + 0.1 + 180) % 360 - 180
    east = (west + draw(st.integers(1, 30)) + 180) % 360 - 180
    return [round(west, 3), round(south, 3), round(east, 3), round(north, 3)]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), packed=st.booleans(), cut=st.booleans(), pixel_subset=st.booleans(), fills=st.booleans())
def test_every_pixel_inside_is_kept_and_every_one_outside_is_blanked(
    tmp_path_factory, data, packed, cut, pixel_subset, fills
):
    swath = data.draw(swaths())
    lat, lon, holes = swath
    box = data.draw(boxes(swath))
    folder = tmp_path_factory.mktemp("law")
    granule = write_swath(folder / "swath.nc", lat, lon, packed=packed, holes=holes, fills=fills)
    inside = inside_box(lat, lon, box) & ~holes

    result = subset(folder, granule, bbox=box, cut=cut, pixel_subset=pixel_subset)

    if not inside.any():
        assert result.error is not None
        assert result.error["category"] == "nodata"
        return
    rows = np.flatnonzero(inside.any(axis=1))
    columns = np.flatnonzero(inside.any(axis=0)) if cut else np.arange(lat.shape[1])
    if lat.shape[0] == 1:  # a swath of one row is a track: exactly its points
        rows, columns = np.array([0]), np.flatnonzero(inside[0])
    kept = np.ix_(rows, columns)
    blanked = ~inside[kept] & (fills and not pixel_subset)
    numbers = np.arange(lat.size).reshape(lat.shape)[kept]
    assert stored(result.file, "count").tolist() == np.where(blanked, -1, numbers).tolist()
    assert stored(result.file, "time").tolist() == (rows * 60.0).tolist()
    found = degrees(result.file, "lat"), degrees(result.file, "lon")
    visible = np.isfinite(found[0])
    if not pixel_subset:
        assert inside_box(found[0][visible], found[1][visible], box).all()
        assert visible.sum() == inside.sum()
    west, south, east, north = result.items[0]["bbox"]
    assert -180 <= west <= 180
    assert -180 <= east <= 180
    assert -90 <= south <= north <= 90


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_subset_of_a_subset_is_the_subset(tmp_path_factory, data):
    swath = data.draw(swaths())
    box = data.draw(boxes(swath))
    folder = tmp_path_factory.mktemp("twice")
    first = subset(folder / "1", write_swath(folder / "swath.nc", *swath[:2], holes=swath[2]), bbox=box)
    if first.error:
        return
    second = subset(folder / "2", first.file, bbox=box)
    assert second.file.name == first.file.name  # the suffix is not repeated
    for name in ("lat", "lon", "count", "wind", "time"):
        assert stored(second.file, name).tolist() == stored(first.file, name).tolist()


@settings(max_examples=20, deadline=None)
@given(first=st.integers(-3, 14), minutes=st.integers(0, 12))
def test_a_time_range_keeps_exactly_its_rows_both_ends_included(tmp_path_factory, first, minutes):
    folder = tmp_path_factory.mktemp("time")
    r, c = np.mgrid[:12, :5]
    granule = write_swath(folder / "swath.nc", r * 1.0, c * 1.0)
    start, end = np.datetime64("2020-01-01T00:00") + first, np.datetime64("2020-01-01T00:00") + first + minutes
    wanted = [i for i in range(12) if first <= i <= first + minutes]

    result = subset(folder, granule, start=f"{start}:00Z", end=f"{end}:00Z")

    if not wanted:
        assert result.error is not None
        assert result.error["category"] == "nodata"
    else:
        assert stored(result.file, "time").tolist() == [i * 60.0 for i in wanted]


@pytest.mark.parametrize("file_format", ["NETCDF4", "NETCDF4_CLASSIC", "NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET",
                                         "NETCDF3_64BIT_DATA"])  # fmt: skip
def test_the_form_of_the_file_makes_no_difference(tmp_path, file_format):
    r, c = np.mgrid[:9, :7]
    granule = write_swath(tmp_path / "swath.nc", r * 1.0, c * 1.0 + 176, file_format=file_format)
    result = subset(tmp_path, granule, bbox=[177.5, 2, 181 - 360, 5])
    assert stored(result.file, "count").tolist() == [[r * 7 + c for c in range(2, 6)] for r in range(2, 6)]


def test_a_point_takes_the_nearest_pixel_and_outside_the_swath_there_is_none(tmp_path):
    r, c = np.mgrid[:9, :7]
    granule = write_swath(tmp_path / "swath.nc", r * 1.0, c * 1.0 + 176)
    near = subset(tmp_path / "near", granule, point=[-178.8, 3.4], bbox=[-178.9, 3.3, -178.7, 3.5])
    assert stored(near.file, "count").tolist() == [[3 * 7 + 5]]
    far = subset(tmp_path / "far", granule, point=[-170, 3.4])
    assert far.error is not None
    assert far.error["category"] == "nodata"


def test_subsets_combine(tmp_path):
    """decisions.md 3.5: box, shape, time and dimensions are ANDed."""
    r, c = np.mgrid[:9, :7]
    granule = write_swath(tmp_path / "swath.nc", r * 1.0, c * 1.0)
    ring = [[-1, -1], [3.5, -1], [3.5, 20], [-1, 20], [-1, -1]]
    (tmp_path / "west.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    result = subset(
        tmp_path, granule, bbox=[1.5, 1.5, 6, 8], shape=tmp_path / "west.geojson", end="2020-01-01T00:04:00Z"
    )
    assert stored(result.file, "count").tolist() == [[r * 7 + c for c in (2, 3)] for r in (2, 3, 4)]


def test_variables_keep_their_coordinates_and_unknown_names_are_ignored(tmp_path):
    r, c = np.mgrid[:4, :5]
    granule = write_swath(tmp_path / "swath.nc", r * 1.0, c * 1.0)
    result = subset(tmp_path, granule, variables=["Wind", "no_such"])
    with netCDF4.Dataset(result.file) as file:
        assert set(file.variables) == {"lat", "lon", "wind", "time"}
    assert result.file.name == "swath_subsetted.nc"


def test_one_variable_names_the_file(tmp_path):
    r, c = np.mgrid[:4, :5]
    granule = write_swath(tmp_path / "swath.nc", r * 1.0, c * 1.0)
    assert subset(tmp_path / "1", granule, variables=["/wind"]).file.name == "swath_wind_subsetted.nc"
    operation = message()
    operation["sources"][0]["variables"] = [{"id": "V1", "name": "W", "fullPath": "wind"}]  # its name, not its path
    run_step("subset_swath", *write_step(tmp_path / "2", operation, [granule]), tmp_path / "2" / "out")
    assert outcome(tmp_path / "2" / "out").file.name == "swath_W_subsetted.nc"


def test_several_inputs_become_several_catalogs_and_the_empty_one_yields_nothing(tmp_path):
    r, c = np.mgrid[:4, :5]
    paths = [write_swath(tmp_path / f"{i}.nc", r + 10.0 * i, c * 1.0) for i in range(3)]
    step = write_step(tmp_path / "s", message(bbox=[-10, 0, 10, 12]), paths)
    run_step("subset_swath", *step, tmp_path / "s" / "out")
    result = outcome(tmp_path / "s" / "out")
    assert [f.name for f in result.files] == ["0_subsetted.nc", "1_subsetted.nc"]
    assert (tmp_path / "s" / "out" / "batch-count.txt").read_text() == "2"


def test_history_grows_by_one_line_and_one_object(tmp_path):
    r, c = np.mgrid[:4, :5]
    first = subset(tmp_path / "1", write_swath(tmp_path / "swath.nc", r * 1.0, c * 1.0), bbox=[0, 0, 3, 3])
    second = subset(tmp_path / "2", first.file, bbox=[0, 0, 2, 2], start="2020-01-01T00:00:00Z")
    with netCDF4.Dataset(second.file) as file:
        lines, entries = file.history.split("\n"), json.loads(file.history_json)
    assert len(lines) == len(entries) == 2
    assert entries[1]["parameters"] == {
        "cut": True,
        "pixel_subset": False,
        "bbox": [[0.0, 2.0], [0.0, 2.0]],
        "min_time": "2020-01-01T00:00:00Z",
        "variables": [],
    }
    assert "bbox=[[0.0, 2.0], [0.0, 2.0]]" in lines[1]


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"dimensions": [{"name": "height", "min": 1, "max": 2}]}, "Vertical dimension 'height' not found in DataTree"),
        ({"bbox": [0, 50, 10, 40]}, "allowed: -90 <= south <= north <= 90"),
        ({"bbox": ["a", 0, 1, 1]}, "message"),
    ],
)
def test_what_cannot_be_done_says_why(tmp_path, wanted, text):
    r, c = np.mgrid[:4, :5]
    result = subset(tmp_path, write_swath(tmp_path / "swath.nc", r * 1.0, c * 1.0), **wanted)
    assert result.error is not None
    assert result.error["category"] == "noretry"
    assert text in result.error["error"]


def test_a_grid_is_told_where_it_belongs(shared_data, run_guarded):
    grid = shared_data / "granules" / "l3" / "syn_daily_20200101.nc4"
    error = run_guarded("subset_swath", message(bbox=[0, 0, 10, 10]), [grid]).error
    assert error["category"] == "noretry"
    assert "Could not determine coordinate variables in the DataTree" in error["error"]
    assert "subset_grid" in error["error"]


def test_coordinates_named_by_the_request_are_used(tmp_path):
    """transformers-l2.md 2: entries with type and subtype; names may use `__` and lack the slash."""
    r, c = np.mgrid[:6, :5]
    granule = write_swath(tmp_path / "swath.nc", r * 1.0, c * 1.0)
    with netCDF4.Dataset(granule, "a") as file:
        group = file.createGroup("moved")
        group.createVariable("north", "f4", ("rows", "columns"))[:] = r + 50.0
        group.createVariable("east", "f4", ("rows", "columns"))[:] = c
        group.createVariable("n", "i4", ("rows",))[:] = np.arange(6)
    operation = message(bbox=[-1, 52, 20, 53])
    operation["sources"][0]["coordinateVariables"] = [
        {"id": "V1", "name": f"moved__{name}", "fullPath": f"moved__{name}", "type": "COORDINATE", "subtype": subtype}
        for name, subtype in (("North", "LATITUDE"), ("east", "LONGITUDE"))
    ]
    run_step("subset_swath", *write_step(tmp_path / "s", operation, [granule]), tmp_path / "s" / "out")
    assert stored(outcome(tmp_path / "s" / "out").file, "moved/n").tolist() == [2, 3]
