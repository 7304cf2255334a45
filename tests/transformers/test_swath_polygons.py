"""Polygons over pixels: holes, borders, and every convention of longitude on either side."""

import json

import netCDF4
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transformers.steps import message
from tests.transformers.swath_files import stored, write_swath
from transformers.contract import InstructionError
from transformers.coordinates.geometry import load_polygons, points_inside


def ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def polygons(tmp_path, *rings, kind="Polygon"):
    path = tmp_path / "shape.geojson"
    path.write_text(json.dumps({"type": kind, "coordinates": list(rings)}))
    return load_polygons(path)


@pytest.fixture(scope="module")
def square(tmp_path_factory):
    """2 to 8 east and north, with a hole from 4 to 6."""
    return polygons(tmp_path_factory.mktemp("p"), ring(2, 2, 8, 8), ring(4, 4, 6, 6))


@given(lat=st.integers(0, 40), lon=st.integers(0, 40), turn=st.sampled_from([-360, 0, 360]))
def test_borders_count_and_holes_do_not(square, lat, lon, turn):
    lat, lon = lat / 4, lon / 4
    expected = 2 <= lat <= 8 and 2 <= lon <= 8 and not (4 < lat < 6 and 4 < lon < 6)
    assert points_inside(square, np.array([lat]), np.array([lon + turn * 1.0])).tolist() == [expected]


@pytest.mark.parametrize(("west", "east", "inside", "outside"), [
    (-10, 10, [355.0, 5.0, -5.0], [15.0, 345.0, 180.0]),  # across the prime meridian (D-5)
    (170, 190, [175.0, -175.0, 185.0], [165.0, -165.0, 0.0]),  # beyond 180
    (-190, -170, [175.0, -175.0, 185.0], [165.0, -165.0, 0.0]),
    (0, 360, [-1.0, 180.0, 359.0], []),
    (-180, 180, [-180.0, 0.0, 180.0, 270.0], []),
])  # fmt: skip
def test_any_convention_of_longitude_means_the_same_place(west, east, inside, outside, tmp_path):
    shape = polygons(tmp_path, ring(west, -5, east, 5))
    lon = np.array(inside + outside)
    assert points_inside(shape, np.zeros(lon.size), lon).tolist() == [True] * len(inside) + [False] * len(outside)


def test_missing_coordinates_are_outside(square):
    assert not points_inside(square, np.array([np.nan, 3.0]), np.array([3.0, np.nan])).any()


def test_collections_are_gathered_and_points_left_out(tmp_path):
    square = {"type": "Polygon", "coordinates": [ring(0, 0, 1, 1)]}
    more = {"type": "MultiPolygon", "coordinates": [[ring(2, 0, 3, 1)]]}
    document = {"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {}, "geometry": square},
        {"type": "Feature", "properties": {}, "geometry": None},
        {"type": "Feature", "properties": {},
         "geometry": {"type": "GeometryCollection", "geometries": [more, {"type": "Point", "coordinates": [9, 9]}]}},
    ]}  # fmt: skip
    (tmp_path / "s.geojson").write_text(json.dumps(document))
    found = points_inside(load_polygons(tmp_path / "s.geojson"), np.full(4, 0.5), np.array([0.5, 1.5, 2.5, 9.0]))
    assert found.tolist() == [True, False, True, False]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"type": "Polygon"}', '{"type": "Polygon", "coordinates": [[[0]]]}',
                                  '{"type": "Point", "coordinates": [0, 0]}'])  # fmt: skip
def test_what_is_no_polygon_says_so(text, tmp_path):
    (tmp_path / "s.geojson").write_text(text)
    with pytest.raises(InstructionError, match=r"shape s\.geojson: .*allowed: "):
        load_polygons(tmp_path / "s.geojson")


def test_tracks_are_tested_point_by_point(tmp_path, run_guarded):
    """D-6: the reference fails on 1-D tracks with a polygon."""
    path = tmp_path / "track.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", 10)
        for name, values in (("lat", np.arange(10.0)), ("lon", np.full(10, 359.0)), ("v", np.arange(10.0))):
            file.createVariable(name, "f4", ("time",))[:] = values
    (tmp_path / "s.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring(-2, 2.5, 2, 5.5)]}))
    result = run_guarded("subset_swath", message(shape=tmp_path / "s.geojson"), [path])
    assert stored(result.file, "v").tolist() == [3, 4, 5]


def test_a_polygon_beside_the_swath_is_no_data(tmp_path, run_guarded):
    r, c = np.mgrid[:4, :5]
    (tmp_path / "s.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring(50, 50, 51, 51)]}))
    granule = write_swath(tmp_path / "swath.nc", r * 1.0, c * 1.0)
    assert run_guarded("subset_swath", message(shape=tmp_path / "s.geojson"), [granule]).error["category"] == "nodata"
