"""Navigation documents of OGC API - Coverages: landing, conformance, variables. Source: harmony-api 1.2. Pure.

Boxes are west, south, east, north, as CRS84 says (Harmony passes on south first).
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from appliance.metadata.concepts import Collection, Variable
from appliance.results.links import iso

CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-coverages-1/1.0/conf/core",
)


def api_root(url: str) -> dict[str, Any]:
    """The links of the landing document; url: that of the document, without trailing slash."""
    entries = [
        ("self", "", "application/json", "This document"),
        ("conformance", "/conformance", "application/json", "Conformance classes"),
        ("data", "/collections", "application/json", "The variables of the collection"),
    ]
    return {"links": [{"href": url + path, "rel": rel, "type": kind, "title": t} for rel, path, kind, t in entries]}


def conformance() -> dict[str, Any]:
    """The conformance classes."""
    return {"conformsTo": list(CONFORMANCE)}


def collections_listing(
    collections: Sequence[Collection], variables: Mapping[str, Sequence[Variable]], root: str
) -> dict[str, Any]:
    """`all` of each collection, then each of its listed variables."""
    links: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for collection in collections:
        base = f"{root}/{collection.concept_id}/ogc-api-coverages/1.0.0"
        name = _name(collection)
        links += [
            {"title": f"OGC coverages API root for {name}", "href": base, "rel": "root", "type": "application/json"},
            {
                "title": f"Collections listing for {name}",
                "href": f"{base}/collections",
                "rel": "self",
                "type": "application/json",
            },
        ]
        listed = [v for v in variables.get(collection.concept_id, ()) if v.role == "data"]
        entries += [_all(collection, base), *(_entry(collection, variable, base) for variable in listed)]
    return {"links": links, "collections": entries}


def one_collection(
    collections: Sequence[Collection], variables: Mapping[str, Sequence[Variable]], name: str, root: str
) -> dict[str, Any] | None:
    """The entry of one variable, by name or concept id, or of `all`; None when there is none."""
    for collection in collections:
        base = f"{root}/{collection.concept_id}/ogc-api-coverages/1.0.0"
        if name == "all":
            return _all(collection, base)
        for variable in variables.get(collection.concept_id, ()):
            if name.strip("/") in (variable.concept_id, variable.name.strip("/"), variable.full_path.strip("/")):
                return _entry(collection, variable, base)
    return None


def _all(collection: Collection, base: str) -> dict[str, Any]:
    return _described(f"{collection.concept_id}/all", "all", "All variables", collection, base, "all")


def _entry(collection: Collection, variable: Variable, base: str) -> dict[str, Any]:
    element = quote(variable.full_path or variable.name, safe="")
    identity = f"{collection.concept_id}/{variable.concept_id}"
    return _described(identity, variable.name, variable.long_name or variable.name, collection, base, element)


def _described(
    identity: str, title: str, description: str, collection: Collection, base: str, element: str
) -> dict[str, Any]:
    name = _name(collection)
    document: dict[str, Any] = {
        "id": identity,
        "title": f"{title} {name}",
        "description": f"{description} {name} ({collection.data_center})",
        "links": [
            {
                "title": f"Perform rangeset request for {title}",
                "href": f"{base}/collections/{element}/coverage/rangeset",
            }
        ],
    }
    extent = _extent(collection)
    if extent:
        document["extent"] = extent
    return document | {"itemType": "Variable"}


def _extent(collection: Collection) -> dict[str, Any]:
    extent: dict[str, Any] = {}
    if collection.bbox:
        crs = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
        extent["spatial"] = {"bbox": list(collection.bbox), "crs": crs}
    if collection.start or collection.end:
        ends = [iso(instant) if instant else None for instant in (collection.start, collection.end)]
        trs = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
        extent["temporal"] = {"interval": ends, "trs": trs}
    return extent


def _name(collection: Collection) -> str:
    return f"{collection.short_name} v{collection.version}"
