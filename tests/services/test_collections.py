"""From the path to collections: ids, one short name, what is not there, what several have."""

import pytest

from appliance.errors import NotFoundError
from appliance.metadata.concepts import Collection
from appliance.services.collections import resolve_collections
from appliance.services.registry import SHIPPED, load_registry

CHAINS = load_registry(SHIPPED, cmr_url="", environment={}, transformers={"subset_swath"}).chains
SERVED = tuple(str(c.umm_s) for c in CHAINS if c.name == "podaac/l2-subsetter")
HELD = {
    "C1-LOCAL": Collection("C1-LOCAL", "same name", "3", "Newest", "LOCAL"),
    "C2-LOCAL": Collection("C2-LOCAL", "same name", "2", "Served", "LOCAL", service_ids=SERVED),
    "C3-LOCAL": Collection("C3-LOCAL", "other+one", "1", "Other", "LOCAL"),
}


def resolve(path: str) -> tuple[list[str], list[str]]:
    found, notes = resolve_collections(
        path,
        by_ids=lambda ids: [HELD[i] for i in ids if i in HELD],
        by_short_name=lambda name: [c for c in HELD.values() if c.short_name == name],
        chains=CHAINS,
    )
    return [c.concept_id for c in found], notes


@pytest.mark.parametrize("path", ["C2-LOCAL+C1-LOCAL", "C2-LOCAL C1-LOCAL"])
def test_several_ids_keep_their_order(path: str) -> None:
    assert resolve(path) == (["C2-LOCAL", "C1-LOCAL"], [])


def test_a_short_name_means_the_newest_that_a_chain_serves_and_says_so() -> None:
    ids, notes = resolve("same name")
    assert ids == ["C2-LOCAL"]
    assert notes[0].startswith("There were 2 collections that matched the provided short name same name. See ")
    assert resolve("other+one") == (["C3-LOCAL"], [])


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(NotFoundError, match=r"^The collection C9-LOCAL could not be found"):
        resolve("C1-LOCAL+C9-LOCAL")
    with pytest.raises(NotFoundError, match=r"^The collections C8-LOCAL and C9-LOCAL could not be found"):
        resolve("C8-LOCAL+C1-LOCAL+C9-LOCAL")
    with pytest.raises(NotFoundError, match=r"^nothing must be a collection short name or CMR collection identifier"):
        resolve("nothing")
