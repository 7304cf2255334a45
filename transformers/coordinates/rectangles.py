"""Extents of regular things as rectangles: axes of a geographic grid, boxes that may cross 180. Arrays in, tuples out.

A rectangle is (west, south, east, north) in degrees, west < east, within -180..180. Swaths: `footprint.py`.
Obeys: catalog contract, section 4.1.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

Rectangle = tuple[float, float, float, float]
DECIMALS = 6
POLE_DEG = 1e-4  # edges of float32 axes miss the pole by so little


def cell_edges(centres: np.ndarray, bounds: np.ndarray | None = None) -> tuple[float, float]:
    """Lowest and highest edge of an axis: of its bounds where they enclose the centres, else half a step outside.

    centres: shape (n,), n > 0, without NaN, in either direction, even or not. bounds: shape (n, 2) or None. A single
    centre without bounds has no step: both edges are the centre.
    """
    low, high = float(centres.min()), float(centres.max())
    if bounds is not None and bounds.size and np.isfinite(bounds).all():
        lower, upper = float(bounds.min()), float(bounds.max())
        if lower <= low and high <= upper and (lower < low or high < upper):
            return lower, upper
    if centres.size < 2:
        return low, high
    ordered = np.sort(centres)
    return low - float(ordered[1] - ordered[0]) / 2, high + float(ordered[-1] - ordered[-2]) / 2


def grid_rectangles(south: float, north: float, west: float, east: float) -> tuple[Rectangle, ...]:
    """Edges of a grid, longitudes in any range with west <= east, as one rectangle, or two at the antimeridian."""
    south, north = (float(np.sign(v)) * 90.0 if abs(v) > 90.0 - POLE_DEG else v for v in (south, north))
    if east - west >= 360.0 * (1 - 1e-6):
        return (_rounded(-180.0, south, 180.0, north),)
    shift = 360.0 * np.floor((west + 180.0) / 360.0)
    west, east = west - shift, east - shift
    if east > 180.0 + 1e-9:
        return _rounded(west, south, 180.0, north), _rounded(-180.0, south, east - 360.0, north)
    return (_rounded(west, south, min(east, 180.0), north),)


def one_box(rectangles: Sequence[Rectangle]) -> Rectangle | None:
    """One box around parts that do not cross 180; west > east where it crosses. None without a part."""
    if not rectangles:
        return None
    south, north = min(r[1] for r in rectangles), max(r[3] for r in rectangles)
    spans = sorted((r[0], r[2]) for r in rectangles)
    merged = [list(spans[0])]
    for west, east in spans[1:]:
        if west <= merged[-1][1] + 1e-9:
            merged[-1][1] = max(merged[-1][1], east)
        else:
            merged.append([west, east])
    # The widest gap between parts is left out; the gap across 180 is the one a plain box leaves out.
    gaps = [(b[0] - a[1], b[0], a[1]) for a, b in pairwise(merged)]
    across = (merged[0][0] + 360.0 - merged[-1][1], merged[0][0], merged[-1][1])
    _, west, east = max([across, *gaps], key=lambda gap: gap[0])
    return (west, south, east, north)


def _rounded(west: float, south: float, east: float, north: float) -> Rectangle:
    """Rounded away the dust of arithmetic: 1e-6 degree is 0.1 m."""
    rounded = [round(float(v), DECIMALS) for v in (west, south, east, north)]
    return rounded[0], rounded[1], rounded[2], rounded[3]
