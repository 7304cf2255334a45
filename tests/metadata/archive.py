"""Small real files for harvest tests: geographic grids and 2-D swaths in NetCDF-4, and functions that describe them."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np

from transformers.describe import describe

OLD = 1_600_000_000  # a time of modification long ago: files just written are left for the next harvest


def described(paths: list[str]) -> Iterator[dict[str, Any]]:
    """What the runner does in children, here in this process."""
    for path in paths:
        yield describe(Path(path))


def refused(paths: list[str]) -> Iterator[dict[str, Any]]:
    """For harvests that must not open any file."""
    raise AssertionError(f"nothing was to be described, but {paths}")


def write_grid(
    path: Path,
    *,
    day: int = 1,
    short_name: str | None = "DAILY",
    size: tuple[int, int] = (18, 36),
    west: float = -180.0,
    extra: tuple[str, ...] = (),
    seed: int = 0,
) -> Path:
    """A grid of one day of January 2020: latitude ascending, longitude from `west` around the globe."""
    rows, columns = size
    with _new(path, short_name) as file:
        file.dimensions = {"time": 1, "lat": rows, "lon": columns}
        start = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=day - 1)
        file.attrs["time_coverage_start"] = start.strftime("%Y-%m-%dT%H:%M:%SZ")
        file.attrs["time_coverage_end"] = (start + timedelta(hours=23, minutes=59)).strftime("%Y-%m-%dT%H:%M:%SZ")
        step = (180 / rows, 360 / columns)
        _axis(file, "lat", -90 + step[0] * (np.arange(rows) + 0.5), "degrees_north", "latitude")
        _axis(file, "lon", west + step[1] * (np.arange(columns) + 0.5), "degrees_east", "longitude")
        _axis(file, "time", np.array([(day - 1) * 24 + 12.0]), "hours since 2020-01-01 00:00:00", "time")
        values = np.random.default_rng(seed + day).normal(280, 5, (1, rows, columns)).astype("f4")
        for name in ("sst", *extra):
            variable = file.create_variable(name, ("time", "lat", "lon"), "f4", fillvalue=np.float32(-9999))
            variable[...] = values
            variable.attrs["units"] = "K"
            variable.attrs["long_name"] = f"the {name}"
    return _aged(path)


def write_swath(path: Path, *, longitude: float = 10.0, short_name: str | None = "SWATH", minute: int = 0) -> Path:
    """A swath of 40 rows and 12 columns that runs north from the equator at `longitude`."""
    rows, columns = 40, 12
    with _new(path, short_name) as file:
        file.dimensions = {"rows": rows, "columns": columns}
        start = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
        file.attrs["time_coverage_start"] = start.strftime("%Y-%m-%dT%H:%M:%SZ")
        file.attrs["time_coverage_end"] = (start + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
        along, across = np.meshgrid(np.arange(rows) * 0.25, np.arange(columns) * 0.25, indexing="ij")
        east = (longitude + across + 180) % 360 - 180
        for name, values, units in (("lat", along, "degrees_north"), ("lon", east, "degrees_east")):
            variable = file.create_variable(name, ("rows", "columns"), "f4")
            variable[...] = values.astype("f4")
            variable.attrs["units"] = units
        variable = file.create_variable("wind", ("rows", "columns"), "i2", fillvalue=np.int16(-32767))
        variable[...] = np.arange(rows * columns, dtype="i2").reshape(rows, columns)
        variable.attrs["scale_factor"] = 0.01
        variable.attrs["units"] = "m s-1"
    return _aged(path)


def _new(path: Path, short_name: str | None) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = h5netcdf.File(path, "w")
    if short_name:
        file.attrs["short_name"] = short_name
    return file


def _axis(file: Any, name: str, values: Any, units: str, standard_name: str) -> None:
    variable = file.create_variable(name, (name,), "f8")
    variable[...] = values
    variable.attrs["units"] = units
    variable.attrs["standard_name"] = standard_name


def _aged(path: Path) -> Path:
    os.utime(path, (OLD, OLD))
    return path
