"""Facts of a file -> its UMM-G record (1.6.6). Pure. Variables and collections: `variable_records.py`,
`collection_records.py`; where the record is put: `file_records.py`.

Obeys the catalog's contract, "The UMM-G record, exactly". Links to our own routes are stored relative (they begin with
"/") and completed by whoever serves them.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

SPECIFICATION = {
    "URL": "https://cdn.earthdata.nasa.gov/umm/granule/v1.6.6",
    "Name": "UMM-G",
    "Version": "1.6.6",
}
OPENDAP_CONTAINERS = ("hdf5", "netcdf3")
MEGABYTE = 2**20
MIME_OF_BROWSE = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg"}


def granule_record(
    facts: Mapping[str, Any],
    *,
    concept_id: str,
    granule_ur: str,
    short_name: str,
    version: str,
    inserted: str,
    updated: str,
    browse: Sequence[str] = (),
    checksum: str | None = None,
    sidecar: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The record. inserted, updated: times of first harvest and last change. browse: names of pictures beside the file.
    checksum: SHA-256 of the whole file in hex. sidecar: the operator's own record, whose fields replace ours."""
    file = facts["file"]
    record: dict[str, Any] = {
        "GranuleUR": granule_ur,
        "CollectionReference": {"ShortName": short_name, "Version": version},
        "ProviderDates": [{"Type": "Insert", "Date": inserted}, {"Type": "Update", "Date": updated}],
    }
    geometry = geometry_of(facts["extent"])
    if geometry:
        record["SpatialExtent"] = {"HorizontalSpatialDomain": {"Geometry": geometry}}
    temporal = temporal_of(facts["time"])
    if temporal:
        record["TemporalExtent"] = temporal
    record["DataGranule"] = {
        "DayNightFlag": facts["day_night"],
        "ProductionDateTime": facts["production"] or updated,
        "Identifiers": [{"Identifier": file["name"], "IdentifierType": "ProducerGranuleId"}],
        "ArchiveAndDistributionInformation": [_archived(file, checksum)],
    }
    record["RelatedUrls"] = related_urls(facts, concept_id, browse)
    record = _with_sidecar(record, sidecar or {})
    return {**record, "MetadataSpecification": SPECIFICATION}


def record_bytes(record: Mapping[str, Any]) -> bytes:
    """The document as it is stored."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def geometry_of(extent: Mapping[str, Any]) -> dict[str, Any]:
    """UMM's Geometry of the facts' extent; empty without one."""
    if extent["rectangles"]:
        return {"BoundingRectangles": [rectangle(*box) for box in extent["rectangles"]]}
    if extent["polygons"]:
        return {"GPolygons": [{"Boundary": {"Points": _points(ring)}} for ring in extent["polygons"]]}
    if extent["lines"]:
        return {"Lines": [{"Points": _points(line)} for line in extent["lines"]]}
    return {}


def rectangle(west: float, south: float, east: float, north: float) -> dict[str, float]:
    """UMM's bounding rectangle."""
    return {
        "WestBoundingCoordinate": west,
        "NorthBoundingCoordinate": north,
        "EastBoundingCoordinate": east,
        "SouthBoundingCoordinate": south,
    }


def temporal_of(time: Mapping[str, Any]) -> dict[str, Any]:
    """UMM's TemporalExtent: a range, or one instant; empty without a time."""
    start, end = time["start"], time["end"]
    if not start:
        return {}
    if start == end:
        return {"SingleDateTime": start}
    return {"RangeDateTime": {"BeginningDateTime": start, **({"EndingDateTime": end} if end else {})}}


def related_urls(facts: Mapping[str, Any], concept_id: str, browse: Sequence[str]) -> list[dict[str, Any]]:
    """Our own links of a granule, in the contract's order: the file, OPeNDAP, pictures."""
    file = facts["file"]
    place = f"{concept_id}/{quote(file['name'])}"
    links = [{"URL": f"/granules/{place}", "Type": "GET DATA", "MimeType": file["media_type"]}]
    if facts["container"] in OPENDAP_CONTAINERS:
        links.append(
            {
                "URL": f"/opendap/{place}",
                "Type": "USE SERVICE API",
                "Subtype": "OPENDAP DATA",
                "Description": "OPeNDAP",
            }
        )
    for name in browse:
        links.append(
            {
                "URL": f"/granules/{concept_id}/{quote(name)}",
                "Type": "GET RELATED VISUALIZATION",
                "MimeType": MIME_OF_BROWSE[name.rsplit(".", 1)[-1].lower()],
            }
        )
    return links


def same_but_dates(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two records say the same, whenever they were written."""
    return {**first, "ProviderDates": None} == {**second, "ProviderDates": None}


def _archived(file: Mapping[str, Any], checksum: str | None) -> dict[str, Any]:
    size = file["size_bytes"]
    entry: dict[str, Any] = {
        "Name": file["name"],
        "SizeInBytes": size,
        # Six digits after the point keep the byte: 1e-6 MB is one.
        "Size": math.ceil(size / MEGABYTE * 1e6) / 1e6,
        "SizeUnit": "MB",
        "Format": file["format"],
        "MimeType": file["media_type"],
    }
    if checksum:
        entry["Checksum"] = {"Value": checksum, "Algorithm": "SHA-256"}
    return entry


def _points(points: Sequence[Sequence[float]]) -> list[dict[str, float]]:
    return [{"Longitude": longitude, "Latitude": latitude} for longitude, latitude in points]


def _with_sidecar(record: dict[str, Any], sidecar: Mapping[str, Any]) -> dict[str, Any]:
    """The operator's fields in place of ours; of DataGranule field by field; links after ours."""
    merged = dict(record)
    for field, value in sidecar.items():
        if field in ("ProviderDates", "MetadataSpecification", "CollectionReference"):
            continue
        if field == "RelatedUrls":
            own = {link["URL"] for link in record["RelatedUrls"]}
            merged[field] = [*record["RelatedUrls"], *(link for link in value if link.get("URL") not in own)]
        elif field == "DataGranule":
            merged[field] = {**record[field], **value}
        else:
            merged[field] = value
    return merged
