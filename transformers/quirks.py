"""What `data/quirks.yml` knows of a collection's files, beneath the `layout` that a message carries.

The layout of a message holds what the catalog knows of the collection; it wins over the quirks, and what a file says
of itself wins over both (decisions.md 5.4 of the project's contracts).
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

QUIRKS = Path(__file__).resolve().parent.parent / "data" / "quirks.yml"


def layout_of(short_name: str, path: Path = QUIRKS) -> dict[str, Any]:
    """The layout of every entry whose pattern matches the short name, merged in file order; {} when none does."""
    merged: dict[str, Any] = {}
    for entry in _entries(path) if short_name else ():
        if any(fnmatchcase(short_name, pattern) for pattern in entry["match"]):
            merged = _merge(merged, entry["layout"])
    return merged


def with_quirks(short_name: str, layout: Mapping[str, Any], path: Path = QUIRKS) -> dict[str, Any]:
    """A message's layout on top of the quirks of its collection."""
    return _merge(layout_of(short_name, path), layout)


@cache
def _entries(path: Path) -> tuple[Mapping[str, Any], ...]:
    import yaml  # 20 ms that only a child with a collection pays

    if not path.is_file():
        return ()
    loaded = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return tuple(loaded.get("collections") or ())


def _merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged key by key, lists are joined, anything else is replaced by the later entry."""
    merged = dict(old)
    for key, value in new.items():
        was = merged.get(key)
        if isinstance(was, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(was, value)
        elif isinstance(was, list) and isinstance(value, list):
            merged[key] = [*was, *value]
        else:
            merged[key] = value
    return merged
