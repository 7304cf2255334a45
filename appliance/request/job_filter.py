"""What listings and documents of jobs are asked with: labels, link types, filters of jobs, of steps and their items.

Text to values; the SQL is in `workflow/listing.py`. Sources: harmony-api.md, sections 5.2, 5.7 (link types), 5.9
(labels), 6.7 (steps), 8.8 (filters of the tables); names that harmony-py sends: clients.md, section 3.5.
"""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from appliance.errors import RequestValidationError
from appliance.request.query import INTEGER, Parameters, check_names

LINK_TYPES = ("http", "https", "s3")
LONGEST_LABEL = 255
MOST_FILTERS = 30

ITEM_STATUSES = ("ready", "queued", "running", "successful", "failed", "canceled", "warning")
STEP_NAMES = ("step", "status", "workItem", "limit")
STEP_NAMES_ACCEPTED = re.compile(
    r"linktype|resolvefiles|wilimit|step\d+page|workitem\d+(input|output)page", re.IGNORECASE | re.ASCII
)
STEP_PAGE = re.compile(r"step(\d{1,9})page", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Choice:
    """Values of one column, any of which will do; `negated`: none of which will do. Empty: no condition."""

    values: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list: all conditions hold. username None: everybody's. labels: any of them."""

    username: str | None = None
    labels: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    not_statuses: bool = False
    services: Choice = field(default_factory=Choice)
    users: Choice = field(default_factory=Choice)
    providers: Choice = field(default_factory=Choice)
    date_column: str = "createdAt"  # or updatedAt
    since: datetime | None = None
    until: datetime | None = None
    sort_by_granules: str | None = None  # asc, desc


@dataclass(frozen=True, slots=True)
class StepsQuery:
    """Which steps and items `/jobs/{id}/steps` shows. Numbers from 1; `pages`: step index -> page of its items."""

    step: int | None = None
    statuses: tuple[str, ...] = ()
    work_items: tuple[int, ...] = ()
    limit: int = 50
    pages: dict[int, int] = field(default_factory=dict)


def parse_link_type(given: Parameters) -> str | None:
    """The form of result links that is wanted, in lower case, or None when it was not said. Accepted on any route."""
    text = given.text("linkType")
    if text is None:
        return None
    if text.lower() not in LINK_TYPES:
        raise RequestValidationError(f"Invalid linkType '{text}' must be http, https, or s3")
    return text.lower()


def parse_labels(texts: Iterable[str]) -> tuple[str, ...]:
    """Labels to put on or take off: trimmed, lower case, once each, sorted.

    Raises RequestValidationError for a blank or too long one. There is no list of forbidden words.
    """
    labels = clean_labels(texts)
    check_label_lengths(labels)
    return labels


def clean_labels(texts: Iterable[str]) -> tuple[str, ...]:
    """The same but for the length, which a coverage request has checked later than the rest."""
    labels = {text.strip().lower() for text in texts}
    if "" in labels:
        raise RequestValidationError("Labels must contain at least one non-whitespace character")
    return tuple(sorted(labels))


def check_label_lengths(labels: Iterable[str]) -> None:
    """Raise RequestValidationError for a label of more than 255 characters."""
    if any(len(label) > LONGEST_LABEL for label in labels):
        raise RequestValidationError(f"Labels may not exceed {LONGEST_LABEL} characters in length.")


def parse_job_filter(given: Parameters, *, username: str | None, known_statuses: Collection[str] = ()) -> JobFilter:
    """The filter of `/jobs` and of the table of jobs. Blank labels and values that cannot be are passed over.

    known_statuses: others in `tableFilter` are ignored (none given: all are taken as they come).
    Raises RequestValidationError for a `tableFilter` that is no list, or has too many entries.
    """
    labels = {item.strip().lower() for item in given.items("label") if item.strip()}
    table = _table_filter(given)
    statuses = [s for s in table["status"] if not known_statuses or s in known_statuses]
    since, until = (_local_instant(given, name) for name in ("fromDateTime", "toDateTime"))
    sort = (given.text("sortGranules") or "").lower()
    return JobFilter(
        username=username,
        labels=tuple(sorted(labels | {label.lower() for label in table["label"]})),
        statuses=tuple(dict.fromkeys(statuses)),
        not_statuses=_is_on(given, "disallowStatus"),
        services=Choice(tuple(table["service"]), _is_on(given, "disallowService")),
        users=Choice(tuple(table["user"]) if username is None else (), _is_on(given, "disallowUser")),
        providers=Choice(tuple(p.lower() for p in table["provider"]), _is_on(given, "disallowProvider")),
        date_column="updatedAt" if (given.text("dateKind") or "").lower() == "updatedat" else "createdAt",
        since=since,
        until=until,
        sort_by_granules=sort if sort in ("asc", "desc") else None,
    )


def parse_steps_query(given: Parameters) -> StepsQuery:
    """The parameters of the steps route, names in any case. Raises RequestValidationError in the published words."""
    foreign = [name for name, _ in given.pairs if STEP_NAMES_ACCEPTED.fullmatch(name)]
    check_names(given, STEP_NAMES, foreign)
    step = _positive(given, "step")
    statuses = tuple(item.strip().lower() for item in given.items("status") if item.strip())
    if any(status not in ITEM_STATUSES for status in statuses):
        raise RequestValidationError(f"status must be one of: {', '.join(ITEM_STATUSES)}")
    items = [item.strip() for item in given.items("workItem") if item.strip()]
    if any(not INTEGER.fullmatch(item) or int(item) < 1 for item in items):
        raise RequestValidationError("workItem must be a positive integer")
    limit = given.text("limit")
    if limit is not None and not INTEGER.fullmatch(limit):
        raise RequestValidationError(f'Parameter "limit" is invalid. Found {limit!r}; allowed: an integer.')
    return StepsQuery(
        step=step,
        statuses=statuses,
        work_items=tuple(int(item) for item in items),
        limit=min(1000, max(1, int(limit))) if limit is not None else 50,
        pages=_step_pages(given),
    )


def _positive(given: Parameters, name: str) -> int | None:
    text = given.text(name)
    if text is None:
        return None
    if not INTEGER.fullmatch(text) or int(text) < 1:
        raise RequestValidationError(f"{name} must be a positive integer")
    return int(text)


def _step_pages(given: Parameters) -> dict[int, int]:
    pages = {}
    for name in given.by_name:
        match = STEP_PAGE.fullmatch(name)
        if match:
            text = given.text(name) or ""
            if not INTEGER.fullmatch(text) or int(text) < 1:
                raise RequestValidationError(
                    f'Parameter "{name}" is invalid. Must be an integer greater than or equal to 1.'
                )
            pages[int(match.group(1))] = int(text)
    return pages


def _table_filter(given: Parameters) -> dict[str, list[str]]:
    """`tableFilter=[{"value": "status: running with errors", "dbValue": "running_with_errors"}, ...]` by field."""
    found: dict[str, list[str]] = {name: [] for name in ("status", "service", "user", "provider", "label")}
    text = given.text("tableFilter")
    for entry in _json_list(text) if text else []:
        if not isinstance(entry, dict):
            continue
        name, colon, shown = str(entry.get("value") or "").partition(":")
        kind = str(entry.get("field") or name).strip().lower()
        value = str(entry.get("dbValue") or (shown if colon else name)).strip()
        if kind in found and value and _is_possible(kind, value):
            found[kind].append(value)
    if sum(len(values) for kind, values in found.items() if kind != "label") > MOST_FILTERS:
        raise RequestValidationError(f"Maximum amount of filters ({MOST_FILTERS}) was exceeded.")
    return found


def _json_list(text: str) -> list[Any]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, list):
        raise RequestValidationError(f"tableFilter: {text[:80]!r}; allowed: a JSON list of objects with value, dbValue")
    return entries


def _is_possible(kind: str, value: str) -> bool:
    patterns = {"user": r"[A-Za-z0-9._]{4,30}", "provider": r"\w{1,100}", "label": r".{1,100}"}
    return kind not in patterns or re.fullmatch(patterns[kind], value, re.DOTALL | re.ASCII) is not None


def _is_on(given: Parameters, name: str) -> bool:
    return (given.text(name) or "").lower() in ("on", "true")


def _local_instant(given: Parameters, name: str) -> datetime | None:
    """`YYYY-MM-DDTHH:mm` of the browser, with `tzOffsetMinutes` added, in UTC; None when absent or no date."""
    text, offset = given.text(name), given.text("tzOffsetMinutes") or "0"
    if text is None or not INTEGER.fullmatch(offset) or abs(int(offset)) > 24 * 60:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC) + timedelta(minutes=int(offset))
    except (ValueError, OverflowError):
        return None
