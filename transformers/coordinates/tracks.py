"""Ground tracks as lines in the longitude-latitude plane: cut at gaps and at 180, thinned. Arrays in, lines out.

Law: every valid point lies within 0.15 degree of a line (a left-out beam included). Obeys: catalog contract, section
4.1. Swaths with width: `footprint.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from transformers.coordinates.rectangles import Rectangle, grid_rectangles
from transformers.coordinates.sphere import angle, to_vectors, widest_gap

Line = tuple[tuple[float, float], ...]
SAME_TRACK_DEG = 0.1
GAP_MEDIANS, GAP_DEG = 10.0, 3.0
LONGEST_CHORD_DEG = 15.0
TOLERANCES_DEG = (0.02, 0.04, 0.08)  # with a left-out beam's 0.069 the last still keeps the law
MOST_POINTS, MOST_LINES, MOST_IN_ALL = 100, 40, 1000
WHOLE_GAP_DEG = 5.0
DECIMALS = 5


@dataclass(frozen=True, slots=True)
class TrackExtent:
    """Lines of (longitude, latitude), none crossing 180; or rectangles for scattered points; both empty without any."""

    lines: tuple[Line, ...] = ()
    rectangles: tuple[Rectangle, ...] = ()


def track_extent(tracks: Sequence[tuple[np.ndarray, np.ndarray]]) -> TrackExtent:
    """tracks: (latitudes, longitudes) in degrees, shape (n,) each, NaN where invalid."""
    valid = [(lat[good], lon[good]) for lat, lon in tracks if (good := np.isfinite(lat) & np.isfinite(lon)).any()]
    if not valid:
        return TrackExtent()
    lines: list[Line] = []
    for lat, lon in _without_beams(valid):
        for piece in _pieces(lat, lon):
            lines.extend(_drawn(piece))
    if len(lines) > MOST_LINES or sum(map(len, lines)) > MOST_IN_ALL:
        return TrackExtent(rectangles=box_of_points(*(np.concatenate(parts) for parts in zip(*valid, strict=True))))
    return TrackExtent(lines=tuple(lines))


def box_of_points(lat: np.ndarray, lon: np.ndarray) -> tuple[Rectangle, ...]:
    """The smallest box around points, one or two rectangles; all longitudes when no gap is wider than 5 degrees."""
    west, east, gap = widest_gap(lon)
    south, north = float(lat.min()), float(lat.max())
    if gap <= WHOLE_GAP_DEG:
        return grid_rectangles(south, north, -180.0, 180.0)
    return grid_rectangles(south, north, west, east if east >= west else east + 360.0)


def _without_beams(tracks: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Tracks without those whose ends lie within 0.1 degree of the ends of a kept one."""
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    ends: list[np.ndarray] = []
    for lat, lon in tracks:
        own = to_vectors(lat[[0, -1]], lon[[0, -1]])
        if not any(np.degrees(angle(own, other)).max() <= SAME_TRACK_DEG for other in ends):
            kept.append((lat, lon))
            ends.append(own)
    return kept


def _pieces(lat: np.ndarray, lon: np.ndarray) -> list[np.ndarray]:
    """Runs without gaps and without crossing 180: arrays (n, 2) of longitude, latitude."""
    if lat.size == 1:
        return [np.array([[_wrapped(lon[0]), lat[0]]])]
    vectors = to_vectors(lat, lon)
    steps = np.degrees(angle(vectors[:-1], vectors[1:]))
    gaps = np.flatnonzero((steps > GAP_MEDIANS * np.median(steps)) & (steps > GAP_DEG)) + 1
    pieces = []
    for first, end in pairwise([0, *gaps.tolist(), lat.size]):
        turned = np.degrees(np.unwrap(np.radians(lon[first:end])))
        pieces.extend(_cut_at_180(np.stack([turned, lat[first:end]], axis=1)))
    return pieces


def _cut_at_180(run: np.ndarray) -> list[np.ndarray]:
    """Parts of an unwrapped run within -180..180; both sides of a cut get the crossing point."""
    turn = np.floor((run[:, 0] + 180.0) / 360.0)
    parts: list[list[np.ndarray]] = [[run[0] - [360.0 * turn[0], 0.0]]]
    for i in range(1, len(run)):
        if turn[i] != turn[i - 1]:
            border = 360.0 * max(turn[i], turn[i - 1]) - 180.0
            share = (border - run[i - 1, 0]) / (run[i, 0] - run[i - 1, 0])
            lat = run[i - 1, 1] + share * (run[i, 1] - run[i - 1, 1])
            side = 180.0 if turn[i] > turn[i - 1] else -180.0
            parts[-1].append(np.array([side, lat]))
            parts.append([np.array([-side, lat])])
        parts[-1].append(run[i] - [360.0 * turn[i], 0.0])
    return [np.array(part) for part in parts]


def _drawn(piece: np.ndarray) -> list[Line]:
    """A piece thinned to at most 100 points; longer ones in several lines that share a point."""
    for tolerance in TOLERANCES_DEG:
        kept = piece[_thinned(piece, tolerance)]
        if len(kept) <= MOST_POINTS:
            break
    step = MOST_POINTS - 1
    return [_line(kept[i : i + MOST_POINTS]) for i in range(0, max(len(kept) - 1, 1), step)]


def _thinned(piece: np.ndarray, tolerance: float) -> np.ndarray:
    """Indices of points such that the others lie within the tolerance of the chords (Douglas and Peucker)."""
    keep = np.zeros(len(piece), bool)
    keep[[0, -1]] = True
    open_chords = [(0, len(piece) - 1)]
    while open_chords:
        first, last = open_chords.pop()
        if last - first < 2:
            continue
        inner = piece[first + 1 : last]
        off = _distances(inner, piece[first], piece[last])
        worst = int(off.argmax())
        if off[worst] > tolerance:
            middle = first + 1 + worst
        elif np.hypot(*(piece[last] - piece[first])) > LONGEST_CHORD_DEG:
            middle = (first + last) // 2
        else:
            continue
        keep[middle] = True
        open_chords += [(first, middle), (middle, last)]
    return np.flatnonzero(keep)


def _distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Degrees of the plane from points to the segment between start and end."""
    along = end - start
    length = float(along @ along)
    share = np.clip((points - start) @ along / length, 0, 1) if length > 0 else np.zeros(len(points))
    return np.hypot(*(points - start - share[:, None] * along).T)


def _line(points: np.ndarray) -> Line:
    """Rounded; a single point becomes a line of no length, since a line needs two."""
    rounded = [(float(x), float(y)) for x, y in np.round(points, DECIMALS)]
    return tuple(rounded if len(rounded) > 1 else rounded * 2)


def _wrapped(lon: float) -> float:
    return float((lon + 180.0) % 360.0 - 180.0)
