"""Values of a swath's time: what number, in which unit since when, for every way the missions have of saying it.

Obeys transformers-l2.md 4.2 of the project's contracts. Which variable is the time: `time_axis.py`.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np

from transformers.contract import InstructionError, NoRetry, TemporalRange
from transformers.coordinates.packing import unpack
from transformers.coordinates.times import GPS, MJD, TAI93, TimeUnit, day_of_year, parse_date, step_of, time_unit
from transformers.formats.layout import VariableInfo, join, name_of
from transformers.swath.source import Source
from transformers.swath.time_axis import is_ghrsst, offset_of

_FILE_ATTRIBUTES = "/HDFEOS/ADDITIONAL/FILE_ATTRIBUTES"
_ROW_TIMES = "approximate observation time for each row"
_SECOND = Fraction(1)


def time_mask(
    source: Source, latitude: VariableInfo, time: str, range_: TemporalRange, layout: Mapping[str, Any]
) -> np.ndarray:
    """Pixels whose time lies in the range, both ends included; on the latitude's dimensions, or ready to broadcast.

    The ends are put into the file's unit, correctly rounded; the stored values are never rounded. Missing times are
    outside. Raises NoRetry when the time has no epoch or its shape does not fit the latitude.
    """
    values, unit, dims = _times(source, time, layout)
    inside = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        if range_.start:
            inside &= values >= unit.value_of(range_.start)
        if range_.end:
            inside &= values <= unit.value_of(range_.end)
    return _spread(inside, dims, latitude, f"{source.name}: {time}")


def _times(source: Source, time: str, layout: Mapping[str, Any]) -> tuple[np.ndarray, TimeUnit, tuple[str, ...]]:
    """Values (float64, NaN where missing), their unit, and their dimensions."""
    info = source.variables[time]
    if is_ghrsst(source.variables, time):
        return _ghrsst(source, info)
    rows = _utc_rows(source, info)
    if rows is not None:
        return rows
    values = unpack(source.read(time), info.attributes)
    unit = time_unit(info.attributes) or _unit_elsewhere(source, info, layout)
    if unit is None:
        raise NoRetry(f"{source.name}: {time}: no epoch; found units {info.attributes.get('units')!r}; "
                      "allowed: <unit> since <date>, or one of the missions' known forms")  # fmt: skip
    return values, unit, info.dims


def _ghrsst(source: Source, info: VariableInfo) -> tuple[np.ndarray, TimeUnit, tuple[str, ...]]:
    """Reference time plus `sst_dtime` (seconds) of each pixel, available whether it was asked for or not."""
    offset = source.variables[str(offset_of(source.variables, info.path))]
    unit = time_unit(info.attributes)
    if unit is None:
        raise NoRetry(f"{source.name}: {info.path}: no epoch in its units {info.attributes.get('units')!r}")
    reference = unpack(source.read(info.path), info.attributes).reshape(-1)[:1]
    step = step_of(str(offset.attributes.get("units", "s")).split(" ")[0]) or _SECOND
    ahead = unpack(source.read(offset.path), offset.attributes) * float(step / unit.step)
    return reference + ahead, unit, offset.dims


def _utc_rows(source: Source, info: VariableInfo) -> tuple[np.ndarray, TimeUnit, tuple[str, ...]] | None:
    """Rows of (year, month, day, hour, minute, second) in a `*utc*time*` variable beside a time without units."""
    if time_unit(info.attributes) or _hdfeos_epoch(source, info):
        return None
    for other in source.variables.values():
        lowered = other.name.lower()
        is_rows = len(other.shape) >= 2 and other.shape[-1] >= 6 and not other.is_text
        if other.group == info.group and "utc" in lowered and "time" in lowered and is_rows:
            values = unpack(source.read(other.path), other.attributes)
            seconds = _seconds_of_rows(values)
            return seconds, TimeUnit(_SECOND, datetime(1970, 1, 1, tzinfo=UTC)), other.dims[:-1]
    return None


def _seconds_of_rows(values: np.ndarray) -> np.ndarray:
    """Seconds since 1970 of rows (Y, M, D, h, m, s, ...); NaN where a field is missing or no date."""
    fields = values[..., :6]
    good = np.isfinite(fields).all(axis=-1) & (fields[..., 0] > 0) & (fields[..., 1] > 0)
    whole = np.where(good[..., None], fields, 1).astype("i8")
    days = (np.datetime64("0000-01", "M") + (whole[..., 0] * 12 + whole[..., 1] - 1)).astype("datetime64[D]")
    midnight = (days + (whole[..., 2] - 1)).astype("datetime64[s]").astype("i8")
    seconds = midnight + whole[..., 3] * 3600 + whole[..., 4] * 60 + np.where(good, fields[..., 5], 0.0)
    return np.where(good, seconds, np.nan)


def _unit_elsewhere(source: Source, info: VariableInfo, layout: Mapping[str, Any]) -> TimeUnit | None:
    """The unit of a time whose own attributes name no epoch."""
    root = source.granule.groups["/"]
    files = source.granule.groups.get(_FILE_ATTRIBUTES, {})
    long_name = str(info.attributes.get("long_name", "")).strip().lower()
    if "MOP02" in info.path and "StartDateTime" in files:
        return _since(parse_date(str(files["StartDateTime"])), midnight=True)
    epoch = _hdfeos_epoch(source, info)
    if epoch:
        return TimeUnit(_SECOND, epoch)
    if long_name == _ROW_TIMES:
        return _since(day_of_year(str(root.get("REV_START_TIME", ""))))
    if name_of(info.path) == "solar_time":
        return _since(parse_date(str(root.get("time_coverage_start", ""))))
    unit = _duration(source, info)
    if unit is None and layout.get("time_epoch"):
        unit = _since(parse_date(str(layout["time_epoch"])))
    return unit


def _hdfeos_epoch(source: Source, info: VariableInfo) -> datetime | None:
    """Plain seconds since 1993 (OMI, MLS) or 1980 (GPM), told by the file's own groups and attributes."""
    instrument = str(source.granule.groups.get(_FILE_ATTRIBUTES, {}).get("InstrumentName", ""))
    is_gpm = any("ScanTime" in group for group in source.granule.groups) or name_of(info.path).lower() == "timemidscan"
    if is_gpm:
        return GPS
    return TAI93 if "OMI" in instrument or "MLS" in instrument else None


