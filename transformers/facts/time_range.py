"""When a granule is: attributes, variables and the file name weighed against each other. Pure.

Obeys: the table of the catalog contract, section 4.3.
"""

from datetime import datetime, timedelta
from typing import Any

from transformers.facts import file_name
from transformers.facts.instants import iso_ms
from transformers.facts.said_times import SaidRange
from transformers.facts.variable_times import VariableRange

SLACK = timedelta(seconds=60)
DAY = timedelta(days=1)
ONE_DAY_LESS = DAY - timedelta(milliseconds=1)


def time_range(said: SaidRange | None, held: VariableRange | None, name: str) -> dict[str, Any]:
    """`time` of the facts. name: of the file, for the last resort."""
    if said and held and said.end:
        return _both(said.start, said.end, held)
    if said and said.end:
        return _fact(said.start, said.end, "attributes", "read")
    if said and held:
        start, end = min(said.start, held.start), max(said.start, held.end)
        return _fact(start, end, "attributes and variables", "read")
    if held:
        return _held_alone(held, name)
    if said:
        return _fact(said.start, said.start, "attributes", "read")
    guessed = file_name.times(name)
    return _fact(*guessed, "name", "guessed") if guessed else _fact(None, None, "none", "none")


def _both(start: datetime, end: datetime, held: VariableRange) -> dict[str, Any]:
    inside = start - SLACK <= held.start and held.end <= end + SLACK
    near = start - DAY <= held.start and held.end <= end + DAY
    if inside or (held.is_single and near):
        return _fact(start, end, "attributes", "read")
    if held.start <= end + DAY and held.end >= start - DAY:
        return _fact(min(start, held.start), max(end, held.end), "attributes and variables", "read")
    warning = f"its attributes say {iso_ms(start)} to {iso_ms(end)}, its variables another day: the variables count"
    return _fact(held.start, held.end, "variables", "read", warning)


def _held_alone(held: VariableRange, name: str) -> dict[str, Any]:
    day = file_name.date(name) if held.is_single else None
    if day is None:
        return _fact(held.start, held.end, "variables", "read")
    if day <= held.start < day + DAY:
        return _fact(day, day + ONE_DAY_LESS, "variables", "guessed")
    warning = f"time says {held.start:%Y-%m-%d}, the file name says {day:%Y-%m-%d}: the variable counts"
    return _fact(held.start, held.end, "variables", "read", warning)


def _fact(
    start: datetime | None, end: datetime | None, source: str, sureness: str, warning: str | None = None
) -> dict[str, Any]:
    return {
        "start": iso_ms(start) if start else None,
        "end": iso_ms(end) if end else None,
        "source": source,
        "sureness": sureness,
        "warning": warning,
    }
