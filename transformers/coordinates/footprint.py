"""The outline of a swath as polygons in the longitude-latitude plane. Arrays in, rings out; reads nothing.

Law: every valid cell lies inside its polygons, whether their sides are read as straight lines of the plane or as great
circles. Method (catalog contract, section 4.2): pieces of 20 degrees along track, each wrapped in the gnomonic plane
(great circles are straight there) by a convex hull of twelve directions that is padded by half a cell and 0.1 degree.
Cutting rings at the antimeridian and the poles: `rings.py`. Tracks without width: `tracks.py`.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from transformers.coordinates.rings import Ring, plane_rings
from transformers.coordinates.sphere import angle, to_degrees, to_vectors

PIECE_DEG = 20.0
MOST_PIECES = 40
MOST_CELLS = 20_000_000
MOST_POINTS = 130
GAP_STEPS, GAP_DEG = 5.0, 2.0
WIDEST_DEG = 78.0
PAD_DEG = 0.1
DIRECTIONS = 12
TRIES = 6  # each doubles the pad: only rings that graze a pole need a second one


@dataclass(frozen=True, slots=True)
class Footprint:
    """Rings: closed, counter-clockwise, (longitude, latitude) in degrees, none crosses 180 or holds a pole inside.

    Or one rectangle (west, south, east, north) where a swath goes around more than about two orbits. Both empty
    without a valid cell.
    """

    rings: tuple[Ring, ...] = ()
    rectangle: tuple[float, float, float, float] | None = None


def swath_footprint(lat: np.ndarray, lon: np.ndarray) -> Footprint:
    """The footprint of cells; shape (rows, columns), degrees, NaN where invalid, longitudes in any range."""
    lat, lon, _coarse = _thinned(lat, lon)
    valid = np.isfinite(lat) & np.isfinite(lon)
    if not valid.any():
        return Footprint()
    cells, valid = _along_first(to_vectors(lat, lon), valid)
    kept = valid.any(axis=1)
    cells, valid = cells[kept], valid[kept]
    pieces = _pieces(cells, valid)
    if len(pieces) > MOST_PIECES:
        return Footprint(rectangle=(-180.0, float(np.nanmin(lat)), 180.0, float(np.nanmax(lat))))
    half_cell = _half_cell(cells, valid)
    rings: list[Ring] = []
    for piece in pieces:
        for block_cells, block_valid in _narrow_blocks(cells[piece], valid[piece]):
            rings.extend(_hull_rings(block_cells[block_valid], half_cell, _track(block_cells, block_valid)))
    return Footprint(rings=tuple(rings))


def _thinned(lat: np.ndarray, lon: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Every n-th row and column of huge arrays, and n."""
    step = max(1, int(np.ceil(np.sqrt(lat.size / MOST_CELLS))))
    return lat[::step, ::step], lon[::step, ::step], step


