"""Smooth invented fields on the sphere, as functions of latitude and longitude in degrees. No randomness, no files.

They look like what they are named after (warm tropics, a wandering front, continents) and mean nothing.
"""

import numpy as np


def is_land(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Invented continents: about a fifth of the globe. Same shape as the broadcast arguments."""
    y, x = np.radians(lat), np.radians(lon) + 2.65
    height = np.sin(2 * x + 0.4) * np.cos(y) ** 2 + 0.8 * np.sin(3 * y + 0.5) * np.cos(x - 1.1)
    return height + 0.35 * np.sin(5 * x + 2 * np.sin(3 * y)) * np.cos(2 * y) > 0.55


def sea_surface_temperature(lat: np.ndarray, lon: np.ndarray, day: float = 0.0) -> np.ndarray:
    """Kelvin, 271.2 to about 304, with eddies that drift with the day; NaN over land."""
    y, x = np.radians(lat), np.radians(lon)
    eddies = 1.1 * np.sin(9 * x + 7 * y + 0.05 * day) * np.cos(6 * y - 2 * x)
    seasonal = 2.0 * np.sin(y) * np.cos(2 * np.pi * (day - 200) / 365.25)
    kelvin = 271.2 + 29.5 * np.cos(y) ** 2 + eddies * np.cos(y) + seasonal
    return np.where(is_land(lat, lon), np.nan, np.maximum(kelvin, 271.2))


def wind_speed(lat: np.ndarray, lon: np.ndarray, day: float = 0.0) -> np.ndarray:
    """m s-1, 0 to about 20: trade winds, westerlies, moving storms. Everywhere defined."""
    y, x = np.radians(lat), np.radians(lon)
    belts = 6.5 + 4.0 * np.cos(4 * y) * -1.0
    storms = 5.0 * np.sin(3 * x - 0.3 * day + 2 * y) * np.sin(2 * y) ** 2
    return np.abs(belts + storms)


def air_temperature(lat: np.ndarray, lon: np.ndarray, pressure_hpa: np.ndarray, day: float = 0.0) -> np.ndarray:
    """Kelvin at a pressure level: about 6.5 K per km colder aloft. The arguments broadcast against each other."""
    y, x = np.radians(lat), np.radians(lon)
    height_km = 7.6 * np.log(1013.25 / np.asarray(pressure_hpa, float))
    ground = 256.0 + 44.0 * np.cos(y) ** 2 + 3.0 * np.sin(2 * x + 0.1 * day) * np.cos(y)
    return np.maximum(ground - 6.5 * height_km, 200.0)
