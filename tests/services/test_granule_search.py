"""From the stored query of a job to the search of one collection, and to /versions."""

import json

from appliance.request.shapes import GEOJSON, normalised_shape
from appliance.services.granule_search import granule_search, most_of
from appliance.services.plan import GranuleQuery
from appliance.services.registry import SHIPPED, load_registry
from appliance.services.versions import versions_document


def test_a_search_is_of_one_collection_with_all_filters() -> None:
    ring = [[170, 0], [-170, 0], [-170, 10], [170, 10], [170, 0]]
    shape = normalised_shape(json.dumps({"type": "Polygon", "coordinates": [ring]}).encode(), GEOJSON)
    query = GranuleQuery(
        collections=("C1-LOCAL", "C2-LOCAL"),
        bbox=(170.0, 0.0, -170.0, 5.0),
        start="2020-01-01T00:00:00.000Z",
        granule_ids=("G1-LOCAL",),
        granule_names=("a*",),
    )
    found = granule_search(query, "C2-LOCAL", shape)
    assert (found.collection_ids, found.bbox) == (("C2-LOCAL",), (170, 0, -170, 5))
    assert found.start is not None and found.start.isoformat() == "2020-01-01T00:00:00+00:00" and found.end is None
    assert len(found.polygons) == 2  # both sides of the antimeridian
    assert (found.granule_ids, found.names) == (("G1-LOCAL",), ("a*",))
    assert granule_search(query, "C1-LOCAL", None).polygons == ()


def test_the_limit_of_a_collection_wins_over_that_of_all() -> None:
    query = GranuleQuery(("C1-LOCAL",), limit=9, extra={"limits": {"C1-LOCAL": 3}})
    assert (most_of(query, "C1-LOCAL"), most_of(query, "C2-LOCAL")) == (3, 9)


def test_versions_list_every_chain_and_the_reason_of_those_that_are_not_available() -> None:
    chains = load_registry(SHIPPED, cmr_url="", environment={}, transformers={"subset_swath"}).chains
    document = versions_document(chains, "0.1.0")
    assert [entry["name"] for entry in document] == [chain.name for chain in chains]
    assert document[1]["images"][1] == {"image": "subset_swath", "tag": "0.1.0"} and "unavailable" not in document[1]
    assert "concatenate" in document[2]["unavailable"]
