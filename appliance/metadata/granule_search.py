"""Searching granules in space, time and by name: two plans over two structures, chosen here and not by SQLite.

Walk goes along the covering index in the order of the answer and stops at the page size; Tree asks the R*Tree, then
tests rows and sorts. Both apply the same exact tests, so they answer alike. Candidates by id or name need neither.
Measured facts behind every choice: docs/explanation/database.md. Rows become concepts in `rows.py`.
"""

import heapq
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from appliance.database.connection import Database
from appliance.errors import RequestValidationError
from appliance.metadata.concepts import GranuleSearch
from appliance.metadata.footprint import Region, region_of_box, region_of_rings
from appliance.metadata.instants import DAY_MS, OPEN, milliseconds
from appliance.metadata.search_tree import COLLECTION_STEP

Plan = Literal["walk", "tree", "candidates"]
Key = tuple[int, int, int]  # start, number, id: the order of every answer

YEAR_MS = 366 * 86_400_000
SMALL_SHARE = 0.05  # of the globe, below which the tree is faster over a long time
BEFORE_ALL: Key = (-OPEN, -1, -1)
WILDCARDS = frozenset("*?")
LONGEST_PATTERN = 1000  # SQLite refuses longer ones with an error of its own; no file name is as long


@dataclass(slots=True)
class Conditions:
    """A search as SQL. `tests` are the exact ones on granules AS g; `values` belong to them and to `candidates`."""

    tests: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    regions: list[Region] = field(default_factory=list)
    candidates: str = ""
    earliest_stop: int | None = None  # granules that ended before are out
    latest_start: int | None = None


def matching_keys(
    db: Database, search: GranuleSearch, *, limit: int, after: Key | None, plan: Plan | None = None
) -> list[Key]:
    """The keys of at most `limit` granules behind `after`, in order. `plan` forces one, for tests and benchmarks."""
    conditions = _conditions(search)
    connection = db.connection
    _register(connection, conditions.regions)
    pages = []
    for shelf, longest in _shelves(connection, search):
        way = plan or _plan(conditions)
        first = after or BEFORE_ALL
        if conditions.earliest_stop is not None:
            # The one lower bound: a second one on start would make SQLite seek by that and skip rows.
            first = max(first, (conditions.earliest_stop - longest, -1, -1))
        sql, values = _statement(conditions, way, shelf)
        values.update(after_start=first[0], after_number=first[1], after_id=first[2], limit=limit)
        sql = (
            f"SELECT g.start, g.number, g.id {sql}"
            " AND (g.start, g.number, g.id) > (:after_start, :after_number, :after_id)"
            " ORDER BY g.start, g.number, g.id LIMIT :limit"
        )
        pages.append([(row[0], row[1], row[2]) for row in connection.execute(sql, values).fetchall()])
    return pages[0] if len(pages) == 1 else list(_first(heapq.merge(*pages), limit))


def count_matching(db: Database, search: GranuleSearch, *, plan: Plan | None = None) -> int:
    """How many granules match: a full pass, so only where an answer shows the number."""
    conditions = _conditions(search)
    connection = db.connection
    if not conditions.tests and not conditions.candidates:
        return sum(connection.execute(COUNT_SHELF, (shelf,)).fetchone()[0] for shelf, _ in _shelves(connection, search))
    _register(connection, conditions.regions)
    total = 0
    for shelf, longest in _shelves(connection, search):
        sql, values = _statement(conditions, plan or _plan(conditions), shelf)
        if conditions.earliest_stop is not None:
            sql += " AND g.start >= :earliest_start"
            values["earliest_start"] = conditions.earliest_stop - longest
        total += connection.execute(f"SELECT count(*) {sql}", values).fetchone()[0]
    return total


COUNT_SHELF = "SELECT granule_count FROM collections WHERE number = ?"


def cursor_of(key: Key) -> str:
    """A key as the text that clients send back."""
    return ",".join(str(part) for part in key)


def key_of(cursor: str) -> Key:
    """The key in a cursor. Raises RequestValidationError for anything that was not made by `cursor_of`."""
    parts = cursor.split(",")
    if len(parts) != 3 or not all(p.removeprefix("-").isascii() and p.removeprefix("-").isdigit() for p in parts):
        raise RequestValidationError(f"search-after: {cursor!r}; allowed: the value of the previous answer, unchanged")
    start, number, granule = (max(-OPEN, min(OPEN, int(part))) for part in parts)
    return start, number, granule


