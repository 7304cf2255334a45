"""What a request brings along, what it is answered when it cannot be, and the box that an output says it covers."""

from pathlib import Path

import netCDF4
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transformers.grid_files import GridFile, boxes_on, grids, overlaps, overlaps_on_circle
from tests.transformers.steps import Outcome, message, outcome, write_step
from transformers.run import run_step


def subset(folder: Path, granule: Path, layout: dict | None = None, **wanted) -> Outcome:
    """Run without the guard."""
    operation = message(**wanted)
    operation["sources"][0]["layout"] = layout or {}
    run_step("subset_grid", *write_step(folder, operation, [granule]), folder / "out")
    return outcome(folder / "out")


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_box_of_an_output_is_the_outer_edge_of_its_cells(tmp_path_factory, data):
    grid = data.draw(grids())
    west, south, east, north = box = data.draw(boxes_on(grid))
    folder = tmp_path_factory.mktemp("extent")
    rows = overlaps(grid.lat, grid.step, south, north)
    columns = overlaps_on_circle(grid.lon, grid.step, west, east)

    result = subset(folder, grid.write(folder / "grid.nc"), bbox=box)

    if not rows.any() or not columns.any():
        assert result.error is not None
        assert result.error["error"].startswith("Spatial subset request outside supported dimension range for {")
        assert "the grid spans" in result.error["error"]
        return
    found = result.items[0]["bbox"]
    kept = grid.lat[rows]
    assert found[1] == pytest.approx(max(kept.min() - grid.step / 2, -90))
    assert found[3] == pytest.approx(min(kept.max() + grid.step / 2, 90))
    assert overlaps_on_circle(grid.lon, grid.step, found[0], found[2]).tolist() == columns.tolist()


@pytest.mark.parametrize("file_format", ["NETCDF4", "NETCDF4_CLASSIC", "NETCDF3_CLASSIC", "NETCDF3_64BIT_DATA"])
def test_types_attributes_and_packing_pass_whatever_the_form_of_the_file(tmp_path, file_format):
    granule = GridFile(bounds=True, file_format=file_format).write(tmp_path / "g.nc")
    result = subset(tmp_path, granule, bbox=[2, 2, 5, 5], variables=["/count"])
    assert result.file.name == "g_count_subsetted.nc4"
    with netCDF4.Dataset(granule) as before, netCDF4.Dataset(result.file) as after:
        before.set_auto_maskandscale(False)
        after.set_auto_maskandscale(False)
        assert set(after.variables) == {"count", "time", "lat", "lon", "lat_bnds", "lon_bnds"}
        assert set(after.dimensions) == {"time", "lat", "lon", "nv"}
        assert not any(d.isunlimited() for d in after.dimensions.values())
        assert after.title == before.title
        assert after["count"][:].tolist() == before["count"][:, 2:5, 2:5].tolist()
        for name, variable in after.variables.items():
            source = before[name]
            assert variable.dtype == source.dtype
            assert variable.dimensions == source.dimensions
            attributes = {k: np.asarray(variable.getncattr(k)).tolist() for k in variable.ncattrs()}
            assert attributes == {k: np.asarray(source.getncattr(k)).tolist() for k in source.ncattrs()}
        assert after["count"].filters().get("complevel") == (before["count"].filters() or {"complevel": 0})["complevel"]


def test_nothing_asked_is_the_whole_file(tmp_path):
    granule = GridFile().write(tmp_path / "g.nc")
    result = subset(tmp_path, granule)
    assert result.file.name == "g.nc4"
    with netCDF4.Dataset(granule) as before, netCDF4.Dataset(result.file) as after:
        assert list(after.variables) == list(before.variables)
        assert after["count"][:].tolist() == before["count"][:].tolist()


@pytest.mark.parametrize(
    "wanted, text, category",
    [
        (
            {"variables": ["/secret"]},
            "Some variables requested are not supported and could not be processed: /secret",
            "noretry",
        ),
        (
            {"dimensions": [{"name": "level", "min": 1}]},
            '"level" is not a dimension for any of the requested variables.',
            "noretry",
        ),
        (
            {"dimensions": [{"name": "lat", "min": 50}]},
            "Input request outside supported dimension range for {'/lat'}",
            "nodata",
        ),
        (
            {"start": "2021-01-01T00:00:00Z"},
            "Temporal range request outside supported dimension range for {'/time'}",
            "nodata",
        ),
        ({"variables": ["/nope", "/count"]}, "Requested variables:{'/nope'} not found in granule", "nodata"),
    ],
)
def test_what_cannot_be_answered_says_so_in_the_archives_words(tmp_path, wanted, text, category):
    granule = GridFile().write(tmp_path / "g.nc")
    with netCDF4.Dataset(granule, "a") as file:
        file.createVariable("secret", "f4", ("lat", "lon"))
    error = subset(tmp_path, granule, {"excluded_variables": ["/sec.*"]}, **wanted).error
    assert error is not None
    assert error["error"].startswith(text)
    assert error["category"] == category


def test_required_variables_come_along_and_references_of_references_too(tmp_path):
    granule = GridFile().write(tmp_path / "g.nc")
    with netCDF4.Dataset(granule, "a") as file:
        file.createVariable("shot_number", "i8", ("lat",))
        file.createVariable("quality", "i1", ("lat", "lon")).ancillary_variables = "quality_notes"
        file.createVariable("quality_notes", "i1", ("lat", "lon"))
        file.createVariable("unrelated", "i1", ("lat", "lon"))
        file["count"].ancillary_variables = "quality, absent"
    result = subset(tmp_path, granule, {"required_variables": [".*shot_number"]}, variables=["count"])
    with netCDF4.Dataset(result.file) as file:
        assert set(file.variables) == {"count", "time", "lat", "lon", "shot_number", "quality", "quality_notes"}


def test_a_shape_that_is_no_geojson_is_refused_by_its_type(tmp_path):
    (tmp_path / "s.kml").write_text("<kml/>")
    operation = message(shape=tmp_path / "s.kml")
    operation["subset"]["shape"]["type"] = "application/vnd.google-earth.kml+xml"
    step = write_step(tmp_path, operation, [GridFile().write(tmp_path / "g.nc")])
    run_step("subset_grid", *step, tmp_path / "out")
    error = outcome(tmp_path / "out").error
    assert error is not None
    assert error["error"] == 'Shape file format "application/vnd.google-earth.kml+xml" not supported.'


def test_units_of_time_that_have_no_length_are_refused(tmp_path):
    granule = GridFile().write(tmp_path / "g.nc")
    with netCDF4.Dataset(granule, "a") as file:
        file["time"].units = "fortnights since 2020-01-01"
    error = subset(tmp_path, granule, start="2020-01-01T00:00:00Z").error
    assert error is not None
    assert error["category"] == "noretry"
    assert "fortnights" in error["error"]
