"""What the name of a file gives away: a short name, a version, a time. All of it is guessed. Text in, values out.

Obeys: catalog contract, sections 2 (step 5 of the short name; version) and 4.3 (the last row of its table).
"""

import re
from datetime import UTC, datetime, timedelta

DATA_EXTENSIONS = (".nc", ".nc4", ".h5", ".hdf5", ".he5", ".hdf", ".tif", ".tiff", ".zip")
_DATE_TIME = re.compile(r"(?<!\d)(\d{4})[-_.]?(\d{2})[-_.]?(\d{2})[Tt_\-.]?(\d{2}):?(\d{2}):?(\d{2})(?!\d)")
_MISSION = re.compile(r"(?<!\d)(\d{4})m(\d{2})(\d{2})t(\d{2})(\d{2})(?!\d)")
_START_END = re.compile(r"(?<!\d)(\d{8})[-_.]S(\d{6})[-_.]E(\d{6})(?!\d)")
_DATE = re.compile(r"(?<!\d)(\d{4})([-_.]?)(\d{2})\2(\d{2})(?!\d)")
_DAY_OF_YEAR = re.compile(r"(?<!\d)A?(\d{4})d?(\d{3})(?!\d)")
_VERSION = re.compile(r"(?:^|[._-])[vV](\d+(?:[.\-]\d+)*)(?=[._-]|$)|\.(\d{3})(?=\.)")
_DROPPED = re.compile(
    r"(o?\d+|[0-9a-f]{6,}|[vVrR]\d[\d.\-]*([a-z]\d*)?|[cC]\d+|[sS]\d{6}|[eE]\d{6}|[fF]\d\d|[sS]\d{3}[gG]\d\d)$"
)
DAY = timedelta(days=1)
LAST_MS = timedelta(milliseconds=1)
YEARS = range(1850, 2201)


def stem(name: str) -> str:
    """The name without its last data extension, any case: the GranuleUR."""
    for extension in sorted(DATA_EXTENSIONS, key=len, reverse=True):
        if name.lower().endswith(extension) and len(name) > len(extension):
            return name[: -len(extension)]
    return name


def short_name(name: str) -> str | None:
    """Before the first date, without orbit, cycle, version and hex parts at its end; else after it, likewise.

    At least two letters must remain, else None.
    """
    text = stem(name)
    date = _first_date(text)
    before, after = (text[: date[0]], text[date[1] :]) if date else (text, "")
    for part, ends in ((before, True), (after, False)):
        kept = _trimmed(part, from_end=ends)
        if len(re.findall(r"[A-Za-z]", kept)) >= 2:
            return kept
    return None


def version(name: str) -> str | None:
    """`_v06-01`, `.061.`; the last of several like `v...`. None without one."""
    matches = [m for m in _VERSION.finditer(stem(name)) if _first_date(m.group(0)) is None]
    named = [m.group(1) for m in matches if m.group(1)]
    return (named or [m.group(2) for m in matches] or [None])[0]


def times(name: str) -> tuple[datetime, datetime] | None:
    """A pair of date-times, one (start = end), day of year, or date (the whole day). UTC."""
    text = stem(name)
    span = _START_END.search(text)
    if span:
        start, end = (_instant(*_parts(span.group(1)), *_clock(span.group(n))) for n in (2, 3))
        if start and end:
            return start, end if end >= start else end + DAY
    instants = [t for t in (_instant(*map(int, m.groups())) for m in _DATE_TIME.finditer(text)) if t]
    instants = instants or [t for t in (_instant(*map(int, m.groups()), 0) for m in _MISSION.finditer(text)) if t]
    if instants:
        later = [t for t in instants[1:2] if t >= instants[0] and t - instants[0] < 400 * DAY]
        return instants[0], (later or instants)[0]
    day = date(name)
    return (day, day + DAY - LAST_MS) if day else None


def date(name: str) -> datetime | None:
    """The first day that the name names, at midnight UTC."""
    text = stem(name)
    for match in _DATE.finditer(text):
        day = _instant(int(match.group(1)), int(match.group(3)), int(match.group(4)))
        if day:
            return day
    for match in [*_DATE_TIME.finditer(text), *_MISSION.finditer(text)]:
        day = _instant(*map(int, match.groups()[:3]))
        if day:
            return day
    for match in _DAY_OF_YEAR.finditer(text):
        year, number = int(match.group(1)), int(match.group(2))
        if year in YEARS and 1 <= number <= 366:
            return datetime(year, 1, 1, tzinfo=UTC) + (number - 1) * DAY
    return None


def _first_date(text: str) -> tuple[int, int] | None:
    """Where the first date stands in the text."""
    spans = []
    for pattern in (_DATE_TIME, _MISSION, _DATE, _DAY_OF_YEAR):
        for match in pattern.finditer(text):
            numbers = [int(g) for g in match.groups() if g and g.isdigit()]
            good = _instant(*numbers[:3]) if pattern is not _DAY_OF_YEAR else 1 <= numbers[1] <= 366
            if numbers[0] in YEARS and good:
                spans.append(match.span())
                break
    return min(spans, default=None)


def _trimmed(text: str, *, from_end: bool) -> str:
    """Without numbers, versions and hexadecimal parts at one end, and without separators at both."""
    parts = re.split(r"([._\-]+)", text.strip("._-"))
    while parts and (not parts[-1 if from_end else 0].strip("._-") or _DROPPED.match(parts[-1 if from_end else 0])):
        parts.pop(-1 if from_end else 0)
    return "".join(parts).strip("._-")


def _parts(eight: str) -> tuple[int, int, int]:
    return int(eight[:4]), int(eight[4:6]), int(eight[6:])


def _clock(six: str) -> tuple[int, int, int]:
    return int(six[:2]), int(six[2:4]), int(six[4:])


def _instant(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime | None:
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC) if year in YEARS else None
    except ValueError:
        return None
