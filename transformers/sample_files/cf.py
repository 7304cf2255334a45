"""Writing NetCDF-4 with h5py alone: dimensions, attributes, packed variables. Same bytes for the same calls.

Only for the project's own samples; outputs of transformers are written by `formats/`. Obeys: netCDF-4 as HDF5
("Dimension scales" and "Creation order" of the NetCDF file format specifications), CF 1.11 sections 2.5.1 and 8.1.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import h5py
import numpy as np

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONLY_A_DIMENSION = "This is a netCDF dimension but not a netCDF variable. %9d"


def put_attributes(target: h5py.HLObject, attributes: Mapping[str, Any]) -> None:
    """Texts as fixed-length characters (NC_CHAR), numbers as they are."""
    for name, value in attributes.items():
        target.attrs[name] = np.bytes_(value.encode("utf-8")) if isinstance(value, str) else value


def put_dimension(group: h5py.Group, name: str, size: int) -> h5py.Dataset:
    """A dimension without a variable of its own."""
    scale = group.create_dataset(
        name, (size,), ">f4", chunks=None if size else (1,), maxshape=None if size else (None,)
    )
    scale.make_scale(ONLY_A_DIMENSION % size)
    return scale


def put_variable(
    group: h5py.Group,
    name: str,
    values: np.ndarray,
    dims: Sequence[h5py.Dataset] = (),
    attributes: Mapping[str, Any] | None = None,
    *,
    fill: float | None = None,
    compress: bool = True,
) -> h5py.Dataset:
    """A variable on these dimension scales; with `dims` empty and 1-D values it is the scale of its own dimension.

    fill: `_FillValue`, stored in the dtype of the values. compress: one chunk of at most 64 rows, shuffle and deflate.
    """
    chunked = compress and values.ndim > 0 and values.size > 256
    chunks = tuple(min(n, 64) for n in values.shape[:-1]) + values.shape[-1:] if chunked else None
    if values.ndim and not values.size:
        chunks = tuple(max(1, n) for n in values.shape)  # HDF5 stores an empty array in chunks only
    dataset = group.create_dataset(
        name,
        data=values,
        chunks=chunks,
        shuffle=True if chunked else None,
        compression=4 if chunked else None,
        fillvalue=None if fill is None else values.dtype.type(fill),
        maxshape=None if values.size or not values.ndim else tuple(n or None for n in values.shape),
    )
    if dims:
        for axis, scale in enumerate(dims):
            dataset.dims[axis].attach_scale(scale)
    elif values.ndim == 1:
        dataset.make_scale(name)
    if fill is not None:
        dataset.attrs["_FillValue"] = np.array([fill], values.dtype)
    put_attributes(dataset, attributes or {})
    return dataset


def packed(values: np.ndarray, scale: float, offset: float, fill: int) -> np.ndarray:
    """float64 with NaN -> int16: round((value - offset) / scale), NaN -> fill (CF 1.11, section 8.1)."""
    missing = np.isnan(values)
    steps = np.rint((np.where(missing, offset, values) - offset) / scale)
    return np.where(missing, fill, np.clip(steps, -32000, 32000)).astype("<i2")


def seconds_since_1970(instant: datetime) -> float:
    """UTC seconds without leap seconds, as CF counts them."""
    return (instant - EPOCH).total_seconds()


def iso(instant: datetime) -> str:
    """2024-06-01T00:00:00Z"""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
