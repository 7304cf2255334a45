"""Convex outlines on the sphere as rings of the longitude-latitude plane, cut at the antimeridian and the poles.

Vectors in, rings out. A ring is closed, counter-clockwise, in degrees, 5 decimals. Obeys: catalog contract, section
4.2, steps 5 and 6; RFC 7946 section 3.1.9 (cutting at the antimeridian).
"""

import numpy as np

from transformers.coordinates.sphere import to_degrees

Ring = tuple[tuple[float, float], ...]
MOST_HALVINGS = 7
DECIMALS = 5


def plane_rings(corners: np.ndarray, tolerance_deg: float) -> tuple[Ring, ...]:
    """The region inside a convex spherical polygon, smaller than a hemisphere, as one or two rings.

    corners: unit vectors in counter-clockwise order seen from outside, shape (n, 3). tolerance_deg: how far a side of
    a ring may leave the great circle that it stands for.
    """
    lon, lat = _densified(corners, tolerance_deg)
    turn = lon[-1] - lon[0]
    if abs(turn) > 180:
        return _around_pole(lon, lat, north=turn > 0)
    return _cut_at_180(np.stack([lon[:-1], lat[:-1]], axis=1))


def _densified(corners: np.ndarray, tolerance_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Unwrapped longitudes and latitudes of the closed outline, sides halved until they follow their great circles."""
    points = [corners[0]]
    for first, second in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        points.extend(_side(first, second, tolerance_deg, MOST_HALVINGS))
    lat, lon = to_degrees(np.array(points))
    return np.degrees(np.unwrap(np.radians(lon))), lat


def _side(first: np.ndarray, second: np.ndarray, tolerance_deg: float, halvings: int) -> list[np.ndarray]:
    """Points after `first`, up to and including `second`."""
    middle = first + second
    middle = middle / np.linalg.norm(middle)
    if halvings == 0 or _leaves_chord(first, middle, second) < tolerance_deg:
        return [second]
    return [
        *_side(first, middle, tolerance_deg, halvings - 1),
        *_side(middle, second, tolerance_deg, halvings - 1),
    ]


def _leaves_chord(first: np.ndarray, middle: np.ndarray, second: np.ndarray) -> float:
    """Distance in degrees of the plane from the middle of the arc to the chord."""
    lat, lon = to_degrees(np.array([first, middle, second]))
    lon = np.degrees(np.unwrap(np.radians(lon)))
    along = np.array([lon[2] - lon[0], lat[2] - lat[0]])
    off = np.array([lon[1] - lon[0], lat[1] - lat[0]])
    length = np.hypot(*along)
    if length < 1e-12:
        return float(np.hypot(*off))
    return float(abs(along[0] * off[1] - along[1] * off[0]) / length)


def _around_pole(lon: np.ndarray, lat: np.ndarray, *, north: bool) -> tuple[Ring, ...]:
    """Two rings, west and east of Greenwich, closed along the pole. The outline is a graph over longitude."""
    pole = 90.0 if north else -90.0
    turned = (lon[:-1] + 180.0) % 360.0 - 180.0
    order = np.argsort(turned)
    x, y = turned[order], lat[:-1][order]
    border = np.interp([-180.0, 0.0, 180.0], np.r_[x[-1] - 360, x, x[0] + 360], np.r_[y[-1], y, y[0]])
    rings = []
    for west, east, first, last in ((-180.0, 0.0, border[0], border[1]), (0.0, 180.0, border[1], border[2])):
        inner = (x > west) & (x < east)
        outline = [(west, first), *zip(x[inner], y[inner], strict=True), (east, last), (east, pole), (west, pole)]
        rings.append(_ring(np.array(outline)))
    return tuple(rings)


def _cut_at_180(outline: np.ndarray) -> tuple[Ring, ...]:
    """One ring, or two where the outline crosses the antimeridian. outline: open, shape (n, 2)."""
    centre = (outline[:, 0].min() + outline[:, 0].max()) / 2
    outline = outline - np.array([360.0 * np.floor((centre + 180.0) / 360.0), 0.0])
    parts = []
    for limit, sign, shift in ((180.0, 1.0, -360.0), (-180.0, -1.0, 360.0)):
        if (sign * (outline[:, 0] - limit) > 0).any():
            shifted = _clipped(outline, limit, -sign) + np.array([shift, 0.0])
            parts = [_clipped(outline, limit, sign), shifted]
    parts = parts or [outline]
    return tuple(_ring(part) for part in parts if len(part) >= 3 and np.ptp(part[:, 0]) > 10**-DECIMALS)


def _clipped(outline: np.ndarray, limit: float, sign: float) -> np.ndarray:
    """What lies on the side sign * longitude <= sign * limit (Sutherland and Hodgman)."""
    result = []
    beyond = sign * (outline[:, 0] - limit)
    for i in range(len(outline)):
        j = (i + 1) % len(outline)
        if beyond[i] <= 0:
            result.append(outline[i])
        if (beyond[i] < 0 < beyond[j]) or (beyond[j] < 0 < beyond[i]):
            share = beyond[i] / (beyond[i] - beyond[j])
            result.append(np.array([limit, outline[i, 1] + share * (outline[j, 1] - outline[i, 1])]))
    return np.array(result).reshape(-1, 2)


def _ring(outline: np.ndarray) -> Ring:
    """Rounded, without repeated points, counter-clockwise, closed."""
    points: list[tuple[float, float]] = []
    for x, y in np.round(outline, DECIMALS):
        point = (float(min(max(x, -180.0), 180.0)), float(min(max(y, -90.0), 90.0)))
        if not points or point != points[-1]:
            points.append(point)
    if points[0] == points[-1]:
        points.pop()
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, points[1:] + points[:1], strict=True))
    ordered = points if area > 0 else points[::-1]
    return (*ordered, ordered[0])