def _row_means(cells: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Unit vectors of the mean of each row's valid cells; NaN for rows without one. Shape (rows, 3)."""
    total = np.where(valid[..., None], cells, 0.0).sum(axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(length > 1e-9, total / length, np.nan)


def _along_first(cells: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn the array so that rows follow the track: the axis whose row means have the longer path."""
    turned, turned_valid = cells.swapaxes(0, 1), valid.T
    if _path(_row_means(turned, turned_valid)) > _path(_row_means(cells, valid)):
        return turned, turned_valid
    return cells, valid


def _path(means: np.ndarray) -> float:
    means = means[np.isfinite(means[:, 0])]
    return float(angle(means[:-1], means[1:]).sum()) if len(means) > 1 else 0.0


def _pieces(cells: np.ndarray, valid: np.ndarray) -> list[slice]:
    """Rows of each piece: cut at gaps, and every 20 degrees of arc, where neighbours share a row."""
    means = _row_means(cells, valid)
    bad = ~np.isfinite(means[:, 0])
    means[bad] = _first_valid(cells[bad], valid[bad])
    if len(means) == 1:
        return [slice(0, 1)]
    steps = np.degrees(angle(means[:-1], means[1:]))
    gaps = np.flatnonzero((steps > GAP_STEPS * np.median(steps)) & (steps > GAP_DEG))
    edges = [0, *(int(g) + 1 for g in gaps), len(means)]
    pieces = []
    for first, end in itertools.pairwise(edges):
        along = np.concatenate([[0.0], np.cumsum(steps[first : end - 1])])
        cuts = np.searchsorted(along, np.arange(PIECE_DEG, along[-1], PIECE_DEG))
        bounds = sorted({0, *(int(c) for c in cuts), end - first - 1})
        if len(bounds) == 1:
            bounds = [0, 0]
        pieces += [slice(first + a, first + b + 1) for a, b in itertools.pairwise(bounds)]
    return pieces


def _first_valid(cells: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return cells[np.arange(len(cells)), valid.argmax(axis=1)]


def _half_cell(cells: np.ndarray, valid: np.ndarray) -> float:
    """Half of the larger median step, along or across, in radians; 0 for a single cell."""
    steps = [0.0]
    for axis in (0, 1):
        stride = max(1, cells.shape[1 - axis] // 64)
        lines = cells[:, ::stride] if axis == 0 else cells[::stride]
        good = valid[:, ::stride] if axis == 0 else valid[::stride]
        before, after = (slice(None, -1), slice(1, None))
        a, b = (lines[before], lines[after]) if axis == 0 else (lines[:, before], lines[:, after])
        both = good[before] & good[after] if axis == 0 else good[:, before] & good[:, after]
        if both.any():
            steps.append(float(np.median(angle(a[both], b[both]))))
    return min(max(steps) / 2, np.radians(GAP_DEG))


def _narrow_blocks(cells: np.ndarray, valid: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The block, or halves of it (sharing a line) until each fits in the tangent plane around its centre."""
    if not valid.any():
        return []
    points = cells[valid]
    centre = points.mean(axis=0)
    length = np.linalg.norm(centre)
    if length > 1e-6 and (points @ (centre / length)).min() >= np.cos(np.radians(WIDEST_DEG)):
        return [(cells, valid)]
    rows, columns = valid.shape
    if rows <= 2 and columns <= 2:
        # Two cells further apart than the plane is wide: no outline joins them.
        return [(cells[r : r + 1, c : c + 1], valid[r : r + 1, c : c + 1]) for r in range(rows) for c in range(columns)
                if valid[r, c]]  # fmt: skip
    if _split_rows(cells, valid):
        half = rows // 2
        parts = [(cells[: half + 1], valid[: half + 1]), (cells[half:], valid[half:])]
    else:
        half = columns // 2
        parts = [(cells[:, : half + 1], valid[:, : half + 1]), (cells[:, half:], valid[:, half:])]
    return [block for part in parts for block in _narrow_blocks(*part)]


def _split_rows(cells: np.ndarray, valid: np.ndarray) -> bool:
    """True when the block is longer than it is wide, by the paths of its row and column means."""
    rows, columns = valid.shape
    if min(rows, columns) <= 2:
        return rows > 2
    return _path(_row_means(cells, valid)) >= _path(_row_means(cells.swapaxes(0, 1), valid.T))


def _hull_rings(points: np.ndarray, half_cell: float, track: np.ndarray) -> tuple[Ring, ...]:
    """Rings around the points of one block; shape (n, 3). Checked: the pad grows until all of them lie inside.

    track: a vector along the track, of any length; zero where there is none.
    """
    frame = _frame(points, track)
    x, y, z = (points @ frame.T).T
    flat = np.stack([x / z, y / z], axis=1)
    rings: tuple[Ring, ...] = ()
    for attempt in range(TRIES):
        pad_deg = PAD_DEG * 2**attempt
        corners, near = _hull(flat, half_cell + np.radians(pad_deg), np.radians(4 * pad_deg) + half_cell)
        vectors = np.concatenate([corners, np.ones((len(corners), 1))], axis=1) @ frame
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        rings = plane_rings(vectors, 0.9 * pad_deg)
        lat, lon = to_degrees(points[near])
        if all(len(r) <= MOST_POINTS for r in rings) and _all_inside(lat, lon, rings):
            return rings
    lat, lon = to_degrees(points)  # a ring that grazes a pole as no pad can mend: all longitudes, its latitudes
    south, north = max(-90.0, float(lat.min()) - 1), min(90.0, float(lat.max()) + 1)
    return (((-180.0, south), (180.0, south), (180.0, north), (-180.0, north), (-180.0, south)),)


def _track(cells: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """From the mean of the first row to that of the last; zero for a single row."""
    means = _row_means(cells, valid)
    means = means[np.isfinite(means[:, 0])]
    return means[-1] - means[0] if len(means) else np.zeros(3)


def _frame(points: np.ndarray, track: np.ndarray) -> np.ndarray:
    """Rows: x (along the track), y, z (the centre). Shape (3, 3), right-handed."""
    z = points.mean(axis=0)
    z /= np.linalg.norm(z)
    x = track - (track @ z) * z
    if np.linalg.norm(x) < 1e-6:  # one row, or a block around itself: any direction will do
        x = points[-1] - (points[-1] @ z) * z
    if np.linalg.norm(x) < 1e-6:
        x = np.cross(z, [1.0, 0, 0] if abs(z[0]) < 0.9 else [0, 1.0, 0])
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def _hull(flat: np.ndarray, pad: float, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners (counter-clockwise) of the padded hull in the plane, and which points come near one of its sides.

    pad, margin: radians on the sphere; the plane stretches them by up to 1 + r squared at a distance r.
    """
    stretch = 1.0 + (flat**2).sum(axis=1)
    near = np.zeros(len(flat), bool)
    reach = {}
    for k in range(DIRECTIONS):
        turn = 2 * np.pi * k / DIRECTIONS
        direction = np.array([np.cos(turn), np.sin(turn)])
        height = flat @ direction
        padded = height + pad * stretch
        reach[k] = (direction, float(padded.max()))
        near |= height + margin * stretch >= reach[k][1]
    quarter = DIRECTIONS // 4
    east, north, west, south = (reach[k * quarter][1] for k in range(4))
    corners = np.array([[-west, -south], [east, -south], [east, north], [-west, north]])
    for direction, limit in reach.values():
        corners = _clipped(corners, direction, limit)
    return corners, near


def _clipped(corners: np.ndarray, direction: np.ndarray, limit: float) -> np.ndarray:
    """A convex polygon without what lies beyond direction . p = limit."""
    height = corners @ direction - limit
    if (height <= 1e-12).all():
        return corners
    result = []
    for i, corner in enumerate(corners):
        j = (i + 1) % len(corners)
        if height[i] <= 0:
            result.append(corner)
        if (height[i] < 0) != (height[j] < 0) and height[i] != height[j]:
            share = height[i] / (height[i] - height[j])
            result.append(corner + share * (corners[j] - corner))
    return np.array(result)


def _all_inside(lat: np.ndarray, lon: np.ndarray, rings: tuple[Ring, ...]) -> bool:
    inside = np.zeros(lat.shape, bool)
    for ring in rings:
        inside |= inside_ring(lon, lat, ring)
    return bool(inside.all())


def inside_ring(lon: np.ndarray, lat: np.ndarray, ring: Ring) -> np.ndarray:
    """Which points lie inside a ring or on its border, sides read as straight lines of the plane."""
    points = np.asarray(ring)
    odd = np.zeros(lon.shape, bool)
    border = np.zeros(lon.shape, bool)
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        cross = (x2 - x1) * (lat - y1) - (y2 - y1) * (lon - x1)
        between = (np.minimum(x1, x2) <= lon) & (lon <= np.maximum(x1, x2))
        between &= (np.minimum(y1, y2) <= lat) & (lat <= np.maximum(y1, y2))
        border |= between & (np.abs(cross) <= 1e-9)
        odd ^= ((y1 > lat) != (y2 > lat)) & ((cross > 0) == (y2 > y1))
    return odd | border
