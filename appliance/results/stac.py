"""STAC catalogs and items of a job's results. Source: harmony-api 7; clients.md 5 (absolute links). Pure.

STAC 1.0.0. Item indices count all results with box and times, from 0, whatever the page.
"""

from collections.abc import Sequence
from typing import Any

from appliance.results.links import iso
from appliance.results.permalinks import client_href
from appliance.workflow.records import Job, Link

TIMESTAMPS = "https://stac-extensions.github.io/timestamps/v1.0.0/schema.json"


def catalog(
    job: Job,
    items: Sequence[Link],
    first_index: int,
    paging: Sequence[dict[str, Any]],
    root: str,
    link_type: str | None,
) -> dict[str, Any]:
    """One page of a job's catalog. items: results with box and times; first_index: that of the first of them."""
    base = f"{root}/stac/{job.job_id}/"
    query = f"?linkType={link_type}" if link_type else ""
    return {
        "id": job.job_id,
        "stac_version": "1.0.0",
        "title": f"Harmony output for {job.job_id}",
        "type": "Catalog",
        "description": f"Harmony output for {job.request_url}",
        "links": [
            {"href": base + query, "rel": "root", "title": "root", "type": "application/json"},
            *(
                {
                    "href": f"{base}{index}{query}",
                    "rel": "item",
                    "title": link.title,
                    "type": "application/geo+json",
                }
                for index, link in enumerate(items, first_index)
            ),
            *paging,
        ],
    }


def item(job: Job, link: Link, index: int, root: str, link_type: str | None) -> dict[str, Any]:
    """One result as a STAC item; its asset is an s3:// link unless `link_type` says http or https."""
    if link.bbox is None or link.start is None or link.end is None:
        raise ValueError(f"result {link.link_id} has no box or times: not a STAC item")
    base = f"{root}/stac/{job.job_id}/"
    query = f"?linkType={link_type}" if link_type else ""
    href = client_href(link.href, root, link_type or "s3", link.media_type, is_custom=bool(job.destination_url))
    properties = {
        "created": iso(job.created_at),
        "license": "various",
        "start_datetime": iso(link.start),
        "end_datetime": iso(link.end),
        "datetime": iso(link.start),
    }
    if job.data_expires_at:
        properties["expires"] = iso(job.data_expires_at)
    asset: dict[str, Any] = {"href": href, "title": link.title}
    if link.media_type:
        asset["type"] = link.media_type
    asset["roles"] = [_role(link.media_type)]
    return {
        "id": f"{job.job_id}_{index}",
        "stac_version": "1.0.0",
        "title": f"Harmony output #{index} in job {job.job_id}",
        "description": f"Harmony out for {job.request_url}",
        "type": "Feature",
        "stac_extensions": [TIMESTAMPS],
        "bbox": list(link.bbox),
        "geometry": box_geometry(link.bbox),
        "properties": properties,
        "assets": {href: asset},
        "links": [
            {"href": f"{base}{index}{query}", "rel": "self", "title": "self", "type": "application/geo+json"},
            {"href": base + query, "rel": "root", "title": "parent", "type": "application/json"},
        ],
    }


def box_geometry(bbox: tuple[float, float, float, float]) -> dict[str, Any]:
    """A closed ring around the box, in Harmony's order of corners; two polygons when it crosses the antimeridian
    (RFC 7946, section 3.1.9)."""
    west, south, east, north = bbox
    if west <= east:
        return {"type": "Polygon", "coordinates": [_ring(west, south, east, north)]}
    halves = [[_ring(west, south, 180.0, north)], [_ring(-180.0, south, east, north)]]
    return {"type": "MultiPolygon", "coordinates": halves}


def _ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [west, north], [east, north], [east, south], [west, south]]


def _role(media_type: str | None) -> str:
    if media_type in ("application/json", "text/xml"):
        return "metadata"
    return "overview" if (media_type or "").startswith("image/") else "data"
