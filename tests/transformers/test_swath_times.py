"""Every way in which missions say when a pixel was seen: a time range keeps exactly the pixels in it."""

from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from tests.transformers.steps import message
from tests.transformers.swath_files import stored

ROWS, COLUMNS = 12, 4
Write = Callable[[netCDF4.Dataset], None]


def swath(path: Path, add_time: Write, *, dims: tuple[str, ...] = ("rows", "columns"), group: str = "/") -> Path:
    """A swath whose row r was seen at minute r of 2020-01-01; add_time writes the variables that say so."""
    with netCDF4.Dataset(path, "w") as file:
        target = file if group == "/" else file.createGroup(group)
        sizes = {"rows": ROWS, "columns": COLUMNS, "one": 1, "six": 6}
        for name, size in sizes.items():
            target.createDimension(name, size)
        shape = [sizes[d] for d in dims]
        r = np.broadcast_to(np.arange(ROWS * 1.0)[:, None] if len(dims) > 1 else np.arange(ROWS * 1.0), shape)
        for name, values in (("latitude", r), ("longitude", r * 0 + 5)):
            target.createVariable(name, "f4", dims)[:] = values
        target.createVariable("row", "i4", ("rows",))[:] = np.arange(ROWS)
        add_time(target)
    return path


def plain(name: str, units: str, step: float, **attributes) -> Write:
    """A 1-D time in these units since 2020-01-01."""

    def write(file):
        variable = file.createVariable(name, "f8", ("rows",))
        if units:
            variable.units = units
        variable.setncatts(attributes)
        variable[:] = np.arange(ROWS) * step

    return write


def delta_time(file):
    """TROPOMI: milliseconds ahead of a reference time of length 1."""
    file.createVariable("time", "i4", ("one",))[:] = 3_652 * 86_400
    file["time"].units = "seconds since 2010-01-01"
    variable = file.createVariable("delta_time", "i4", ("one", "rows"))
    variable.units = "milliseconds"
    variable.comment = "Add to time plus nothing"
    variable[:] = np.arange(ROWS)[None] * 60_000


def ghrsst(file):
    """GHRSST: a reference time, and packed seconds to it per pixel; some of those missing."""
    file.createVariable("time", "i4", ("one",))[:] = 86_400
    file["time"].setncatts({"long_name": "reference time of sst file", "units": "seconds since 2019-12-31"})
    variable = file.createVariable("sst_dtime", "i2", ("one", "rows", "columns"), fill_value=np.int16(-1))
    variable.set_auto_maskandscale(False)
    variable.setncatts({"units": "seconds", "scale_factor": 0.5})
    variable[:] = np.broadcast_to(np.arange(ROWS)[None, :, None] * 120, (1, ROWS, COLUMNS))


def mjd(file):
    """Merged altimetry: seconds since a day that stands in long_name."""
    write = plain("time", "days", 1 / 1440, long_name="time (MJD = 58849.0)", comment="since a Modified Julian Day")
    write(file)


def utc_rows(file):
    """Rows of year, month, day, hour, minute, second beside a time that says nothing."""
    file.createVariable("obs_time", "f8", ("rows",))[:] = np.arange(ROWS)
    rows = file.createVariable("obs_time_utc", "i2", ("rows", "six"))
    rows[:] = [[2020, 1, 1, 0, minute, 0] for minute in range(ROWS)]


def aura(file):
    """HDF-EOS Aura: TAI93 seconds told by the instrument's name."""
    plain("Time", "s", 60.0)(file)
    file["Time"][:] += (np.datetime64("2020-01-01") - np.datetime64("1993-01-01")) / np.timedelta64(1, "s")
    while file.parent:
        file = file.parent
    file.createGroup("HDFEOS/ADDITIONAL/FILE_ATTRIBUTES").InstrumentName = "OMI"


def row_times(file):
    """Seconds of the day on which the revolution started."""
    file.REV_START_TIME = "2020-001T00:00:00.000"
    plain("row_time", "", 60.0, long_name="Approximate observation time for each row")(file)


def solar_time(file):
    """CYGNSS: the pixels' own time runs from the coverage start."""
    file.time_coverage_start = "2020-01-01T00:00:00Z"
    plain("sample_time", "seconds since 1999-01-01", 60.0)(file)
    plain("solar_time", "", 60.0)(file)


