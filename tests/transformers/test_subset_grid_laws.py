"""Laws of grid subsets, over generated files: either order of latitude, any longitudes, with and without bounds."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import h5py
import netCDF4
import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.transformers.steps import Outcome, message, outcome, write_step
from transformers.run import run_step
from transformers.sample_files.grids import FILL16, GridSpec, write_grid

DEEP, FLAT = "air_temperature", "wind_speed"


def subset(folder: Path, granule: Path, **wanted) -> Outcome:
    """Run without the guard, many times."""
    folder.mkdir(parents=True, exist_ok=True)
    run_step("subset_grid", *write_step(folder, message(**wanted), [granule]), folder / "out")
    return outcome(folder / "out")


def stored(path: Path, name: str, group: str = "") -> np.ndarray:
    """The raw values of a variable."""
    with h5py.File(path) as file:
        return file[f"{group}/{name}"][...]


@st.composite
def grids(draw) -> GridSpec:
    """Small grids, global or regional; cells of 10 or 5 degrees, so that every edge is exact."""
    step = draw(st.sampled_from([5.0, 10.0]))
    if draw(st.booleans()):
        west = draw(st.sampled_from([-180.0, 0.0]))
        east, south, north = west + 360, -90.0, 90.0
    else:
        west = draw(st.integers(-36, 30)) * 5.0
        east = west + step * draw(st.integers(2, 12))
        south = draw(st.integers(-18, 6)) * 5.0
        north = south + step * draw(st.integers(2, int((90 - south) // step)))
    return GridSpec(
        days=draw(st.integers(1, 3)), step_deg=step, west=west, south=south, east=east, north=north,
        levels_hpa=(850.0, 500.0), north_first=draw(st.booleans()), bounds=draw(st.booleans()),
        packing=draw(st.booleans()), group=draw(st.sampled_from(["", "Grid", "a/b"])),
    )  # fmt: skip


@st.composite
def boxes(draw) -> list[float]:
    """West, south, east, north on quarters of 5 degrees; west > east crosses the antimeridian."""
    west, east = (draw(st.integers(-144, 144)) * 1.25 for _ in range(2))
    south, north = sorted(draw(st.integers(-72, 72)) * 1.25 for _ in range(2))
    assume(west != east and south != north)
    return [west, south, east, north]


def kept_cells(spec: GridSpec, granule: Path, box: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Cell by cell, rows and columns that share more than an edge with the box, on the globe."""
    west, south, east, north = box
    half, width = spec.step_deg / 2, (east - west) % 360 or 360.0
    lat, lon = stored(granule, "lat", spec.group), stored(granule, "lon", spec.group)
    rows = (lat - half < north) & (lat + half > south)
    columns = np.zeros(lon.size, bool)
    for turn in (-720, -360, 0, 360, 720):
        columns |= (lon - half < west + turn + width) & (lon + half > west + turn)
    return rows, columns


@settings(max_examples=60, deadline=None)
@given(spec=grids(), box=boxes())
def test_the_cells_of_the_box_come_out_bit_for_bit_and_no_others(tmp_path_factory, spec, box):
    folder = tmp_path_factory.mktemp("cells")
    granule = write_grid(folder / "grid.nc", spec)
    rows, columns = kept_cells(spec, granule, box)

    result = subset(folder, granule, bbox=box)

    if not rows.any() or not columns.any():
        assert result.error is not None
        assert (result.error["level"], result.error["category"]) == ("warning", "nodata")
        return
    lat, lon = stored(result.file, "lat", spec.group), stored(result.file, "lon", spec.group)
    assert lat.tolist() == stored(granule, "lat", spec.group)[rows].tolist()
    whole_lon = stored(granule, "lon", spec.group)
    assert set(whole_lon[columns]) <= set(lon)
    there = np.flatnonzero(np.isin(whole_lon, lon))
    wraps = np.diff(np.flatnonzero(columns)).max(initial=1) > 1
    assert lon.size == (whole_lon.size if wraps else columns.sum())
    for name in (DEEP, FLAT):
        expected = stored(granule, name, spec.group)[..., rows, :]
        expected[..., ~columns] = FILL16
        found = stored(result.file, name, spec.group)
        assert found.dtype == expected.dtype
        assert found.tobytes() == np.ascontiguousarray(expected[..., there]).tobytes()


