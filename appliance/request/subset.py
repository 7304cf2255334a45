"""The grammar of `subset=axis(low:high)`: latitude, longitude, time and named dimensions.

Text to values and back; which files that touches is not known here. Grammar and words: harmony-api.md, section 1.4;
date-times as clients send them: clients.md, section 3.1.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from appliance.errors import RequestValidationError
from appliance.request.query import number
from transformers.contract import BoundingBox, DimensionSubset, TemporalRange

LIMITS = {"lat": (-90.0, 90.0), "lon": (-180.0, 180.0)}
QUOTED_PAIR = re.compile(r'\s*("[^"]*"|\*)\s*:\s*("[^"]*"|\*)\s*')
QUOTED = re.compile(r'\s*("[^"]*"|\*)\s*')


@dataclass(frozen=True, slots=True)
class Subset:
    """What all `subset` parameters say together; everything is ANDed. All empty: no subset."""

    bounding_box: BoundingBox | None = None
    temporal: TemporalRange | None = None
    dimensions: tuple[DimensionSubset, ...] = ()


def parse_subset(texts: Sequence[str]) -> Subset:
    """The values of all `subset` parameters, already split at commas. Axis names are case-sensitive.

    Only `lat` or only `lon` opens the other one fully; min > max of `lon` crosses the antimeridian.
    Raises RequestValidationError in the published words.
    """
    ranges: dict[str, str] = {}
    for text in texts:
        axis, inner = _axis_and_range(text)
        if axis in ranges:
            raise _error(f'subset dimension "{axis}" was specified multiple times')
        ranges[axis] = inner
    numeric = {axis: _numeric_range(axis, inner) for axis, inner in ranges.items() if axis != "time"}
    temporal = parse_time_range(ranges["time"]) if "time" in ranges else None
    south, north = numeric.get("lat", LIMITS["lat"])
    west, east = numeric.get("lon", LIMITS["lon"])
    box = None
    if "lat" in numeric or "lon" in numeric:
        box = BoundingBox(_or(west, -180.0), _or(south, -90.0), _or(east, 180.0), _or(north, 90.0))
    dimensions = tuple(DimensionSubset(axis, *bounds) for axis, bounds in numeric.items() if axis not in LIMITS)
    return Subset(box, temporal, dimensions)


def print_subset(subset: Subset) -> list[str]:
    """The parameters that `parse_subset` reads back to the same value."""
    texts = []
    if subset.bounding_box:
        box = subset.bounding_box
        texts += [f"lat({box.south!r}:{box.north!r})", f"lon({box.west!r}:{box.east!r})"]
    if subset.temporal:
        start, end = subset.temporal.start, subset.temporal.end
        texts.append(f"time({_quoted(start)}:{_quoted(end)})")
    for dimension in subset.dimensions:
        low = "*" if dimension.low is None else repr(dimension.low)
        high = "*" if dimension.high is None else repr(dimension.high)
        texts.append(f"{dimension.name}({low}:{high})")
    return texts


def parse_time_range(inner: str) -> TemporalRange:
    """`"a":"b"`, `"a":*`, `*:"b"`, `*:*`, `*`, or `"a"` alone (start = end = a)."""
    pair = QUOTED_PAIR.fullmatch(inner)
    single = QUOTED.fullmatch(inner)
    if pair:
        low, high = pair.groups()
    elif single:
        low = high = single.group(1)
    else:
        raise _error('subset dimension "time" could not be parsed')
    start, end = _time_bound(low), _time_bound(high)
    if start and end and start > end:
        raise _error('subset dimension "time" values must be ordered from low to high')
    return TemporalRange(start, end)


def parse_date_time(text: str) -> datetime | None:
    """ISO 8601 to an aware UTC datetime, cut to milliseconds; without a zone it is UTC. None when it is no date."""
    text = text.strip()
    # fromisoformat also reads week dates and bare digits; the published API wants a date that begins with a year.
    if not re.match(r"\d{4}-\d{2}", text, re.ASCII):
        return None
    if re.fullmatch(r"\d{4}-\d{2}", text, re.ASCII):
        text += "-01"
    try:
        instant = datetime.fromisoformat(text.replace("z", "Z"))
        utc = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def iso_milliseconds(instant: datetime) -> str:
    """`2020-01-01T00:00:00.000Z`, the only spelling of instants in our JSON."""
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds") + "Z"


def _axis_and_range(text: str) -> tuple[str, str]:
    axis, bracket, rest = text.strip().partition("(")
    axis = axis.strip()
    if not bracket or not axis or ")" in axis:
        raise _error(f'unable to parse subset dimension from value "{text}"')
    if not rest.endswith(")") or "(" in rest or ")" in rest[:-1] or not rest[:-1].strip():
        raise _error(f'subset dimension "{axis}" could not be parsed')
    return axis, rest[:-1]


def _numeric_range(axis: str, inner: str) -> tuple[float | None, float | None]:
    parts = [part.strip() for part in inner.split(":")]
    if len(parts) != 2 or not all(parts):
        raise _error(f'subset dimension "{axis}" could not be parsed')
    low, high = (_numeric_bound(axis, part) for part in parts)
    if axis != "lon" and low is not None and high is not None and low > high:
        raise _error(f'subset dimension "{axis}" values must be ordered from low to high')
    return low, high


def _numeric_bound(axis: str, text: str) -> float | None:
    if text == "*":
        return None
    value = number(text)
    if value is None:
        raise _error(f'subset dimension "{axis}" has an invalid numeric value "{text}"')
    lowest, highest = LIMITS.get(axis, (value, value))
    if value < lowest:
        raise _error(f'subset dimension "{axis}" values must be greater than {lowest:g}')
    if value > highest:
        raise _error(f'subset dimension "{axis}" values must be less than {highest:g}')
    return value


def _time_bound(token: str) -> datetime | None:
    if token == "*":
        return None
    found = parse_date_time(token[1:-1])
    if found is None:
        raise _error(f'subset dimension "time" has an invalid date time "{token[1:-1]}"')
    return found


def _quoted(instant: datetime | None) -> str:
    return "*" if instant is None else f'"{iso_milliseconds(instant)}"'


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _error(reason: str) -> RequestValidationError:
    return RequestValidationError(f'query parameter "subset" {reason}')
