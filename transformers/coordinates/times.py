"""Times of files: what a value means, and how to ask for a range of them. Arrays in, arrays out.

CF 1.11 section 4.4 (units, calendars) plus the missions' own ways that transformers-l2.md 4.2 lists. Leap seconds are
not counted: TAI93 and GPS seconds are plain seconds from their epoch, as the archive's own programs take them.
Which variable is the time: `axes.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np

TAI93 = datetime(1993, 1, 1, tzinfo=UTC)  # HDF-EOS Aura: seconds since
GPS = datetime(1980, 1, 6, tzinfo=UTC)  # GPM: seconds since
MJD = datetime(1858, 11, 17, tzinfo=UTC)  # day 0 of the Modified Julian Day
PLAIN_CALENDARS = frozenset({"", "standard", "gregorian", "proleptic_gregorian", "utc", "none"})
_FIRST_GREGORIAN = datetime(1582, 10, 15, tzinfo=UTC)
_STEPS = (  # patterns of whole words, any case -> seconds
    ("n(s|ano.*)", Fraction(1, 10**9)),
    ("u(s|sec.*)|micro.*", Fraction(1, 10**6)),
    ("m(s|sec.*)|milli.*", Fraction(1, 1000)),
    ("s|secs?|seconds?", Fraction(1)),
    ("mins?|minutes?", Fraction(60)),
    ("h|hrs?|hours?", Fraction(3600)),
    ("d|days?", Fraction(86400)),
    ("w|weeks?", Fraction(604800)),
)
_SINCE = re.compile(r"^\s*([A-Za-z]+)\s+since\s+(.+?)\s*$", re.I)
_DATE = re.compile(
    r"(\d{1,4})-(\d{1,2})-(\d{1,2})(?:[T\s]+(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?)?)?\s*"
    r"(Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?)?", re.I,
)  # fmt: skip
_DAY_FIRST = re.compile(r"(\d{1,2})[-/ ]([A-Za-z]{3,9})[-/ ](\d{4})(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


@dataclass(frozen=True, slots=True)
class TimeUnit:
    """value x step seconds after epoch. calendar: CF's name; other than the plain ones it goes through cftime."""

    step: Fraction  # seconds
    epoch: datetime  # UTC
    calendar: str = "standard"
    text: str = ""  # as the file says it, for cftime

    @property
    def is_plain(self) -> bool:
        """True when the calendar is the one of everyday dates over the file's span."""
        return self.calendar in PLAIN_CALENDARS and self.epoch >= _FIRST_GREGORIAN

    def value_of(self, instant: datetime) -> float:
        """An instant in this unit, correctly rounded: comparing stored values with it loses nothing."""
        if not self.is_plain:
            import cftime  # rare calendars only: it costs time to import

            moment = cftime.datetime(
                instant.year, instant.month, instant.day, instant.hour, instant.minute, instant.second,
                instant.microsecond, calendar=self.calendar if self.calendar not in PLAIN_CALENDARS else "standard",
            )  # fmt: skip
            return float(cftime.date2num(moment, self.text, calendar=moment.calendar))
        return float(_exact_seconds(instant - self.epoch) / self.step)

    def instants(self, values: np.ndarray) -> np.ndarray:
        """Values (float, NaN where missing) as datetime64[us], NaT where missing or out of reach."""
        values = np.asarray(values, np.float64)
        if not self.is_plain:
            return self._foreign(values)
        # Whole units and the rest apart: 1e9 seconds times 1e6 does not fit a double's 53 bits with a fraction.
        with np.errstate(invalid="ignore"):
            good = np.isfinite(values) & (np.abs(values) < 9e15 / max(float(self.step), 1e-3))
        whole = np.trunc(np.where(good, values, 0.0))
        rest = np.where(good, values, 0.0) - whole
        micro = self.step * 10**6
        if micro.denominator == 1:
            counted = whole.astype(np.int64) * int(micro)
        else:
            counted = whole.astype(np.int64) // micro.denominator * micro.numerator
        counted = counted + np.rint(rest * float(micro)).astype(np.int64)
        result = np.datetime64(self.epoch.replace(tzinfo=None), "us") + counted.astype("timedelta64[us]")
        return np.where(good, result, np.datetime64("NaT", "us"))

    def _foreign(self, values: np.ndarray) -> np.ndarray:
        import cftime

        result = np.full(values.shape, np.datetime64("NaT", "us"))
        good = np.isfinite(values)
        calendar = self.calendar if self.calendar not in PLAIN_CALENDARS else "standard"
        dates = np.atleast_1d(cftime.num2date(values[good], self.text, calendar=calendar))
        result[good] = [np.datetime64(f"{d.year:04d}-{d.month:02d}-{min(d.day, 28 if d.month == 2 else 30):02d}"
                                      f"T{d.hour:02d}:{d.minute:02d}:{d.second:02d}.{d.microsecond:06d}", "us")
                        for d in dates]  # fmt: skip
        return result


