"""Whether the index arithmetic of the service bridge is right on a grid. Pure.

The bridge counts longitudes from -180 and takes every grid for 180 x 360 degrees (its contract, section 8.6). Where
that gives wrong cells, axes are not typed as latitude and longitude, and `Layout` is used. Obeys: catalog contract,
section 5: 25 cells along the diagonal, a box of 2.8 cells around each.
"""

from math import ceil, floor

import numpy as np

CELLS, HALF_BOX, SLACK = 25, 1.4, 2


def arithmetic_fits(lat: np.ndarray, lon: np.ndarray) -> bool:
    """True when each box gives its cell, and at most two cells too many on any side. Axes: shape (n,), degrees."""
    if lat.size < 2 or lon.size < 2:
        return False
    rows = np.unique(np.linspace(0, lat.size - 1, CELLS).astype(int))
    columns = np.unique(np.linspace(0, lon.size - 1, CELLS).astype(int))
    return all(_fits(lat, int(i), 180.0) for i in rows) and all(_fits(lon, int(i), 360.0) for i in columns)


def bridge_range(low: float, high: float, size: int, span: float, *, descending: bool) -> tuple[int, int]:
    """First and last index that the bridge takes for degrees low to high on an axis of `size` cells."""
    res = ceil(size / span)
    last = size if size < span * res else size - 1
    first, end = (last * (edge * res + span / 2 * res) / (span * res) for edge in (low, high))
    if descending:
        return last - ceil(end), last - floor(first)
    return floor(first), ceil(end)


def _fits(axis: np.ndarray, index: int, span: float) -> bool:
    step = abs(float(axis[-1] - axis[0])) / (axis.size - 1)
    low = max(float(axis[index]) - HALF_BOX * step, -span / 2)
    high = min(float(axis[index]) + HALF_BOX * step, span / 2)
    if low > high:
        return False
    inside = np.flatnonzero((axis >= low) & (axis <= high))
    first, end = bridge_range(low, high, axis.size, span, descending=bool(axis[0] > axis[-1] and span == 180.0))
    wide = inside.size > 0 and first >= inside[0] - SLACK and end <= inside[-1] + SLACK
    return bool(first <= index <= end and wide)