def _plan(conditions: Conditions) -> Plan:
    """Tree for a small box over more than a year; else Walk, which is never much slower."""
    if conditions.candidates:
        return "candidates"
    if not conditions.regions or min(region.share_of_globe for region in conditions.regions) >= SMALL_SHARE:
        return "walk"
    start, end = conditions.earliest_stop, conditions.latest_start
    if start is not None and end is not None and end - start <= YEAR_MS:
        return "walk"
    return "tree"


def _shelves(connection: sqlite3.Connection, search: GranuleSearch) -> list[tuple[int, int]]:
    """(number, longest granule in ms) of the collections searched."""
    sql = "SELECT number, longest_ms FROM collections"
    if search.collection_ids:
        sql += " WHERE concept_id IN (SELECT value FROM json_each(?))"
        return [tuple(r) for r in connection.execute(sql, (json.dumps(list(search.collection_ids)),)).fetchall()]
    return [tuple(r) for r in connection.execute(sql).fetchall()]


def _statement(conditions: Conditions, plan: Plan, shelf: int) -> tuple[str, dict[str, Any]]:
    """FROM and WHERE of a plan, open for further ANDs, and its values."""
    values = {**conditions.values, "shelf": shelf}
    tests = "".join(f" AND {test}" for test in conditions.tests)
    if plan == "tree" and conditions.regions:
        values["place"] = shelf * COLLECTION_STEP
        region = min(range(len(conditions.regions)), key=lambda n: conditions.regions[n].share_of_globe)
        boxes = " UNION ALL ".join(
            f"SELECT granule FROM granule_tree WHERE c0 <= :place AND c1 >= :place{_days(conditions, values)}"
            f" AND w <= :r{region}e{n} AND e >= :r{region}w{n} AND s <= :r{region}n{n} AND n >= :r{region}s{n}"
            for n in range(len(conditions.regions[region].boxes))
        )
        # CROSS JOIN: with a plain JOIN the planner walks the index and probes the tree for each row.
        source = f"(SELECT DISTINCT granule FROM ({boxes})) AS t CROSS JOIN granules AS g ON g.id = t.granule"
        return f"FROM {source} WHERE g.shelf = :shelf{tests}", values
    if plan == "candidates" and conditions.candidates:
        source = f"({conditions.candidates}) AS c CROSS JOIN granules AS g ON g.id = c.id"
        return f"FROM {source} WHERE g.shelf = :shelf{tests}", values
    named = f" AND g.id IN ({conditions.candidates})" if conditions.candidates else ""
    return f"FROM granules AS g INDEXED BY granules_walk WHERE g.shelf = :shelf{tests}{named}", values


def _days(conditions: Conditions, values: dict[str, Any]) -> str:
    """The tree's time dimension, in days; its numbers are rounded outwards, so this only ever lets too much through."""
    sql = ""
    if conditions.latest_start is not None:
        values["day1"] = conditions.latest_start / DAY_MS
        sql += " AND t0 <= :day1"
    if conditions.earliest_stop is not None:
        values["day0"] = conditions.earliest_stop / DAY_MS
        sql += " AND t1 >= :day0"
    return sql


def _conditions(search: GranuleSearch) -> Conditions:
    made = Conditions()
    if search.start is not None or search.end is not None:
        made.earliest_stop = -OPEN if search.start is None else milliseconds(search.start)
        made.latest_start = OPEN - 1 if search.end is None else milliseconds(search.end)
        # A granule without time starts at OPEN: outside of every temporal search.
        made.tests.append("g.start <= :latest_start AND g.stop >= :earliest_stop")
        made.values.update(latest_start=made.latest_start, earliest_stop=made.earliest_stop)
    if search.bbox:
        made.regions.append(region_of_box(search.bbox))
    if search.point:
        longitude, latitude = search.point
        made.regions.append(region_of_box((longitude, latitude, longitude, latitude)))
    if search.polygons:
        made.regions.append(region_of_rings(search.polygons))
    for n, region in enumerate(made.regions):
        _spatial(made, n, region)
    _named(made, search)
    return made


