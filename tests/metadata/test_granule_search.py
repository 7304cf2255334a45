"""Searching granules: both plans against each other and against looking at every granule, over generated catalogs."""

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.database.connection import Database
from appliance.errors import RequestValidationError
from appliance.metadata.concepts import GranuleSearch
from appliance.metadata.footprint import split_box
from appliance.metadata.granule_search import BEFORE_ALL, count_matching, key_of, matching_keys
from appliance.metadata.rows import all_collections, count_granules, granule, search_granules
from tests.metadata_builders import open_catalog, put, umm_collection, umm_granule

DAY0 = datetime(2020, 1, 1, tzinfo=UTC)
LONGITUDES, LATITUDES = st.integers(-180, 180), st.integers(-90, 90)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """West > east in half of them: across the antimeridian."""
    south, north = sorted((draw(LATITUDES), draw(LATITUDES)))
    return draw(LONGITUDES), south, draw(LONGITUDES), north


@st.composite
def triangles(draw: st.DrawFn) -> list[tuple[int, int]]:
    west, south = draw(st.integers(-180, 150)), draw(st.integers(-90, 60))
    width, height = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    ring = [(west, south), (west + width, south), (west + draw(st.integers(0, width)), south + height)]
    return [*ring, ring[0]]


def lines() -> st.SearchStrategy[list[tuple[int, int]]]:
    return st.lists(st.tuples(st.integers(-90, 90), LATITUDES), min_size=2, max_size=3, unique=True)


def day(n: float) -> str:
    return (DAY0 + timedelta(days=n)).isoformat()


@st.composite
def granules(draw: st.DrawFn) -> dict[str, Any]:
    """Extent: none, boxes, areas or a line. Time: none, an instant, a range, or open."""
    shape: dict[str, Any] = draw(
        st.one_of(
            st.just({}),
            st.fixed_dictionaries({"boxes": st.lists(boxes(), min_size=1, max_size=3)}),
            st.fixed_dictionaries({"rings": st.lists(triangles(), min_size=1, max_size=2)}),
            st.fixed_dictionaries({"lines": st.lists(lines(), min_size=1, max_size=1)}),
        )
    )
    start = draw(st.none() | st.integers(0, 800))
    if start is not None:
        length = draw(st.none() | st.sampled_from([0, 0.5, 3, 400]))
        shape |= {"start": day(start), "end": None if length is None else day(start + length)}
    return shape


@st.composite
def searches(draw: st.DrawFn) -> GranuleSearch:
    start, end = draw(st.none() | st.integers(0, 900)), draw(st.none() | st.integers(0, 900))
    if start is not None and end is not None:
        start, end = sorted((start, end))
    return GranuleSearch(
        bbox=draw(st.none() | boxes()),
        point=draw(st.none() | st.none() | st.tuples(LONGITUDES, LATITUDES)),
        polygons=draw(
            st.just(()) | st.lists(triangles(), min_size=1, max_size=2).map(lambda rings: tuple(map(tuple, rings)))
        ),
        start=None if start is None else DAY0 + timedelta(days=start),
        end=None if end is None else DAY0 + timedelta(days=end),
    )


def areas(box: tuple[float, float, float, float]) -> list[shapely.Geometry]:
    """The parts of a box; the library wants flat ones as lines or points."""
    made = []
    for west, south, east, north in split_box(*box):
        corners = list(dict.fromkeys([(west, south), (east, south), (east, north), (west, north)]))
        flat = {1: shapely.Point, 2: shapely.LineString}.get(len(corners), shapely.Polygon)
        made.append(flat(corners))
    return made


def expected(umm: dict[str, Any], search: GranuleSearch) -> bool:
    """The meaning of a search, by a geometry library and plain comparison."""
    shapes = [part for box in umm.get("boxes", ()) for part in areas(box)]
    shapes += [shapely.Polygon(ring) for ring in umm.get("rings", ())]
    reach = 0.15 if "lines" in umm else 0.0
    shapes += [shapely.LineString(line) for line in umm.get("lines", ())]
    wanted = [areas(search.bbox)] if search.bbox else []
    wanted += [[shapely.Point(search.point)]] if search.point else []
    wanted += [[shapely.Polygon(ring) for ring in search.polygons]] if search.polygons else []
    if not all(any(shape.distance(part) <= reach for shape in shapes for part in target) for target in wanted):
        return False
    if search.start is None and search.end is None:
        return True
    if not umm.get("start"):
        return False
    start = datetime.fromisoformat(umm["start"])
    end = datetime.fromisoformat(umm["end"]) if umm.get("end") else None
    return (search.end is None or start <= search.end) and (search.start is None or end is None or end >= search.start)


