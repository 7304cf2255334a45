"""One described file -> its place in the catalog: which collection, which granule, under which ids. In the caller's
transaction. The record's content is `granule_records.py`; what follows for the collection `aggregates.py`.

Records that came as documents win: a file that is one of their granules only lends it its path. Obeys the catalog's
contract, "Identity".
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from appliance.metadata.concept_ids import collection_native_id, concept_id, granule_ur_of
from appliance.metadata.documents import find_collection
from appliance.metadata.file_rows import put_file
from appliance.metadata.granule_records import granule_record, record_bytes, same_but_dates
from appliance.metadata.instants import written
from appliance.metadata.record_rows import Change, held, put_granule, show_granule
from appliance.metadata.stored_facts import put_facts
from appliance.metadata.umm import RecordError, granule_of, spatial_parts
from appliance.metadata.walk import Seen


@dataclass(frozen=True, slots=True)
class Said:
    """The operator's words: from the command line, and the record beside the file."""

    provider: str
    short_name: str = ""
    version: str = ""
    kind: str = ""
    sidecar: Mapping[str, Any] | None = None

    def asked(self) -> str:
        """Kept with the file: when it differs, the file is described again."""
        return json.dumps([self.provider, self.short_name, self.version, self.kind])


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies beside a file: content ids of what was read, pictures, a checksum if asked for."""

    sidecar_ids: str = ""
    browse: tuple[tuple[Seen, str], ...] = ()  # with content ids
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a file."""

    concept_id: str
    collection: int
    change: Change
    short_name: str
    version: str


def put_described(
    connection: sqlite3.Connection,
    seen: Seen,
    content: str,
    facts: Mapping[str, Any],
    said: Said,
    beside: Beside,
    now: datetime,
) -> Placed:
    """Put a described file into the catalog. Raises RecordError with the reason when it cannot be placed."""
    now_ms = int(now.timestamp() * 1000)
    modified = written(datetime.fromtimestamp(seen.mtime_ns / 1e9, UTC))
    facts = {**facts, "kind": said.kind or facts["kind"], "production": facts["production"] or modified}
    short_name, version = names(facts, said)
    collection = _collection(connection, short_name, version, said.provider, now_ms)
    copied = _copied_granule(connection, collection["number"], seen.name, seen.path)
    if copied is not None:
        change: Change = "unchanged"
        granule, identifier = copied["id"], copied["concept_id"]
    else:
        granule_ur, identifier = _granule_identity(connection, collection, seen, said)
        change, granule = _put(
            connection, seen, facts, said, beside, collection, granule_ur, identifier, (short_name, version), now
        )
    put_facts(connection, granule, collection["number"], facts)
    show_granule(connection, granule)
    put_file(connection, seen, content, granule=granule, sidecar=beside.sidecar_ids, asked=said.asked())
    for picture, picture_content in beside.browse:
        put_file(connection, picture, picture_content, granule=granule, role="browse")
    return Placed(identifier, collection["number"], change, short_name, version)


def names(facts: Mapping[str, Any], said: Said) -> tuple[str, str]:
    """Short name and version: the command line, then the record beside the file, then the file."""
    reference = (said.sidecar or {}).get("CollectionReference") or {}
    identity = facts["identity"]
    short_name = said.short_name or str(reference.get("ShortName") or "") or identity["short_name"]
    version = said.version or str(reference.get("Version") or "") or identity["version"]
    if not short_name:
        raise RecordError("no short name in attributes, file name or folder; allowed: --short-name")
    return short_name, version or "1"


