"""From values to indices on 1-D axes: which cells of an axis a request keeps. Arrays in, index ranges out.

A cell is kept when the request overlaps it with non-zero width; a point keeps the cell it lies in, or both neighbours
when it lies on their edge. Axes may ascend or descend; cells may be told by centres, by bounds or by their lower edges.
Source: transformers-l3.md 2.6, 2.7 of the project's contracts (the rules of HOSS).
"""

from dataclasses import dataclass
from math import floor

import numpy as np

# How far from a cell edge, in cells, an index still counts as lying on it: decimal degrees are rarely exact in binary.
EDGE_TOLERANCE = 1e-9


class OutOfRange(Exception):
    """No cell of the axis is touched; the text says what was asked and what the axis spans."""


@dataclass(frozen=True, slots=True)
class IndexRange:
    """Cells first to last, both included. first > last goes around the back: [first..end] and [0..last]."""

    first: int
    last: int

    @property
    def wraps(self) -> bool:
        """Whether the range goes over the end of the axis."""
        return self.first > self.last

    def as_slice(self) -> slice:
        """As a slice; the whole axis when it wraps, as cells between are filled instead of left out."""
        return slice(None) if self.wraps else slice(self.first, self.last + 1)


def index_range(
    values: np.ndarray, low: float | None, high: float | None, bounds: np.ndarray | None = None
) -> IndexRange:
    """Indices of the cells that [low, high] overlaps.

    values: shape (n,), float64, monotonic, cell centres in the unit of the request. bounds: shape (n, 2) or None.
    low, high: None is the end of the axis. Raises OutOfRange.
    """
    start = float(np.min(values)) if low is None else low
    stop = float(np.max(values)) if high is None else high
    if bounds is not None:
        return range_by_bounds(values, bounds, start, stop)
    if max(start, stop) < float(np.min(values)) or min(start, stop) > float(np.max(values)):
        raise OutOfRange(_outside(start, stop, float(np.min(values)), float(np.max(values))))
    if not is_ascending(values):
        start, stop = stop, start
    return _between(position(values, start), position(values, stop))


def longitude_range(values: np.ndarray, west: float, east: float, bounds: np.ndarray | None = None) -> IndexRange:
    """Indices of the cells between west and east, going eastwards; each end is first brought onto the axis.

    The two ends are shifted by 360 independently, so first > last may result: the box crosses the edge of the grid.
    """
    extent = axis_extent(values)
    start, stop = onto_axis(west, extent), onto_axis(east, extent)
    if bounds is not None:
        if start <= stop:
            return range_by_bounds(values, bounds, start, stop)
        lowest, highest = float(np.min(bounds)), float(np.max(bounds))
        first = range_by_bounds(values, bounds, min(start, highest), highest).first
        return IndexRange(first, range_by_bounds(values, bounds, lowest, max(stop, lowest)).last)
    if start <= stop:
        return index_range(values, start, stop)
    if not is_ascending(values):
        start, stop = stop, start
    first, last = _starting(position(values, start)), _ending(position(values, stop))
    return IndexRange(first, last)


def axis_extent(values: np.ndarray) -> tuple[float, float]:
    """Half a cell beyond the outermost centres; the cell is the slope of a straight line through the values."""
    if values.size < 2:
        return float(values[0]), float(values[0])
    step = abs(float(np.polyfit(np.arange(values.size), values.astype(np.float64), 1)[0]))
    return float(np.min(values)) - step / 2, float(np.max(values)) + step / 2


def onto_axis(longitude: float, extent: tuple[float, float]) -> float:
    """The longitude, or its equal 360 degrees away that lies on the axis; itself when none does."""
    slack = 1e-9 * max(1.0, abs(extent[0]), abs(extent[1]))
    for shifted in (longitude, longitude - 360.0, longitude + 360.0):
        if extent[0] - slack <= shifted <= extent[1] + slack:
            return shifted
    return longitude


def is_ascending(values: np.ndarray) -> bool:
    """The direction of an axis; one cell counts as ascending."""
    return bool(values.size == 1 or values[0] < values[-1])


def position(values: np.ndarray, value: float) -> float:
    """Piecewise-linear index of a value among the centres, clamped at both ends."""
    if is_ascending(values):
        return float(np.interp(value, values, np.arange(values.size)))
    return float(np.interp(value, values[::-1], np.arange(values.size)[::-1]))


def range_by_bounds(values: np.ndarray, bounds: np.ndarray, low: float, high: float) -> IndexRange:
    """The rule for axes with bounds, shape (n, 2), contiguous and monotonic. Raises OutOfRange."""
    start, stop = min(low, high), max(low, high)
    lowest, highest = float(np.min(bounds)), float(np.max(bounds))
    if stop < lowest or start > highest:
        raise OutOfRange(_outside(start, stop, lowest, highest))
    lower, upper = np.min(bounds, axis=1), np.max(bounds, axis=1)
    overlapping = np.flatnonzero((upper > start) & (lower < stop))
    if start == stop:
        overlapping = _around_point(lower, upper, start)
    if not overlapping.size:
        # The request only touches the outermost edge.
        overlapping = np.array([int(np.argmin(np.abs(values - start)))])
    return IndexRange(int(overlapping[0]), int(overlapping[-1]))


def bounds_of_lower_edges(values: np.ndarray) -> np.ndarray:
    """Bounds for an ascending axis whose values are lower edges: the last cell is as wide as the middle one."""
    step = float(np.median(np.diff(values))) if values.size > 1 else 0.0
    upper = np.append(values[1:], values[-1] + step)
    return np.stack([values, upper], axis=1)


def _around_point(lower: np.ndarray, upper: np.ndarray, value: float) -> np.ndarray:
    """The cell of a point; both neighbours when it lies on their shared edge."""
    steps = upper - lower
    near = min(1e-5, float(np.min(steps)) / 1000) if steps.size else 0.0
    return np.flatnonzero((lower <= value + near) & (upper >= value - near))


def _between(start: float, stop: float) -> IndexRange:
    """The range between two positions; a point on an edge keeps both neighbours."""
    if start == stop:
        if _on_edge(start):
            return IndexRange(floor(start), floor(start) + 1)
        return IndexRange(round(start), round(start))
    first, last = _starting(start), _ending(stop)
    # Both ends on one cell's edges, or rounding of a sliver: the cell that holds the middle.
    return IndexRange(first, last) if first <= last else IndexRange(last, first)


def _starting(index: float) -> int:
    return floor(index) + 1 if _on_edge(index) else round(index)


def _ending(index: float) -> int:
    return floor(index) if _on_edge(index) else round(index)


def _on_edge(index: float) -> bool:
    return abs(index - floor(index) - 0.5) < EDGE_TOLERANCE


def _outside(low: float, high: float, least: float, most: float) -> str:
    return f"{low:g} to {high:g} was asked, the axis spans {least:g} to {most:g}"
