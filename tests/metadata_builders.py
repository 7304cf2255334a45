"""Builders of UMM records and of catalogs that hold them, for tests. Every value can be chosen; none is looked up."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.database.catalog_migrations import CATALOG_MIGRATIONS
from appliance.database.connection import Database
from appliance.database.migrations import apply_migrations
from appliance.metadata.documents import Place, Stored, put_record
from appliance.metadata.record_files import records_in

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def open_catalog(path: Path) -> Database:
    """A catalog with its tables, empty."""
    apply_migrations(path, "catalog", CATALOG_MIGRATIONS)
    return Database(path)


def umm_collection(short_name: str = "SST", version: str = "1", **fields: Any) -> dict[str, Any]:
    """A UMM-C record; further fields replace or add."""
    return {
        "ShortName": short_name,
        "Version": version,
        "EntryTitle": f"{short_name} version {version}",
        "MetadataSpecification": {"Name": "UMM-C", "Version": "1.18.0"},
        **fields,
    }


def umm_granule(
    granule_ur: str,
    *,
    short_name: str = "SST",
    version: str = "1",
    boxes: Iterable[Sequence[float]] = (),
    rings: Iterable[Sequence[Sequence[float]]] = (),
    lines: Iterable[Sequence[Sequence[float]]] = (),
    start: str | None = None,
    end: str | None = None,
    urls: Iterable[str] = (),
    **fields: Any,
) -> dict[str, Any]:
    """A UMM-G record. boxes: west, south, east, north; rings, lines: (longitude, latitude)."""
    sides = ("WestBoundingCoordinate", "SouthBoundingCoordinate", "EastBoundingCoordinate", "NorthBoundingCoordinate")
    geometry: dict[str, Any] = {}
    if rectangles := [dict(zip(sides, box, strict=True)) for box in boxes]:
        geometry["BoundingRectangles"] = rectangles
    if polygons := [{"Boundary": {"Points": _points(ring)}} for ring in rings]:
        geometry["GPolygons"] = polygons
    if paths := [{"Points": _points(line)} for line in lines]:
        geometry["Lines"] = paths
    record: dict[str, Any] = {
        "GranuleUR": granule_ur,
        "CollectionReference": {"ShortName": short_name, "Version": version},
        "MetadataSpecification": {"Name": "UMM-G", "Version": "1.6.6"},
    }
    if geometry:
        record["SpatialExtent"] = {"HorizontalSpatialDomain": {"Geometry": geometry}}
    if start:
        span = {"BeginningDateTime": start, **({"EndingDateTime": end} if end else {})}
        record["TemporalExtent"] = {"RangeDateTime": span}
    if links := [{"URL": url, "Type": "GET DATA"} for url in urls]:
        record["RelatedUrls"] = links
    return {**record, **fields}


def umm_variable(name: str, **fields: Any) -> dict[str, Any]:
    """A UMM-Var record."""
    specification = {"Name": "UMM-Var", "Version": "1.8.2"}
    return {"Name": name, "LongName": name, "Definition": name, "MetadataSpecification": specification, **fields}


def umm_service(name: str, **fields: Any) -> dict[str, Any]:
    """A UMM-S record."""
    return {"Name": name, "Type": "Harmony", "MetadataSpecification": {"Name": "UMM-S", "Version": "1.5.3"}, **fields}


def item(umm: Mapping[str, Any], concept_id: str, **beside: Any) -> dict[str, Any]:
    """A record as a catalogue answers it: {meta, umm} and what stands beside them."""
    return {
        "meta": {"concept-id": concept_id, "revision-id": 7, "native-id": f"native {concept_id}"},
        "umm": umm,
        **beside,
    }


def put(db: Database, *records: Mapping[str, Any], provider: str = "LOCAL") -> list[Stored]:
    """Put bare records or items into a catalog, in one transaction."""
    place = Place(provider=provider, now_ms=int(NOW.timestamp() * 1000))
    found = [one for record in records for one in records_in(json.dumps(record).encode())]
    with db.immediate() as connection:
        return [put_record(connection, one, place) for one in found]


def everything(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table: two equal answers mean that nothing was written in between."""
    tables = [
        row[0]
        for row in db.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '!_%' ESCAPE '!'")
        if not row[0].startswith("sqlite_")
    ]
    return {table: sorted((tuple(row) for row in db.rows(f"SELECT * FROM {table}")), key=repr) for table in tables}


def _points(points: Iterable[Sequence[float]]) -> list[dict[str, float]]:
    return [{"Longitude": longitude, "Latitude": latitude} for longitude, latitude in points]
