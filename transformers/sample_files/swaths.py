"""Swath granules of the project's own making: 2-D latitude and longitude, packed variables, a quality flag.

`SwathSpec` says what to write; every field has the value of the demo collection, so a test names only what differs.
Obeys: CF 1.11; identity attributes as the catalog contract reads them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from transformers.sample_files.cf import iso, packed, put_attributes, put_dimension, put_variable, seconds_since_1970
from transformers.sample_files.fields import is_land, sea_surface_temperature, wind_speed
from transformers.sample_files.orbit import Orbit

FILL16, FILL8, FILL_COORDINATE = -32767, -127, -999.0
PACKING = {"sea_surface_temperature": (0.002, 290.0), "wind_speed": (0.01, 0.0)}  # scale, offset
COORDINATE_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "lat": {
        "standard_name": "latitude",
        "long_name": "latitude",
        "units": "degrees_north",
        "valid_min": np.float32(-90),
        "valid_max": np.float32(90),
    },
    "lon": {
        "standard_name": "longitude",
        "long_name": "longitude",
        "units": "degrees_east",
        "valid_min": np.float32(-180),
        "valid_max": np.float32(180),
    },
    "time": {
        "standard_name": "time",
        "long_name": "time of the scan line",
        "units": "seconds since 1970-01-01T00:00:00Z",
        "calendar": "standard",
    },
}
DATA_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "sea_surface_temperature": {
        "standard_name": "sea_surface_temperature",
        "long_name": "sea surface temperature",
        "units": "kelvin",
    },
    "wind_speed": {"standard_name": "wind_speed", "long_name": "wind speed", "units": "m s-1"},
    "quality_level": {
        "long_name": "quality level of the pixel",
        "flag_values": np.arange(6, dtype="i1"),
        "flag_meanings": "no_data bad worst low acceptable best",
        "valid_min": np.int8(0),
        "valid_max": np.int8(5),
    },
}


@dataclass(frozen=True, slots=True)
class SwathSpec:
    """One swath granule.

    rows, columns: scan lines and pixels of a line; 0 makes an empty granule. first_s: seconds from the ascending node
    to the first scan line; scan_s: between lines. group, data_group: where coordinates and variables stand ("" is the
    root). longitudes: "-180..180" or "0..360". coordinates: "valid", "fill" (all missing), "nan" (all NaN),
    "gaps" (every seventh scan line missing) or "swapped" (latitude holds longitudes). time: "scan" (seconds since 1970
    per line), "none". packing: int16 with scale and offset, or float32. flipped: scan lines in the opposite order.
    """

    short_name: str = "HARMONIUM_SWATH_L2"
    version: str = "1"
    title: str = "Harmonium sample swath: invented sea surface temperature and wind"
    start: datetime = datetime(2024, 6, 1, tzinfo=UTC)
    orbit: Orbit = Orbit()
    first_s: float = 0.0
    scan_s: float = 2.5
    rows: int = 120
    columns: int = 48
    half_width_deg: float = 6.0
    group: str = ""
    data_group: str = ""
    longitudes: str = "-180..180"
    coordinates: str = "valid"
    time: str = "scan"
    packing: bool = True
    flipped: bool = False
    compress: bool = True

    @property
    def end(self) -> datetime:
        """Time of the last scan line."""
        return self.start + timedelta(seconds=self.scan_s * max(self.rows - 1, 0))


DEMO = SwathSpec()


@dataclass(frozen=True, slots=True)
class SwathValues:
    """What stands in the file, decoded: the truth that tests compare with. Shapes (rows, columns); time (rows,)."""

    lat: np.ndarray
    lon: np.ndarray
    time_s: np.ndarray  # since 1970
    sea_surface_temperature: np.ndarray  # kelvin, NaN over land
    wind_speed: np.ndarray  # m s-1
    quality_level: np.ndarray  # int8: 0 none (land), 1 bad to 5 best


def swath_values(spec: SwathSpec) -> SwathValues:
    """The fields of a granule before packing and before coordinates are spoilt."""
    seconds = spec.first_s + spec.scan_s * np.arange(spec.rows)
    time_s = seconds_since_1970(spec.start) + spec.scan_s * np.arange(spec.rows)
    lat, lon = spec.orbit.swath(seconds, spec.half_width_deg, spec.columns)
    if spec.flipped:
        lat, lon, time_s = lat[::-1], lon[::-1], time_s[::-1]
    day = float(spec.start.timetuple().tm_yday)
    land = is_land(lat, lon)
    edge = np.abs(np.linspace(-1, 1, spec.columns)) if spec.columns > 1 else np.zeros(spec.columns)
    level = np.where(land, 0, 5 - np.rint(3 * edge**2)).astype("i1")
    return SwathValues(
        lat,
        lon,
        time_s,
        sea_surface_temperature(lat, lon, day),
        np.where(land, np.nan, wind_speed(lat, lon, day)),
        level,
    )


def stored_arrays(spec: SwathSpec) -> dict[str, np.ndarray]:
    """Variable name -> values as the file holds them: packed, spoilt where the spec asks for it."""
    values = swath_values(spec)
    lat, lon = _spoilt_coordinates(values, spec)
    arrays = {"lat": lat.astype("<f4"), "lon": lon.astype("<f4")}
    if spec.time == "scan":
        arrays["time"] = values.time_s.astype("<f8")
    for name, array in (
        ("sea_surface_temperature", values.sea_surface_temperature),
        ("wind_speed", values.wind_speed),
    ):
        missing = np.where(np.isnan(array), FILL16, array).astype("<f4")
        arrays[name] = packed(array, *PACKING[name], FILL16) if spec.packing else missing
    return arrays | {"quality_level": values.quality_level}


def write_swath(path: Path, spec: SwathSpec = DEMO) -> Path:
    """Write one granule and return its path; folders are made. An existing file is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", libver=("earliest", "v110")) as file:
        put_attributes(file, root_attributes(spec))
        rows = put_dimension(file, "rows", spec.rows)
        columns = put_dimension(file, "columns", spec.columns)
        for name, array in stored_arrays(spec).items():
            is_place = name in ("lat", "lon", "time")
            group = file.require_group("/" + (spec.group if is_place else spec.data_group))
            fill = FILL_COORDINATE if is_place and name != "time" else FILL8 if array.dtype == "i1" else FILL16
            put_variable(
                group,
                name,
                array,
                (rows, columns)[: array.ndim],
                _attributes(name, spec),
                fill=None if name == "time" else fill,
                compress=spec.compress,
            )
    return path


