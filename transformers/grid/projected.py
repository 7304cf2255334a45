"""Ranges of projected grids: those with x and y coordinates, and those with nothing but a 2-D latitude and longitude.

The geometry of a projection is `coordinates/crs.py`. Obeys transformers-l3.md 2.10 to 2.12 of the project's contracts.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from transformers.contract import BoundingBox, NoRetry
from transformers.coordinates.crs import ProjectedGrid, covered_extent, crs_of, unit_factor
from transformers.coordinates.geojson import Shape
from transformers.coordinates.geometry import unrolled
from transformers.coordinates.grid import Axis, IndexRange, index_range
from transformers.grid.flat_coordinates import axes_of_flat, flat_coordinates
from transformers.grid.source import GridSource

Found = Mapping[str, IndexRange] | None


def projected_ranges(
    source: GridSource, required: Sequence[str], place: BoundingBox | Shape
) -> Iterator[tuple[str, Found]]:
    """For each projected grid among the required variables: a variable of it, and the ranges of its y and x.

    None in place of the ranges: the grid is elsewhere. Raises NoRetry for a grid without a usable CRS.
    """
    outlines = outlines_of(place)
    seen = set()
    for path in required:
        pair = map_dimensions(source, path)
        if pair is None or pair in seen:
            continue
        seen.add(pair)
        grid, axes = projected_grid(source, path, pair)
        yield path, _ranges(grid, axes, pair, outlines)


def map_dimensions(source: GridSource, path: str) -> tuple[str, str] | None:
    """(y, x): the dimensions of a variable that lie in a projected grid; None when it has no such pair."""
    info = source.variables[path]
    relations = source.relations
    y = next((d for d in info.dims if source.coordinate(d) and relations.is_projected(d, "y")), None)
    x = next((d for d in info.dims if source.coordinate(d) and relations.is_projected(d, "x")), None)
    if y and x:
        return (y, x) if path not in (y, x) else None
    flat = flat_coordinates(source, path)
    if flat is None or path in flat:
        return None
    pair = source.variables[flat[0]].dims[-2:]
    return (pair[0], pair[1]) if set(pair) <= set(info.dims) else None


def projected_grid(source: GridSource, path: str, pair: tuple[str, str]) -> tuple[ProjectedGrid, tuple[Axis, Axis]]:
    """The grid that a variable lies on, in the unit of its CRS, and its axes (y, x) in the same unit."""
    where = grid_mapping(source, path)
    attributes = source.relations.attributes(where)
    crs = crs_of(attributes, where)
    if all(source.coordinate(d) for d in pair):
        axes = tuple(_in_unit(source.axis(d), unit_factor(source.relations.attributes(d), crs)) for d in pair)
    else:
        axes = axes_of_flat(source, path, crs, attributes)
    extent = attributes.get("geographic_spatial_extent")
    limits = tuple(float(v) for v in extent) if extent is not None else None
    y, x = axes
    return ProjectedGrid(x.values, y.values, crs, limits), (y, x)


def grid_mapping(source: GridSource, path: str) -> str:
    """The grid mapping of a variable. Raises NoRetry in the archive's words when it has none."""
    references = source.relations.references(path, ("grid_mapping",))
    if not references:
        raise NoRetry(f'Projected variable "{path}" does not have an associated "grid_mapping" metadata attribute.')
    known = [r for r in references if source.relations.attributes(r)]
    if not known:
        raise NoRetry(f'Grid mapping variable "{references[0]}" is not present in {source.name}.')
    return known[0]


def outlines_of(place: BoundingBox | Shape) -> list[list[np.ndarray]]:
    """Groups of lines (n, 2) on the globe, each group to be projected by itself: the halves of a box that crosses the
    antimeridian, or outer rings, lines and points of a shape."""
    if isinstance(place, BoundingBox):
        return [
            [np.array([(b.west, b.south), (b.east, b.south), (b.east, b.north), (b.west, b.north), (b.west, b.south)])]
            for b in place.parts()
        ]
    lines = []
    for part in place.parts:
        line = unrolled(part.lists[0])
        turns = 360 * np.floor((line[:, 0] + 180) / 360)
        beyond = (line[:, 0] > 180) | (line[:, 0] < -180)
        line[beyond, 0] -= turns[beyond]
        lines.append(line)
    return [_without_leaps(lines)] if lines else []


def _without_leaps(lines: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Lines cut where they leap from one side of the antimeridian to the other, each end led up to it."""
    pieces = []
    for line in lines:
        start = 0
        for i in np.flatnonzero(np.abs(np.diff(line[:, 0])) > 180):
            here, there = line[i].copy(), line[i + 1].copy()
            side = 180.0 if here[0] > 0 else -180.0
            gap, rest = side - here[0], there[0] + side
            share = gap / (gap + rest) if gap + rest else 0.5
            latitude = here[1] + share * (there[1] - here[1])
            pieces.append(np.vstack([line[start : i + 1], [side, latitude]]))
            line = np.vstack([line[: i + 1], line[i + 1 :]])
            line[i] = (-side, latitude)
            start = i
        pieces.append(line[start:])
    return pieces


def _ranges(
    grid: ProjectedGrid, axes: tuple[Axis, Axis], pair: tuple[str, str], outlines: Sequence[Sequence[np.ndarray]]
) -> Found:
    """The union of what the groups of outlines cover."""
    if not outlines:
        return None
    extents = [e for e in (covered_extent(grid, group) for group in outlines) if e is not None]
    if not extents:
        return None
    x_low, x_high = min(e[0] for e in extents), max(e[1] for e in extents)
    y_low, y_high = min(e[2] for e in extents), max(e[3] for e in extents)
    rows, columns = _range(axes[0], y_low, y_high), _range(axes[1], x_low, x_high)
    return None if rows is None or columns is None else {pair[0]: rows, pair[1]: columns}


def _range(axis: Axis, low: float, high: float) -> IndexRange | None:
    return IndexRange(0, axis.size - 1) if np.isinf(low) else index_range(axis, low, high)


def _in_unit(axis: Axis, factor: float) -> Axis:
    if factor == 1.0:
        return axis
    return Axis(axis.values * factor, None if axis.bounds is None else axis.bounds * factor)
