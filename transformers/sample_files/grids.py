"""Gridded granules of the project's own making: latitude, longitude, time and pressure levels, with bounds.

`GridSpec` says what to write; every field has the value of the demo collection. Obeys: CF 1.11, sections 4 and 7.1.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from transformers.sample_files.cf import EPOCH, iso, packed, put_attributes, put_dimension, put_variable
from transformers.sample_files.fields import air_temperature, sea_surface_temperature, wind_speed

FILL16 = -32767
LEVELS = {
    "standard_name": "air_pressure",
    "long_name": "pressure level",
    "units": "hPa",
    "positive": "down",
    "axis": "Z",
}


@dataclass(frozen=True, slots=True)
class GridSpec:
    """One granule of `days` days from `start` (midnight UTC), one time step a day, at noon.

    step_deg: cell size; west, south, east, north: the outer edges of the grid, degrees (west 0, east 360 is allowed,
    and so is any west below 360 with east at most west + 360). levels_hpa: pressure levels, none for 2-D fields only.
    north_first: latitude descends. bounds: write lat_bnds, lon_bnds, time_bnds. time: False leaves time out.
    group: where everything stands ("" is the root).
    """

    short_name: str = "HARMONIUM_GRID_L3"
    version: str = "1"
    title: str = "Harmonium sample grid: invented daily fields"
    start: datetime = datetime(2024, 6, 1, tzinfo=UTC)
    days: int = 1
    step_deg: float = 1.0
    west: float = -180.0
    south: float = -90.0
    east: float = 180.0
    north: float = 90.0
    levels_hpa: tuple[float, ...] = (1000.0, 850.0, 500.0, 250.0)
    north_first: bool = False
    bounds: bool = True
    time: bool = True
    packing: bool = True
    group: str = ""


DEMO = GridSpec()


@dataclass(frozen=True, slots=True)
class GridValues:
    """What stands in the file, decoded. lat (y,), lon (x,), days_since_1970 (t,), fields (t, y, x) or (t, z, y, x)."""

    lat: np.ndarray
    lon: np.ndarray
    days_since_1970: np.ndarray
    sea_surface_temperature: np.ndarray
    wind_speed: np.ndarray
    air_temperature: np.ndarray


def grid_values(spec: GridSpec) -> GridValues:
    """The fields of a granule before packing."""
    lat, lon = _centres(spec.south, spec.north, spec.step_deg), _centres(spec.west, spec.east, spec.step_deg)
    if spec.north_first:
        lat = lat[::-1]
    days = (spec.start - EPOCH).total_seconds() / 86400 + 0.5 + np.arange(spec.days)
    y, x = lat[:, None], lon[None, :]
    of_year = [float((spec.start + timedelta(days=n)).timetuple().tm_yday) for n in range(spec.days)]
    shape = (spec.days, lat.size, lon.size)
    levels = np.asarray(spec.levels_hpa)[:, None, None]
    return GridValues(
        lat,
        lon,
        days,
        np.array([sea_surface_temperature(y, x, d) for d in of_year]).reshape(shape),
        np.array([wind_speed(y, x, d) for d in of_year]).reshape(shape),
        np.array([air_temperature(y, x, levels, d) for d in of_year]).reshape(shape[0], levels.size, *shape[1:]),
    )


def write_grid(path: Path, spec: GridSpec = DEMO) -> Path:
    """Write one granule and return its path; folders are made. An existing file is replaced."""
    values = grid_values(spec)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", libver=("earliest", "v110")) as file:
        put_attributes(file, _root_attributes(spec))
        group = file.require_group(spec.group) if spec.group else file
        axes = _put_axes(group, values, spec)
        _put_data(group, values, spec, axes)
    return path


def _put_axes(group: h5py.Group, values: GridValues, spec: GridSpec) -> dict[str, h5py.Dataset]:
    """Coordinate variables and, where asked, their bounds."""
    axes, pair = {}, put_dimension(group, "nv", 2) if spec.bounds else None
    for name, centres, attributes in (
        ("time", values.days_since_1970, {"standard_name": "time", "units": "days since 1970-01-01", "axis": "T"}),
        ("lat", values.lat, {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"}),
        ("lon", values.lon, {"standard_name": "longitude", "units": "degrees_east", "axis": "X"}),
    ):
        if name == "time" and not spec.time:
            continue
        described = {"long_name": attributes["standard_name"], **attributes}
        if name == "time":
            described["calendar"] = "standard"
        if pair is not None:
            described["bounds"] = f"{name}_bnds"
        axes[name] = put_variable(group, name, centres.astype("<f8"), (), described, compress=False)
        if pair is not None:
            half = 0.5 if name == "time" else spec.step_deg / 2
            edges = np.stack([centres - half, centres + half], axis=1)
            put_variable(group, f"{name}_bnds", edges.astype("<f8"), (axes[name], pair), compress=False)
    if spec.levels_hpa:
        axes["lev"] = put_variable(group, "lev", np.asarray(spec.levels_hpa, "<f8"), (), LEVELS)
    return axes


def _put_data(group: h5py.Group, values: GridValues, spec: GridSpec, axes: dict[str, h5py.Dataset]) -> None:
    flat = [axes[name] for name in ("time", "lat", "lon") if name in axes]
    deep = [axes[name] for name in ("time", "lev", "lat", "lon") if name in axes]
    fields = [
        ("sea_surface_temperature", values.sea_surface_temperature, "kelvin", 0.01, 290.0, flat),
        ("wind_speed", values.wind_speed, "m s-1", 0.05, 0.0, flat),
    ]
    if spec.levels_hpa:
        fields.append(("air_temperature", values.air_temperature, "kelvin", 0.05, 250.0, deep))
    for name, array, units, scale, offset, dims in fields:
        words = {"standard_name": name, "long_name": name.replace("_", " "), "units": units}
        attributes: dict[str, Any] = {**words, "cell_methods": "time: mean"}
        whole = array if spec.time else array[0]
        if spec.packing:
            attributes |= {"scale_factor": np.float64(scale), "add_offset": np.float64(offset)}
            stored = packed(whole, scale, offset, FILL16)
        else:
            stored = np.where(np.isnan(whole), FILL16, whole).astype("<f4")
        put_variable(group, name, stored, dims, attributes, fill=FILL16)


def _root_attributes(spec: GridSpec) -> dict[str, str]:
    end = spec.start + timedelta(days=spec.days, seconds=-1)
    attributes = {
        "Conventions": "CF-1.11, ACDD-1.3",
        "ShortName": spec.short_name,
        "VersionID": spec.version,
        "title": spec.title,
        "summary": "Invented daily fields on a regular grid, made by Harmonium to try itself out. Not observations.",
        "institution": "Harmonium",
        "platform": "none",
        "instrument": "none",
        "processing_level": "L3",
        "date_created": iso(end + timedelta(hours=6)),
    }
    if spec.time:
        attributes |= {"time_coverage_start": iso(spec.start), "time_coverage_end": iso(end)}
    return attributes


def _centres(low: float, high: float, step: float) -> np.ndarray:
    """Cell centres from edge to edge."""
    count = round((high - low) / step)
    return low + step * (np.arange(count) + 0.5)
