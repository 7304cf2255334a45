"""The time range that a file's attributes state. Pure: words in, range out. Obeys: catalog contract, section 4.3."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from transformers.facts.instants import is_date_alone, parse_instant, with_time
from transformers.facts.said import Said, first

PAIRS = (  # (start names, end names): a date, or a date with the name of its time of day
    (("time_coverage_start",), ("time_coverage_end",)),
    (("RangeBeginningDate", "RangeBeginningTime"), ("RangeEndingDate", "RangeEndingTime")),
    (("rangeBeginningDateTime",), ("rangeEndingDateTime",)),
    (("start_date", "start_time"), ("stop_date", "stop_time")),
    (("start_date", "start_time"), ("end_date", "end_time")),
    (("start_time",), ("stop_time",)),
    (("start_time",), ("end_time",)),
    (("first_measurement_time",), ("last_measurement_time",)),
    (("first_meas_time",), ("last_meas_time",)),
    (("begin_time",), ("end_time",)),
    (("StartUTC",), ("EndUTC",)),
    (("StartGranuleDateTime",), ("StopGranuleDateTime",)),
    (("GranuleBeginningDateTime",), ("GranuleEndingDateTime",)),
)
DAY_LESS = timedelta(days=1) - timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class SaidRange:
    """end None: only a start is stated."""

    start: datetime
    end: datetime | None
    place: str


def said_range(said: Sequence[Said]) -> SaidRange | None:
    """The first complete pair; else the first start alone."""
    alone: SaidRange | None = None
    for start_names, end_names in PAIRS:
        start = _instant(said, start_names, is_end=False)
        if start is None:
            continue
        end = _instant(said, end_names, is_end=True)
        if end is not None and end[0] >= start[0]:
            return SaidRange(start[0], end[0], f"{start[1]}, {end[1]}")
        alone = alone or SaidRange(start[0], None, start[1])
    return alone


def production_time(said: Sequence[Said]) -> datetime | None:
    """When the file was made, as it says."""
    for name in ("PRODUCTIONDATETIME", "date_created", "production_date_time", "creation_date", "GenerationDateTime"):
        word = first(said, (name,))
        instant = parse_instant(word.value) if word else None
        if instant and name == "creation_date":
            clock = first(said, ("creation_time",))
            instant = (with_time(instant, clock.value) if clock else None) or instant
        if instant:
            return instant
    return None


def _instant(said: Sequence[Said], names: tuple[str, ...], *, is_end: bool) -> tuple[datetime, str] | None:
    """An instant and where it stands. A date alone ends with its day."""
    word = first(said, names[:1])
    instant = parse_instant(word.value) if word else None
    if word is None or instant is None:
        return None
    if not is_date_alone(word.value):
        return instant, word.place
    clock = first(said, names[1:])
    timed = with_time(instant, clock.value) if clock else None
    if timed is not None and clock is not None:
        return timed, f"{word.place} {clock.name}"
    return (instant + DAY_LESS if is_end else instant), word.place
