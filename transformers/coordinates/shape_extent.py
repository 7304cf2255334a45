"""The bounding box that stands for a shape when a grid is cut by index ranges. Pure.

Polygons themselves: `geometry.py`. Obeys transformers-l3.md 2.12 of the project's contracts.
"""

from collections.abc import Iterable

import numpy as np

from transformers.contract import BoundingBox, NoRetry
from transformers.coordinates.geojson import Shape
from transformers.coordinates.geometry import unrolled

Range = tuple[float, float]  # west, east


def extent_of(shape: Shape) -> BoundingBox | None:
    """The shape's own `bbox`, else the box of all its lists of positions; None when it has none.

    Lists that cross the antimeridian are united apart from the others. A list around a pole has every longitude.
    """
    if shape.bbox:
        west, south, east, north = shape.bbox
        return BoundingBox(_within_180(west), south, _within_180(east), north)
    lists = [points for part in shape.parts for points in part.lists]
    if not lists:
        return None
    ordinary: list[Range] = []
    crossing: list[Range] = []
    latitudes = [float(v) for points in lists for v in (points[:, 1].min(), points[:, 1].max())]
    for points in lists:
        plane = unrolled(points)
        closed = np.array_equal(points[0], points[-1])
        if closed and abs(plane[-1, 0] - plane[0, 0]) >= 180:
            ordinary.append((-180.0, 180.0))
            latitudes.append(90.0 if points[:, 1].mean() >= 0 else -90.0)
        else:
            _sort_in(plane[:, 0], ordinary, crossing)
    west, east = _united(_union(ordinary), _union(crossing))
    return BoundingBox(west, min(latitudes), east, max(latitudes))


def _sort_in(lon: np.ndarray, ordinary: list[Range], crossing: list[Range]) -> None:
    """Add the range of one list, longitudes continuous, to those that cross 180 or to the others."""
    low, high = float(lon.min()), float(lon.max())
    if high - low >= 360:
        ordinary.append((-180.0, 180.0))
        return
    turns = float(np.floor((low + 180) / 360) * 360)
    low, high = low - turns, high - turns
    if low == 180:  # wholly on the antimeridian's far name
        low, high = -180.0, high - 360
    if high <= 180:
        ordinary.append((low, high))
    else:
        crossing.append((low, high - 360))


def _union(ranges: Iterable[Range]) -> Range | None:
    ranges = list(ranges)
    return (min(w for w, _ in ranges), max(e for _, e in ranges)) if ranges else None


def _united(ordinary: Range | None, crossing: Range | None) -> Range:
    """One range of longitudes for both kinds; the gap that is nearer is closed."""
    if crossing is None:
        if ordinary is None:
            raise NoRetry("shape: no positions in it; allowed: GeoJSON with coordinates")
        return ordinary
    if ordinary is None or ordinary[1] <= crossing[1] or ordinary[0] >= crossing[0]:
        return crossing
    if crossing[1] - ordinary[0] < ordinary[1] - crossing[0]:
        return ordinary[0], crossing[1]
    return crossing[0], ordinary[1]


def _within_180(lon: float) -> float:
    return lon if abs(lon) <= 180 else (lon + 180) % 360 - 180
