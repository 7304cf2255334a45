"""Facts of files of the project's own making, in every shape that a builder knows, and of files that are not whole."""

import json
import logging
import struct
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transformers.coordinates.footprint import inside_ring
from transformers.describe import describe, describe_many
from transformers.sample_files.broken import write_empty, write_truncated, write_web_page, write_zeros
from transformers.sample_files.grids import GridSpec, write_grid
from transformers.sample_files.orbit import Orbit
from transformers.sample_files.swaths import SwathSpec, swath_values, write_swath
from transformers.samples import make

LITTLE = SwathSpec(rows=12, columns=8)


def inside(found: dict, lat: np.ndarray, lon: np.ndarray) -> bool:
    hit = np.zeros(lat.size, bool)
    for ring in found["extent"]["polygons"]:
        hit |= inside_ring(lon.reshape(-1), lat.reshape(-1), tuple(map(tuple, ring)))
    return bool(hit.all())


@settings(max_examples=25, deadline=None)
@given(
    node=st.floats(-180, 180),
    first=st.floats(-3000, 3000),
    longitudes=st.sampled_from(["-180..180", "0..360"]),
    packing=st.booleans(),
    flipped=st.booleans(),
    groups=st.sampled_from([("", ""), ("geolocation", "product"), ("a/b", "a/b")]),
    start=st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)),
)
def test_a_swath_of_any_make_is_found_where_and_when_it_is(
    tmp_path_factory, node, first, longitudes, packing, flipped, groups, start
):
    spec = replace(
        LITTLE,
        orbit=Orbit(node_lon=node),
        first_s=first,
        longitudes=longitudes,
        packing=packing,
        flipped=flipped,
        group=groups[0],
        data_group=groups[1],
        start=start.replace(microsecond=0, tzinfo=UTC),
    )
    found = describe(write_swath(tmp_path_factory.mktemp("swath") / "s.nc", spec))
    values = swath_values(spec)
    assert found["kind"] == "swath"
    assert inside(found, values.lat, values.lon)
    assert found["time"]["start"] == f"{spec.start:%Y-%m-%dT%H:%M:%S}.000Z"
    assert (found["identity"]["short_name"], found["identity"]["version"]) == ("HARMONIUM_SWATH_L2", "1")
    prefix = f"{groups[0]}/" if groups[0] else ""
    (pair,) = found["pairs"]
    assert (pair["latitude"], pair["longitude"]) == (f"{prefix}lat", f"{prefix}lon")
    assert {v["name"]: v["type"] for v in found["variables"]} == {
        "lat": "COORDINATE",
        "lon": "COORDINATE",
        "time": "COORDINATE",
        "sea_surface_temperature": "SCIENCE_VARIABLE",
        "wind_speed": "SCIENCE_VARIABLE",
        "quality_level": "QUALITY_VARIABLE",
    }


@pytest.mark.parametrize(
    ("spec", "rectangles"),
    [
        (GridSpec(step_deg=10.0), [[-180, -90, 180, 90]]),
        (GridSpec(step_deg=10.0, west=0, east=360, north_first=True), [[-180, -90, 180, 90]]),
        (GridSpec(step_deg=10.0, west=150, east=210, south=0, north=40), [[150, 0, 180, 40], [-180, 0, -150, 40]]),
        (GridSpec(step_deg=10.0, west=-30, east=20, south=-40, north=0, bounds=False), [[-30, -40, 20, 0]]),
        (GridSpec(step_deg=10.0, group="Grid", time=False, levels_hpa=()), [[-180, -90, 180, 90]]),
    ],
)
def test_a_grid_of_any_make_has_the_edges_it_was_asked_for(tmp_path: Path, spec: GridSpec, rectangles):
    found = describe(write_grid(tmp_path / "g.nc", spec))
    assert found["kind"] == "grid-geographic"
    assert found["extent"]["rectangles"] == rectangles
    layout = found["layouts"][found["layout"]]
    assert abs(layout["y"]["step"]) == layout["x"]["step"] == 10
    assert layout["y"]["step"] < 0 if spec.north_first else layout["y"]["step"] > 0
    science = [v for v in found["variables"] if v["type"] == "SCIENCE_VARIABLE"]
    assert {v["name"] for v in science} >= {"sea_surface_temperature", "wind_speed"}
    assert all(v["role"] == "data" and v["layout"] == 0 for v in science)


