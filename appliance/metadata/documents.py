"""UMM records -> the catalog: under which id, of which collection, over what. One record at a time, in the caller's
transaction.

Records from a catalogue keep their ids and revisions; bare ones get computed ids, and are the operator's word: they
replace what was made from files. The other way round nothing is replaced. Obeys the catalog's contract, "Identity".
"""

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from appliance.metadata.concept_ids import CONCEPT_ID, PROVIDER, collection_native_id, concept_id, provider_of
from appliance.metadata.record_files import Found
from appliance.metadata.record_rows import (
    Change,
    Origin,
    associate,
    held,
    put_collection,
    put_granule,
    put_named,
    put_tag,
    put_variable,
)
from appliance.metadata.umm import (
    RecordError,
    collection_of,
    collection_reference,
    granule_of,
    grid_of,
    kind_of,
    refuse_file_links,
    service_of,
    spatial_parts,
    variable_of,
)

TABLES = {
    "collection": "collections",
    "granule": "granules",
    "variable": "variables",
    "service": "services",
    "grid": "grids",
}
COPIED_PROVIDER = re.compile(r"[A-Za-z0-9_]{1,40}")
LATER = {"collection": 0, "service": 1, "grid": 2, "variable": 3, "granule": 4}  # collections before what needs them


class UnknownCollection(RecordError):
    """The record's collection is not in the catalog (yet): worth another try after the other files."""


