"""Facts of a collection's files -> its UMM-C record (1.18) and its UMM-Grid. Pure.

Obeys the catalog's contract, "Collections". Texts that the schema requires and no file says read "Not provided".
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from appliance.metadata.footprint import Box
from appliance.metadata.granule_records import rectangle

SPECIFICATION = {
    "URL": "https://cdn.earthdata.nasa.gov/umm/collection/v1.18.0",
    "Name": "UMM-C",
    "Version": "1.18.0",
}
GRID_SPECIFICATION = {"URL": "https://cdn.earthdata.nasa.gov/generic/grid/v0.0.1", "Name": "Grid", "Version": "0.0.1"}
NOT_PROVIDED = "Not provided"
LONGEST_NAME = 85
LEVEL_IN_NAME = re.compile(r"L[0-4][A-Z]?")
GUESSED_LEVELS = {"grid-geographic": "3", "grid-projected": "3", "hdfeos2-grid": "3", "geotiff": "NA", "unknown": "NA"}


def collection_record(
    *,
    short_name: str,
    version: str,
    provider: str,
    kind: str,
    texts: Mapping[str, Any],
    title: str,
    doi: str | None,
    native_format: str,
    representation: str,
    box: Box | None,
    start: str | None,
    end: str | None,
    described_at: str,
) -> dict[str, Any]:
    """The record. texts: the `attributes` of the facts of the earliest granule; representation: GEODETIC, CARTESIAN or
    NO_SPATIAL; box: one rectangle around all granules, west > east across the antimeridian."""
    institution = str(texts.get("institution") or provider)
    record: dict[str, Any] = {
        "ShortName": short_name,
        "Version": version,
        "EntryTitle": title,
        "Abstract": str(texts.get("summary") or texts.get("abstract") or texts.get("comment") or title),
        "DOI": {"DOI": doi} if doi else {"MissingReason": "Unknown"},
        "DataDates": [{"Date": described_at, "Type": "CREATE"}],
        "DataCenters": [{"Roles": ["ARCHIVER"], "ShortName": institution[:LONGEST_NAME]}],
        "ProcessingLevel": {"Id": processing_level(texts, short_name, kind)},
        "Platforms": platforms(texts),
        "ScienceKeywords": science_keywords(texts),
        "TemporalExtents": _temporal(start, end),
        "SpatialExtent": _spatial(representation, box),
        "ArchiveAndDistributionInformation": {"FileArchiveInformation": [{"Format": native_format}]},
        "CollectionProgress": "ACTIVE",
    }
    return {**record, "MetadataSpecification": SPECIFICATION}


def processing_level(texts: Mapping[str, Any], short_name: str, kind: str) -> str:
    """Digit and letter of what the file says; else of the name; else guessed from the kind."""
    said = str(texts.get("processing_level") or "").strip().upper().removeprefix("LEVEL").strip(" -_").removeprefix("L")
    if said[:1].isdigit():
        return said[0] + (said[1] if said[1:2].isalpha() else "")
    for word in short_name.upper().replace("-", "_").split("_"):
        if LEVEL_IN_NAME.fullmatch(word):
            return word[1:]
    return GUESSED_LEVELS.get(kind, "2")


def platforms(texts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Platform and instrument, as far as the file names them."""
    name = str(texts.get("platform") or "").strip()
    instrument = str(texts.get("instrument") or texts.get("source") or "").strip()
    entry: dict[str, Any] = {"ShortName": name[:80] or NOT_PROVIDED}
    if instrument and len(instrument) <= 80:
        entry["Instruments"] = [{"ShortName": instrument}]
    return [entry]