def _duration(source: Source, info: VariableInfo) -> TimeUnit | None:
    """A time stored as a duration: from a Modified Julian Day, or ahead of the variable its `comment` names."""
    words = str(info.attributes.get("units", "")).split()
    step = step_of(words[0]) if words else None
    comment = str(info.attributes.get("comment", ""))
    if step is None:
        return None
    if "Modified Julian Day" in comment:
        day = re.search(r"\([^)]*=\s*([\d.]+)[^)]*\)", str(info.attributes.get("long_name", "")))
        return TimeUnit(step, MJD + timedelta(days=float(day.group(1)))) if day else None
    named = re.search(r"(\w+)\s+plus\b", comment)
    names = ([named.group(1)] if named else []) + ["time"]
    for name in names:
        other = source.variables.get(join(info.group, name))
        if other is not None and other.path != info.path:
            return _ahead_of(source, other, step)
    ending = [v for v in source.variables.values() if v.group == info.group and v.name.endswith("time")]
    starts = [_ahead_of(source, v, step) for v in ending if v.path != info.path and not v.is_text]
    return next((s for s in starts if s), None)


def _ahead_of(source: Source, other: VariableInfo, step: Fraction) -> TimeUnit | None:
    unit = time_unit(other.attributes)
    if unit is None or other.is_text:
        return None
    first = unit.instants(unpack(source.read(other.path), other.attributes)).reshape(-1)[:1]
    if not first.size or np.isnat(first[0]):
        return None
    return TimeUnit(step, first[0].astype("datetime64[us]").item().replace(tzinfo=UTC))


def _since(epoch: datetime | None, *, midnight: bool = False) -> TimeUnit | None:
    if epoch is None:
        return None
    return TimeUnit(_SECOND, epoch.replace(hour=0, minute=0, second=0, microsecond=0) if midnight else epoch)


def _spread(inside: np.ndarray, dims: tuple[str, ...], latitude: VariableInfo, title: str) -> np.ndarray:
    """A time mask on the latitude's axes: each by the same name, else by equal length (the first that is free)."""
    long = [a for a, size in enumerate(inside.shape) if size != 1]
    targets: list[int] = []
    for axis in long:
        size, name = inside.shape[axis], name_of(dims[axis])
        fitting = [a for a, s in enumerate(latitude.shape) if s == size and a not in targets]
        same = [a for a in fitting if name_of(latitude.dims[a]) == name]
        if not fitting:
            raise NoRetry(f"{title}: shape {inside.shape} does not fit the latitude's {latitude.shape}")
        targets.append((same or fitting)[0])
    compact = inside.reshape([inside.shape[a] for a in long])
    order = sorted(range(len(targets)), key=lambda i: targets[i])
    compact = compact.transpose(order)
    sizes = iter(compact.shape)
    return compact.reshape([next(sizes) if a in targets else 1 for a in range(len(latitude.shape))])


def no_time(name: str) -> InstructionError:
    """The error for a time range asked of a file without a time."""
    return InstructionError(f"{name}: Could not determine time variable")
