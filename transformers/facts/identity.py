"""Which collection a file belongs to: short name, version, title, DOI, each with where it was found. Pure.

An operator's word and sidecars come first, in the appliance. Obeys: catalog contract, section 2 (steps 3 to 6).
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from transformers.facts import file_name
from transformers.facts.said import PLACEHOLDERS, Said

SHORT_NAMES = (
    "ShortName",
    "short_name",
    "collection_shortname",
    "DOIshortName",
    "identifier_product_type",
    "title_short_name",
    "product_short_name",
)
VERSIONS = (
    "VersionID",
    "version_id",
    "product_version",
    "ProductVersion",
    "collection_version",
    "identifier_product_format_version",
    "version",
)
TITLES = ("title", "LongName")
DOIS = ("identifier_product_doi", "doi")


def identity(said: Sequence[Said], name: str, folder: str) -> dict[str, Any]:
    """The identity as `describe.py` documents it. name: of the file; folder: the name of the folder it stands in."""
    short_names = _from(said, SHORT_NAMES) + _from(said, ("id",), lambda v: _is_acdd_id(v, name))
    guessed = file_name.short_name(name)
    short_names += [_found(guessed, "name", "file name", "guessed")] if guessed else []
    short_names += [_found(folder or "files", "folder", "folder", "guessed")]
    versions = _from(said, VERSIONS, lambda v: not re.search(r"\d{9}", v))
    named = file_name.version(name)
    versions += [_found(named, "name", "file name", "guessed")] if named else []
    versions += [_found("1", "default", "default", "guessed")]
    titles = _from(said, TITLES, lambda v: v not in (name, file_name.stem(name)))
    titles += [_found(f"{short_names[0]['value']} version {versions[0]['value']}", "default", "default", "guessed")]
    dois = _from(said, DOIS)
    chosen = short_names[0]
    return {
        "short_name": chosen["value"],
        "version": versions[0]["value"],
        "title": titles[0]["value"],
        "doi": re.sub(r"^(doi:|https?://(dx\.)?doi\.org/)", "", dois[0]["value"], flags=re.I) if dois else None,
        "source": chosen["source"],
        "sureness": chosen["sureness"],
        "place": chosen["place"],
        "version_source": versions[0]["source"],
        "candidates": {"short_name": short_names, "version": versions, "title": titles, "doi": dois},
    }


def _from(
    said: Sequence[Said], names: Sequence[str], allowed: Callable[[str], bool] = lambda value: True
) -> list[dict[str, str]]:
    """Usable words under these names, in the order of the names."""
    return [
        _found(word.value, "attribute", word.place, "read")
        for name in names
        for word in said
        if word.name == name.lower() and word.value.lower() not in PLACEHOLDERS and allowed(word.value)
    ]


def _is_acdd_id(value: str, name: str) -> bool:
    """ACDD `id` names the product, except where it names the granule."""
    return " " not in value and not re.search(r"\d{8}", value) and value != file_name.stem(name)


def _found(value: str, source: str, place: str, sureness: str) -> dict[str, str]:
    return {"value": value, "source": source, "place": place, "sureness": sureness}
