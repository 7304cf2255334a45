"""Instants as files write them in attributes and texts. Text in, datetimes out, UTC.

Times of variables (`<unit> since`): `coordinates/times.py`. Obeys: catalog contract, section 4.3 (forms).
"""

import re
from datetime import UTC, datetime, timedelta

from transformers.coordinates.times import day_of_year, parse_date

YEARS = range(1850, 2201)  # anything else is refused: fills and zero dates
_COMPACT = re.compile(r"^\s*(\d{4})(\d{2})(\d{2})(?:[T ]?(\d{2})(\d{2})(\d{2})(?:\.(\d+))?)?\s*Z?\s*$")
_DATED = re.compile(r"^\s*\d{4}-\d{1,2}-\d{1,2}|^\s*\d{1,2}-[A-Za-z]{3}-\d{4}")
_DATE_ALONE = re.compile(r"^\s*(\d{4}-\d{1,2}-\d{1,2}|\d{8})\s*$")
_TIME = re.compile(r"^\s*(\d{1,2}):?(\d{2}):?(\d{2})(?:\.(\d+))?\s*Z?\s*$")


def parse_instant(text: str) -> datetime | None:
    """`2019-08-05T06:55:01.5Z`, `20190805T065501Z`, `2019-08-05`, `2015-123T...`; None for anything else."""
    match = _COMPACT.match(text)
    if match:
        return _checked(*(int(g or 0) for g in match.groups()[:6]), fraction=match.group(7))
    instant = day_of_year(text) if re.match(r"\s*\d{4}-\d{3}(?!\d)", text) else None
    if instant is None and _DATED.match(text):
        instant = parse_date(text.replace(" UTC-", "-").replace(" UTC+", "+"))
    return instant if instant and instant.year in YEARS else None


def is_date_alone(text: str) -> bool:
    """A day without a time of day."""
    return bool(_DATE_ALONE.match(text))


def with_time(day: datetime, text: str) -> datetime | None:
    """The time of day `08:42:00`, `084200`, `23:59:59.999999` on a day; None when it is none."""
    match = _TIME.match(text)
    if not match:
        return None
    hour, minute, second = (int(g) for g in match.groups()[:3])
    micro = int((match.group(4) or "0")[:6].ljust(6, "0"))
    if hour > 24 or minute > 59 or second > 60:
        return None
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)


def iso_ms(instant: datetime) -> str:
    """2024-06-01T00:00:00.000Z, truncated to milliseconds."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


def _checked(
    year: int, month: int, day: int, hour: int, minute: int, second: int, *, fraction: str | None
) -> datetime | None:
    try:
        instant = datetime(year, month, day, hour, minute, second, int((fraction or "0")[:6].ljust(6, "0")), tzinfo=UTC)
    except ValueError:
        return None
    return instant if year in YEARS else None
