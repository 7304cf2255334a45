"""UMM-JSON documents -> concepts. Pure; the bytes themselves are kept by `record_rows.py`, files are read elsewhere.

Reads UMM-C 1.18, UMM-G 1.6.6, UMM-Var 1.2 to 1.9, UMM-S 1.0 to 1.5 and UMM-Grid, as far as the catalog needs them; what
it does not know it leaves alone. A document that cannot be used raises RecordError: field, value, what is allowed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from appliance.metadata.concepts import Collection, Granule, Grid, Service, Variable
from appliance.metadata.footprint import Box, Part, parts_of_geometry
from appliance.metadata.instants import parsed

KINDS = {
    "UMM-C": "collection",
    "UMM-G": "granule",
    "UMM-Var": "variable",
    "UMM-S": "service",
    "UMM-Grid": "grid",
    "Grid": "grid",
}


class RecordError(Exception):
    """A metadata record that cannot be catalogued; the text says field, what was found, what is allowed."""


def kind_of(document: Mapping[str, Any]) -> str:
    """collection, granule, variable, service or grid: from MetadataSpecification.Name, else from the fields."""
    specification = document.get("MetadataSpecification")
    name = specification.get("Name") if isinstance(specification, Mapping) else None
    if name in KINDS:
        return KINDS[name]
    if "GranuleUR" in document:
        return "granule"
    if "EntryTitle" in document and "ShortName" in document:
        return "collection"
    if "GridDefinition" in document:
        return "grid"
    if "Name" in document and ("ServiceKeywords" in document or "ServiceOptions" in document):
        return "service"
    if "Name" in document and ("Dimensions" in document or "VariableType" in document or "DataType" in document):
        return "variable"
    raise RecordError(
        f"MetadataSpecification.Name: {name!r}; allowed: {', '.join(KINDS)}, or the fields of one of these records"
    )


def is_umm(document: Any) -> bool:
    """Whether a JSON value is a UMM record of a kind that is read."""
    if not isinstance(document, Mapping):
        return False
    try:
        kind_of(document)
    except RecordError:
        return False
    return True


def collection_of(umm: Mapping[str, Any], concept_id: str, provider: str, *, revision: int = 1) -> Collection:
    """A collection from UMM-C. `kind` stays "": that is what files say."""
    start, end = _temporal_extents(umm)
    return Collection(
        concept_id=concept_id,
        short_name=_text(umm, "ShortName"),
        version=_text(umm, "Version"),
        title=str(umm.get("EntryTitle") or umm["ShortName"]),
        provider=provider,
        native_format=native_format(umm),
        bbox=_bbox(spatial_parts(umm)),
        start=start,
        end=end,
        revision=revision,
        umm=umm,
    )


def native_format(umm: Mapping[str, Any]) -> str:
    """What the archive calls its format, lower case; of the archived form, else of the distributed one."""
    information = umm.get("ArchiveAndDistributionInformation")
    if not isinstance(information, Mapping):
        return ""
    for group in ("FileArchiveInformation", "FileDistributionInformation"):
        for entry in information.get(group) or ():
            if entry.get("Format"):
                return str(entry["Format"]).lower()
    return ""


def granule_of(umm: Mapping[str, Any], concept_id: str, collection_id: str, *, revision: int = 1) -> Granule:
    """A granule from UMM-G, boxes included; its footprint in full is `spatial_parts`. Refuses `file:` links by name."""
    ur = _text(umm, "GranuleUR")
    refuse_file_links(umm)
    start, end = _granule_time(umm)
    name, size, media_type = _file(umm)
    links = [link for link in umm.get("RelatedUrls") or () if isinstance(link, Mapping)]
    data = [link for link in links if link.get("Type") == "GET DATA" and link.get("URL")]
    if data and not name:
        name = str(data[0]["URL"]).rsplit("/", 1)[-1]
    return Granule(
        concept_id=concept_id,
        granule_ur=ur,
        collection_id=collection_id,
        boxes=tuple(part.box for part in spatial_parts(umm)),
        start=start,
        end=end,
        size_bytes=size,
        file_name=name or ur,
        media_type=media_type or (str(data[0].get("MimeType") or "") if data else ""),
        data_urls=tuple(str(link["URL"]) for link in data),
        revision=revision,
        umm=umm,
    )


def collection_reference(umm: Mapping[str, Any]) -> tuple[str, str, str]:
    """Short name, version and title by which a granule names its collection; absent ones are empty."""
    reference = umm.get("CollectionReference")
    if not isinstance(reference, Mapping):
        raise RecordError("CollectionReference: absent; allowed: {ShortName, Version} or {EntryTitle}")
    words = [str(reference.get(key) or "") for key in ("ShortName", "Version", "EntryTitle")]
    return words[0], words[1], words[2]


def producer_id(umm: Mapping[str, Any]) -> str:
    """ProducerGranuleId, or an empty text."""
    granule = umm.get("DataGranule")
    for entry in (granule.get("Identifiers") if isinstance(granule, Mapping) else None) or ():
        if entry.get("IdentifierType") == "ProducerGranuleId":
            return str(entry.get("Identifier") or "")
    return ""


def variable_of(umm: Mapping[str, Any], concept_id: str, collection_id: str, *, role: str = "data") -> Variable:
    """A variable from UMM-Var. The full path is GroupPath and Name, without leading slash."""
    name = _text(umm, "Name")
    group = str(umm.get("GroupPath") or "").strip("/")
    path = name.strip("/")
    if group and path != group and not path.startswith(group + "/"):
        path = f"{group}/{path}"
    return Variable(
        concept_id=concept_id,
        name=name,
        full_path=path,
        collection_id=collection_id,
        long_name=str(umm.get("LongName") or ""),
        type=str(umm.get("VariableType") or ""),
        subtype=str(umm.get("VariableSubType") or ""),
        role=role,
        umm=umm,
    )


def service_of(umm: Mapping[str, Any], concept_id: str) -> Service:
    """A service from UMM-S."""
    return Service(concept_id, _text(umm, "Name"), umm)


def grid_of(umm: Mapping[str, Any], concept_id: str) -> Grid:
    """An output grid from UMM-Grid: CRS code, ranges and resolutions (DimensionScale), size (DimensionSize)."""
    name = _text(umm, "Name")
    try:
        definition = umm["GridDefinition"]
        crs = str(definition["CoordinateReferenceSystemID"]["Code"])
        x, y = definition["DimensionScale"]["X"], definition["DimensionScale"]["Y"]
        return Grid(
            concept_id=concept_id,
            name=name,
            crs=crs,
            extent=(float(x["Minimum"]), float(y["Minimum"]), float(x["Maximum"]), float(y["Maximum"])),
            cell_size=(float(x["Resolution"]), float(y["Resolution"])),
            width=int(definition["DimensionSize"]["Width"]),
            height=int(definition["DimensionSize"]["Height"]),
            umm=umm,
        )
    except (KeyError, TypeError, ValueError) as error:
        allowed = (
            "CoordinateReferenceSystemID.Code, DimensionSize and DimensionScale.X, .Y with Minimum, Maximum, Resolution"
        )
        raise RecordError(f"GridDefinition: {error} is absent or no number; allowed: {allowed}") from None


def spatial_parts(umm: Mapping[str, Any]) -> list[Part]:
    """Parts of `SpatialExtent.HorizontalSpatialDomain.Geometry`; empty without one."""
    extent = umm.get("SpatialExtent")
    domain = extent.get("HorizontalSpatialDomain") if isinstance(extent, Mapping) else None
    geometry = domain.get("Geometry") if isinstance(domain, Mapping) else None
    if not isinstance(geometry, Mapping):
        return []
    try:
        return parts_of_geometry(geometry)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"SpatialExtent: {error}; allowed: the geometries of UMM, in degrees") from None


def refuse_file_links(value: Any) -> None:
    """Raise RecordError naming the first `file:` link of RelatedUrls: no record may lead to a path of this machine."""
    for link in value.get("RelatedUrls") or ():
        url = str(link.get("URL") or "") if isinstance(link, Mapping) else ""
        if url.strip().lower().startswith("file:"):
            raise RecordError(
                f"RelatedUrls: {url!r}; allowed: http, https and s3 links (harvest the file itself instead)"
            )


def _text(umm: Mapping[str, Any], field: str) -> str:
    value = umm.get(field)
    if not isinstance(value, str) or not value.strip():
        raise RecordError(f"{field}: {value!r}; allowed: a text that is not empty")
    return value


def _instant(field: str, text: Any) -> datetime | None:
    if not text:
        return None
    try:
        return parsed(str(text))
    except (ValueError, OverflowError):
        raise RecordError(f"{field}: {text!r}; allowed: an ISO 8601 date-time") from None


def _granule_time(umm: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    extent = umm.get("TemporalExtent")
    if not isinstance(extent, Mapping):
        return None, None
    single = _instant("SingleDateTime", extent.get("SingleDateTime"))
    if single:
        return single, single
    span = extent.get("RangeDateTime")
    if not isinstance(span, Mapping):
        return None, None
    start = _instant("BeginningDateTime", span.get("BeginningDateTime"))
    end = _instant("EndingDateTime", span.get("EndingDateTime"))
    if start and end and end < start:
        raise RecordError(
            f"RangeDateTime: {span['BeginningDateTime']} to {span['EndingDateTime']}; allowed: start <= end"
        )
    return start, end


def _temporal_extents(umm: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """First start and last end; no end while one range is open."""
    starts: list[datetime] = []
    ends: list[datetime] = []
    is_open = False
    for extent in umm.get("TemporalExtents") or ():
        is_open = is_open or bool(extent.get("EndsAtPresentFlag"))
        for text in extent.get("SingleDateTimes") or ():
            moment = _instant("SingleDateTimes", text)
            if moment:
                starts.append(moment)
                ends.append(moment)
        for span in extent.get("RangeDateTimes") or ():
            start = _instant("BeginningDateTime", span.get("BeginningDateTime"))
            end = _instant("EndingDateTime", span.get("EndingDateTime"))
            starts += [start] if start else []
            ends += [end] if end else []
            is_open = is_open or end is None
    return min(starts, default=None), None if is_open else max(ends, default=None)


def _bbox(parts: Sequence[Part]) -> Box | None:
    return Granule("", "", "", boxes=tuple(part.box for part in parts)).bbox


def _file(umm: Mapping[str, Any]) -> tuple[str, int, str]:
    """Name, bytes and media type of the first file that has a size; UMM counts MB in 2**20 bytes."""
    granule = umm.get("DataGranule")
    entries = (granule.get("ArchiveAndDistributionInformation") if isinstance(granule, Mapping) else None) or ()
    units = {"KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40, "PB": 2**50}
    for entry in entries:
        size = entry.get("SizeInBytes")
        if size is None and entry.get("Size") is not None:
            size = float(entry["Size"]) * units.get(str(entry.get("SizeUnit") or "MB"), 2**20)
        if size is not None:
            return str(entry.get("Name") or producer_id(umm)), int(size), str(entry.get("MimeType") or "")
    return producer_id(umm), 0, ""
