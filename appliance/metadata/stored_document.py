"""A record's JSON as a mapping that is parsed only when somebody looks: few readers of a page of 2000 need them all."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


class StoredDocument(Mapping[str, Any]):
    """The document whose bytes are `text`; parsed at the first look."""

    __slots__ = ("_parsed", "text")

    def __init__(self, text: bytes):
        self.text = text
        self._parsed: dict[str, Any] | None = None

    def _document(self) -> dict[str, Any]:
        if self._parsed is None:
            self._parsed = json.loads(self.text)
        return self._parsed

    def __getitem__(self, key: str) -> Any:
        return self._document()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._document())

    def __len__(self) -> int:
        return len(self._document())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self._document() == dict(other)

    __hash__ = None  # type: ignore[assignment]  # as every mapping that compares by content

    def __repr__(self) -> str:
        return f"StoredDocument({len(self.text)} bytes)"
