"""The `/capabilities` document of a collection, versions 1, 2 and 3-alpha.

Pure. Only chains associated with the collection count, and only those that can be carried out here, so that nothing is
promised that a request would be refused. Source: harmony-api.md, section 8.2.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from appliance.errors import RequestValidationError
from appliance.metadata.concepts import Collection, Service, Variable
from appliance.request.media_types import NAMES_BY_MIME, NETCDF
from appliance.services.chain import Capabilities, ServiceChain
from appliance.services.match import serves

VERSIONS = {"1": "1", "2": "2", "3": "3-alpha", "3-alpha": "3-alpha"}
FORMAT_NAMES = {**NAMES_BY_MIME, "application/x-netcdf4": NAMES_BY_MIME[NETCDF]}


def parse_version(text: str | None) -> str:
    """The version that is meant: "1", "2" (default) or "3-alpha". Raises RequestValidationError."""
    if text is None:
        return "2"
    if text.lower() not in VERSIONS:
        raise RequestValidationError(f"Invalid API version {text}, supported versions: 1, 2, and 3-alpha")
    return VERSIONS[text.lower()]


def capabilities_document(
    collection: Collection,
    variables: Sequence[Variable],
    chains: Sequence[ServiceChain],
    services: Sequence[Service],
    version: str,
    root: str,
) -> dict[str, Any]:
    """What can be done with a collection.

    variables: those that are listed, without coordinates; services: the UMM-S records of the collection (they tell
    projections and interpolation methods); version: as `parse_version` gives it; root: base of the links.
    """
    chosen = [c for c in chains if not c.unavailable and serves(c, collection.concept_id, collection.service_ids)]
    if version == "3-alpha":
        return _version_3(collection, variables, chosen, {s.concept_id: s for s in services}, root)
    can = [chain.capabilities for chain in chosen]
    with_href = version != "1"
    return {
        "conceptId": collection.concept_id,
        "shortName": collection.short_name,
        "variableSubset": bool(variables) and any(c.variable for c in can),
        "bboxSubset": any(c.bbox for c in can),
        "shapeSubset": any(c.shape for c in can),
        "temporalSubset": any(c.temporal for c in can),
        "concatenate": any(c.concatenation for c in can),
        "reproject": any(c.reprojection for c in can),
        "outputFormats": _formats(can),
        "services": [
            {
                "name": chain.name,
                **({"href": _concept_url(root, chain.umm_s)} if with_href and chain.umm_s else {}),
                "capabilities": chain.capabilities.raw,
            }
            for chain in chosen
        ],
        "variables": [
            {"name": _name(v), "href": _concept_url(root, v.concept_id)} if with_href else _name(v) for v in variables
        ],
        "capabilitiesVersion": version,
    }


def _version_3(
    collection: Collection,
    variables: Sequence[Variable],
    chains: Sequence[ServiceChain],
    services: Mapping[str, Service],
    root: str,
) -> dict[str, Any]:
    records = [services.get(chain.umm_s or "") for chain in chains]
    return {
        "conceptId": collection.concept_id,
        "shortName": collection.short_name,
        "summary": _summary([c.capabilities for c in chains], [r for r in records if r], has_variables=bool(variables)),
        "services": [
            {
                "name": chain.name,
                **({"href": _concept_url(root, chain.umm_s)} if chain.umm_s else {}),
                "capabilities": _summary([chain.capabilities], [record] if record else [], has_variables=True),
            }
            for chain, record in zip(chains, records, strict=True)
        ],
        "variables": [_variable_3(v, root) for v in variables],
        "capabilitiesVersion": "3-alpha",
    }


def _summary(can: Sequence[Capabilities], records: Sequence[Service], *, has_variables: bool) -> dict[str, Any]:
    """Flags are true when one of the chains can; lists are united."""
    named = [{"name": FORMAT_NAMES.get(mime, "unknown"), "mimeType": mime} for mime in _formats(can)]
    return {
        "subsetting": {
            "bbox": any(c.bbox for c in can),
            "dimension": any(c.dimension for c in can),
            "shape": any(c.shape for c in can),
            "temporal": any(c.temporal for c in can),
            "variable": has_variables and any(c.variable for c in can),
        },
        "reprojection": {
            "supported": any(c.reprojection for c in can),
            "supportedProjections": _projections(records),
            "interpolationMethods": _interpolations(records),
        },
        "averaging": {"time": any(c.averaging_time for c in can), "area": any(c.averaging_area for c in can)},
        "concatenation": any(c.concatenation for c in can),
        "outputFormats": sorted(named, key=lambda entry: (entry["name"], entry["mimeType"])),
    }


def _formats(can: Sequence[Capabilities]) -> list[str]:
    return list(dict.fromkeys(mime for c in can for mime in c.output_formats))


def _options(record: Service) -> Mapping[str, Any]:
    found = record.umm.get("ServiceOptions")
    return found if isinstance(found, Mapping) else {}


def _projections(records: Sequence[Service]) -> list[dict[str, str]]:
    """Only those with an authority's code; the first name of each; sorted by name."""
    names: dict[str, str] = {}
    for record in records:
        for entry in _options(record).get("SupportedOutputProjections") or ():
            code = entry.get("ProjectionAuthority")
            if code:
                names.setdefault(str(code), str(entry.get("ProjectionName") or code))
    return sorted(({"name": name, "crs": crs} for crs, name in names.items()), key=lambda entry: entry["name"])


def _interpolations(records: Sequence[Service]) -> list[str]:
    return list(dict.fromkeys(str(t) for r in records for t in _options(r).get("InterpolationTypes") or ()))


def _variable_3(variable: Variable, root: str) -> dict[str, Any]:
    levels = {"category": "Category", "topic": "Topic", "term": "Term"}
    levels |= {f"variableLevel{n}": f"VariableLevel{n}" for n in (1, 2, 3)} | {"detailedVariable": "DetailedVariable"}
    keywords = variable.umm.get("ScienceKeywords") or ()
    told = {
        "name": _name(variable),
        "longName": variable.long_name or variable.umm.get("LongName"),
        "href": _concept_url(root, variable.concept_id),
        "units": variable.umm.get("Units"),
        "scienceKeywords": [
            {ours: keyword[theirs] for ours, theirs in levels.items() if theirs in keyword} for keyword in keywords
        ],
    }
    return {name: value for name, value in told.items() if value is not None}


def _name(variable: Variable) -> str:
    return variable.name or variable.full_path


def _concept_url(root: str, concept_id: str) -> str:
    return f"{root}/search/concepts/{concept_id}"