def science_keywords(texts: Mapping[str, Any]) -> list[dict[str, str]]:
    """GCMD keywords, those with ` > ` in them; else one that says there is none."""
    levels = ("Category", "Topic", "Term", "VariableLevel1", "VariableLevel2", "VariableLevel3", "DetailedVariable")
    found = []
    for keyword in _split_keywords(str(texts.get("keywords") or "")):
        parts = [part.strip() for part in keyword.split(">")]
        if len(parts) >= 2 and parts[0].upper() != "EARTH SCIENCE":
            parts = ["EARTH SCIENCE", *parts]
        if len(parts) >= 3 and all(parts[:3]):
            found.append({level: part[:80].upper() for level, part in zip(levels, parts, strict=False) if part})
    unique = [one for n, one in enumerate(found) if one not in found[:n]]
    return unique or [{"Category": "EARTH SCIENCE", "Topic": NOT_PROVIDED, "Term": NOT_PROVIDED}]


def around(boxes: Iterable[Box]) -> Box | None:
    """One rectangle: latitudes united, longitudes the complement of the widest gap; west > east across 180."""
    boxes = list(boxes)
    if not boxes:
        return None
    south, north = min(b[1] for b in boxes), max(b[3] for b in boxes)
    spans: list[list[float]] = []
    for west, east in sorted({(max(b[0], -180.0), min(b[2], 180.0)) for b in boxes}):
        if spans and west <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], east)
        else:
            spans.append([west, east])
    # The gap that holds the antimeridian, then those between; the first of the widest, so that order plays no part.
    gaps = [(spans[0][0] + 360.0 - spans[-1][1], spans[0][0], spans[-1][1])]
    gaps += [(after[0] - before[1], after[0], before[1]) for before, after in pairwise(spans)]
    width, west, east = max(gaps, key=lambda gap: gap[0])
    if width <= 0:
        return (-180.0, south, 180.0, north)
    return (west, south, east, north)


def grid_record(name: str, crs: str, bounds: Sequence[float], size: Sequence[int], described_at: str) -> dict[str, Any]:
    """UMM-Grid 0.0.1: edges (x min, y min, x max, y max), number of cells (x, y)."""
    unit = "Degree" if crs == "EPSG:4326" else "Meter"
    (west, south, east, north), (width, height) = bounds, size
    return {
        "Name": name[:LONGEST_NAME],
        "LongName": name,
        "Version": "1",
        "Description": f"{width} x {height} cells, x {west:g} to {east:g}, y {south:g} to {north:g} in {crs}",
        "GridDefinition": {
            "CoordinateReferenceSystemID": {"Type": "EPSG" if crs.startswith("EPSG:") else "PROJ", "Code": crs},
            "DimensionSize": {"Height": height, "Width": width},
            "DimensionScale": {
                "0_360_DegreeProjection": east > 180 and unit == "Degree",
                "X": {"Minimum": west, "Maximum": east, "Unit": unit, "Resolution": (east - west) / width},
                "Y": {"Minimum": south, "Maximum": north, "Unit": unit, "Resolution": (north - south) / height},
            },
            "Uniform-Grid": True,
            "Bounded-Grid": True,
        },
        "Organization": {"ShortName": "Harmonium"},
        "MetadataDate": {"Create": described_at},
        "MetadataSpecification": GRID_SPECIFICATION,
    }


def _temporal(start: str | None, end: str | None) -> list[dict[str, Any]]:
    if not start:
        # The schema asks for one; a collection without times is found by name and place only.
        return [{"EndsAtPresentFlag": True, "RangeDateTimes": [{"BeginningDateTime": "1970-01-01T00:00:00.000Z"}]}]
    return [{"RangeDateTimes": [{"BeginningDateTime": start, **({"EndingDateTime": end} if end else {})}]}]


def _spatial(representation: str, box: Box | None) -> dict[str, Any]:
    if box is None:
        return {"GranuleSpatialRepresentation": "NO_SPATIAL"}
    geometry = {"CoordinateSystem": "CARTESIAN", "BoundingRectangles": [rectangle(*box)]}
    return {
        "SpatialCoverageType": "HORIZONTAL",
        "HorizontalSpatialDomain": {"Geometry": geometry},
        "GranuleSpatialRepresentation": representation,
    }


def _split_keywords(text: str) -> list[str]:
    """Keywords are parted by commas or semicolons; a GCMD path has neither."""
    return [part.strip() for part in text.replace(";", ",").replace("\n", ",").split(",") if " > " in part]
