"""Decoded latitudes and longitudes of a pair, and whether they can be what they are called. Reads values.

Obeys: catalog contract, sections 4.1 (what is valid) and 10 (swapped, radians).
"""

from dataclasses import dataclass

import numpy as np

from transformers.coordinates.axes import Pair
from transformers.coordinates.packing import unpack
from transformers.formats.layout import Granule

LON_LOW, LON_HIGH = -180.5, 360.5
FULL_TURN_RAD = 6.3


@dataclass(frozen=True, slots=True)
class Positions:
    """Degrees, float64, NaN where invalid. Of 2-D pairs and tracks both have one shape, NaN in both or none; of grids
    each is an axis. `reason`: why they are refused, else None."""

    lat: np.ndarray
    lon: np.ndarray
    reason: str | None = None

    @property
    def is_empty(self) -> bool:
        """No position is valid."""
        return not (np.isfinite(self.lat).any() and np.isfinite(self.lon).any())


def read_positions(granule: Granule, pair: Pair) -> Positions:
    """Read and decode a pair; dimensions of more than two keep their first plane.

    Raises NoRetry when the values cannot be read.
    """
    lat_info, lon_info = granule.variables[pair.latitude], granule.variables[pair.longitude]
    lat = _plane(unpack(np.asarray(granule.read(pair.latitude)), lat_info.attributes))
    lon = _plane(unpack(np.asarray(granule.read(pair.longitude)), lon_info.attributes))
    units = f"{lat_info.attributes.get('units', '')} {lon_info.attributes.get('units', '')}".lower()
    reason = _refused(lat, lon, units, pair)
    with np.errstate(invalid="ignore"):
        good_lat = np.abs(lat) <= 90.0
        good_lon = (lon >= LON_LOW) & (lon <= LON_HIGH)
    if (lat.shape == lon.shape and lat_info.dims == lon_info.dims) or (lat.shape == lon.shape and lat.ndim > 1):
        good_lat = good_lon = good_lat & good_lon
    return Positions(np.where(good_lat, lat, np.nan), np.where(good_lon, lon, np.nan), reason)


def _plane(values: np.ndarray) -> np.ndarray:
    """The first plane of more than two dimensions."""
    while values.ndim > 2 and values.shape[0]:
        values = values[0]
    return values


def _refused(lat: np.ndarray, lon: np.ndarray, units: str, pair: Pair) -> str | None:
    """Why these numbers cannot be degrees of latitude and longitude."""
    lats, lons = lat[np.isfinite(lat)], lon[np.isfinite(lon)]
    if not lats.size or not lons.size:
        return None
    is_small = np.abs(lats).max() < FULL_TURN_RAD and np.abs(lons).max() < FULL_TURN_RAD
    if is_small and any(word.startswith("rad") for word in units.split()):
        return f"{pair.latitude} and {pair.longitude} are in radians; allowed: degrees"
    beyond = lats[(np.abs(lats) > 90.0) & (lats >= LON_LOW) & (lats <= LON_HIGH)]
    if beyond.size > 0.05 * lats.size:
        worst = float(beyond[np.abs(beyond).argmax()])
        hint = " (latitude and longitude swapped?)" if np.abs(lons).max() <= 90.0 else ""
        return f"{pair.latitude} holds {worst:g}{hint}; allowed: -90 to 90 degrees"
    return None
