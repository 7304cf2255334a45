"""UMM-JSON files: which records stand in one, each with its own bytes as they stand in the file.

A file is a bare record, a `{meta, umm}` item, a search answer `{items: [...]}` or a list of any of these. Pure but for
reading the file; what a record means is `umm.py`, where it goes `documents.py`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.metadata.umm import RecordError, is_umm, kind_of

_DECODER = json.JSONDecoder()
_BLANKS = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Found:
    """One record. text: its bytes; meta, associations, tags: what stood beside it in the answer of a catalogue."""

    kind: str
    umm: Mapping[str, Any]
    text: bytes
    meta: Mapping[str, Any] = field(default_factory=dict)
    associations: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What a report calls it."""
        return str(self.umm.get("GranuleUR") or self.umm.get("ShortName") or self.umm.get("Name") or self.kind)


def read_records(path: Path) -> list[Found]:
    """All records of a file. Raises RecordError when it is not JSON or holds none, OSError when it cannot be read."""
    return records_in(path.read_bytes())


def records_in(content: bytes) -> list[Found]:
    """All records of a file's content."""
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode()
        document, end = _DECODER.raw_decode(text, _skip(text, 0))
    except UnicodeDecodeError as error:
        raise RecordError(f"byte {error.start} is not UTF-8; allowed: JSON in UTF-8") from None
    except (json.JSONDecodeError, RecursionError) as error:
        raise RecordError(f"not JSON: {error}") from None
    if _skip(text, end) != len(text):
        raise RecordError(f"not JSON: something follows the value, at character {end}")
    if is_umm(document):
        return [Found(kind_of(document), document, text.encode())]
    found = list(_items(text, _skip(text, 0), document))
    if not found:
        raise RecordError("no UMM record; allowed: a bare record, {meta, umm}, or {items: [...]} of these")
    return found


def holds_records(path: Path) -> bool:
    """Whether a file whose name says only `.json` holds UMM: a cheap look, then a full one."""
    content = path.read_bytes()
    if not any(word in content for word in (b'"MetadataSpecification"', b'"GranuleUR"', b'"umm"', b'"EntryTitle"')):
        return False
    try:
        return bool(records_in(content))
    except RecordError:
        return False


def _items(text: str, start: int, value: Any) -> Iterator[Found]:
    if isinstance(value, list):
        for element, at, end in _elements(text, start):
            yield from _item(text, at, end, element)
    elif isinstance(value, Mapping) and "items" in value:
        at, _ = _members(text, start)["items"]
        if isinstance(value["items"], list):
            yield from _items(text, at, value["items"])
    elif isinstance(value, Mapping) and "umm" in value:
        yield from _item(text, start, len(text), value)


def _item(text: str, start: int, end: int, value: Any) -> Iterator[Found]:
    if is_umm(value):
        yield Found(kind_of(value), value, text[start:end].encode())
    elif isinstance(value, Mapping) and isinstance(value.get("umm"), Mapping):
        meta = value.get("meta") if isinstance(value.get("meta"), Mapping) else {}
        umm_start, umm_end = _members(text, start)["umm"]
        yield Found(
            kind=_kind(value["umm"], meta or {}),
            umm=value["umm"],
            text=text[umm_start:umm_end].encode(),
            meta=meta or {},
            associations=value.get("associations") or (meta or {}).get("associations") or {},
            tags=value.get("tags") or {},
        )


def _kind(umm: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
    kind = str(meta.get("concept-type") or "")
    return kind if kind in ("collection", "granule", "variable", "service", "grid") else kind_of(umm)


def _members(text: str, start: int) -> dict[str, tuple[int, int]]:
    """Where the values of an object that begins at `start` stand; the JSON is known to be right."""
    places: dict[str, tuple[int, int]] = {}
    at = _skip(text, start + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, at)
        places[key] = (at, end)
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return places


def _elements(text: str, start: int) -> Iterator[tuple[Any, int, int]]:
    """(value, start, end) of each element of a list that begins at `start`."""
    at = _skip(text, start + 1)
    while text[at] != "]":
        value, end = _DECODER.raw_decode(text, at)
        yield value, at, end
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at
