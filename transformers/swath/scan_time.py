"""GPM's scan time: two variables made from the date and time fields of a `ScanTime` group.

Obeys transformers-l2.md 3.3 of the project's contracts. The values are plain seconds: no leap seconds.
"""

from dataclasses import replace

import numpy as np

from transformers.contract import NoRetry
from transformers.coordinates.packing import unpack
from transformers.coordinates.times import GPS
from transformers.formats.layout import VariableInfo, join, name_of
from transformers.swath.source import Source

GROUP = "ScanTime"
_FIELDS = ("Year", "Month", "DayOfMonth", "Hour", "Minute", "Second", "MilliSecond")
_STEPS = (("days", 86_400_000), ("hours", 3_600_000), ("minutes", 60_000), ("seconds", 1000), ("milliseconds", 1))


def add_scan_times(source: Source) -> dict[str, str]:
    """Add the variables to every ScanTime group that has the fields but no `timeMidScan*`.

    Returns swath group -> path of its added time. Raises NoRetry for milliseconds outside 0 to 999.
    """
    added = {}
    for group in [g for g in source.granule.groups if name_of(g) == GROUP]:
        inside = {v.name: v for v in source.variables.values() if v.group == group}
        made = any(name.startswith("timeMidScan") for name in inside)
        if not made and all(field in inside for field in _FIELDS):
            added[group.rsplit("/", 1)[0] or "/"] = _add(source, group, [inside[f] for f in _FIELDS])
    return added


def _add(source: Source, group: str, fields: list[VariableInfo]) -> str:
    instants = _instants(source, fields)
    missing = np.isnat(instants)
    since_gps = (instants - np.datetime64(GPS.replace(tzinfo=None), "ms")).astype("i8")
    whole = not (since_gps[~missing] % 1000).any()
    none = np.iinfo("i8").min
    seconds = np.where(missing, none, since_gps // 1000) if whole else np.where(missing, np.nan, since_gps / 1000)
    like = VariableInfo(join(group, "timeMidScan"), fields[0].dims, fields[0].shape, seconds.dtype)
    text = f"seconds since {GPS:%Y-%m-%d %H:%M:%S}"
    source.add(replace(like, attributes={"unit": text}), seconds)
    return _add_datetime(source, join(group, "timeMidScan_datetime"), like, instants)


def _add_datetime(source: Source, path: str, like: VariableInfo, instants: np.ndarray) -> str:
    """The same instants in the largest unit that counts them in whole numbers from the first."""
    good = instants[~np.isnat(instants)]
    first = good[0] if good.size else np.datetime64("1970-01-01T00:00:00", "ms")
    ahead = (good - first).astype("i8")
    name, step = next((n, s) for n, s in _STEPS if not (ahead % s).any())
    values = np.full(instants.shape, np.iinfo("i8").min)
    values[~np.isnat(instants)] = ahead // step
    text = str(first.astype("datetime64[s]" if first.astype("i8") % 1000 == 0 else "datetime64[ms]")).replace("T", " ")
    attributes: dict[str, object] = {"units": f"{name} since {text}", "calendar": "proleptic_gregorian"}
    if np.isnat(instants).any():
        attributes["_FillValue"] = np.iinfo("i8").min
    info = replace(like, path=path, dtype=np.dtype("i8"), attributes=attributes, fill=attributes.get("_FillValue"))
    source.add(info, values)
    return path


def _instants(source: Source, fields: list[VariableInfo]) -> np.ndarray:
    """datetime64[ms], NaT where a field is missing."""
    parts = [unpack(source.read(f.path), f.attributes) for f in fields]
    missing = np.isnan(np.array(parts)).any(axis=0)
    year, month, day, hour, minute, second, milli = (np.where(missing, 1, p).astype("i8") for p in parts)
    if ((milli < 0) | (milli > 999))[~missing].any():
        raise NoRetry(f"{source.name}: {fields[-1].path}: milliseconds outside 0 to 999")
    days = (np.datetime64("0000-01", "M") + (year * 12 + month - 1)).astype("datetime64[D]") + (day - 1)
    ms = ((hour * 60 + minute) * 60 + second) * 1000 + milli
    return np.where(missing, np.datetime64("NaT", "ms"), days.astype("datetime64[ms]") + ms.astype("timedelta64[ms]"))
