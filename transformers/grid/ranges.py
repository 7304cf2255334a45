"""From a request to one range of indices per dimension: named dimensions, place, time, all of them at once.

Obeys transformers-l3.md 2.2 and 2.6 to 2.12 of the project's contracts; subsets combine (decisions.md 3.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers.contract import BoundingBox, DimensionSubset, NoData, NoRetry, TemporalRange
from transformers.coordinates.geojson import Shape
from transformers.coordinates.grid import IndexRange, index_range, longitude_range
from transformers.coordinates.relations import names_of
from transformers.coordinates.times import time_unit
from transformers.grid.source import GridSource

SPATIAL = "Spatial subset request outside supported dimension range for "
NAMED = "Input request outside supported dimension range for "
TEMPORAL = "Temporal range request outside supported dimension range for "


@dataclass(frozen=True, slots=True)
class GridRequest:
    """The ranges that are asked for; None or empty: not asked."""

    box: BoundingBox | None = None
    shape: Shape | None = None
    dimensions: tuple[DimensionSubset, ...] = ()
    temporal: TemporalRange | None = None

    @property
    def has_range(self) -> bool:
        """True when anything but variables is asked for."""
        return bool(self.box or self.shape or self.dimensions or self.temporal)


class Ranges(dict[str, IndexRange]):
    """Dimension -> range. What is added later is combined with what is there."""

    def __init__(self, source: GridSource) -> None:
        super().__init__()
        self._source = source

    def add(self, dim: str, found: IndexRange) -> bool:
        """False when nothing is left of the dimension."""
        together = self[dim].both(found, self._source.granule.dimensions[dim].size) if dim in self else found
        if together is not None:
            self[dim] = together
        return together is not None


def ranges_of(source: GridSource, required: Sequence[str], request: GridRequest) -> Ranges:
    """The range of every dimension of the required variables that the request limits.

    Raises NoData naming the dimensions that are out of range, NoRetry for what the file cannot answer.
    """
    ranges = Ranges(source)
    dims = list(dict.fromkeys(d for p in required for d in source.variables[p].dims))
    _named(source, dims, request.dimensions, ranges)
    if request.box:
        _spatial(source, required, dims, request.box, request.box, ranges)
    if request.shape:
        from transformers.coordinates.shape_extent import extent_of  # shapely, which boxes do without

        box = extent_of(request.shape)
        if box is None:
            raise NoRetry("shape: no positions in it; allowed: GeoJSON with coordinates")
        _spatial(source, required, dims, box, request.shape, ranges)
    if request.temporal:
        _temporal(source, dims, request.temporal, ranges)
    return ranges


def _named(source: GridSource, dims: Sequence[str], wanted: Sequence[DimensionSubset], ranges: Ranges) -> None:
    outside = []
    for one in wanted:
        dim = _dimension(source, dims, one.name)
        found = index_range(source.axis(dim), one.low, one.high)
        if found is None or not ranges.add(dim, found):
            outside.append((dim, f"{one.low} to {one.high}"))
    _refuse(source, NAMED, outside)


def _dimension(source: GridSource, dims: Sequence[str], name: str) -> str:
    path = "/" + name.strip("/")
    known = [d for d in dims if source.coordinate(d)]
    same = [d for d in known if d == path] or [d for d in known if d.endswith(path)]
    if len(same) != 1:
        raise NoRetry(f'"{name}" is not a dimension for any of the requested variables.')
    return same[0]


def _spatial(
    source: GridSource, required: Sequence[str], dims: Sequence[str], box: BoundingBox, place: BoundingBox | Shape,
    ranges: Ranges,
) -> None:  # fmt: skip
    """Limit latitudes and longitudes by a box; projected grids by the place itself."""
    geographic = _geographic(source, dims, box, ranges)
    has_map = any(source.relations.is_projected(d, axis) for d in dims if source.coordinate(d) for axis in "xy")
    if not has_map and (geographic or not _lacks_coordinates(source, required)):
        return
    from transformers.grid.projected import projected_ranges  # pyproj, which geographic grids do without

    outside = [
        variable
        for variable, found in projected_ranges(source, required, place)
        if found is None or not all(ranges.add(dim, one) for dim, one in found.items())
    ]
    if outside:
        raise NoData(f"{SPATIAL}{names_of(outside)} (asked: {box.as_list()})")


def _geographic(source: GridSource, dims: Sequence[str], box: BoundingBox, ranges: Ranges) -> bool:
    """True when there was a latitude or longitude to limit."""
    outside, any_found = [], False
    for dim in dims:
        if source.coordinate(dim) is None:
            continue
        if source.relations.is_latitude(dim):
            found, asked = index_range(source.axis(dim), box.south, box.north), f"{box.south} to {box.north}"
        elif source.relations.is_longitude(dim):
            found, asked = longitude_range(source.axis(dim), box.west, box.east), f"{box.west} to {box.east}"
        else:
            continue
        any_found = True
        if found is None or not ranges.add(dim, found):
            outside.append((dim, asked))
    _refuse(source, SPATIAL, outside)
    return any_found


def _lacks_coordinates(source: GridSource, required: Sequence[str]) -> bool:
    """True when a required variable with a 2-D latitude in `coordinates` has a dimension without values of its own."""
    hidden = False
    any_dimension = False
    for path in required:
        info = source.variables[path]
        any_dimension |= any(source.coordinate(d) for d in info.dims)
        flat = [
            r
            for r in source.relations.references(path, ("coordinates",))
            if r in source.variables and len(source.variables[r].dims) >= 2 and source.relations.is_latitude(r)
        ]
        hidden |= bool(flat) and any(source.coordinate(d) is None for d in info.dims)
    if not hidden and not any_dimension:
        raise NoRetry("No dimensions or coordinates exist for the requested variables")
    return hidden


def _temporal(source: GridSource, dims: Sequence[str], temporal: TemporalRange, ranges: Ranges) -> None:
    outside = []
    for dim in dims:
        if source.coordinate(dim) is None or not source.relations.is_temporal(dim):
            continue
        unit = time_unit(source.relations.attributes(dim))
        if unit is None:
            found_units = source.relations.text(dim, "units")
            raise NoRetry(f'{dim}: units "{found_units}"; allowed: days, hours, minutes or seconds since a date')
        ends = [None if instant is None else unit.value_of(instant) for instant in (temporal.start, temporal.end)]
        found = index_range(source.axis(dim), *ends)
        if found is None or not ranges.add(dim, found):
            outside.append((dim, f"{_text(temporal.start)} to {_text(temporal.end)}"))
    _refuse(source, TEMPORAL, outside)


def _refuse(source: GridSource, why: str, outside: Sequence[tuple[str, str]]) -> None:
    """Raise NoData when anything is outside, saying what was asked and what the grid spans."""
    if not outside:
        return
    details = []
    for dim, asked in outside:
        low, high = source.axis(dim).edges()
        details.append(f"{dim}: asked {asked}, the grid spans {low:.12g} to {high:.12g}")
    raise NoData(f"{why}{names_of(d for d, _ in outside)} ({'; '.join(details)})")


def _text(instant: object) -> str:
    return "any time" if instant is None else str(instant)
