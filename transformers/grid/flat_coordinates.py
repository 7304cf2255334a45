"""Axes of a projected grid that has no x and y, worked out from its 2-D latitude and longitude.

Obeys transformers-l3.md 2.11 of the project's contracts.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pyproj import CRS, Transformer

from transformers.contract import NoRetry
from transformers.coordinates.grid import Axis
from transformers.coordinates.packing import unpack
from transformers.grid.source import GridSource


def flat_coordinates(source: GridSource, path: str) -> tuple[str, str] | None:
    """(latitude, longitude) of two or more dimensions that the `coordinates` of a variable name, one of each."""
    named = [
        r
        for r in source.relations.references(path, ("coordinates",))
        if r in source.variables and len(source.variables[r].dims) >= 2
    ]
    lats = [r for r in named if source.relations.is_latitude(r)]
    lons = [r for r in named if source.relations.is_longitude(r)]
    if len(lats) == 1 and len(lons) == 1 and source.variables[lats[0]].shape == source.variables[lons[0]].shape:
        return lats[0], lons[0]
    return None


def axes_of_flat(source: GridSource, path: str, crs: CRS, mapping: Mapping[str, Any]) -> tuple[Axis, Axis]:
    """(y, x) in the unit of the CRS: by the grid mapping's `master_geotransform` if it has one, else by the
    coordinates themselves. Raises NoRetry when they do not say enough."""
    flat = flat_coordinates(source, path)
    if flat is None:
        raise NoRetry(f"{source.name}: {path}: no single latitude and longitude in its coordinates")
    lat, lon = positions(source, flat)
    transform = mapping.get("master_geotransform")
    try:
        measured = axes_from_points(lat, lon, crs, f"{source.name}: {path}")
    except NoRetry:
        if transform is None:
            raise
        measured = None
    if transform is not None:
        x0, dx, x_turn, y0, y_turn, dy = (float(v) for v in transform)
        if x_turn or y_turn:
            raise NoRetry(f"{source.name}: master_geotransform with turned rows; allowed: rows along x")
        rows, columns = lat.shape
        stated = Axis(y0 + (np.arange(rows) + 0.5) * dy), Axis(x0 + (np.arange(columns) + 0.5) * dx)
        # The transform is that of the collection's whole grid; a file that holds a part of it lies elsewhere.
        if measured is None or (_near(stated[0], measured[0], dy) and _near(stated[1], measured[1], dx)):
            return stated
    assert measured is not None
    return measured


def positions(source: GridSource, flat: tuple[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Latitude and longitude in degrees, shape (rows, columns), NaN where missing or no place; the first plane."""
    planes = []
    for name in flat:
        attributes = source.relations.attributes(name)
        values = source.granule.read(name)
        values = values.reshape(-1, *values.shape[-2:])[0]
        fill = attributes.get("_FillValue")
        if isinstance(fill, str):  # a configured fill is written as text
            attributes = {**attributes, "_FillValue": values.dtype.type(float(fill))}
        planes.append(unpack(values, attributes))
    lat, lon = planes
    with np.errstate(invalid="ignore"):
        good = (np.abs(lat) <= 90) & (lon >= -180) & (lon <= 360)
    return np.where(good, lat, np.nan), np.where(good, lon, np.nan)


def axes_from_points(lat: np.ndarray, lon: np.ndarray, crs: CRS, where: str) -> tuple[Axis, Axis]:
    """(y, x) through the outermost valid points of the row and the column where they lie farthest apart."""
    valid = np.isfinite(lat)
    row, left, right = _widest(valid)
    column, top, bottom = _widest(valid.T)
    if left == right or top == bottom:
        raise NoRetry(f"{where}: fewer than two valid points in its coordinates; allowed: two in a row and a column")
    there = Transformer.from_crs(4326, crs, always_xy=True)
    x, _ = there.transform(lon[row, [left, right]], lat[row, [left, right]])
    across, y = there.transform(lon[[top, bottom], column], lat[[top, bottom], column])
    if abs(across[1] - across[0]) > abs(y[1] - y[0]):
        raise NoRetry(f"{where}: its rows run along y; allowed: dimensions in the order y, x")
    return Axis(_line(y, top, bottom, lat.shape[0])), Axis(_line(x, left, right, lat.shape[1]))


def _near(stated: Axis, measured: Axis, step: float) -> bool:
    return bool(np.abs(stated.values - measured.values).max() < abs(step) / 2)


def _widest(valid: np.ndarray) -> tuple[int, int, int]:
    """The row whose first and last valid columns lie farthest apart, and those two columns."""
    if not valid.any():
        return 0, 0, 0
    first = valid.argmax(axis=1)
    last = valid.shape[1] - 1 - valid[:, ::-1].argmax(axis=1)
    row = int(np.where(valid.any(axis=1), last - first, -1).argmax())
    return row, int(first[row]), int(last[row])


def _line(ends: np.ndarray, first: int, last: int, size: int) -> np.ndarray:
    """The straight line through two values at two indices, for all indices."""
    step = (ends[1] - ends[0]) / (last - first)
    return np.asarray(ends[0] + (np.arange(size) - first) * step)
