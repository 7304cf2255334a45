"""The project's own granules: the same every time, readable by the netCDF library, telling what the specs say."""

import itertools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transformers.coordinates.footprint import inside_ring
from transformers.sample_files.broken import write_truncated
from transformers.sample_files.cf import packed
from transformers.sample_files.grids import GridSpec, grid_values, write_grid
from transformers.sample_files.many import tiny_name, tiny_spec, write_many
from transformers.sample_files.orbit import Orbit
from transformers.sample_files.swaths import SwathSpec, swath_values, write_swath
from transformers.samples import ISLAND, SIZES, make, swath_specs

LITTLE = SwathSpec(rows=9, columns=5)


@given(
    values=st.lists(st.floats(-300, 300) | st.just(float("nan")), min_size=1, max_size=30),
    scale=st.sampled_from([0.002, 0.01, 0.05, 1.0]),
)
def test_packed_values_come_back_within_half_a_step_and_missing_ones_as_the_fill(values: list[float], scale: float):
    array = np.clip(np.array(values), -32000 * scale, 32000 * scale)
    stored = packed(array, scale, 0.0, -32767)
    assert (stored[np.isnan(array)] == -32767).all()
    valid = ~np.isnan(array)
    assert (np.abs(stored[valid] * scale - array[valid]) <= scale * 0.5000001).all()


@settings(max_examples=60)
@given(
    inclination=st.floats(0, 180),
    node=st.floats(-180, 180),
    first=st.floats(-6000, 6000),
    width=st.floats(0.1, 15),
)
def test_a_swath_lies_on_the_globe_and_within_its_width_of_the_ground_track(inclination, node, first, width):
    orbit = Orbit(inclination_deg=inclination, node_lon=node)
    seconds = first + 2.5 * np.arange(20)
    lat, lon = orbit.swath(seconds, width, 11)
    assert lat.shape == lon.shape == (20, 11)
    assert (np.abs(lat) <= 90).all() and (lon >= -180).all() and (lon < 180).all()
    vectors = _unit(lat, lon)
    distance = np.degrees(np.arccos(np.clip((vectors * vectors[:, 5:6]).sum(-1), -1, 1)))
    assert np.abs(distance[:, [0, -1]] - width).max() < 0.01
    assert distance.max() < width + 0.01


def test_two_makings_give_the_same_bytes_in_every_file(tmp_path: Path):
    first, second = make(tmp_path / "a", tiny=3), make(tmp_path / "b", tiny=3)
    assert [p.name for p in first] == [p.name for p in second]
    assert all(one.read_bytes() == other.read_bytes() for one, other in zip(first, second, strict=True))


def test_the_demo_archive_is_small_and_holds_both_collections_and_the_island(tmp_path: Path):
    made = make(tmp_path)
    assert sum(p.stat().st_size for p in made) < 5_000_000
    assert sorted({p.parent.name for p in made}) == ["HARMONIUM_GRID_L3", "HARMONIUM_SWATH_L2", "shapes"]
    assert all(10_000 < p.stat().st_size < 400_000 for p in made[:-1])
    island = json.loads(made[-1].read_text())["features"][0]["geometry"]["coordinates"]
    assert [_turn(ring) for ring in island] == [1, -1]
    assert all(ring[0] == ring[-1] for ring in island)


def test_one_demo_swath_crosses_the_antimeridian_and_most_see_both_land_and_sea(tmp_path: Path):
    crossing, mixed = 0, 0
    for spec in swath_specs(6):
        values = swath_values(spec)
        crossing += bool(values.lon.max() - values.lon.min() > 180)
        mixed += bool(0 < (values.quality_level == 0).mean() < 1)
    assert crossing == 1
    assert mixed >= 2


def test_the_island_and_its_lake_lie_under_two_demo_swaths():
    seen = []
    for spec in swath_specs(6):
        values = swath_values(spec)
        on_island, in_lake = (inside_ring(values.lon.ravel(), values.lat.ravel(), ring) for ring in ISLAND)
        seen.append((int((on_island & ~in_lake).sum()), int(in_lake.sum())))
    assert sum(island > 100 and lake > 10 for island, lake in seen) == 2


@pytest.mark.parametrize("size", sorted(SIZES))
def test_consecutive_swaths_join_without_gap_in_time_and_place(size: str):
    first, second = (swath_values(spec) for spec in swath_specs(2, size))
    step = first.time_s[1] - first.time_s[0]
    assert second.time_s[0] - first.time_s[-1] == pytest.approx(step)
    assert np.abs(_unit(first.lat[-1], first.lon[-1]) - _unit(second.lat[0], second.lon[0])).max() < 0.01


