"""Fills what lies outside a shape in a NetCDF-4 or HDF5 file: a copy of the file, changed in place.

Obeys transformers-l3.md 3 of the project's contracts.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from shapely.geometry.base import BaseGeometry

from transformers.contract import NoRetry
from transformers.coordinates.packing import missing
from transformers.formats.hdf5 import Hdf5Granule
from transformers.formats.hdf5_attributes import write_attribute
from transformers.formats.layout import VariableInfo
from transformers.formats.netcdf import open_granule
from transformers.formats.provenance import with_line
from transformers.grid.masks import cells_of, geographic_mask, projected_mask
from transformers.grid.source import GridSource

SLAB_BYTES = 64 << 20
FILLS: dict[str, Any] = {
    "f": -9999.0, "i1": 127, "i2": 32767, "i4": 2147483647, "i8": 2**63 - 1, "u1": 254, "u2": 65534, "u4": 2**32 - 2,
    "u8": 2**64 - 2,
}  # fmt: skip
OBSERVED = {"observed_min": np.min, "observed_max": np.max, "observed_mean": np.mean}

Planned = list[tuple[str, tuple[int, int], np.ndarray]]  # variable, axes (y, x), cells inside


def mask_netcdf(
    source_path: Path, name: str, layout: Mapping[str, Any], shape: BaseGeometry, target: Path, line: str
) -> None:
    """Write `target`: the source file with fill values outside the shape, and one more line of history.

    A grid without any cell inside becomes all fill. Raises NoRetry when the file holds no grid, or one without a CRS.
    """
    with open_granule(source_path, name) as granule:
        if not isinstance(granule, Hdf5Granule):
            raise NoRetry(f"{name}: classic NetCDF cannot be masked in place; allowed: NetCDF-4 and HDF5")
        source = GridSource(granule, name, layout)
        plan = _plan(source, shape)
        places = {path: granule.dataset(path).name for path, _, _ in plan}
        root = granule.groups["/"]
    partial = target.with_name(f".{target.name}.partial")
    try:
        shutil.copyfile(source_path, partial)
        with h5py.File(partial, "r+", locking=False) as file:
            for path, axes, mask in plan:
                _fill(file[places[path]], source.variables[path], axes, mask, layout)
            _add_history(file, root, line)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def fill_of(dtype: np.dtype, fill: Any, layout: Mapping[str, Any]) -> Any:
    """What stands for nothing in data of this type: the collection's own, the file's, else one by type."""
    for value in (layout.get("fill_value"), fill):
        if value is not None:
            return np.asarray(value).reshape(-1)[0]
    return FILLS["f"] if dtype.kind == "f" else FILLS[dtype.str[1:]]


def _plan(source: GridSource, shape: BaseGeometry) -> Planned:
    """Every variable on a grid, with its mask; masks of the same grid are made once."""
    named = {r for p in source.variables for r in source.relations.references(p, ("coordinates", "bounds"))}
    masks: dict[tuple[str, str], np.ndarray] = {}
    plan: Planned = []
    for path, info in source.variables.items():
        if len(info.dims) < 2 or info.dtype.kind not in "iuf" or path in named or source.relations.excluded(path):
            continue
        pair = _pair(source, path)
        if pair is None:
            continue
        axes = info.dims.index(pair[0]), info.dims.index(pair[1])
        if pair not in masks:
            masks[pair] = _mask(source, path, pair, shape)
        plan.append((path, axes, masks[pair]))
    if not plan:
        raise NoRetry(f"{source.name}: no variable on a grid; allowed: latitude and longitude, or y and x")
    return plan


def _pair(source: GridSource, path: str) -> tuple[str, str] | None:
    """(y, x): the dimensions of a variable that lie on a grid, geographic or projected; None when it is on none."""
    dims = [d for d in source.variables[path].dims if source.coordinate(d)]
    lat = next((d for d in dims if source.relations.is_latitude(d)), None)
    lon = next((d for d in dims if source.relations.is_longitude(d)), None)
    if lat and lon:
        return lat, lon
    from transformers.grid.projected import map_dimensions

    return map_dimensions(source, path)


def _mask(source: GridSource, path: str, pair: tuple[str, str], shape: BaseGeometry) -> np.ndarray:
    if source.relations.is_latitude(pair[0]) and source.coordinate(pair[0]):
        cells = cells_of(*(source.axis(d).values for d in pair))
        return np.ones((1, 1), bool) if cells is None else geographic_mask(shape, cells)
    from transformers.grid.projected import projected_grid

    grid, _ = projected_grid(source, path, pair)
    cells = cells_of(grid.y, grid.x)
    return np.ones((1, 1), bool) if cells is None else projected_mask(shape, cells, grid.crs)


def _fill(
    dataset: h5py.Dataset, info: VariableInfo, axes: tuple[int, int], mask: np.ndarray, layout: Mapping[str, Any]
) -> None:
    """Fill the cells outside; datasets that are nothing but fill are left alone."""
    outside = ~(mask if axes[0] < axes[1] else mask.T)
    outside = np.expand_dims(outside, tuple(a for a in range(len(info.dims)) if a not in axes))
    fill = fill_of(info.dtype, info.fill, layout)
    kept: list[np.ndarray] = []
    for rows in _slabs(info):
        values = dataset[rows]
        if values.size and missing(values, {"_FillValue": fill}).all():
            continue
        cells = np.broadcast_to(outside[rows] if outside.shape[0] > 1 else outside, values.shape)
        if cells.any():
            values[cells] = fill
            dataset[rows] = values
        if set(OBSERVED) & set(info.attributes):
            kept.append(values[~missing(values, {"_FillValue": fill})])
    _observe(dataset, info, np.concatenate(kept) if kept else np.empty(0, info.dtype), fill)


def _observe(dataset: h5py.Dataset, info: VariableInfo, values: np.ndarray, fill: Any) -> None:
    """Recompute the observed extremes and mean over the cells that are left."""
    for name, measure in OBSERVED.items():
        if name in info.attributes:
            old = np.asarray(info.attributes[name])
            new = measure(values.astype(np.float64)) if values.size else fill
            if old.dtype.kind in "iuf":
                dataset.attrs.modify(name, np.asarray(new).astype(old.dtype).reshape(dataset.attrs[name].shape))
            else:
                del dataset.attrs[name]
                write_attribute(dataset, name, str(new))


def _slabs(info: VariableInfo) -> Iterator[slice]:
    """Runs along the first axis of bounded size."""
    row = max(1, int(np.prod(info.shape[1:], dtype=np.int64)) * info.dtype.itemsize)
    step = max(1, SLAB_BYTES // row)
    if info.chunks:
        step = max(info.chunks[0], step // info.chunks[0] * info.chunks[0])
    for start in range(0, info.shape[0], step):
        yield slice(start, min(start + step, info.shape[0]))


def _add_history(file: h5py.File, root: Mapping[str, Any], line: str) -> None:
    made = with_line(root, line)
    name = "History" if "History" in root else "history"
    if name in file.attrs:
        del file.attrs[name]
    write_attribute(file, name, made[name])
