"""What describing a file said beyond its record, in three pieces: the description and the layouts, each kept once for
all granules that share them, and the measures, which are the granule's own. From these the records of a collection are
made again after each harvest, without opening a file. Reads and writes rows; no decisions.
"""

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Mapping
from typing import Any

SHARED = (
    "path",
    "name",
    "long_name",
    "description",
    "standard_name",
    "units",
    "data_type",
    "type",
    "subtype",
    "dims",
    "dim_names",
    "dim_types",
    "dim_units",
    "fill_values",
    "valid_range",
    "scale",
    "offset",
    "role",
    "layout",
)
OWN = ("shape", "stored_bytes", "raw_bytes", "index_ranges", "chunks", "filters")
LONGEST_NAME = 256  # of a UMM variable; longer ones are not recorded


def put_facts(connection: sqlite3.Connection, granule: int, collection: int, facts: Mapping[str, Any]) -> None:
    """Keep the facts of a granule's file."""
    variables = [one for one in facts["variables"] if len(one["path"]) <= LONGEST_NAME]
    description = {
        "container": facts["container"],
        "variables": [{key: one[key] for key in SHARED} for one in variables],
    }
    layouts = {"layouts": [_comparable(one) for one in facts["layouts"]], "main": facts["layout"]}
    measures = {
        "variables": [[one[key] for key in OWN] for one in variables],
        "size_bytes": facts["file"]["size_bytes"],
        "format": facts["file"]["format"],
        "attributes": facts["attributes"],
        "title": _said_title(facts["identity"]),
        "doi": facts["identity"]["doi"],
        "production": facts["production"],
        "grids": facts["grids"],
        "extent": next((what for what in ("rectangles", "polygons", "lines") if facts["extent"][what]), None),
    }
    connection.execute(
        "INSERT OR REPLACE INTO granule_facts VALUES (?, ?, ?, ?, ?, ?)",
        (
            granule,
            collection,
            facts["kind"],
            _shared(connection, description),
            _shared(connection, layouts),
            zlib.compress(json.dumps(measures, sort_keys=True).encode()),
        ),
    )


def shared_document(connection: sqlite3.Connection, number: int) -> dict[str, Any]:
    """A description ({"container", "variables"}) or layouts ({"layouts", "main"})."""
    row = connection.execute("SELECT document FROM descriptions WHERE id = ?", (number,)).fetchone()
    document: dict[str, Any] = json.loads(row[0])
    return document


def measures_of(connection: sqlite3.Connection, granule: int) -> dict[str, Any]:
    """The granule's own part; "variables" run parallel to those of its description, as OWN says."""
    row = connection.execute("SELECT measures FROM granule_facts WHERE granule = ?", (granule,)).fetchone()
    measures: dict[str, Any] = json.loads(zlib.decompress(row[0]))
    measures["variables"] = [dict(zip(OWN, one, strict=True)) for one in measures["variables"]]
    return measures


def _said_title(identity: Mapping[str, Any]) -> str | None:
    """The title, unless it was only made of the short name and version, which the operator may have set otherwise."""
    said = [one["value"] for one in identity["candidates"]["title"] if one["source"] != "default"]
    return said[0] if said else None


def _shared(connection: sqlite3.Connection, document: Mapping[str, Any]) -> int:
    text = json.dumps(document, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    row = connection.execute("SELECT id FROM descriptions WHERE digest = ?", (digest,)).fetchone()
    if row is None:
        sql = "INSERT INTO descriptions (digest, document) VALUES (?, ?) RETURNING id"
        row = connection.execute(sql, (digest, text)).fetchone()
    return int(row[0])


def _comparable(layout: Mapping[str, Any]) -> dict[str, Any]:
    """Without the sizes of axes that have no first value: swaths differ in length and are still laid out alike."""
    axes = {
        axis: {key: value for key, value in layout[axis].items() if key != "size"}
        for axis in ("y", "x")
        if layout[axis] is not None and layout[axis].get("first") is None
    }
    return {**layout, **axes}
