"""The time range that a file's variables hold. Reads their values. Obeys: catalog contract, section 4.3.

Units with an epoch: `coordinates/times.py`. Here: which variables count, in which order, bounds, offsets from another
variable, HDF-EOS's TAI seconds, calendar parts (GPM ScanTime) and texts.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np

from transformers.contract import NoRetry
from transformers.coordinates.packing import unpack
from transformers.coordinates.times import TAI93, TimeUnit, step_of, time_unit
from transformers.facts.instants import parse_instant
from transformers.formats.layout import Granule, VariableInfo, join, name_of

NEVER = re.compile(r"reference|production|equator|orbit|creation|local|solar|bnds|bounds|duration|exposure|_tai$", re.I)
SINCE_2018 = TimeUnit(
    step=Fraction(1), epoch=datetime(2018, 1, 1, tzinfo=UTC)
)  # ICESat-2 and GEDI, where units lack it
LEAP_SECONDS = tuple(  # announced since 1993 (IERS Bulletin C); none since 2017
    np.datetime64(day, "us")
    for day in (
        "1993-07-01", "1994-07-01", "1996-01-01", "1997-07-01", "1999-01-01",
        "2006-01-01", "2009-01-01", "2012-07-01", "2015-07-01", "2017-01-01",
    )
)  # fmt: skip
FIRST, LAST = np.datetime64("1850-01-01", "us"), np.datetime64("2201-01-01", "us")
PARTS = ("year", "month", "dayofmonth", "hour", "minute", "second")


@dataclass(frozen=True, slots=True)
class VariableRange:
    """is_single: one instant only, without bounds."""

    start: datetime
    end: datetime
    paths: tuple[str, ...]

    @property
    def is_single(self) -> bool:
        """Whether all values are one instant."""
        return self.start == self.end


def variable_range(granule: Granule, short_name: str) -> VariableRange | None:
    """The range of the first kind of time variables that has a valid value; all of that kind together."""
    candidates = [v for v in granule.variables.values() if (not NEVER.search(v.name) and v.shape != ()) or _is_time(v)]
    numbers = [v for v in candidates if v.dtype.kind in "iuf" and not NEVER.search(v.name)]
    kinds = (
        [v for v in numbers if _is_time(v)],
        [v for v in numbers if re.search(r"time$", v.name, re.I)],
        [v for v in numbers if re.search(r"\bsince\b", str(v.attributes.get("units", "")), re.I)],
    )
    for kind in kinds:
        # One instant that others count from (GHRSST sst_dtime, Sentinel-5P delta_time) is no time of the data.
        offsets = [(v.path, *r) for v in kinds[1] if (r := _offsets(granule, v, kinds[0]))] if kind is kinds[0] else []
        found = offsets or [(v.path, *r) for v in kind if (r := _range_of(granule, v, short_name))]
        if found:
            return _united(found)
    found = [*_scan_times(granule), *_texts(granule, candidates)]
    return _united(found) if found else None


def _is_time(info: VariableInfo) -> bool:
    return info.name.lower() == "time" or str(info.attributes.get("standard_name", "")).strip().lower() == "time"


def _range_of(granule: Granule, info: VariableInfo, short_name: str) -> tuple[np.datetime64, np.datetime64] | None:
    """First and last valid instant of a variable with an epoch; its bounds included, of which the last is exclusive."""
    unit = time_unit(info.attributes)
    if unit is None and info.name.lower() == "delta_time" and re.match(r"ATL\d\d|GEDI", short_name):
        unit = SINCE_2018
    if _counts_leap_seconds(granule) and (unit is None or unit.epoch == TAI93):
        return _ends(_from_tai93(_values(granule, info)))
    if unit is None:
        return None
    ends = _ends(unit.instants(_values(granule, info)))
    bounds = granule.variables.get(join(info.group, str(info.attributes.get("bounds", "?"))))
    if bounds is None or bounds.dtype.kind not in "iuf":
        return ends
    outer = _ends((time_unit(bounds.attributes) or unit).instants(_values(granule, bounds)))
    if ends is None or outer is None:
        return ends or outer
    return min(ends[0], outer[0]), max(ends[1], outer[1] - np.timedelta64(1, "ms"))


def _counts_leap_seconds(granule: Granule) -> bool:
    """HDF-EOS files of Aura keep TAI seconds since 1993, and say so by this attribute."""
    return any(name.lower() == "tai93at0zofgranule" for attributes in granule.groups.values() for name in attributes)


def _offsets(
    granule: Granule, info: VariableInfo, times: Sequence[VariableInfo]
) -> tuple[np.datetime64, np.datetime64] | None:
    """`seconds`, `milliseconds` counted from the one instant that `time` holds."""
    step = step_of(str(info.attributes.get("units", "")).strip())
    base = next((t for t in times if np.prod(t.shape) == 1 and time_unit(t.attributes)), None)
    if step is None or base is None or base.path == info.path:
        return None
    unit = time_unit(base.attributes)
    ends = _ends(unit.instants(_values(granule, base))) if unit else None
    if ends is None:
        return None
    seconds = _values(granule, info) * float(step)
    micro = np.where(np.isfinite(seconds), seconds, 0) * 1e6
    return _ends(np.where(np.isfinite(seconds), ends[0] + micro.astype("timedelta64[us]"), np.datetime64("NaT", "us")))


def _from_tai93(values: np.ndarray) -> np.ndarray:
    """TAI seconds since 1993 to UTC: the leap seconds announced since then do not count."""
    good = np.isfinite(values) & (np.abs(values) < 1e10)
    micro = np.where(good, values, 0.0) * 1e6
    counted = np.datetime64(TAI93.replace(tzinfo=None), "us") + micro.astype("timedelta64[us]")
    leaps = np.zeros(values.shape, np.int64)
    for number, day in enumerate(LEAP_SECONDS):
        leaps += counted - np.timedelta64(number, "s") >= day
    return np.where(good, counted - leaps.astype("timedelta64[s]"), np.datetime64("NaT", "us"))


def _scan_times(granule: Granule) -> Iterator[tuple[str, np.datetime64, np.datetime64]]:
    """Groups that keep Year, Month, ... Second apart (GPM's ScanTime)."""
    for group in granule.groups:
        members = {v.name.lower(): v for v in granule.variables.values() if v.group == group}
        if "scantime" not in name_of(group).lower() or not all(part in members for part in PARTS):
            continue
        year, month, day, hour, minute, second = (_values(granule, members[part]) for part in PARTS)
        good = (year >= 1850) & (year <= 2200) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
        good &= (hour >= 0) & (hour < 25) & (minute >= 0) & (minute < 60) & (second >= 0) & (second < 61)
        if not good.any():
            continue
        months = (year[good].astype(int) - 1970).astype("timedelta64[Y]").astype("timedelta64[M]")
        months = np.datetime64("1970-01", "M") + months + (month[good].astype(int) - 1).astype("timedelta64[M]")
        seconds = (day[good] - 1) * 86400 + hour[good] * 3600 + minute[good] * 60 + second[good]
        ends = _ends(months.astype("datetime64[us]") + (seconds * 1e6).astype("timedelta64[us]"))
        if ends:
            yield group, *ends


def _texts(granule: Granule, candidates: Sequence[VariableInfo]) -> Iterator[tuple[str, np.datetime64, np.datetime64]]:
    """Variables of texts named like `time_utc`, `TimeUTC`."""
    for info in candidates:
        if not info.is_text or not re.search(r"utc.*time|time.*utc", info.name, re.I):
            continue
        raw = np.asarray(granule.read(info.path))
        rows = raw.reshape(-1) if raw.dtype.kind == "O" or raw.dtype.itemsize > 1 else _joined(raw)
        instants = [parse_instant(_decoded(row)) for row in rows]
        ends = _ends(np.array([np.datetime64(i.replace(tzinfo=None), "us") for i in instants if i], "datetime64[us]"))
        if ends:
            yield info.path, *ends


def _joined(characters: np.ndarray) -> list[bytes]:
    """Rows of single characters as texts."""
    return [b"".join(row.tolist()) for row in characters.reshape(-1, characters.shape[-1])]


def _decoded(text: object) -> str:
    return text.decode("ascii", "replace").strip("\0 ") if isinstance(text, bytes) else str(text).strip("\0 ")


def _values(granule: Granule, info: VariableInfo) -> np.ndarray:
    """Decoded, NaN where missing; none where they cannot be read."""
    try:
        return unpack(granule.read(info.path), info.attributes)
    except NoRetry:
        return np.empty(0)


def _ends(instants: np.ndarray) -> tuple[np.datetime64, np.datetime64] | None:
    good = instants[~np.isnat(instants)]
    good = good[(good >= FIRST) & (good < LAST)]
    return (good.min(), good.max()) if good.size else None


def _united(found: Sequence[tuple[str, np.datetime64, np.datetime64]]) -> VariableRange:
    start, end = min(f[1] for f in found), max(f[2] for f in found)
    return VariableRange(_datetime(start), _datetime(end), tuple(f[0] for f in found))


def _datetime(instant: np.datetime64) -> datetime:
    return instant.astype("datetime64[us]").item().replace(tzinfo=UTC)