def time_unit(attributes: Mapping[str, Any]) -> TimeUnit | None:
    """The unit that `units` (`Units`, `unit`, `description`) and `calendar` say; None when they name no epoch."""
    calendar = str(attributes.get("calendar", "standard")).strip().lower()
    for name in ("units", "Units", "unit", "description"):
        unit = parse_unit(str(attributes.get(name, "")), calendar)
        if unit:
            return unit
    return None


def parse_unit(text: str, calendar: str = "standard") -> TimeUnit | None:
    """`seconds since 2000-1-1 0:0:0 0` and every common style; None when it is not of that kind.

    For free text (`... seconds since 01-JAN-1993 ...`) the words before the step are skipped.
    """
    start = re.search(r"([A-Za-z]+)\s+since\s", text, re.I)
    match = _SINCE.match(text[start.start() :]) if start else None
    step = step_of(match.group(1)) if match else None
    epoch = parse_date(match.group(2)) if match else None
    if match is None or step is None or epoch is None:
        return None
    return TimeUnit(step, epoch, calendar, f"{match.group(1)} since {epoch:%Y-%m-%d %H:%M:%S}")


def step_of(word: str) -> Fraction | None:
    """Seconds of a unit's name (`ms`, `Seconds`, `hr`, `days`); None for others (months and years have no length)."""
    return next((step for pattern, step in _STEPS if re.fullmatch(pattern, word, re.I)), None)


def parse_date(text: str) -> datetime | None:
    """The first date in a text, UTC: `2000-1-1 0:0:0 0`, `1993-01-01T00:00:00Z`, `01-JAN-1993 00:00`."""
    match = _DATE.search(text)
    try:
        if match:
            year, month, day, hour, minute, second = (int(g or 0) for g in match.groups()[:6])
            micro = int((match.group(7) or "0")[:6].ljust(6, "0"))
            return datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC) - _zone(match.group(8))
        match = _DAY_FIRST.search(text)
        if match and match.group(2)[:3].lower() in _MONTHS:
            month = _MONTHS.index(match.group(2)[:3].lower()) + 1
            hour, minute, second = (int(g or 0) for g in match.groups()[3:6])
            return datetime(int(match.group(3)), month, int(match.group(1)), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return None


def day_of_year(text: str) -> datetime | None:
    """`2015-123T...` (year and day of the year) as the start of that day, UTC."""
    match = re.match(r"\s*(\d{4})-(\d{3})(?!\d)", text)
    return datetime(int(match.group(1)), 1, 1, tzinfo=UTC) + timedelta(int(match.group(2)) - 1) if match else None


def _zone(text: str | None) -> timedelta:
    digits = re.sub(r"[^\d]", "", text or "")
    if not digits:
        return timedelta()
    hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
    return timedelta(hours=hours, minutes=minutes) * (-1 if str(text).startswith("-") else 1)


def _exact_seconds(span: timedelta) -> Fraction:
    return Fraction(span.days * 86400 + span.seconds) + Fraction(span.microseconds, 10**6)
