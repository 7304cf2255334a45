"""What a file of results holds, in a few numbers: where its values lie and which variables it has.

    python -m transformers.summary FILE        prints {"latitude": [low, high], "longitude": …, "variables": […]}

For people and for checks of outputs; not a transformer. Only pixels that hold a value of some variable count: a subset
of a swath keeps whole rows and columns and blanks what lies outside the box.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from transformers.coordinates.axes import find_pairs, is_grid_pair, main_pair
from transformers.coordinates.packing import missing, unpack
from transformers.formats.netcdf import Granule, open_granule

DEFAULT_FILLS = {  # NetCDF user's guide, "Fill Values"; unsigned ones are often data
    "i1": -127,
    "i2": -32767,
    "i4": -2147483647,
    "i8": -9223372036854775806,
    "f4": 9.969209968386869e36,
    "f8": 9.969209968386869e36,
}


def summary(path: Path) -> dict[str, Any]:
    """Ranges in degrees ([low, high], longitudes in -180..180, or None), number of cells with values, variable paths.

    Raises NoRetry with the library's reason for a file that cannot be read.
    """
    with open_granule(path) as granule:
        variables = sorted(granule.variables)
        pair = main_pair(granule.variables, find_pairs(granule.variables))
        if pair is None:
            return {"latitude": None, "longitude": None, "cells": 0, "variables": variables}
        lat = unpack(granule.read(pair.latitude), granule.variables[pair.latitude].attributes)
        lon = unpack(granule.read(pair.longitude), granule.variables[pair.longitude].attributes)
        if is_grid_pair(granule.variables, pair):
            dims = granule.variables[pair.latitude].dims + granule.variables[pair.longitude].dims
            lat, lon = np.meshgrid(lat, lon, indexing="ij")
        else:
            dims = granule.variables[pair.latitude].dims
        held = _holding(granule, dims, lat.shape) & np.isfinite(lat) & np.isfinite(lon)
        lon = (lon + 180.0) % 360.0 - 180.0
        return {
            "latitude": _range(lat[held]),
            "longitude": _range(lon[held]),
            "cells": int(held.sum()),
            "variables": variables,
        }


def _holding(granule: Granule, dims: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Where any variable over the horizontal dimensions has a value, shape as the coordinates; everywhere if none."""
    held = np.zeros(shape, bool)
    found = False
    for path, info in granule.variables.items():
        if not set(dims) <= set(info.dims) or len(set(dims)) != len(dims) or info.is_text:
            continue
        if str(info.attributes.get("units", "")).startswith("degrees_"):
            continue
        stored = granule.read(path)
        values = ~missing(stored, info.attributes)
        if "_FillValue" not in info.attributes and stored.dtype.str[1:] in DEFAULT_FILLS:
            # NetCDF's own default: what a writer leaves where nothing was written, and HOSS writes beyond a box.
            values &= stored != stored.dtype.type(DEFAULT_FILLS[stored.dtype.str[1:]])
        held |= values.any(axis=tuple(i for i, d in enumerate(info.dims) if d not in dims)).reshape(shape)
        found = True
    return held if found else np.ones(shape, bool)


def _range(values: np.ndarray) -> list[float] | None:
    return [float(values.min()), float(values.max())] if values.size else None


if __name__ == "__main__":
    print(json.dumps(summary(Path(sys.argv[1]))))