@settings(max_examples=25, deadline=None)
@given(spec=grids(), box=boxes())
def test_a_box_over_the_antimeridian_is_its_two_halves(tmp_path_factory, spec, box):
    west, south, east, north = max(box[0], box[2]), box[1], min(box[0], box[2]), box[3]
    assume(west < 180 and east > -180)
    folder = tmp_path_factory.mktemp("halves")
    granule = write_grid(folder / "grid.nc", spec)

    def columns_of(name: str, box: list[float]) -> set[float]:
        result = subset(folder / name, granule, bbox=box)
        if result.error:
            assert result.error["category"] == "nodata"
            return set()
        data = stored(result.file, FLAT, spec.group)
        source = stored(granule, FLAT, spec.group)
        lon = stored(result.file, "lon", spec.group)
        blank = (data == FILL16).all(axis=(0, 1)) & (lon.size == stored(granule, "lon", spec.group).size)
        assert not (source == FILL16).all(axis=(0, 1)).any()
        return set(lon[~blank])

    whole = columns_of("whole", [west, south, east, north])
    halves = columns_of("west", [west, south, 180, north]) | columns_of("east", [-180, south, east, north])
    assert whole == halves


@settings(max_examples=25, deadline=None)
@given(spec=grids(), data=st.data())
def test_a_subset_of_a_subset_is_the_subset(tmp_path_factory, spec, data):
    folder = tmp_path_factory.mktemp("twice")
    granule = write_grid(folder / "grid.nc", spec)
    low, high = max(spec.west, -180.0), min(spec.east, 180.0)
    assume(high - low >= 2 * spec.step_deg)
    marks = sorted(data.draw(st.lists(st.floats(0, 1), min_size=4, max_size=4, unique=True)))
    w, w2, e2, e = (low + m * (high - low) for m in marks)
    s, s2, n2, n = (spec.south + m * (spec.north - spec.south) for m in marks)
    assume(e2 - w2 > 1e-3 and n2 - s2 > 1e-3)
    outer, inner = [w, s, e, n], [w2, s2, e2, n2]

    first = subset(folder / "outer", granule, bbox=outer)
    # One cell without bounds has no width in the file: what it covered is lost.
    assume(spec.bounds or min(stored(first.file, axis, spec.group).size for axis in ("lat", "lon")) > 1)
    twice = subset(folder / "inner", first.file, bbox=inner)
    once = subset(folder / "once", granule, bbox=inner)

    for name in ("lat", "lon", "time", DEEP, FLAT):
        assert np.array_equal(stored(twice.file, name, spec.group), stored(once.file, name, spec.group))


@settings(max_examples=25, deadline=None)
@given(spec=grids(), x=st.floats(0, 1, exclude_max=True), y=st.floats(0, 1, exclude_max=True))
def test_a_point_is_the_cell_that_holds_it(tmp_path_factory, spec, x, y):
    folder = tmp_path_factory.mktemp("point")
    granule = write_grid(folder / "grid.nc", spec)
    # A hundredth of a cell away from every edge, on which a point has both neighbours.
    lat, lon = stored(granule, "lat", spec.group), stored(granule, "lon", spec.group)
    row, column = int(y * lat.size), int(x * lon.size)
    place = [lon[column] + (x - 0.5) * 0.98 * spec.step_deg, lat[row] + (y - 0.5) * 0.98 * spec.step_deg]
    place[0] = (place[0] + 180) % 360 - 180

    result = subset(folder, granule, point=place)

    assert stored(result.file, "lat", spec.group).tolist() == [lat[row]]
    assert stored(result.file, "lon", spec.group).tolist() == [lon[column]]
    expected = stored(granule, DEEP, spec.group)[..., row : row + 1, column : column + 1]
    assert stored(result.file, DEEP, spec.group).tobytes() == np.ascontiguousarray(expected).tobytes()