def _spatial(made: Conditions, n: int, region: Region) -> None:
    """Rectangles are tested in SQL; rings and lines by `touches`, unless they lie inside a box that is asked for."""
    for k, box in enumerate(region.boxes):
        made.values.update({f"r{n}{side}{k}": value for side, value in zip("wsen", box, strict=True)})
    overlap = " OR ".join(
        f"({{0}}w <= :r{n}e{k} AND {{0}}e >= :r{n}w{k} AND {{0}}s <= :r{n}n{k} AND {{0}}n >= :r{n}s{k})"
        for k in range(len(region.boxes))
    )
    inside = " OR ".join(
        f"(p.w >= :r{n}w{k} AND p.e <= :r{n}e{k} AND p.s >= :r{n}s{k} AND p.n <= :r{n}n{k})"
        for k in range(len(region.boxes))
    )
    if region.rings:
        one = f"touches({n}, 'box', g.w, g.s, g.e, g.n, NULL)"
        part = f"touches({n}, p.kind, p.w, p.s, p.e, p.n, p.points)"
    else:
        one = "TRUE"
        part = f"(p.kind = 'box' OR {inside} OR touches({n}, p.kind, p.w, p.s, p.e, p.n, p.points))"
    parts = f"EXISTS (SELECT 1 FROM granule_parts AS p WHERE p.granule = g.id AND ({overlap.format('p.')}) AND {part})"
    made.tests.append(f"({overlap.format('g.')})")
    made.tests.append(f"CASE g.shape WHEN 1 THEN {one} ELSE {parts} END")


def _named(made: Conditions, search: GranuleSearch) -> None:
    sets = []
    if search.granule_ids:
        made.values["ids"] = json.dumps(list(search.granule_ids))
        sets.append("SELECT n.id FROM json_each(:ids) AS j CROSS JOIN granules AS n ON n.concept_id = j.value")
    if search.names:
        # As JSON, because SQLite takes 500 SELECTs in a row at most, and clients send a hundred thousand names.
        names = sorted({name.casefold() for name in search.names})
        made.values["names"] = json.dumps([name for name in names if not WILDCARDS & set(name)])
        made.values["patterns"] = json.dumps([_pattern(name) for name in names if WILDCARDS & set(name)])
        sets.append(" UNION ".join(NAMED.format(column) for column in ("name", "producer")))
    made.candidates = " INTERSECT ".join(f"SELECT id FROM ({one})" for one in sets)


NAMED = """SELECT n.id FROM json_each(:names) AS j CROSS JOIN granules AS n ON n.shelf = :shelf AND n.{0} = j.value
    UNION
    SELECT n.id FROM json_each(:patterns) AS j CROSS JOIN granules AS n ON n.shelf = :shelf
        AND n.{0} BETWEEN json_extract(j.value, '$[0]') AND json_extract(j.value, '$[1]')
        AND n.{0} GLOB json_extract(j.value, '$[2]')"""


def _pattern(name: str) -> tuple[str, str, str]:
    """Bounds in the index, and the pattern with `[` taken literally (GLOB would read a set of characters)."""
    if len(name) > LONGEST_PATTERN:
        found = f"{len(name)} characters in {name[:40]!r}…"
        raise RequestValidationError(f"granule name with wildcards: {found}; allowed: at most {LONGEST_PATTERN}")
    prefix = name[: min(name.index(c) for c in WILDCARDS if c in name)]
    return prefix, prefix + "\U0010ffff", name.replace("[", "[[]")


def _register(connection: sqlite3.Connection, regions: Sequence[Region]) -> None:
    """`touches(region, kind, w, s, e, n, points)` for this connection, until the next search."""

    def touches(region: int, kind: str, w: float, s: float, e: float, n: float, points: bytes | None) -> bool:
        if points is None:
            return regions[region].meets_box(w, s, e, n)
        return regions[region].meets_part(kind, points)

    if regions:
        connection.create_function("touches", 7, touches)


def _first(keys: Iterator[Key], limit: int) -> Iterator[Key]:
    for n, key in enumerate(keys):
        if n >= limit:
            return
        yield key