FORMS = {
    "a coordinate": (plain("rows", "minutes since 2020-01-01", 1.0, standard_name="time"), {}),
    "seconds": (plain("time", "seconds since 2020-1-1 0:0:0 0", 60.0), {}),
    "hours in a description": (plain("obs_time", "", 1 / 60, description="hours since 2020-01-01"), {}),
    "a duration of its own": (delta_time, {"dims": ("one", "rows", "columns")}),
    "GHRSST": (ghrsst, {}),
    "a Modified Julian Day": (mjd, {}),
    "rows of UTC": (utc_rows, {}),
    "TAI93": (aura, {"group": "HDFEOS/SWATHS/S/Geolocation Fields"}),
    "seconds of the day": (row_times, {}),
    "CYGNSS": (solar_time, {"dims": ("rows",)}),
}


def where(group: str) -> str:
    return f"{group}/row" if group != "/" else "row"


@pytest.mark.parametrize("form", FORMS)
def test_a_range_keeps_exactly_the_rows_seen_in_it(form, tmp_path, run_guarded):
    write, more = FORMS[form]
    granule = swath(tmp_path / "granule.nc", write, **more)
    cdf = message(start="2020-01-01T00:03:00Z", end="2020-01-01T00:07:00Z")
    result = run_guarded("subset_swath", cdf, [granule])
    assert stored(result.file, where(more.get("group", "/"))).tolist() == [3, 4, 5, 6, 7]


@pytest.mark.parametrize("form", FORMS)
def test_an_open_end_reaches_to_the_files(form, tmp_path, run_guarded):
    write, more = FORMS[form]
    granule = swath(tmp_path / "granule.nc", write, **more)
    result = run_guarded("subset_swath", message(start="2020-01-01T00:08:59.9Z"), [granule])
    assert stored(result.file, where(more.get("group", "/"))).tolist() == [9, 10, 11]


def test_times_are_compared_as_stored_not_rounded_to_seconds(tmp_path, run_guarded):
    """D-8: the reference keeps up to a second beyond the end."""
    granule = swath(tmp_path / "a.nc", plain("time", "milliseconds since 2020-01-01", 60_000.001))
    result = run_guarded("subset_swath", message(end="2020-01-01T00:02:00Z"), [granule])
    assert stored(result.file, "row").tolist() == [0, 1]


def test_a_granule_without_time_says_so(tmp_path, run_guarded):
    granule = swath(tmp_path / "a.nc", lambda file: None)
    error = run_guarded("subset_swath", message(end="2020-01-01T00:02:00Z"), [granule]).error
    assert error["category"] == "noretry"
    assert "Could not determine time variable" in error["error"]


def test_a_time_without_an_epoch_says_what_was_found(tmp_path, run_guarded):
    granule = swath(tmp_path / "a.nc", plain("time", "fortnights", 1.0))
    error = run_guarded("subset_swath", message(end="2020-01-01T00:02:00Z"), [granule]).error
    assert "a.nc: /time: no epoch; found units 'fortnights'" in error["error"]


def test_the_layout_says_an_epoch_that_the_file_does_not(tmp_path, run_guarded):
    granule = swath(tmp_path / "a.nc", plain("time", "", 60.0))
    operation = message(end="2020-01-01T00:02:00Z")
    operation["sources"][0]["layout"] = {"time_epoch": "2020-01-01T00:00:00Z"}
    assert stored(run_guarded("subset_swath", operation, [granule]).file, "row").tolist() == [0, 1, 2]


def test_two_swaths_of_different_size_use_the_time_that_fits(shared_data, run_guarded):
    """D-3: GPM files whose time stands in a child group."""
    granule = shared_data / "granules" / "l2" / "GPM_test_file.HDF5"
    with netCDF4.Dataset(granule) as file:
        seconds = {s: np.asarray(file[f"{s}/navigation/timeMidScan"][:]) for s in ("FS", "HS")}
    middle = np.datetime64("1980-01-06") + np.timedelta64(int(np.median(seconds["FS"])), "s")
    result = run_guarded("subset_swath", message(end=f"{middle}Z"), [granule])
    limit = (middle - np.datetime64("1980-01-06T00:00:00")) / np.timedelta64(1, "s")
    for name, values in seconds.items():
        assert stored(result.file, f"{name}/Latitude").shape[0] == (values <= limit).sum()