@pytest.fixture(scope="module")
def folder() -> Any:
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def filled(path: Path, made: list[dict[str, Any]]) -> Database:
    for old in path.parent.glob(path.name + "*"):
        old.unlink()
    db = open_catalog(path)
    put(db, umm_collection())
    put(db, *(umm_granule(f"g{n}", **one) for n, one in enumerate(made)))
    return db


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(granules(), max_size=12), st.lists(searches(), min_size=1, max_size=8), st.integers(1, 4))
def test_walk_tree_and_looking_at_every_granule_find_the_same(
    folder: Path, made: list[dict[str, Any]], asked: list[GranuleSearch], page: int
) -> None:
    db = filled(folder / "catalog.db", made)
    (collection,) = all_collections(db)
    try:
        for one in asked:
            search = replace(one, collection_ids=(collection.concept_id,))
            wanted = {f"g{n}" for n, umm in enumerate(made) if expected(umm, search)}
            walked = matching_keys(db, search, limit=100, after=None, plan="walk")
            assert walked == matching_keys(db, search, limit=100, after=None, plan="tree")
            assert walked == sorted(walked)
            names = {name_of(db, key[2]) for key in walked}
            assert names == wanted
            assert count_matching(db, search, plan="walk") == count_matching(db, search, plan="tree") == len(wanted)
            assert paged(db, search, page) == [name_of(db, key[2]) for key in walked]
    finally:
        db.close()


def name_of(db: Database, number: int) -> str:
    row = db.row("SELECT granule_ur FROM granules WHERE id = ?", (number,))
    assert row is not None
    return str(row[0])


def paged(db: Database, search: GranuleSearch, size: int) -> list[str]:
    """Every granule of a search, page by page."""
    found: list[str] = []
    cursor = None
    while True:
        page = search_granules(db, search, limit=size, cursor=cursor)
        assert len(page.granules) <= size
        found += [one.granule_ur for one in page.granules]
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.fixture()
def db(tmp_path: Path) -> Any:
    opened = open_catalog(tmp_path / "catalog.db")
    yield opened
    opened.close()


def names(db: Database, **search: Any) -> list[str]:
    return [one.granule_ur for one in search_granules(db, GranuleSearch(**search), limit=100).granules]


def test_granules_come_by_start_time_then_digits_of_the_id_and_without_time_last(db: Database) -> None:
    put(db, umm_collection())
    put(db, umm_granule("late", start=day(2)), umm_granule("never"), umm_granule("early", start=day(1)))
    same = [umm_granule(f"same{n}", start=day(1.5)) for n in range(5)]
    stored = put(db, *same)
    by_number = sorted(range(5), key=lambda n: int(stored[n].concept_id[1:17]))
    assert names(db) == ["early", *(f"same{n}" for n in by_number), "late", "never"]


