"""`history` and `history_json`: one entry per step, whoever made it.

Obeys transformers-l2.md 1.3 and transformers-l3.md 0.5 of the project's contracts and NASA's history schema 0.1.0.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import metadata
from typing import Any

SCHEMA = "https://harmony.earthdata.nasa.gov/schemas/history/0.1.0/history-v0.1.0.json"


@cache
def version() -> str:
    """The version of this program; `0` when it runs uninstalled."""
    try:
        return metadata.version("harmonium")
    except metadata.PackageNotFoundError:
        return "0"


def with_line(attributes: Mapping[str, Any], line: str) -> dict[str, Any]:
    """Attributes with one more line of history, newest last: in `History` if that exists, else in `history`."""
    name = "History" if "History" in attributes else "history"
    before = str(attributes.get(name, "")).rstrip("\n")
    return {**attributes, name: f"{before}\n{line}" if before else line}


def standard_line(now: datetime, program: str, more: str = "") -> str:
    """`<UTC ISO 8601 time with offset> <program> <version>[ <more>]` (transformers-l3.md 0.5)."""
    return " ".join(part for part in (now.isoformat(), program, version(), more) if part)


def entry(
    now: datetime, program: str, parameters: Any, derived_from: str | Sequence[str], program_ref: str
) -> dict[str, Any]:
    """One object of `history_json`."""
    return {
        "date_time": now.isoformat(),
        "derived_from": derived_from if isinstance(derived_from, str) else list(derived_from),
        "program": program,
        "version": version(),
        "parameters": parameters,
        "program_ref": program_ref,
        "$schema": SCHEMA,
    }


def with_entry(attributes: Mapping[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes with one more object in `history_json`. What was there and is no JSON is left out."""
    return {**attributes, "history_json": json.dumps([*entries(attributes), one])}


def entries(attributes: Mapping[str, Any]) -> list[Any]:
    """The objects of an existing `history_json`; a single object counts as a list of one."""
    try:
        found = json.loads(str(attributes.get("history_json", "[]")))
    except ValueError:
        return []
    return found if isinstance(found, list) else [found]
