"""From stored values to numbers one can compare, and back. Arrays in, arrays out.

CF 1.11 sections 8.1 (scale_factor, add_offset) and 2.5.1 (_FillValue); `_Unsigned`: NetCDF user's guide. Subsets never
go through here: they copy stored values. This is for coordinates, times and computed outputs.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np


def number(attributes: Mapping[str, Any], name: str) -> float | None:
    """An attribute as one float; None when it is absent or not a number."""
    try:
        values = np.asarray(attributes[name], dtype=np.float64).reshape(-1)
    except (KeyError, TypeError, ValueError):
        return None
    return float(values[0]) if values.size else None


def missing(values: np.ndarray, attributes: Mapping[str, Any], *, also_missing_value: bool = True) -> np.ndarray:
    """True where a stored value means "nothing": `_FillValue`, `missing_value` (also as `MissingValue`), NaN."""
    gone = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
    names = ("_FillValue", "missing_value", "MissingValue") if also_missing_value else ("_FillValue",)
    for name in names:
        for fill in np.asarray(attributes.get(name, ())).reshape(-1):
            if np.asarray(fill).dtype.kind in "iufb":
                # In the type of the data: a double 1e30 in an attribute means the float 1e30 of the array.
                with np.errstate(all="ignore"):
                    gone |= values == (values.dtype.type(fill) if values.dtype.kind == "f" else fill)
    return gone


def unpack(values: np.ndarray, attributes: Mapping[str, Any]) -> np.ndarray:
    """Stored values as float64 in the unit of the variable, NaN where missing."""
    gone = missing(values, attributes)
    if str(attributes.get("_Unsigned", "")).lower() == "true" and values.dtype.kind == "i":
        values = values.view(values.dtype.newbyteorder("=").str.replace("i", "u"))
    plain = values.astype(np.float64)
    scale, offset = number(attributes, "scale_factor"), number(attributes, "add_offset")
    if scale is not None and scale != 1:
        plain *= scale
    if offset:
        plain += offset
    plain[gone] = np.nan
    return plain
