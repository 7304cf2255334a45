"""Pages of granules as STAC items and links."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.database.catalog_migrations import CATALOG_MIGRATIONS
from appliance.database.connection import Database
from appliance.database.migrations import apply_migrations
from appliance.metadata.concepts import Granule
from appliance.runner.find_granules import data_link, find_granules, stac_item
from appliance.services.plan import GranuleQuery
from tests.runner.archive import COLLECTION, add_granules, granule_id, granule_name

COUNT = 23


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalog")
    apply_migrations(folder / "catalog.db", "catalog", CATALOG_MIGRATIONS)
    one = Database(folder / "catalog.db")
    add_granules(one, folder / "archive", COUNT, urls={5: "https://elsewhere.example/g5.txt?key=1", 7: ""})
    yield one
    one.close()


def pages(catalog, query, page_size, *, is_last=False):
    cursor, found = None, []
    while True:
        outcome = find_granules(catalog, query, cursor, page_size=page_size, is_last=is_last, root="http://me")
        found.append(outcome)
        cursor = outcome.next_cursor
        if cursor is None:
            return found


def ids(outcomes):
    return [output.stac["id"] for outcome in outcomes for output in outcome.outputs]


EVERY = [granule_id(n) for n in range(COUNT) if n != 7]  # the one without a data link is left out


@given(page_size=st.integers(1, 40))
def test_pages_of_any_size_hold_every_granule_once_in_order_of_time(catalog, page_size):
    outcomes = pages(catalog, GranuleQuery((COLLECTION,)), page_size)
    assert ids(outcomes) == EVERY
    assert [o.found_count for o in outcomes[:-1]] == [None] * (len(outcomes) - 1)
    assert outcomes[-1].found_count == len(EVERY)
    for outcome in outcomes:
        assert [o.catalog_index for o in outcome.outputs] == list(range(len(outcome.outputs)))


@given(page_size=st.integers(1, 40), limit=st.integers(1, 40))
def test_the_limit_holds_for_each_collection_whatever_the_pages(catalog, page_size, limit):
    twice = GranuleQuery((COLLECTION, COLLECTION), limit=limit)
    first = [granule_id(n) for n in range(min(limit, COUNT)) if n != 7]
    assert ids(pages(catalog, twice, page_size)) == first * 2
    different = GranuleQuery((COLLECTION, COLLECTION), extra={"limits": {COLLECTION: limit}})
    assert ids(pages(catalog, different, page_size)) == first * 2


def test_the_query_narrows_by_time_box_point_shape_name_and_id(catalog, tmp_path):
    def found(**choices):
        return ids(pages(catalog, GranuleQuery((COLLECTION,), **choices), 10))

    assert found(start="2020-01-01T03:30:00Z", end="2020-01-01T04:30:00Z") == [granule_id(3), granule_id(4)]
    assert found(granule_ids=(granule_id(9), granule_id(2))) == [granule_id(2), granule_id(9)]
    assert found(granule_names=("g0001*",)) == [granule_id(n) for n in range(10, 20)]
    assert found(bbox=(20.0, 0.0, 30.0, 5.0)) == [] and found(bbox=(5.0, 0.0, 30.0, 5.0)) == EVERY
    assert found(point=(0.0, 30.0)) == [] and found(point=(0.0, 10.0)) == EVERY
    for kind, coordinates, touches in [
        ("Polygon", [[[5, 5], [40, 5], [40, 9], [5, 5]]], True),
        ("MultiPolygon", [[[[50, 50], [60, 50], [60, 60], [50, 50]]], [[[0, 0], [1, 0], [1, 1], [0, 0]]]], True),
        ("Polygon", [[[50, 50], [60, 50], [60, 60], [50, 50]]], False),
    ]:
        shape = tmp_path / "shape.json"
        shape.write_text(
            json.dumps(
                {
                    "type": "FeatureCollection",
                    "features": [
                        {"type": "Feature", "properties": {}, "geometry": {"type": kind, "coordinates": coordinates}}
                    ],
                }
            )
        )
        assert found(shape_path=str(shape)) == (EVERY if touches else []), kind


def test_nothing_found_is_a_success_of_nothing(catalog):
    (outcome,) = pages(catalog, GranuleQuery((COLLECTION,), granule_ids=("G404-TEST",)), 10)
    assert (outcome.status, outcome.outputs, outcome.found_count) == ("successful", (), 0)


def test_links_come_only_with_the_last_step(catalog):
    query = GranuleQuery((COLLECTION,), granule_ids=(granule_id(4), granule_id(5)))
    assert pages(catalog, query, 10)[0].links == ()
    local, remote = pages(catalog, query, 10, is_last=True)[0].links
    assert local.href == f"/granules/{granule_id(4)}/{granule_name(4)}"
    assert remote.href == "https://elsewhere.example/g5.txt?key=1"
    assert local.title == granule_name(4) and local.media_type == "text/plain"
    assert local.bbox == (-10, 0, 10, 20) and local.start < local.end


def test_an_item_says_where_the_file_is_and_what_it_is_called(catalog, tmp_path):
    query = GranuleQuery((COLLECTION,), granule_ids=(granule_id(4), granule_id(5)))
    local, remote = (output.stac for output in pages(catalog, query, 10)[0].outputs)
    assert local["assets"]["data"]["href"].endswith(f"/archive/{granule_name(4)}")
    assert local["properties"] == {
        "datetime": None,
        "start_datetime": "2020-01-01T04:00:00Z",
        "end_datetime": "2020-01-01T04:59:00Z",
        "harmonium:collection": COLLECTION,
        "harmonium:granule": granule_id(4),
        "harmonium:href": f"http://me/granules/{granule_id(4)}/{granule_name(4)}",
        "harmonium:name": granule_name(4),
    }
    assert remote["assets"]["data"]["href"] == "https://elsewhere.example/g5.txt?key=1"
    assert remote["properties"]["harmonium:name"] == granule_name(5)


def test_boxes_that_meet_at_the_antimeridian_become_one_box_and_two_polygons():
    granule = Granule(
        "G1-X", "g", "C1-X", boxes=((170.0, 0.0, 180.0, 9.0), (-180.0, 0.0, -175.0, 9.0)), local_path="/g"
    )
    item = stac_item(granule, data_link(granule), "http://me")
    assert item["bbox"] == [170.0, 0.0, -175.0, 9.0]
    assert item["geometry"]["type"] == "MultiPolygon" and len(item["geometry"]["coordinates"]) == 2


def test_names_are_quoted_in_links():
    granule = Granule("G1-X", "g", "C1-X", file_name="a b#c.nc", local_path="/x/a b#c.nc")
    assert data_link(granule) == "/granules/G1-X/a%20b%23c.nc"
    assert data_link(Granule("G1-X", "g", "C1-X", data_urls=("/granules/G1-X/g.nc",))) is None
