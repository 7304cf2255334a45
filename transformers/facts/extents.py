"""Where a granule is: rectangles, polygons or lines, by its kind. Reads coordinates.

Obeys: catalog contract, section 4.1. The geometry itself: `coordinates/` footprint, tracks, rectangles.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from transformers.contract import NoRetry
from transformers.coordinates.axes import Pair, is_grid_pair
from transformers.coordinates.footprint import inside_ring, swath_footprint
from transformers.coordinates.packing import unpack
from transformers.coordinates.rectangles import Rectangle, cell_edges, grid_rectangles, one_box
from transformers.coordinates.sphere import wrap180
from transformers.coordinates.tracks import track_extent
from transformers.facts.kinds import Kind
from transformers.facts.positions import Positions, read_positions
from transformers.facts.projected import projected_rectangles
from transformers.formats.layout import Granule, join

NOWHERE: dict[str, Any] = {"rectangles": [], "polygons": [], "lines": [], "bbox": None}


def find_extent(granule: Granule, kind: Kind) -> dict[str, Any]:
    """`extent` of the facts."""
    if kind.grid is not None:
        return of_rectangles(projected_rectangles(kind.grid))
    if kind.main is None or kind.positions is None or kind.positions.is_empty:
        return NOWHERE
    if kind.name == "grid-geographic":
        return of_rectangles(_grids(granule, kind))
    if kind.name == "swath":
        return _swaths(granule, kind)
    return _tracks(granule, kind)


def of_rectangles(rectangles: Sequence[Rectangle]) -> dict[str, Any]:
    """An extent of rectangles, none of which crosses 180."""
    box = one_box(rectangles)
    return {**NOWHERE, "rectangles": [list(r) for r in rectangles], "bbox": list(box) if box else None}


def _grids(granule: Granule, kind: Kind) -> tuple[Rectangle, ...]:
    """The widest of a file's geographic grids; where all go around the globe, their latitudes united."""
    found = []
    for pair in kind.pairs:
        if not is_grid_pair(granule.variables, pair):
            continue
        positions = kind.positions if pair == kind.main else read_positions(granule, pair)
        if positions is None or positions.is_empty or positions.reason:
            continue
        south, north = cell_edges(_valid(positions.lat), _bounds(granule, pair.latitude))
        west, east = cell_edges(_unwrapped(_valid(positions.lon)), _bounds(granule, pair.longitude))
        found.append((south, north, west, east))
    if found and all(east - west >= 360 * (1 - 1e-6) for _, _, west, east in found):
        found = [(min(f[0] for f in found), max(f[1] for f in found), -180.0, 180.0)]
    return grid_rectangles(*max(found, key=lambda f: (f[3] - f[2]) * (f[1] - f[0]))) if found else ()


def _swaths(granule: Granule, kind: Kind) -> dict[str, Any]:
    """Polygons of every 2-D pair whose points are not those of the main one (a second scan pattern)."""
    rings: list[list[list[float]]] = []
    boxes: list[Rectangle] = []
    assert kind.main is not None
    for pair in (kind.main, *(p for p in kind.pairs if p != kind.main)):
        shape = granule.variables[pair.latitude].shape
        positions = kind.positions if pair == kind.main else _readable(granule, pair) if len(shape) >= 2 else None
        if positions is None or positions.is_empty or positions.reason:
            continue
        if pair != kind.main and _covered(positions.lat, positions.lon, rings):
            continue
        footprint = swath_footprint(positions.lat, positions.lon)
        rings += [[list(point) for point in ring] for ring in footprint.rings]
        if footprint.rectangle:
            boxes.append(footprint.rectangle)
    if boxes:
        south, north = min(b[1] for b in boxes), max(b[3] for b in boxes)
        for ring in rings:
            south, north = min(south, *(p[1] for p in ring)), max(north, *(p[1] for p in ring))
        return of_rectangles(grid_rectangles(south, north, -180.0, 180.0))
    parts = [_ring_box(ring) for ring in rings]
    box = one_box(parts)
    return {**NOWHERE, "polygons": rings, "bbox": list(box) if box else None}


def _tracks(granule: Granule, kind: Kind) -> dict[str, Any]:
    """Lines of all 1-D pairs of the main form."""
    assert kind.main is not None and kind.positions is not None
    tracks = []
    for pair in (kind.main, *(p for p in kind.pairs if p != kind.main)):
        info = granule.variables[pair.latitude]
        positions = kind.positions if pair == kind.main else _readable(granule, pair) if len(info.shape) <= 1 else None
        if positions is not None and not positions.is_empty and not positions.reason:
            tracks.append((positions.lat.reshape(-1), positions.lon.reshape(-1)))
    extent = track_extent(tracks)
    if extent.rectangles:
        return of_rectangles(extent.rectangles)
    boxes = [_ring_box([list(point) for point in line]) for line in extent.lines]
    box = one_box(boxes)
    return {**NOWHERE, "lines": [[list(p) for p in line] for line in extent.lines], "bbox": list(box) if box else None}


def _covered(lat: np.ndarray, lon: np.ndarray, rings: list[list[list[float]]]) -> bool:
    """True when every valid point lies in the rings already found."""
    good = np.isfinite(lat) & np.isfinite(lon)
    y, x = lat[good], wrap180(lon[good])
    inside = np.zeros(y.shape, bool)
    for ring in rings:
        inside[~inside] = inside_ring(x[~inside], y[~inside], tuple((p[0], p[1]) for p in ring))
    return bool(inside.all())


def _readable(granule: Granule, pair: Pair) -> Positions | None:
    """Positions of a further pair; None where its values cannot be read (the main one decides about the file)."""
    try:
        return read_positions(granule, pair)
    except NoRetry:
        return None


def _bounds(granule: Granule, path: str) -> np.ndarray | None:
    info = granule.variables[path]
    bounds = granule.variables.get(join(info.group, str(info.attributes.get("bounds", "?"))))
    if bounds is None or bounds.dtype.kind not in "iuf" or len(bounds.shape) != 2:
        return None
    return unpack(granule.read(bounds.path), bounds.attributes)


def _valid(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


def _unwrapped(lon: np.ndarray) -> np.ndarray:
    """Axis longitudes without a jump at 180 or 360 (170, 175, -180, -175 -> 170 ... 185)."""
    steps = np.diff(lon)
    if lon.size < 2 or not (np.abs(steps) > 180).any():
        return lon
    return np.degrees(np.unwrap(np.radians(lon)))


def _ring_box(ring: list[list[float]]) -> Rectangle:
    xs, ys = [p[0] for p in ring], [p[1] for p in ring]
    return min(xs), min(ys), max(xs), max(ys)
