"""From values to indices on one axis of a grid: which cells belong to a range. Arrays in, index ranges out.

A cell is kept when the range overlaps it with more than its edge; a single value takes the cell that holds it, or both
neighbours when it stands on their edge. Obeys transformers-l3.md 2.6 and 2.7 of the project's contracts. Which
variable is an axis: `relations.py`; projected grids: `crs.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EDGE_SHARE = 1e-3  # of the smallest step: closer to an edge than this is on it (2.6 b)
EDGE_MOST = 1e-5
FULL_TURN = 360.0


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """One axis. values: cell centres, shape (n,), strictly monotonic either way, in the type of the file unless
    packed. bounds: shape (n, 2), contiguous, None when the file has none."""

    values: np.ndarray
    bounds: np.ndarray | None = None

    @property
    def size(self) -> int:
        """How many cells."""
        return len(self.values)

    @property
    def ascending(self) -> bool:
        """True for an axis of one cell too."""
        return bool(self.size < 2 or self.values[0] < self.values[-1])

    def edges(self) -> tuple[float, float]:
        """Outer edges of the whole axis, the lower first: of the bounds, else half a step beyond the last centres."""
        return self.edges_of(0, self.size - 1)

    def edges_of(self, first: int, last: int) -> tuple[float, float]:
        """Outer edges of the cells first to last, the lower first. An axis of one cell without bounds has no width."""
        if self.bounds is not None:
            cells = self.bounds[first : last + 1]
            return float(cells.min()), float(cells.max())
        values = self.values.astype(np.float64)
        if self.size < 2:
            return float(values[0]), float(values[0])
        middles = (values[1:] + values[:-1]) / 2
        both = np.r_[values[0] - (middles[0] - values[0]), middles, values[-1] + (values[-1] - middles[-1])]
        low, high = sorted((float(both[first]), float(both[last + 1])))
        return low, high


@dataclass(frozen=True, slots=True)
class IndexRange:
    """Cells first to last, both included. blank: runs of cells in between that are not wanted, ends included."""

    first: int
    last: int
    blank: tuple[tuple[int, int], ...] = ()

    def kept(self, size: int) -> np.ndarray:
        """Which cells of an axis of this size are wanted, shape (size,)."""
        mask = np.zeros(size, bool)
        mask[self.slice] = True
        for first, last in self.blank:
            mask[first : last + 1] = False
        return mask

    def both(self, other: "IndexRange", size: int) -> "IndexRange | None":
        """The cells that both want; None when there are none."""
        if not (self.blank or other.blank):
            first, last = max(self.first, other.first), min(self.last, other.last)
            return IndexRange(first, last) if first <= last else None
        mask = self.kept(size) & other.kept(size)
        cells = np.flatnonzero(mask)
        if not cells.size:
            return None
        ends = np.flatnonzero(np.diff(cells) > 1)
        gaps = tuple((int(cells[i]) + 1, int(cells[i + 1]) - 1) for i in ends)
        return IndexRange(int(cells[0]), int(cells[-1]), gaps)

    @property
    def slice(self) -> slice:
        """The same range as numpy wants it."""
        return slice(self.first, self.last + 1)


def edge_aligned(values: np.ndarray) -> Axis:
    """An axis whose values are the lower edges of its cells, ascending; the last cell has the median step (2.6 c)."""
    upper = np.append(values[1:], values[-1] + np.median(np.diff(values)) if len(values) > 1 else values[-1])
    return Axis(values, np.column_stack([values, upper]))


def index_range(axis: Axis, low: float | None, high: float | None) -> IndexRange | None:
    """The cells that the range low to high overlaps; None when it overlaps none. An open end has no limit.

    Both ends the wrong way round are taken as meant the other way.
    """
    # Not the axis' end: a range from beyond it onwards would be turned round and take the last cell.
    low = -np.inf if low is None else low
    high = np.inf if high is None else high
    if low > high:
        low, high = high, low
    if axis.bounds is not None:
        return _by_bounds(axis, low, high)
    return _by_centres(axis, low, high)


def longitude_range(axis: Axis, west: float, east: float) -> IndexRange | None:
    """The cells of a longitude axis, in whatever convention, that a box from west eastwards to east overlaps.

    Where the box goes round the end of the axis, the whole axis is given, with the cells outside the box as `blank`.
    A box of 360 degrees overlaps every cell. None when there is no overlap.
    """
    step = _fitted_step(axis.values)
    start, end = float(axis.values.min()) - step / 2, float(axis.values.max()) + step / 2
    start, end = axis.edges() if axis.size < 2 else (start, end)
    width = east - west if east - west == FULL_TURN else (east - west) % FULL_TURN
    pieces = []
    for turn in (0.0, -FULL_TURN, FULL_TURN):
        low, high = west + turn, west + turn + width
        low, high = (low, east + turn) if west <= east else (low, high)
        overlap = min(high, end) - max(low, start)
        if overlap > EDGE_SHARE * step or (overlap >= 0 and (width == 0 or step == 0) and not pieces):
            pieces.append((low, high))
    ranges = sorted(
        (r for r in (index_range(axis, *piece) for piece in pieces) if r is not None), key=lambda r: r.first
    )
    if len(ranges) < 2:
        return ranges[0] if ranges else None
    gap = (ranges[0].last + 1, ranges[1].first - 1)
    return IndexRange(0, axis.size - 1, (gap,) if gap[0] <= gap[1] else ())


def _by_centres(axis: Axis, low: float, high: float) -> IndexRange | None:
    """Rule 2.6 a: round the interpolated index, half a step being an edge."""
    if not _overlaps(low, high, *axis.edges()):
        return None
    index = np.arange(axis.size, dtype=np.float64)
    ascending = axis.ascending
    values, index = (axis.values, index) if ascending else (axis.values[::-1], index[::-1])
    ends = (low, high) if ascending else (high, low)
    start, end = (float(np.interp(v, values, index)) for v in ends)
    on_edge = start % 1 == 0.5, end % 1 == 0.5
    if start == end:
        return IndexRange(int(np.floor(start)), int(np.ceil(end))) if on_edge[0] else _one(start)
    first = int(np.ceil(start)) if on_edge[0] else round(start)
    last = int(np.floor(end)) if on_edge[1] else round(end)
    return IndexRange(first, last) if first <= last else None


def _one(index: float) -> IndexRange:
    return IndexRange(round(index), round(index))


def _by_bounds(axis: Axis, low: float, high: float) -> IndexRange | None:
    """Rule 2.6 b: compare strictly, in the type of the bounds."""
    assert axis.bounds is not None
    lower, upper = axis.bounds.min(axis=1), axis.bounds.max(axis=1)
    if not _overlaps(low, high, float(lower.min()), float(upper.max())):
        return None
    if low == high:
        return _point_by_bounds(axis, lower, upper, low)
    # A plain float compared with an array is taken in the type of the array (NEP 50), as the rule wants.
    kept = np.flatnonzero((upper > low) & (lower < high))
    return IndexRange(int(kept[0]), int(kept[-1])) if kept.size else None


def _point_by_bounds(axis: Axis, lower: np.ndarray, upper: np.ndarray, value: float) -> IndexRange:
    """The cell around a value, or both neighbours of the shared edge that it stands on."""
    shared = (upper if axis.ascending else lower)[:-1].astype(np.float64)
    if axis.size > 1:
        step = float(np.abs(np.diff(axis.values.astype(np.float64))).min())
        near = np.flatnonzero(np.abs(shared - value) <= min(EDGE_MOST, EDGE_SHARE * step))
        if near.size:
            return IndexRange(int(near[0]), int(near[-1]) + 1)
    # In doubles: a value in the outermost rounding of a float32 edge still has its cell.
    away = np.maximum(lower.astype(np.float64) - value, value - upper.astype(np.float64))
    cell = int(away.argmin())
    return IndexRange(cell, cell)


def _overlaps(low: float, high: float, start: float, end: float) -> bool:
    """With more than an edge, unless one of the two has no width."""
    if low == high or start == end:
        return low <= end and high >= start
    return low < end and high > start


def _fitted_step(values: Sequence[float] | np.ndarray) -> float:
    """Slope of a straight line through the values against their index, positive (2.7)."""
    if len(values) < 2:
        return 0.0
    return abs(float(np.polyfit(np.arange(len(values)), np.asarray(values, np.float64), 1)[0]))
