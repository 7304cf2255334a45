"""Where a scanner of a polar orbiter looks: latitudes and longitudes of a swath, by spherical geometry. No files.

The orbit is a circle over a rotating sphere: close enough to a real one to cross poles and the antimeridian.
"""

from dataclasses import dataclass

import numpy as np

PERIOD_S = 5933.0  # 98.9 minutes, a sun-synchronous orbit at about 705 km
EARTH_DEG_PER_S = 360.0 / 86164.1  # sidereal


@dataclass(frozen=True, slots=True)
class Orbit:
    """inclination_deg: above 90 flies westwards. node_lon: longitude of the ascending node at time zero, degrees."""

    inclination_deg: float = 98.2
    node_lon: float = 0.0
    period_s: float = PERIOD_S

    def swath(self, seconds: np.ndarray, half_width_deg: float, columns: int) -> tuple[np.ndarray, np.ndarray]:
        """Latitude and longitude of each pixel: two arrays of shape (len(seconds), columns), degrees.

        seconds: time of each scan line since the ascending node. Longitudes in -180 (included) to 180; multiples of
        1/8192 degree, so that float32 holds them exactly and a last-digit difference between machines vanishes.
        """
        along = 2 * np.pi * np.asarray(seconds, float)[:, None] / self.period_s
        across = np.radians(np.linspace(-half_width_deg, half_width_deg, columns) if columns > 1 else np.zeros(columns))
        tilt = np.radians(self.inclination_deg)
        # unit vectors: start on the equator, fly `along` in the orbit's plane, look `across` it, tilt the plane
        forward = np.cos(across) * np.cos(along)
        upward = np.cos(across) * np.sin(along)
        sideward = np.sin(across) + np.zeros_like(along)
        y = upward * np.cos(tilt) + sideward * np.sin(tilt)
        z = upward * np.sin(tilt) - sideward * np.cos(tilt)
        turned = EARTH_DEG_PER_S * np.asarray(seconds, float)[:, None]
        lon = np.degrees(np.arctan2(y, forward)) + self.node_lon - turned
        return _grain(np.degrees(np.arcsin(np.clip(z, -1, 1)))), wrap180(_grain(lon))


def wrap180(lon: np.ndarray) -> np.ndarray:
    """Degrees into -180 (included) to 180 (excluded)."""
    return (lon + 180.0) % 360.0 - 180.0


def _grain(degrees: np.ndarray) -> np.ndarray:
    return np.rint(degrees * 8192.0) / 8192.0