@dataclass(slots=True)
class Place:
    """Where a record is put, beside what it says itself. collection_id: that of its folder or of the command line."""

    provider: str
    now_ms: int
    origin: Origin = "document"
    collection_id: str | None = None
    known: dict[tuple[str, ...], sqlite3.Row] = field(default_factory=dict)  # collections looked up in this harvest


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a record. touched: associations or tags were written too."""

    kind: str
    concept_id: str
    change: Change


def put_record(connection: sqlite3.Connection, found: Found, place: Place) -> Stored:
    """Put one record where it belongs. Raises RecordError with the reason, UnknownCollection when that is missing."""
    if kind_of(found.umm) != found.kind:
        raise RecordError(f"meta says {found.kind}, the record is a {kind_of(found.umm)}; allowed: one and the same")
    refuse_file_links(found.umm)
    put = {
        "collection": _collection,
        "granule": _granule,
        "variable": _variable,
        "service": _service,
        "grid": _grid,
    }
    return put[found.kind](connection, found, place)


def find_collection(
    connection: sqlite3.Connection, short_name: str, version: str, title: str = "", *, provider: str = ""
) -> sqlite3.Row | None:
    """A collection by short name and version, or by title; that of the provider first, then the first known."""
    by = "short_name = :short_name" + (" AND version = :version" if version else "")
    if not short_name:
        by = "title = :title"
    sql = f"SELECT * FROM collections WHERE {by} ORDER BY provider <> :provider, revised_at DESC, number"
    values = {"short_name": short_name, "version": version, "title": title, "provider": provider}
    row: sqlite3.Row | None = connection.execute(sql, values).fetchone()
    return row


def _collection(connection: sqlite3.Connection, found: Found, place: Place) -> Stored:
    umm = found.umm
    provider = _provider(found, place)
    native_id = str(
        found.meta.get("native-id") or collection_native_id(str(umm.get("ShortName")), str(umm.get("Version")))
    )
    identifier = _identifier(connection, found, provider, native_id, place)
    one = collection_of(umm, identifier, provider)
    change = put_collection(
        connection,
        one,
        found.text,
        native_id=native_id,
        origin=place.origin,
        now_ms=place.now_ms,
        revision=_revision(found),
    )
    place.known.clear()
    extra = [put_tag(connection, identifier, key, _tag_data(tag)) for key, tag in found.tags.items()]
    for kind in ("variable", "service", "grid"):
        for other in found.associations.get(f"{kind}s") or ():
            concept = other.get("concept-id") if isinstance(other, Mapping) else other
            role = "data" if kind == "variable" else ""
            extra.append(associate(connection, identifier, str(concept), kind, role=role, origin="document"))
    return Stored("collection", identifier, "updated" if change == "unchanged" and any(extra) else change)


def _granule(connection: sqlite3.Connection, found: Found, place: Place) -> Stored:
    collection = _collection_of_granule(connection, found, place)
    provider = _provider(found, replace(place, provider=collection["provider"]))
    # The number in a copied id orders a collection's granules; ids of ours are unique anyway.
    native_id = f"{collection['native_id']}:{found.umm.get('GranuleUR')}"
    identifier = _identifier(connection, found, provider, native_id, place)
    one = granule_of(found.umm, identifier, collection["concept_id"])
    change, _ = put_granule(
        connection,
        one,
        found.text,
        spatial_parts(found.umm),
        collection=collection["number"],
        origin=place.origin,
        now_ms=place.now_ms,
        revision=_revision(found),
    )
    return Stored("granule", identifier, change)


def _variable(connection: sqlite3.Connection, found: Found, place: Place) -> Stored:
    named = found.associations.get("collections") or ()
    ids = [str(one.get("concept-id") if isinstance(one, Mapping) else one) for one in named]
    if not ids and place.collection_id:
        ids = [place.collection_id]
    own = connection.execute(
        "SELECT collection_id FROM associations WHERE concept_id = ?", (str(found.meta.get("concept-id")),)
    ).fetchall()
    ids = ids or [row[0] for row in own]
    collection = held(connection, "collections", ids[0]) if ids else None
    if collection is None and not found.meta.get("concept-id"):
        raise UnknownCollection(
            "no collection is named; allowed: associations.collections beside the record, collection.umm_json in its "
            "folder or above, or --short-name"
        )
    provider = _provider(found, replace(place, provider=collection["provider"]) if collection else place)
    path = variable_of(found.umm, "", "").full_path
    native_id = str(found.meta.get("native-id") or f"{collection['native_id'] if collection else ''}:{path}")
    identifier = _identifier(connection, found, provider, native_id, place)
    change = put_variable(
        connection,
        variable_of(found.umm, identifier, ids[0] if ids else ""),
        found.text,
        native_id=native_id,
        provider=provider,
        origin=place.origin,
        now_ms=place.now_ms,
        revision=_revision(found),
    )
    extra = [associate(connection, one, identifier, "variable", role="data", origin="document") for one in ids]
    return Stored("variable", identifier, "updated" if change == "unchanged" and any(extra) else change)


def _service(connection: sqlite3.Connection, found: Found, place: Place) -> Stored:
    return _named(connection, found, place, service_of(found.umm, "").name, str(found.umm.get("Type") or ""))


def _grid(connection: sqlite3.Connection, found: Found, place: Place) -> Stored:
    return _named(connection, found, place, grid_of(found.umm, "").name, "")


def _named(connection: sqlite3.Connection, found: Found, place: Place, name: str, service_type: str) -> Stored:
    provider = _provider(found, place)
    native_id = str(found.meta.get("native-id") or name)
    identifier = _identifier(connection, found, provider, native_id, place)
    change = put_named(
        connection,
        "services" if found.kind == "service" else "grids",
        identifier,
        found.text,
        name=name,
        native_id=native_id,
        provider=provider,
        origin=place.origin,
        now_ms=place.now_ms,
        revision=_revision(found),
        service_type=service_type,
    )
    named = found.associations.get("collections") or ()
    extra = [
        associate(connection, str(one["concept-id"]), identifier, found.kind, origin="document")
        for one in named
        if isinstance(one, Mapping) and one.get("concept-id")
    ]
    return Stored(found.kind, identifier, "updated" if change == "unchanged" and any(extra) else change)


def _collection_of_granule(connection: sqlite3.Connection, found: Found, place: Place) -> sqlite3.Row:
    named = found.meta.get("collection-concept-id")
    key = ("id", str(named)) if named else collection_reference(found.umm)
    row = place.known.get(key)
    if row is None and named:
        row = held(connection, "collections", str(named))
        if row is None:
            raise UnknownCollection(f"collection-concept-id: {named!r} is not in the catalog; harvest its record too")
    elif row is None:
        provider = str(found.meta.get("provider-id") or place.provider)
        row = find_collection(connection, *collection_reference(found.umm), provider=provider)
        if row is None:
            words = ", ".join(repr(word) for word in collection_reference(found.umm) if word)
            raise UnknownCollection(f"CollectionReference: {words} is not in the catalog; harvest its UMM-C record too")
    place.known[key] = row
    return row


def _identifier(connection: sqlite3.Connection, found: Found, provider: str, native_id: str, place: Place) -> str:
    """The id that came with the record, else the computed one. Refuses one that something else holds."""
    table = TABLES[found.kind]
    given = str(found.meta.get("concept-id") or "")
    if not given:
        return concept_id(
            found.kind, provider, native_id, lambda one: _is_another(held(connection, table, one), provider, native_id)
        )
    if not CONCEPT_ID.fullmatch(given):
        raise RecordError(f"meta.concept-id: {given!r}; allowed: letters, digits, '-' and the provider, like C123-PROV")
    row = held(connection, table, given)
    if row is not None and row["origin"] != place.origin:
        stored = connection.execute("SELECT document FROM documents WHERE concept_id = ?", (given,)).fetchone()
        if json.loads(stored[0]) != found.umm:
            raise RecordError(f"{given}: a local record of other content holds this id; allowed: another --provider")
    return given


def _is_another(row: sqlite3.Row | None, provider: str, native_id: str) -> bool:
    if row is None:
        return False
    if "native_id" not in row.keys():  # noqa: SIM118 - a Row iterates over values
        return False  # granules: their native id is not kept, and a number is taken once in a million catalogs
    return bool((row["provider"], row["native_id"]) != (provider, native_id))


def _provider(found: Found, place: Place) -> str:
    """Of a copied record its own; else the one given."""
    given = str(found.meta.get("provider-id") or provider_of(str(found.meta.get("concept-id") or "")))
    if given:
        if not COPIED_PROVIDER.fullmatch(given):
            raise RecordError(f"meta.provider-id: {given!r}; allowed: letters, digits and '_'")
        return given
    if not PROVIDER.fullmatch(place.provider) and not COPIED_PROVIDER.fullmatch(place.provider):
        raise RecordError(f"provider: {place.provider!r}; allowed: a capital letter, then capitals, digits and '_'")
    return place.provider


def _revision(found: Found) -> int | None:
    revision: Any = found.meta.get("revision-id")
    return int(revision) if isinstance(revision, int | str) and str(revision).isdigit() else None


def _tag_data(tag: Any) -> Any:
    return tag.get("data") if isinstance(tag, Mapping) else tag
