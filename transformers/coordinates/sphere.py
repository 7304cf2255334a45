"""Points on the sphere: degrees to unit vectors and back, angles, wrapping of longitudes. Arrays in, arrays out."""

import numpy as np


def to_vectors(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Degrees to unit vectors: shape (..., 3). NaN stays NaN."""
    y, x = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)], axis=-1)


def to_degrees(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of any length, shape (..., 3), to latitude and longitude (-180 to 180) in degrees."""
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    return np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))


def angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Radians between unit vectors, row by row; exact also for small angles."""
    return 2 * np.arcsin(np.clip(np.linalg.norm(first - second, axis=-1) / 2, 0, 1))


def wrap180(lon: np.ndarray) -> np.ndarray:
    """Degrees into -180 (included) to 180 (excluded)."""
    return (np.asarray(lon) + 180.0) % 360.0 - 180.0


def widest_gap(lon: np.ndarray) -> tuple[float, float, float]:
    """(west, east, gap): the shortest arc of longitudes that holds all, west > east across 180; the gap it leaves.

    lon: degrees, any range, none of them NaN, at least one. A single longitude gives west = east and gap 360.
    """
    turned = np.unique(wrap180(lon))
    gaps = np.diff(turned, append=turned[0] + 360.0)
    widest = int(gaps.argmax())
    return float(turned[(widest + 1) % turned.size]), float(turned[widest]), float(gaps[widest])
