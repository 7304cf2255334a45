"""Builders of small real swath, track and profile files, written with netCDF4 (not with our own writer)."""

from pathlib import Path

import netCDF4
import numpy as np


def write_swath(
    path: Path,
    lat: np.ndarray,
    lon: np.ndarray,
    *,
    packed: bool = False,
    holes: np.ndarray | None = None,
    fills: bool = True,
    file_format: str = "NETCDF4",
) -> Path:
    """A 2-D swath (rows, columns) with `count` (int32, 0..n-1), `wind` (float32) and per-row `time` (s since 2020).

    packed: coordinates as int32 of 1e-4 degrees. holes: True where the coordinates are fill. fills: give data fills.
    """
    rows, columns = lat.shape
    with netCDF4.Dataset(path, "w", format=file_format) as file:
        file.createDimension("rows", rows)
        file.createDimension("columns", columns)
        for name, values, units in (("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")):
            kind, fill = ("i4", np.int32(-(2**31) + 1)) if packed else ("f4", np.float32(-9999))
            variable = file.createVariable(name, kind, ("rows", "columns"), fill_value=fill)
            variable.set_auto_maskandscale(False)
            variable.units = units
            if packed:
                variable.scale_factor = 1e-4
            stored = np.rint(values / 1e-4).astype("i4") if packed else values.astype("f4")
            variable[:] = stored if holes is None else np.where(holes, fill, stored)
        count = file.createVariable("count", "i4", ("rows", "columns"), fill_value=np.int32(-1) if fills else None)
        count[:] = np.arange(rows * columns).reshape(rows, columns)
        wind = file.createVariable("wind", "f4", ("rows", "columns"), fill_value=np.float32(-99) if fills else None)
        wind.coordinates = "lon lat"
        wind[:] = np.arange(rows * columns).reshape(rows, columns) / 4
        time = file.createVariable("time", "f8", ("rows",))
        time.units = "seconds since 2020-01-01 00:00:00"
        time.standard_name = "time"
        time[:] = np.arange(rows) * 60.0
        file.title = "a swath made for a test"
    return path


def degrees(path: Path, name: str) -> np.ndarray:
    """A variable as floats, NaN where missing."""
    with netCDF4.Dataset(path) as file:
        return np.ma.filled(np.ma.asarray(file[name][:], dtype="f8"), np.nan)


def stored(path: Path, name: str) -> np.ndarray:
    """A variable as stored."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        return np.asarray(file[name][:])
