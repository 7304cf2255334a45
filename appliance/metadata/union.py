"""The files of a collection, taken together: which variables it has, what their records say, what chains may expect.

Pure: measures of single granules are asked of the caller, few of them. The order of harvesting plays no part: granules
are ranked by start time, then name. Obeys the catalog's contract, "Variables".
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.metadata.associate import Structure
from appliance.metadata.variable_records import compression_rates, variable_record

MOST_DATA_VARIABLES = 2000  # the most that the Service-Bridge asks for
SAMPLED = 20  # granules whose stored bytes are looked at


@dataclass(frozen=True, slots=True)
class Described:
    """One granule, in the order of start time and name: numbers of its row, description and layouts."""

    granule: int
    kind: str
    description: int
    layout: int


@dataclass(frozen=True, slots=True)
class UnifiedVariable:
    """A variable of the collection: its record, its role, and in how many granules it is."""

    path: str
    record: Mapping[str, Any]
    role: str
    granules: int


@dataclass(frozen=True, slots=True)
class Union:
    """What the files of a collection say together. layout: of the main pair when all agree. notes: for the report."""

    kind: str
    variables: tuple[UnifiedVariable, ...]
    structure: Structure
    layout: Mapping[str, Any]
    notes: tuple[str, ...]


def unite(
    rows: Sequence[Described],
    descriptions: Mapping[int, Mapping[str, Any]],
    layouts: Mapping[int, Mapping[str, Any]],
    measures: Callable[[int], Mapping[str, Any]],
) -> Union:
    """rows: every described granule, at least one. measures: of a granule, as `stored_facts.measures_of` gives them."""
    kind, notes = _kind(rows)
    full = [row for row in rows if row.kind != "empty"] or list(rows)
    agreed = {row.layout for row in full}
    layout = layouts[full[0].layout] if len(agreed) == 1 else {"layouts": [], "main": None}
    order = list(dict.fromkeys(row.description for row in full))  # by the earliest granule of each
    latest = {row.description: row.granule for row in full}
    counts = Counter(row.description for row in full)
    shares = _shares(full, descriptions, measures)
    known: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}  # path -> definition, its measures
    newest: dict[str, int] = {}
    inside: Counter[str] = Counter()
    position = {row.description: n for n, row in enumerate(full)}
    for number in order:
        own = measures(latest[number])["variables"]
        for variable, measured in zip(descriptions[number]["variables"], own, strict=True):
            path = variable["path"]
            inside[path] += counts[number]
            if path not in known:
                known[path], newest[path] = (variable, measured), position[number]
            elif _clash(known[path][0], variable):
                notes.append(f"{path}: another type or rank in later granules; the earliest counts")
            elif position[number] > newest[path]:
                known[path], newest[path] = (known[path][0], measured), position[number]
    container = descriptions[order[0]]["container"]
    made = [
        _unified(variable, measured, shares.get(path, ()), layout, container, inside[path])
        for path, (variable, measured) in known.items()
    ]
    notes += [f"{one.path}: in {one.granules} of {len(full)} granules" for one in made if one.granules < len(full)]
    structure = _structure(kind, container, [descriptions[number] for number in order], measures(full[0].granule))
    main = layout["main"]
    return Union(
        kind=kind,
        variables=tuple(_limited(made, known)),
        structure=structure,
        layout={} if main is None else layout["layouts"][main],
        notes=tuple(dict.fromkeys(notes)),
    )


def evenly(count: int, wanted: int) -> list[int]:
    """At most `wanted` indices spread over `count`, ends included."""
    if count <= wanted:
        return list(range(count))
    return sorted({round(n * (count - 1) / (wanted - 1)) for n in range(wanted)})


def _kind(rows: Sequence[Described]) -> tuple[str, list[str]]:
    """That of most granules, a file without values aside; a minority is named."""
    counts = Counter(row.kind for row in rows if row.kind != "empty") or Counter(["unknown"])
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    others = ", ".join(f"{count} of kind {kind}" for kind, count in ranked[1:])
    return ranked[0][0], [f"also {others}"] if others else []


def _shares(
    rows: Sequence[Described],
    descriptions: Mapping[int, Mapping[str, Any]],
    measures: Callable[[int], Mapping[str, Any]],
) -> dict[str, list[float]]:
    """Stored bytes over size of the file, of each variable in up to 20 granules."""
    found: dict[str, list[float]] = {}
    for index in evenly(len(rows), SAMPLED):
        own = measures(rows[index].granule)
        for variable, measured in zip(
            descriptions[rows[index].description]["variables"], own["variables"], strict=True
        ):
            if measured["stored_bytes"] is not None and own["size_bytes"]:
                found.setdefault(variable["path"], []).append(measured["stored_bytes"] / own["size_bytes"])
    return found


def _clash(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    return first["data_type"] != second["data_type"] or len(first["dims"]) != len(second["dims"])


def _unified(
    variable: Mapping[str, Any],
    measured: Mapping[str, Any],
    shares: Sequence[float],
    layout: Mapping[str, Any],
    container: str,
    granules: int,
) -> UnifiedVariable:
    index = variable["layout"]
    own_layout = layout["layouts"][index] if index is not None and index < len(layout["layouts"]) else None
    record = variable_record(
        variable,
        sizes=measured["shape"],
        index_ranges=measured["index_ranges"],
        rates=compression_rates(shares, container),
        layout=own_layout,
    )
    return UnifiedVariable(variable["path"], record, variable["role"], granules)


def _limited(
    made: Sequence[UnifiedVariable], known: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]
) -> Sequence[UnifiedVariable]:
    """At most 2000 of role data: science first, then by size; the rest is still found by name."""
    data = [one for one in made if one.role == "data"]
    if len(data) <= MOST_DATA_VARIABLES:
        return made

    def rank(one: UnifiedVariable) -> tuple[bool, int, str]:
        variable, measured = known[one.path]
        return variable["type"] != "SCIENCE_VARIABLE", -(measured["raw_bytes"] or 0), one.path

    kept = {one.path for one in sorted(data, key=rank)[:MOST_DATA_VARIABLES]}
    return [
        one
        if one.role != "data" or one.path in kept
        else UnifiedVariable(one.path, one.record, "support", one.granules)
        for one in made
    ]


def _structure(
    kind: str, container: str, descriptions: Sequence[Mapping[str, Any]], first: Mapping[str, Any]
) -> Structure:
    shapes = {
        frozenset((one["path"], one["data_type"], len(one["dims"])) for one in each["variables"])
        for each in descriptions
    }
    data = [one for each in descriptions for one in each["variables"] if one["role"] == "data"]
    return Structure(
        kind=kind,
        container=container,
        is_homogeneous=len(shapes) == 1,
        has_time_axis=any("TIME_DIMENSION" in one["dim_types"] for one in data),
        is_flat=bool(data) and all(2 <= len(one["dims"]) <= 3 for one in data),
        has_crs=kind != "grid-projected" or any(grid.get("crs") for grid in first["grids"]),
        bands=len(data) if kind == "geotiff" else 0,
    )