def test_several_collections_are_merged_in_one_order_and_paged_without_loss(db: Database) -> None:
    put(db, *(umm_collection(f"C{n}") for n in range(3)))
    put(db, *(umm_granule(f"g{n}", short_name=f"C{n % 3}", start=day(n // 4)) for n in range(40)))
    chosen = tuple(one.concept_id for one in all_collections(db)[:2])
    found = paged(db, GranuleSearch(chosen), 7)
    assert sorted(found) == sorted(f"g{n}" for n in range(40) if n % 3 < 2)
    assert len(paged(db, GranuleSearch(), 7)) == 40
    assert count_granules(db, GranuleSearch(chosen)) == len(found)


def test_a_long_granule_is_found_though_it_began_before_the_window(db: Database) -> None:
    put(db, umm_collection())
    put(db, *(umm_granule(f"g{n}", start=day(n), end=day(n + 0.5)) for n in range(300)))
    put(db, umm_granule("long", start=day(0), end=day(299)))
    window = {"start": DAY0 + timedelta(days=200), "end": DAY0 + timedelta(days=200, hours=1)}
    assert names(db, **window) == ["long", "g200"]


def test_both_bounds_of_time_are_included(db: Database) -> None:
    put(db, umm_collection())
    put(db, umm_granule("g", start=day(1), end=day(2)))
    assert names(db, end=DAY0 + timedelta(days=1)) == ["g"]
    assert names(db, start=DAY0 + timedelta(days=2)) == ["g"]
    assert names(db, start=DAY0 + timedelta(days=2, milliseconds=1)) == []


def test_names_are_exact_or_patterns_in_any_case_and_of_granule_or_file(db: Database) -> None:
    put(db, umm_collection())
    identifiers = [{"IdentifierType": "ProducerGranuleId", "Identifier": "File[1].nc"}]
    put(db, umm_granule("Granule_A", DataGranule={"Identifiers": identifiers}), umm_granule("Granule_B"))
    assert names(db, names=("granule_a",)) == ["Granule_A"]
    assert names(db, names=("FILE[1].nc",)) == ["Granule_A"]
    assert names(db, names=("file[1]*",)) == ["Granule_A"]
    assert sorted(names(db, names=("granule_?",))) == ["Granule_A", "Granule_B"]
    assert sorted(names(db, names=("*_b", "Granule_A"))) == ["Granule_A", "Granule_B"]
    assert names(db, names=("granule",)) == []
    assert names(db, names=("gran*_[ab]",)) == []


def test_a_hundred_thousand_names_are_one_search(db: Database) -> None:
    """More than the 500 SELECTs that SQLite takes in a row; exact names and patterns together."""
    put(db, umm_collection())
    put(db, umm_granule("here"))
    many = tuple(f"elsewhere{n}" for n in range(100_000))
    assert names(db, names=(*many, "HERE")) == ["here"]
    assert names(db, names=(*many, "h?r*")) == ["here"]
    assert names(db, names=many) == []
    with pytest.raises(RequestValidationError, match="allowed: at most 1000"):
        names(db, names=("*a" * 600,))


def test_ids_and_other_filters_are_anded(db: Database) -> None:
    put(db, umm_collection())
    stored = put(db, *(umm_granule(f"g{n}", boxes=[(n, 0, n + 1, 1)]) for n in range(10)))
    ids = tuple(one.concept_id for one in stored[:6])
    assert sorted(names(db, granule_ids=ids, bbox=(4.5, 0, 20, 1))) == ["g4", "g5"]
    assert names(db, granule_ids=ids, names=("g3", "g8")) == ["g3"]
    assert names(db, granule_ids=("G1-NOBODY",)) == []
    found = granule(db, ids[0])
    assert found is not None
    assert found.granule_ur == "g0"


@pytest.mark.parametrize("cursor", ["", "x", "1,2", "1,2,3,4", "1;DROP,2,3", "1,2,٣"])
def test_a_cursor_of_somebody_else_is_refused(cursor: str) -> None:
    with pytest.raises(RequestValidationError, match="allowed"):
        key_of(cursor)


def test_a_cursor_beyond_all_numbers_is_only_a_place_in_the_order() -> None:
    assert key_of(f"{10**40},1,1") > BEFORE_ALL > key_of(f"-{10**40},-5,1")


def test_a_page_of_walk_reads_the_covering_index_only(db: Database) -> None:
    put(db, umm_collection())
    plan = db.rows(
        "EXPLAIN QUERY PLAN SELECT g.start, g.number, g.id FROM granules AS g INDEXED BY granules_walk"
        " WHERE g.shelf = 1"
        " AND g.start <= 5 AND g.stop >= 3 AND g.w <= 1 AND g.e >= 0 AND (g.start, g.number, g.id) > (1, 2, 3)"
        " ORDER BY g.start, g.number, g.id LIMIT 10"
    )
    assert ["COVERING INDEX granules_walk" in row["detail"] for row in plan] == [True]
