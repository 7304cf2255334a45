"""What a file says of itself: attributes of the root and of metadata groups, `key=value;` texts, CoreMetadata.

Gathers and flattens; what the words mean: `identity.py`, `times.py`. Obeys: catalog contract, sections 2 and 4.3.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers.contract import NoRetry
from transformers.formats.layout import Granule, join, name_of, parent_of

PLACEHOLDERS = frozenset(["", "set_by_meta", "none", "n/a", "tbd", "unknown"])
# Blanks, not \s: lines must not run into each other (and a megabyte of empty lines not into the night).
_KEY_VALUE = re.compile(r"^[ \t]*(\w+)[ \t]*=[ \t]*([^;\n]*);[ \t\r]*$", re.M)
_ODL_LINE = re.compile(r"[ \t]*(\w+)[ \t]*=[ \t]*(.*)")
LONGEST_TEXT = 1_000_000  # an attribute beyond this is a bomb or data


@dataclass(frozen=True, slots=True)
class Said:
    """One word of the file. name: lower case. value: as text, stripped. place: `/group@Name`."""

    name: str
    value: str
    place: str


def collect(granule: Granule) -> tuple[Said, ...]:
    """Everything said, in the order in which it counts: root, texts in it, metadata groups, CoreMetadata."""
    found: list[Said] = []
    for group, attributes in sorted(granule.groups.items(), key=lambda item: item[0] != "/"):
        if group == "/" or _is_metadata(group):
            for name, value in attributes.items():
                text = as_text(value)
                if text is None or len(text) > LONGEST_TEXT:
                    continue
                place = f"{group}@{name}"
                found.append(Said(name.lower(), text, place))
                if "=" in text:
                    found.extend(key_values(text, place))
                if "coremetadata" in name.lower():
                    found.extend(odl_values(text, place))
    found.extend(_core_metadata(granule))
    return tuple(found)


def first(said: Iterable[Said], names: Iterable[str]) -> Said | None:
    """The first usable word: names in their order, places in theirs. Names in any case."""
    words = list(said)
    for name in names:
        for word in words:
            if word.name == name.lower() and word.value.lower() not in PLACEHOLDERS:
                return word
    return None


def key_values(text: str, place: str) -> list[Said]:
    """Lines `key=value;` (GPM's FileHeader). Other text yields nothing."""
    return [Said(key.lower(), value.strip(), f"{place}:{key}") for key, value in _KEY_VALUE.findall(text)]


def odl_values(text: str, place: str) -> list[Said]:
    """The VALUE of each OBJECT of ODL text (ECS CoreMetadata), at any depth, in the order of the text."""
    found: list[Said] = []
    open_objects: list[str] = []
    for line in text.splitlines():
        match = _ODL_LINE.match(line)
        key, value = match.groups() if match else ("", "")
        if key == "OBJECT":
            open_objects.append(value.strip())
        elif key == "END_OBJECT" and open_objects:
            open_objects.pop()
        elif key == "VALUE" and open_objects:
            name = open_objects[-1]
            found.append(Said(name.lower(), value.strip().strip("()").strip().strip('"').strip(), f"{place}:{name}"))
    return found


def as_text(value: Any) -> str | None:
    """An attribute as stripped text: strings and single numbers; None for arrays and everything else."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "iufbSU":
        return None
    single = array.reshape(-1)[0]
    return single.decode("utf-8", "replace").strip() if isinstance(single, bytes) else str(single.item()).strip()


def _is_metadata(group: str) -> bool:
    """Groups that speak for the whole file, by the end of their name."""
    last = name_of(group).lower()
    if last in ("metadata", "file_attributes", "nc_global") or last.endswith("identification"):
        return True
    return last == "extent" and name_of(parent_of(group)).lower() == "metadata"


def _core_metadata(granule: Granule) -> list[Said]:
    """Texts that HDF-EOS keeps as values: `/HDFEOS INFORMATION/CoreMetadata[.n]`."""
    parts = sorted(p for p in granule.variables if name_of(p).lower().startswith("coremetadata"))
    text = ""
    for path in parts:
        info = granule.variables[path]
        if info.is_text and not info.shape:
            try:
                raw = granule.read(path).item()
            except NoRetry:
                continue
            text += raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    return odl_values(text[:LONGEST_TEXT], join("/HDFEOS INFORMATION", "CoreMetadata")) if text else []