@settings(max_examples=20, deadline=None)
@given(spec=grids(), first=st.integers(-30, 80), hours=st.integers(1, 60), level=st.sampled_from([500.0, 850.0]))
def test_time_and_levels_and_place_cut_at_once_as_they_cut_alone(tmp_path_factory, spec, first, hours, level):
    spec = replace(spec, days=3)
    folder = tmp_path_factory.mktemp("combined")
    granule = write_grid(folder / "grid.nc", spec)
    start, end = spec.start + timedelta(hours=first), spec.start + timedelta(hours=first + hours)
    # A day has its noon as value and half a day to either side.
    days = np.array([24 * d < first + hours and 24 * d + 24 > first for d in range(3)])

    result = subset(
        folder, granule, start=start.isoformat(), end=end.isoformat(), variables=[f"{spec.group}/{DEEP}"],
        dimensions=[{"name": "lev", "min": level - 100, "max": level + 100}],
    )  # fmt: skip

    if not days.any():
        assert result.error is not None
        assert result.error["category"] == "nodata"
        assert "/time'" in result.error["error"]
        return
    levels = stored(granule, "lev", spec.group) == level
    assert stored(result.file, "lev", spec.group).tolist() == [level]
    expected = stored(granule, DEEP, spec.group)[days][:, levels]
    assert stored(result.file, DEEP, spec.group).tobytes() == np.ascontiguousarray(expected).tobytes()
    with h5py.File(result.file) as file:
        names = set(file[spec.group or "/"])
    bounds = {"time_bnds", "lat_bnds", "lon_bnds", "nv"} if spec.bounds else set()
    assert names == {DEEP, "time", "lev", "lat", "lon"} | bounds


@settings(max_examples=30, deadline=None)
@given(spec=grids(), box=boxes(), other=boxes())
def test_a_box_and_named_dimensions_keep_what_both_keep(tmp_path_factory, spec, box, other):
    folder = tmp_path_factory.mktemp("both")
    granule = write_grid(folder / "grid.nc", spec)
    rows, columns = kept_cells(spec, granule, box)
    half, lat, lon = spec.step_deg / 2, stored(granule, "lat", spec.group), stored(granule, "lon", spec.group)
    # Named longitudes are those of the file, never turned: shift the second box's onto the grid.
    low, high = spec.west + 1.25 * abs(other[0]), spec.west + 1.25 * abs(other[0]) + abs(other[2]) + 1.25
    rows &= (lat - half < other[3]) & (lat + half > other[1])
    columns &= (lon - half < high) & (lon + half > low)

    result = subset(
        folder, granule, bbox=box,
        dimensions=[{"name": "lat", "min": other[1], "max": other[3]}, {"name": "lon", "min": low, "max": high}],
    )  # fmt: skip

    if not rows.any() or not columns.any():
        assert result.error is not None
        assert result.error["category"] == "nodata"
        return
    found = stored(result.file, FLAT, spec.group)
    there = np.isin(lon, stored(result.file, "lon", spec.group))
    assert there[columns].all()
    expected = stored(granule, FLAT, spec.group)[:, rows]
    expected[..., ~columns] = FILL16
    assert found.tobytes() == np.ascontiguousarray(expected[..., there]).tobytes()


def test_attributes_groups_and_names_pass_as_they_are_and_history_gains_a_line(tmp_path, run_guarded):
    granule = write_grid(tmp_path / "A.b.nc", GridSpec(step_deg=10.0, group="Grid", levels_hpa=()))

    result = run_guarded("subset_grid", message(bbox=[0, 0, 40, 30], variables=["/Grid/wind_speed"]), [granule])

    assert result.file.name == "A.b_Grid_wind_speed_subsetted.nc4"
    assert result.items[0]["bbox"] == [0, 0, 40, 30]
    with netCDF4.Dataset(granule) as before, netCDF4.Dataset(result.file) as after:
        for name in ("wind_speed", "lat", "lon", "time", "lat_bnds"):
            old, new = before["Grid"][name], after["Grid"][name]
            assert {k: (type(v), v) for k, v in new.__dict__.items()} == {
                k: (type(v), v) for k, v in old.__dict__.items()
            }
            assert new.dtype == old.dtype
            assert new.dimensions == old.dimensions
        added = dict(after.__dict__)
        history = added.pop("history")
        assert added == before.__dict__
        assert "subset_grid" in history
        assert "dap4.ce=%2FGrid%2F" in history
