"""From a stored granule query to the search of one collection. The same for counting at submission and for the first
step, so that both see the same granules. Pure: the shape comes in as a document.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from appliance.metadata.concepts import GranuleSearch
from appliance.request.shapes import outer_rings
from appliance.services.plan import GranuleQuery


def granule_search(query: GranuleQuery, collection_id: str, shape: Mapping[str, Any] | None) -> GranuleSearch:
    """What to look for in one collection. shape: the normalised GeoJSON of `query.shape_path`, read by the caller."""
    return GranuleSearch(
        collection_ids=(collection_id,),
        bbox=query.bbox,
        point=query.point,
        polygons=outer_rings(shape) if shape else (),
        start=datetime.fromisoformat(query.start) if query.start else None,
        end=datetime.fromisoformat(query.end) if query.end else None,
        granule_ids=query.granule_ids,
        names=query.granule_names,
    )


def most_of(query: GranuleQuery, collection_id: str) -> int | None:
    """The most granules of one collection that will be processed; None: all."""
    limits: Mapping[str, int | None] = query.extra.get("limits", {})
    return limits.get(collection_id, query.limit)