def test_a_global_grid_names_its_axes_and_dimensions_by_type(tmp_path: Path):
    found = describe(write_grid(tmp_path / "g.nc", GridSpec(step_deg=1.0, north_first=True)))
    variable = next(v for v in found["variables"] if v["name"] == "air_temperature")
    assert variable["dim_types"] == [
        "TIME_DIMENSION", "PRESSURE_DIMENSION", "LATITUDE_DIMENSION", "LONGITUDE_DIMENSION"]  # fmt: skip
    assert variable["index_ranges"] == {"lat": [89.5, -89.5], "lon": [-179.5, 179.5]}
    assert (variable["scale"], variable["offset"], variable["fill_values"]) == (0.05, 250.0, [-32767])
    assert variable["filters"] == ["shuffle", "deflate 4"]
    assert found["grids"] == [
        {"pair": 0, "crs": "EPSG:4326", "bounds": [-180.0, -90.0, 180.0, 90.0], "size": [360, 180]}
    ]


def test_a_grid_that_starts_at_zero_degrees_has_untyped_axes_and_a_layout(tmp_path: Path):
    found = describe(write_grid(tmp_path / "g.nc", GridSpec(step_deg=1.0, west=0, east=360)))
    variable = next(v for v in found["variables"] if v["name"] == "wind_speed")
    assert variable["dim_types"] == ["TIME_DIMENSION", "OTHER", "OTHER"]
    assert found["layouts"][variable["layout"]]["x"] == {"dimension": "lon", "first": 0.5, "step": 1.0, "size": 360}


@pytest.mark.parametrize(
    ("spec", "kind", "reason"),
    [
        (replace(LITTLE, coordinates="fill"), "swath", None),
        (replace(LITTLE, coordinates="nan"), "swath", None),
        (replace(LITTLE, rows=0), "empty", "/lat has no value: shape (0, 8)"),
        (replace(LITTLE, coordinates="swapped", orbit=Orbit(node_lon=150)), "unknown", "allowed: -90 to 90 degrees"),
        (
            replace(LITTLE, coordinates="swapped", orbit=Orbit(node_lon=150)),
            "unknown",
            "(latitude and longitude swapped?)",
        ),
    ],
)
def test_coordinates_that_say_nothing_give_no_extent_and_a_reason_where_they_are_wrong(tmp_path, spec, kind, reason):
    found = describe(write_swath(tmp_path / "s.nc", spec))
    assert found["kind"] == kind
    assert found["extent"] == {"rectangles": [], "polygons": [], "lines": [], "bbox": None}
    assert reason is None if found["reason"] is None else reason in found["reason"]
    assert found["time"]["start"] == "2024-06-01T00:00:00.000Z"


def test_coordinates_in_radians_are_refused_and_said(tmp_path: Path):
    path = write_swath(tmp_path / "r.nc", replace(LITTLE, first_s=100))
    with h5py.File(path, "r+") as file:
        for name in ("lat", "lon"):
            file[name][...] = np.radians(file[name][...])
            file[name].attrs["units"] = np.bytes_(b"radians")
    found = describe(path)
    assert (found["kind"], found["extent"]["bbox"]) == ("unknown", None)
    assert found["reason"] == "/lat and /lon are in radians; allowed: degrees"


def test_gaps_in_the_coordinates_leave_the_valid_points_inside(tmp_path: Path):
    spec = replace(LITTLE, coordinates="gaps", rows=40)
    found = describe(write_swath(tmp_path / "s.nc", spec))
    values = swath_values(spec)
    kept = np.arange(40) % 7 != 0
    assert inside(found, values.lat[kept], values.lon[kept])


def test_a_file_without_time_takes_it_from_its_name_and_else_has_none(tmp_path: Path):
    spec = replace(LITTLE, time="none")
    named = describe(write_swath(tmp_path / "x_20240203T040506_20240203T041006.nc", spec))["time"]
    assert (named["start"], named["end"]) == ("2024-02-03T04:05:06.000Z", "2024-02-03T04:10:06.000Z")
    assert (named["source"], named["sureness"]) == ("name", "guessed")
    unnamed = describe(write_swath(tmp_path / "x.nc", spec))["time"]
    assert (unnamed["start"], unnamed["source"], unnamed["sureness"]) == (None, "none", "none")


def test_attributes_that_contradict_the_variables_lose_with_a_warning(tmp_path: Path):
    path = write_swath(tmp_path / "s.nc", LITTLE)
    with h5py.File(path, "r+") as file:
        file.attrs["time_coverage_start"] = np.bytes_(b"1999-01-01T00:00:00Z")
        file.attrs["time_coverage_end"] = np.bytes_(b"1999-01-01T01:00:00Z")
    found = describe(path)
    assert found["time"]["start"] == "2024-06-01T00:00:00.000Z"
    assert "its attributes say 1999-01-01" in found["warnings"][0]


