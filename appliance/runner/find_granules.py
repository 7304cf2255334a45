"""The built-in first step (query-cmr on the wire): pages through the metadata, one STAC item per granule.

No child, no copy: an item names the file where it lies, and `stage.py` checks at its use that it still lies there. For
a chain of this step alone the results are the originals' own links. Granules without data links are left out silently.
Source: harmony-api 4.5, 6.4; decisions 2.4, 3.4.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from appliance.database.connection import Database
from appliance.metadata import rows
from appliance.metadata.concepts import Granule
from appliance.services.granule_search import granule_search, most_of
from appliance.services.plan import GranuleQuery
from appliance.workflow.records import Link, Outcome, Output

STAC_VERSION = "1.0.0"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a query stands: the place of its collection, the search's own cursor there, granules so far."""

    place: int = 0
    inner: str | None = None
    of_collection: int = 0
    found: int = 0

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """From the text that a work item keeps; None is the beginning."""
        return cls(*json.loads(text)) if text else cls()

    def __str__(self) -> str:
        return json.dumps([self.place, self.inner, self.of_collection, self.found], separators=(",", ":"))


def find_granules(
    catalog: Database, query: GranuleQuery, cursor_text: str | None, *, page_size: int, is_last: bool, root: str
) -> Outcome:
    """One page of granules as an outcome.

    Each granule is an output in a catalog of its own, and, when this is the job's last step, a link as well.
    next_cursor: set while there may be more; found_count: with the last page only. root: the public base URL.
    """
    granules, cursor = _page(catalog, query, Cursor.parse(cursor_text), page_size)
    kept = [(granule, link) for granule in granules if (link := data_link(granule))]
    outputs = tuple(
        Output(place, stac_item(granule, link, root), granule.size_bytes) for place, (granule, link) in enumerate(kept)
    )
    found = Cursor.parse(cursor_text).found + len(kept)
    return Outcome(
        status="successful",
        outputs=outputs,
        links=tuple(_result(granule, link) for granule, link in kept) if is_last else (),
        input_size_bytes=sum(granule.size_bytes for granule, _ in kept) if is_last else 0,
        next_cursor=str(replace(cursor, found=found)) if cursor else None,
        found_count=None if cursor else found,
    )


def _page(
    catalog: Database, query: GranuleQuery, cursor: Cursor, page_size: int
) -> tuple[list[Granule], Cursor | None]:
    """Up to `page_size` granules from the cursor on, over all collections in order, and where to go on."""
    granules: list[Granule] = []
    shape = _shape(query.shape_path)
    while cursor.place < len(query.collections):
        collection = query.collections[cursor.place]
        most = most_of(query, collection)
        room = page_size - len(granules)
        wanted = room if most is None else min(room, most - cursor.of_collection)
        if wanted > 0:
            search = granule_search(query, collection, shape)
            page = rows.search_granules(catalog, search, limit=wanted, cursor=cursor.inner)
            granules += page.granules
            taken = cursor.of_collection + len(page.granules)
            if page.cursor is not None and (most is None or taken < most):
                cursor = replace(cursor, inner=page.cursor, of_collection=taken)
                if len(granules) >= page_size:
                    return granules, cursor
                continue
        elif room <= 0:
            return granules, cursor
        cursor = Cursor(cursor.place + 1)
    return granules, None


def _shape(shape_path: str | None) -> Mapping[str, Any] | None:
    """The GeoJSON that was kept with the job."""
    if not shape_path:
        return None
    shape: Mapping[str, Any] = json.loads(Path(shape_path.removeprefix("file://")).read_text("utf-8"))
    return shape


def data_link(granule: Granule) -> str | None:
    """How clients reach the original: a path of this server for local files, a URL for remote ones, or None."""
    if granule.local_path:
        return f"/granules/{granule.concept_id}/{quote(granule.file_name or Path(granule.local_path).name)}"
    return next((url for url in granule.data_urls if "://" in url), None)


def stac_item(granule: Granule, link: str, root: str) -> dict[str, Any]:
    """The granule as a step reads it; its asset is the local file, or the remote URL that `stage.py` fetches."""
    href = granule.local_path or link
    name = granule.file_name or Path(href.partition("?")[0]).name
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "id": granule.concept_id,
        "collection": granule.collection_id,
        "bbox": list(granule.bbox or (-180.0, -90.0, 180.0, 90.0)),
        "geometry": _geometry(granule.boxes),
        "properties": {
            "datetime": None,
            "start_datetime": iso(granule.start),
            "end_datetime": iso(granule.end or granule.start),
            "harmonium:collection": granule.collection_id,
            "harmonium:granule": granule.concept_id,
            "harmonium:href": root + link if link.startswith("/") else link,
            "harmonium:name": name,
        },
        "links": [],
        "assets": {"data": {"href": href, "title": name, "type": granule.media_type or None, "roles": ["data"]}},
    }


def _geometry(boxes: tuple[tuple[float, float, float, float], ...]) -> dict[str, Any]:
    rings = [[[w, s], [e, s], [e, n], [w, n], [w, s]] for w, s, e, n in boxes or ((-180.0, -90.0, 180.0, 90.0),)]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings}
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}


def _result(granule: Granule, link: str) -> Link:
    return Link(
        href=link,
        title=granule.file_name or granule.granule_ur,
        media_type=granule.media_type or None,
        bbox=granule.bbox,
        start=granule.start,
        end=granule.end or granule.start,
        size_bytes=granule.size_bytes,
    )


def iso(instant: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z, as STAC writes it."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z") if instant else None