def test_the_netcdf_library_reads_a_swath_as_its_spec_says(tmp_path: Path):
    spec = replace(LITTLE, rows=30, columns=12, first_s=200.0)
    values = swath_values(spec)
    with netCDF4.Dataset(write_swath(tmp_path / "s.nc", spec)) as file:
        assert (file.ShortName, file.VersionID, file.time_coverage_start) == (
            "HARMONIUM_SWATH_L2",
            "1",
            "2024-06-01T00:00:00Z",
        )
        assert file["wind_speed"].dimensions == ("rows", "columns")
        assert file["wind_speed"].dtype == np.int16
        assert np.array_equal(file["lat"][:].filled(), values.lat.astype("f4"))
        kelvin = file["sea_surface_temperature"][:]
        assert np.array_equal(np.ma.getmaskarray(kelvin), np.isnan(values.sea_surface_temperature))
        assert np.nanmax(np.abs(kelvin.filled(np.nan) - values.sea_surface_temperature)) <= 0.0011
        assert netCDF4.num2date(file["time"][-1], file["time"].units).isoformat() == "2024-06-01T00:01:12.500000"


def test_the_netcdf_library_reads_a_grid_as_its_spec_says(tmp_path: Path):
    spec = GridSpec(step_deg=10.0, west=0.0, east=360.0, north_first=True, days=2)
    values = grid_values(spec)
    with netCDF4.Dataset(write_grid(tmp_path / "g.nc", spec)) as file:
        assert file["air_temperature"].dimensions == ("time", "lev", "lat", "lon")
        assert file["lat"][0] == 85 and file["lat"][-1] == -85
        assert file["lon"][0] == 5 and file["lon"][-1] == 355
        assert file["lon_bnds"][-1].tolist() == [350, 360]
        assert np.abs(file["air_temperature"][:] - values.air_temperature).max() <= 0.0251
        assert netCDF4.num2date(file["time"][0], file["time"].units).isoformat() == "2024-06-01T12:00:00"


@pytest.mark.parametrize(
    ("spec", "check"),
    [
        (replace(LITTLE, longitudes="0..360", orbit=Orbit(node_lon=-90)), lambda f: f["lon"][()].min() > 180),
        (replace(LITTLE, coordinates="fill"), lambda f: (f["lat"][()] == -999).all()),
        (replace(LITTLE, coordinates="nan"), lambda f: np.isnan(f["lon"][()]).all()),
        (replace(LITTLE, coordinates="gaps"), lambda f: (f["lat"][()] == -999).sum() == 2 * 5),
        (replace(LITTLE, coordinates="swapped", orbit=Orbit(node_lon=150)), lambda f: f["lat"][()].max() > 90),
        (replace(LITTLE, time="none"), lambda f: "time" not in f and "time_coverage_start" not in f.attrs),
        (replace(LITTLE, packing=False), lambda f: f["wind_speed"].dtype == "<f4"),
        (replace(LITTLE, rows=0), lambda f: f["wind_speed"].shape == (0, 5)),
        (replace(LITTLE, flipped=True), lambda f: np.diff(f["lat"][:, 2]).max() < 0),
        (
            replace(LITTLE, group="geolocation", data_group="product"),
            lambda f: f["product/wind_speed"].attrs["coordinates"] == b"/geolocation/lat /geolocation/lon",
        ),
    ],
)
def test_each_variant_of_a_swath_is_what_it_was_asked_to_be(tmp_path: Path, spec: SwathSpec, check):
    path = write_swath(tmp_path / "v.nc", spec)
    with h5py.File(path) as file:
        assert check(file)
    with netCDF4.Dataset(path) as file:
        assert {d: n.size for d, n in file.dimensions.items()} == {"rows": spec.rows, "columns": 5}


def test_tiny_granules_are_byte_for_byte_what_the_slow_writer_writes(tmp_path: Path):
    paths = write_many(tmp_path / "many", 5, first=1438)
    assert [p.name for p in paths] == [tiny_name(n) for n in range(1438, 1443)]
    assert sorted(p.name for p in (tmp_path / "many").iterdir()) == sorted(p.name for p in paths)
    for number, path in zip(range(1438, 1443), paths, strict=True):
        assert path.read_bytes() == write_swath(tmp_path / "slow.nc", tiny_spec(number)).read_bytes()
        assert path.stat().st_size < 20_000


def test_a_truncated_file_is_the_beginning_of_the_whole_one(tmp_path: Path):
    whole = write_swath(tmp_path / "w.nc", LITTLE)
    half = write_truncated(tmp_path / "h.nc", whole)
    assert whole.read_bytes().startswith(half.read_bytes())
    assert half.stat().st_size == whole.stat().st_size // 2


def test_the_command_writes_where_it_is_told_and_prints_the_paths(tmp_path: Path):
    command = [
        sys.executable,
        "-m",
        "transformers.samples",
        "--outdir",
        str(tmp_path / "o"),
        "--swaths",
        "1",
        "--grids",
        "0",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [Path(line).is_file() for line in done.stdout.splitlines()] == [True, True]


def test_an_unknown_size_is_refused_with_the_allowed_ones(tmp_path: Path):
    with pytest.raises(ValueError, match="'huge'; allowed: small, large"):
        make(tmp_path, size="huge")


def _unit(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    y, x = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)], axis=-1)


def _turn(ring: list[list[float]]) -> int:
    """1 counter-clockwise, -1 clockwise."""
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring))
    return 1 if area > 0 else -1
