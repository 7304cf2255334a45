"""Fills what lies outside a shape in a NetCDF-4 or HDF5 file: a copy of the file, changed in place.

Obeys transformers-l3.md 3 of the project's contracts.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from shapely.geometry.base import BaseGeometry

from transformers.contract import NoRetry
from transformers.coordinates.axes import score
from transformers.coordinates.packing import missing
from transformers.formats.hdf5 import Hdf5Granule
from transformers.formats.hdf5_attributes import write_attribute
from transformers.formats.layout import VariableInfo
from transformers.formats.netcdf import open_granule
from transformers.formats.provenance import with_line
from transformers.grid.fills import fill_of
from transformers.grid.masks import geographic_mask, projected_mask
from transformers.grid.source import GridSource

SLAB_BYTES = 64 << 20
SURE = 2.0  # points of `axes.score` from which a coordinate is a latitude or longitude
OBSERVED = {"observed_min": np.min, "observed_max": np.max, "observed_mean": np.mean}

Planned = list[tuple[str, tuple[int, int], np.ndarray]]  # variable, axes (y, x), cells inside


def mask_netcdf(
    source_path: Path, name: str, layout: Mapping[str, Any], shapes: Sequence[BaseGeometry], target: Path, line: str
) -> None:
    """Write `target`: the source file with fill values outside the shapes, and one more line of history.

    A grid without any cell inside becomes all fill. Raises NoRetry when the file holds no grid, or one without a CRS.
    """
    with open_granule(source_path, name) as granule:
        if not isinstance(granule, Hdf5Granule):
            raise NoRetry(f"{name}: classic NetCDF cannot be masked in place; allowed: NetCDF-4 and HDF5")
        source = GridSource(granule, name, layout)
        plan = _plan(source, shapes)
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


def _plan(source: GridSource, shapes: Sequence[BaseGeometry]) -> Planned:
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
            masks[pair] = _mask(source, path, pair, shapes)
        plan.append((path, axes, masks[pair]))
    if not plan:
        raise NoRetry(f"{source.name}: no variable on a grid; allowed: latitude and longitude, or y and x")
    return plan


def _pair(source: GridSource, path: str) -> tuple[str, str] | None:
    """(y, x): the dimensions of a variable that lie on a grid, geographic or projected; None when it is on none."""
    dims = [d for d in source.variables[path].dims if source.coordinate(d)]
    lat = next((d for d in dims if _in_degrees(source, d, "latitude")), None)
    lon = next((d for d in dims if _in_degrees(source, d, "longitude")), None)
    if lat and lon:
        return lat, lon
    from transformers.grid.projected import map_dimensions

    return map_dimensions(source, path)


def _in_degrees(source: GridSource, dim: str, kind: str) -> bool:
    """A latitude or longitude: by its units, or by plain degrees and its name."""
    relations = source.relations
    if relations.is_latitude(dim) or relations.is_longitude(dim):
        return relations.is_latitude(dim) == (kind == "latitude")
    return "degree" in relations.text(dim, "units").lower() and score(source.variables[dim], kind) >= SURE


def _mask(source: GridSource, path: str, pair: tuple[str, str], shapes: Sequence[BaseGeometry]) -> np.ndarray:
    if source.coordinate(pair[0]) and _in_degrees(source, pair[0], "latitude"):
        return geographic_mask(shapes, source.axis(pair[0]), source.axis(pair[1]))
    from transformers.grid.projected import projected_grid

    grid, (y, x) = projected_grid(source, path, pair)
    return projected_mask(shapes, y, x, grid.crs)


def _fill(
    dataset: h5py.Dataset, info: VariableInfo, axes: tuple[int, int], mask: np.ndarray, layout: Mapping[str, Any]
) -> None:
    """Fill the cells outside; datasets that are nothing but fill are left alone."""
    outside = ~(mask if axes[0] < axes[1] else mask.T)
    outside = np.expand_dims(outside, tuple(a for a in range(len(info.dims)) if a not in axes))
    fill = fill_of(info.dtype, layout.get("fill_value"), info.fill, info.attributes.get("missing_value"))
    observed = bool(set(OBSERVED) & set(info.attributes))
    kept: list[np.ndarray] = []
    for slab in _slabs(info):
        cells = outside[tuple(slice(None) if n == 1 else s for s, n in zip(slab, outside.shape, strict=True))]
        if not (cells.any() or observed):
            continue
        values = dataset[slab]
        if missing(values, {"_FillValue": fill}).all():
            continue
        if cells.any():
            np.copyto(values, fill, where=cells)
            dataset[slab] = values
        if observed:
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


def _slabs(info: VariableInfo) -> Iterator[tuple[slice, ...]]:
    """Parts of bounded size that make up a variable: runs of whole chunks along its first axis of some length."""
    if 0 in info.shape:
        return
    axis = next((i for i, n in enumerate(info.shape) if n > 1), 0)
    size = info.shape[axis]
    step = max(1, SLAB_BYTES // (prod(info.shape) // size * info.dtype.itemsize))
    if info.chunks:
        step = max(info.chunks[axis], step // info.chunks[axis] * info.chunks[axis])
    whole = [slice(0, n) for n in info.shape]
    for start in range(0, size, step):
        yield (*whole[:axis], slice(start, min(start + step, size)), *whole[axis + 1 :])


def _add_history(file: h5py.File, root: Mapping[str, Any], line: str) -> None:
    made = with_line(root, line)
    name = "History" if "History" in root else "history"
    if name in file.attrs:
        del file.attrs[name]
    write_attribute(file, name, made[name])
