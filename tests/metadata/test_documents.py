"""Records into the catalog: ids, collections, what replaces what, what is refused."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from appliance.database.connection import Database
from appliance.metadata.concept_ids import concept_id
from appliance.metadata.concepts import GranuleSearch
from appliance.metadata.documents import UnknownCollection
from appliance.metadata.rows import (
    all_collections,
    collections_by_ids,
    collections_by_short_name,
    concept,
    counts,
    document,
    grids_by_name,
    search_granules,
    services_by_ids,
    variables_by_ids,
    variables_of,
)
from appliance.metadata.umm import RecordError
from tests.metadata_builders import (
    everything,
    item,
    open_catalog,
    put,
    umm_collection,
    umm_granule,
    umm_service,
    umm_variable,
)


@pytest.fixture()
def db(tmp_path: Path) -> Any:
    opened = open_catalog(tmp_path / "catalog.db")
    yield opened
    opened.close()


def records() -> list[dict[str, Any]]:
    return [
        umm_collection(TemporalExtents=[{"RangeDateTimes": [{"BeginningDateTime": "2020-01-01T00:00:00Z"}]}]),
        umm_collection("OTHER"),
        umm_granule("g1", boxes=[(170, -1, -170, 1)], start="2020-01-01T00:00:00Z", end="2020-01-02T00:00:00Z"),
        umm_granule("g2", short_name="OTHER"),
        umm_service("chain"),
        item(umm_variable("sst"), "V7-PROV", associations={"collections": [{"concept-id": sst_id()}]}),
    ]


def sst_id() -> str:
    return concept_id("collection", "LOCAL", "SST.1")


def test_bare_records_get_the_computed_ids(db: Database) -> None:
    stored = put(db, *records())
    assert stored[0].concept_id == sst_id()
    assert stored[2].concept_id == concept_id("granule", "LOCAL", "SST.1:g1")
    assert stored[4].concept_id == concept_id("service", "LOCAL", "chain")
    assert [one.change for one in stored] == ["added"] * 6
    assert counts(db) == {"collections": 2, "granules": 2, "variables": 1, "services": 1, "grids": 0}


def test_putting_the_same_again_writes_nothing(db: Database) -> None:
    put(db, *records())
    before = everything(db)
    assert {one.change for one in put(db, *records())} == {"unchanged"}
    assert everything(db) == before


def test_a_changed_record_keeps_its_id_and_counts_its_revisions(db: Database) -> None:
    first, *_ = put(db, umm_collection(), umm_granule("g", boxes=[(0, 0, 1, 1)]))
    (changed,) = put(db, umm_granule("g", boxes=[(50, 0, 51, 1)]))
    assert changed.change == "updated"
    (found,) = search_granules(db, GranuleSearch((first.concept_id,), bbox=(50, 0, 51, 1)), limit=9).granules
    assert (found.concept_id, found.revision) == (changed.concept_id, 2)
    assert not search_granules(db, GranuleSearch((first.concept_id,), bbox=(0, 0, 1, 1)), limit=9).granules
    assert all_collections(db)[0].granule_count == 1


def test_documents_are_kept_byte_for_byte(db: Database) -> None:
    put(db, umm_collection(Abstract="Überall 1.50 \u2028"))
    assert document(db, sst_id()) == json.dumps(umm_collection(Abstract="Überall 1.50 \u2028")).encode()
    assert concept(db, sst_id()) == umm_collection(Abstract="Überall 1.50 \u2028")
    assert concept(db, "C1-NOBODY") is None


def test_copied_records_keep_ids_revisions_and_associations(db: Database) -> None:
    associations = {"variables": ["V1-P"], "services": [{"concept-id": "S1-P"}]}
    tags = {"cmr.earthdata.nasa.ous.datafile.replace": {"data": {"match": "a", "replace": "b"}}}
    put(
        db,
        item(umm_collection(), "C5-P", associations=associations, tags=tags),
        item(umm_variable("b", GroupPath="/data"), "V1-P"),
        item(umm_service("s", Type="OPeNDAP"), "S1-P"),
        item(umm_granule("g"), "G9-P"),
    )
    (found,) = collections_by_short_name(db, "SST")
    assert (found.concept_id, found.revision, found.provider) == ("C5-P", 7, "P")
    assert found.service_ids == ("S1-P",)
    assert found.tags == {"cmr.earthdata.nasa.ous.datafile.replace": {"match": "a", "replace": "b"}}
    (variable,) = variables_of(db, "C5-P", role="data")
    assert (variable.full_path, variable.collection_id) == ("data/b", "C5-P")
    assert variables_by_ids(db, ["V1-P", "V2-P"]) == [variable]
    assert variables_of(db, "C5-P", role="support") == []
    assert [one.name for one in services_by_ids(db, ["S0-P", "S1-P"])] == ["s"]
    (granule,) = search_granules(db, GranuleSearch(("C5-P",)), limit=9).granules
    assert (granule.concept_id, granule.revision) == ("G9-P", 7)


def test_collections_come_in_the_order_asked_and_the_newest_revision_first(db: Database) -> None:
    put(db, item(umm_collection(version="1"), "C1-P"), item(umm_collection(version="2"), "C2-P"))
    assert [one.concept_id for one in collections_by_ids(db, ["C2-P", "C9-P", "C1-P"])] == ["C2-P", "C1-P"]
    assert [one.version for one in collections_by_short_name(db, "SST")] == ["2", "1"]
    assert collections_by_short_name(db, "sst") == []


@pytest.mark.parametrize("seed", range(10))
def test_any_order_of_records_gives_the_same_documents_and_ids(seed: int, tmp_path: Path) -> None:
    shuffled = records()
    random.Random(seed).shuffle(shuffled)
    shuffled.sort(key=lambda one: "EntryTitle" not in one)  # collections first, as the harvest does it
    catalogs = []
    for name, chosen in (("one.db", records()), ("two.db", shuffled)):
        db = open_catalog(tmp_path / name)
        put(db, *chosen)
        catalogs.append(everything(db)["documents"])
        db.close()
    assert catalogs[0] == catalogs[1]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "FILE:/etc/passwd", " file:relative"])
def test_links_to_files_of_this_machine_are_refused_by_name(db: Database, url: str) -> None:
    put(db, umm_collection())
    with pytest.raises(RecordError, match=r"RelatedUrls: .*(?i:file:).*allowed"):
        put(db, umm_granule("g", urls=[url]))
    with pytest.raises(RecordError, match="RelatedUrls"):
        put(db, umm_collection("X", RelatedUrls=[{"URL": url}]))


def test_links_to_other_hosts_are_kept_as_they_are(db: Database) -> None:
    urls = ["https://example.org/a%20b.nc?x=1", "s3://bucket/a.nc"]
    put(db, umm_collection(), umm_granule("g", urls=urls))
    (found,) = search_granules(db, GranuleSearch(), limit=1).granules
    assert found.data_urls == tuple(urls)
    assert found.local_path is None


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (umm_granule("g", short_name="NONE"), "CollectionReference: 'NONE', '1' is not in the catalog"),
        (umm_granule("g", boxes=[(0, 5, 1, 4)]), "SpatialExtent: .*allowed"),
        (umm_granule("g", start="yesterday"), "BeginningDateTime: 'yesterday'"),
        (umm_granule("g", start="2020-01-02T00:00:00Z", end="2020-01-01T00:00:00Z"), "allowed: start <= end"),
        (umm_granule(""), "GranuleUR: ''"),
        (umm_variable("v"), "no collection is named"),
        (item(umm_granule("g"), "not an id"), "meta.concept-id: 'not an id'"),
        ({"Name": "g", "GridDefinition": {}}, "GridDefinition: .*absent"),
    ],
)
def test_a_record_that_cannot_be_used_says_field_value_and_what_is_allowed(
    db: Database, record: dict[str, Any], reason: str
) -> None:
    put(db, umm_collection())
    before = everything(db)
    with pytest.raises(RecordError, match=reason):
        put(db, record)
    assert everything(db) == before


def test_a_granule_without_its_collection_waits_for_it(db: Database) -> None:
    with pytest.raises(UnknownCollection):
        put(db, umm_granule("g"))


def test_a_copied_id_that_a_local_record_holds_with_other_content_is_refused(db: Database) -> None:
    put(db, umm_collection())
    db.connection.execute("UPDATE collections SET origin = 'files'")
    with pytest.raises(RecordError, match="other content holds this id"):
        put(db, item(umm_collection(Abstract="theirs"), sst_id()))
    assert put(db, item(umm_collection(), sst_id()))[0].concept_id == sst_id()


def test_a_grid_of_a_catalogue_is_found_by_name(db: Database) -> None:
    definition = {
        "CoordinateReferenceSystemID": {"Type": "EPSG", "Code": "EPSG:4326"},
        "DimensionSize": {"Height": 180, "Width": 360},
        "DimensionScale": {
            "X": {"Minimum": -180, "Maximum": 180, "Resolution": 1, "Unit": "Degree"},
            "Y": {"Minimum": -90, "Maximum": 90, "Resolution": 1, "Unit": "Degree"},
        },
    }
    put(db, item({"Name": "G1", "GridDefinition": definition, "MetadataSpecification": {"Name": "Grid"}}, "GRD1-P"))
    (grid,) = grids_by_name(db, "G1")
    assert (grid.crs, grid.extent, grid.cell_size, grid.width, grid.height) == (
        "EPSG:4326",
        (-180, -90, 180, 90),
        (1, 1),
        360,
        180,
    )
    assert grids_by_name(db, "g1") == []