def test_a_swath_that_fills_its_file_gives_shares_that_add_up_to_less_than_one(tmp_path: Path):
    found = describe(write_swath(tmp_path / "s.nc", replace(LITTLE, rows=200, columns=200)))
    shares = sum(v["stored_bytes"] for v in found["variables"]) / found["file"]["size_bytes"]
    assert 0.8 < shares < 1


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (write_empty, "an empty file"),
        (write_zeros, "zero bytes"),
        (write_web_page, "a web page"),
        (lambda p: write_truncated(p, write_swath(p.parent / "w.nc", LITTLE)), "truncated"),
        (lambda p: write_truncated(p, write_swath(p.parent / "w.nc", LITTLE), 0.01), "bad.nc"),
        (lambda p: p, "No such file"),
        (lambda p: p.mkdir() or p, "directory"),
    ],
)
def test_a_file_that_cannot_be_read_gives_its_name_and_a_reason_and_nothing_else(tmp_path: Path, write, reason):
    path = write(tmp_path / "bad.nc")
    found = describe(path)
    assert set(found) == {"path", "error"}
    assert reason in found["error"]
    assert "bad.nc" in found["error"]


def test_bad_files_among_good_ones_do_not_stop_the_rest(tmp_path: Path):
    paths = [
        write_swath(tmp_path / "a.nc", LITTLE),
        write_zeros(tmp_path / "b.nc"),
        write_swath(tmp_path / "c.nc", LITTLE),
    ]
    assert ["error" in found for found in describe_many(map(str, paths))] == [False, True, False]


def test_a_tiff_without_georeference_is_unknown_and_one_cut_short_is_refused(tmp_path: Path):
    path = tmp_path / "plain.tif"
    path.write_bytes(_plain_tiff(b"\x07" * 64))
    found = describe(path)
    assert (found["kind"], found["reason"]) == ("unknown", "raster without georeference")
    assert [v["shape"] for v in found["variables"]] == [[8, 8]]
    path.write_bytes(_plain_tiff(b"\x07" * 64)[:-20])
    assert "truncated" in describe(path)["error"]


def test_a_variable_with_an_odd_name_or_a_huge_attribute_is_described(tmp_path: Path):
    path = write_swath(tmp_path / "odd.nc", LITTLE)
    with h5py.File(path, "r+") as file:
        file.create_dataset(
            b"caf\xe9 'x\"\n".decode("utf-8", "surrogateescape").encode("utf-8", "surrogateescape"), data=1.0
        )
        file.create_dataset("wordy", data=np.arange(3.0))
        file["wordy"].attrs["comment"] = np.bytes_(b"x" * 50_000)
    found = describe(path)
    assert json.dumps(found).encode("utf-8")
    wordy = next(v for v in found["variables"] if v["name"] == "wordy")
    assert len(wordy["description"]) == 4000
    assert any("caf" in v["name"] for v in found["variables"])


def test_the_demo_archive_is_two_collections_and_its_last_swath_crosses_the_antimeridian(tmp_path: Path):
    *granules, _ = make(tmp_path, swaths=6, grids=1)
    found = [describe(path) for path in granules]
    assert {f["identity"]["short_name"] for f in found} == {"HARMONIUM_SWATH_L2", "HARMONIUM_GRID_L3"}
    west, _, east, _ = found[5]["extent"]["bbox"]
    assert west > east
    assert all(f["file"]["format"] == "netCDF-4" and not f["warnings"] for f in found)


def test_describing_changes_nothing(tmp_path: Path):
    path = write_swath(tmp_path / "s.nc", LITTLE)
    before, status = path.read_bytes(), path.stat()
    path.chmod(0o444)
    first = describe(path)
    assert describe(path) == first
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert [p.name for p in tmp_path.iterdir()] == ["s.nc"]


def test_a_surprise_inside_the_library_becomes_the_error_of_that_file(tmp_path: Path, caplog):
    path = tmp_path / "deep.nc"
    with h5py.File(path, "w") as file:
        group = file
        for _ in range(2000):
            group = group.create_group("g")
    with caplog.at_level(logging.CRITICAL):
        found = describe(path)
    assert found.get("kind") == "unknown" or "deep.nc" in found["error"]


def _plain_tiff(pixels: bytes) -> bytes:
    """An 8 x 8 grey TIFF without a word about where it is; the pixels stand last."""
    tags = [(256, 3, 8), (257, 3, 8), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 0), (277, 3, 1), (278, 3, 8),
            (279, 4, len(pixels))]  # fmt: skip
    at = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack("<HHI", tag, kind, 1) + struct.pack("<I", at if tag == 273 else value) for tag, kind, value in tags
    )
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0) + pixels