def _spoilt_coordinates(values: SwathValues, spec: SwathSpec) -> tuple[np.ndarray, np.ndarray]:
    lat, lon = values.lat.copy(), values.lon.copy()
    if spec.longitudes == "0..360":
        lon = lon % 360.0
    if spec.coordinates == "swapped":
        return lon, lat
    spoil = {"fill": FILL_COORDINATE, "gaps": FILL_COORDINATE, "nan": np.nan}.get(spec.coordinates)
    if spoil is not None:
        lines = slice(None, None, 7 if spec.coordinates == "gaps" else 1)
        lat[lines], lon[lines] = spoil, spoil
    return lat, lon


def _attributes(name: str, spec: SwathSpec) -> dict[str, Any]:
    """CF attributes of one variable."""
    if name in COORDINATE_ATTRIBUTES:
        attributes = dict(COORDINATE_ATTRIBUTES[name])
        if name == "lon" and spec.longitudes == "0..360":
            attributes |= {"valid_min": np.float32(0), "valid_max": np.float32(360)}
        return attributes
    where = f"/{spec.group}/" if spec.group and spec.group != spec.data_group else ""
    attributes = {**DATA_ATTRIBUTES[name], "coordinates": f"{where}lat {where}lon"}
    if name in PACKING and spec.packing:
        scale, offset = PACKING[name]
        attributes |= {"scale_factor": np.float64(scale), "add_offset": np.float64(offset)}
    return attributes


def root_attributes(spec: SwathSpec) -> dict[str, str]:
    """Identity, description and times of the granule."""
    attributes = {
        "Conventions": "CF-1.11, ACDD-1.3",
        "ShortName": spec.short_name,
        "VersionID": spec.version,
        "title": spec.title,
        "summary": "Invented values on a plausible orbit, made by Harmonium to try itself out. Not observations.",
        "institution": "Harmonium",
        "platform": "none",
        "instrument": "none",
        "processing_level": "L2",
        "date_created": iso(spec.end + timedelta(hours=3)),
        "day_night_flag": "Both",
    }
    if spec.time != "none":
        attributes |= {"time_coverage_start": iso(spec.start), "time_coverage_end": iso(spec.end)}
    return attributes
