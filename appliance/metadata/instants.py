"""Times as the catalog keeps them: whole milliseconds since 1970, UTC. Pure."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OPEN = 2**62  # later than any time: the start of a granule without time, the stop of one without end
DAY_MS = 86_400_000.0
FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999, which is what datetime holds


def milliseconds(instant: datetime) -> int:
    """Since 1970; an instant without a zone is UTC. Microseconds are cut off."""
    aware = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
    return (aware - EPOCH) // timedelta(milliseconds=1)


def instant(ms: int | None) -> datetime | None:
    """The datetime of a kept time; None for none and for an open one."""
    return None if ms is None or not FIRST <= ms <= LAST else EPOCH + timedelta(milliseconds=ms)


def parsed(text: str) -> datetime:
    """ISO 8601 to UTC; without a zone it is UTC. Raises ValueError."""
    read = datetime.fromisoformat(text.strip())
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def written(instant: datetime) -> str:
    """As UMM writes it, to the millisecond: 2024-06-01T00:00:00.000Z"""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