def _collection(
    connection: sqlite3.Connection, short_name: str, version: str, provider: str, now_ms: int
) -> sqlite3.Row:
    """The row of the collection, made where it is new; its record follows from its files (`aggregates.rebuild`)."""
    native_id = collection_native_id(short_name, version)
    row = find_collection(connection, short_name, version, provider=provider)
    if row is not None and (row["provider"] == provider or row["origin"] == "document"):
        return row

    def is_taken(candidate: str) -> bool:
        return held(connection, "collections", candidate) is not None

    identifier = concept_id("collection", provider, native_id, is_taken)
    connection.execute(
        "INSERT INTO collections (concept_id, provider, native_id, short_name, version, title, origin, revision,"
        " revised_at) VALUES (?, ?, ?, ?, ?, '', 'files', 0, ?)",
        (identifier, provider, native_id, short_name, version, now_ms),
    )
    made = held(connection, "collections", identifier)
    assert made is not None
    return made


def _copied_granule(connection: sqlite3.Connection, collection: int, name: str, path: str) -> sqlite3.Row | None:
    """The granule that came as a document and is this file, by its name; not one that has another living file."""
    sql = """
        SELECT g.* FROM granules AS g WHERE g.collection = ? AND g.origin = 'document'
        AND (g.producer = ? OR g.name IN (?, ?) OR g.file_name = ?)
        AND NOT EXISTS (SELECT 1 FROM files AS f WHERE f.granule = g.id AND f.role = 'data' AND f.missing = 0
                        AND f.root || '/' || f.path <> ?)
        ORDER BY g.number LIMIT 1"""
    stem = granule_ur_of(name)
    values = (collection, name.casefold(), name.casefold(), stem.casefold(), name, path)
    row: sqlite3.Row | None = connection.execute(sql, values).fetchone()
    return row


def _granule_identity(
    connection: sqlite3.Connection, collection: sqlite3.Row, seen: Seen, said: Said
) -> tuple[str, str]:
    """Granule UR and id. A second file of the same stem gets 8 hex digits of its relative path behind the name."""
    stem = str((said.sidecar or {}).get("GranuleUR") or granule_ur_of(seen.name))
    suffix = hashlib.sha256(seen.relative.encode()).hexdigest()[:8]
    for granule_ur in (stem, f"{stem}.{suffix}"):
        sql = "SELECT id, concept_id FROM granules WHERE collection = ? AND granule_ur = ?"
        row = connection.execute(sql, (collection["number"], granule_ur)).fetchone()
        if row is None:
            break
        sql = "SELECT root || '/' || path AS place FROM files WHERE granule = ? AND role = 'data'"
        places = [one["place"] for one in connection.execute(sql, (row["id"],)).fetchall()]
        if not places or seen.path in places:
            return granule_ur, row["concept_id"]

    def is_taken(candidate: str) -> bool:
        return held(connection, "granules", candidate) is not None

    native_id = f"{collection['native_id']}:{granule_ur}"
    return granule_ur, concept_id("granule", collection["provider"], native_id, is_taken)


def _put(
    connection: sqlite3.Connection,
    seen: Seen,
    facts: Mapping[str, Any],
    said: Said,
    beside: Beside,
    collection: sqlite3.Row,
    granule_ur: str,
    identifier: str,
    name_and_version: tuple[str, str],
    now: datetime,
) -> tuple[Change, int]:
    """Write the record unless only its dates would differ."""
    old = connection.execute("SELECT document FROM documents WHERE concept_id = ?", (identifier,)).fetchone()
    before = json.loads(old[0]) if old else None
    record = granule_record(
        facts,
        concept_id=identifier,
        granule_ur=granule_ur,
        short_name=name_and_version[0],
        version=name_and_version[1],
        inserted=before["ProviderDates"][0]["Date"] if before else written(now),
        updated=written(now),
        browse=[picture.name for picture, _ in beside.browse],
        checksum=beside.checksum,
        sidecar=said.sidecar,
    )
    document = bytes(old[0]) if before is not None and same_but_dates(before, record) else record_bytes(record)
    one = granule_of(json.loads(document), identifier, collection["concept_id"])
    return put_granule(
        connection,
        one,
        document,
        spatial_parts(one.umm),
        collection=collection["number"],
        origin="files",
        now_ms=int(now.timestamp() * 1000),
    )
