"""Fills what lies outside shapes in a NetCDF or HDF5 file: written anew, variable by variable, as NetCDF-4.

Obeys transformers-l3.md 3 of the project's contracts.
"""

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
from transformers.formats.hdf5_attributes import write_attribute
from transformers.formats.layout import VariableInfo
from transformers.formats.netcdf import Writer, open_granule
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
        source = GridSource(granule, name, layout)
        plan = {path: (axes, mask) for path, axes, mask in _plan(source, shapes)}
        with Writer(target) as writer:
            writer.group("/", with_line(granule.groups["/"], line))
            for group, attributes in granule.groups.items():
                if group != "/":
                    writer.group(group, attributes)
            for dimension in granule.dimensions.values():
                writer.dimension(dimension.path, dimension.size, unlimited=dimension.unlimited)
            for path, info in granule.variables.items():
                made = writer.variable(info)
                if path in plan:
                    _fill(source, info, made, *plan[path])
                else:
                    for slab in _slabs(info):
                        made[slab] = granule.read(path, slab)


def _plan(source: GridSource, shapes: Sequence[BaseGeometry]) -> Planned:
    """Every variable on a grid, with its mask; masks of the same grid are made once."""
    pairs = {path: pair for path in _fields(source) if (pair := _pair(source, path))}
    if not pairs:
        raise NoRetry(f"{source.name}: no variable on a grid; allowed: latitude and longitude, or y and x")
    # Of variables on one grid, one that names a grid mapping speaks for all.
    ordered = sorted(pairs, key=lambda path: not source.relations.references(path, ("grid_mapping",)))
    masks: dict[tuple[str, str], np.ndarray] = {}
    for path in ordered:
        if pairs[path] not in masks:
            masks[pairs[path]] = _mask(source, path, pairs[path], shapes)
    plan: Planned = []
    for path, (y, x) in pairs.items():
        dims = source.variables[path].dims
        plan.append((path, (dims.index(y), dims.index(x)), masks[y, x]))
    return plan


def _fields(source: GridSource) -> list[str]:
    """Numbers along two axes or more that neither say where the cells are nor are refused by the layout."""
    relations = source.relations
    named = {r for p in source.variables for r in relations.references(p, ("coordinates", "bounds"))}
    return [
        path
        for path, info in source.variables.items()
        if len(info.dims) >= 2
        and info.dtype.kind in "iuf"
        and path not in named
        and not (relations.is_latitude(path) or relations.is_longitude(path) or relations.excluded(path))
    ]


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


def _fill(source: GridSource, info: VariableInfo, made: h5py.Dataset, axes: tuple[int, int], mask: np.ndarray) -> None:
    """Write a variable with the cells outside filled."""
    outside = ~(mask if axes[0] < axes[1] else mask.T)
    outside = np.expand_dims(outside, tuple(a for a in range(len(info.dims)) if a not in axes))
    configured = source.relations.layout.get("fill_value")
    fill = fill_of(info.dtype, configured, info.fill, info.attributes.get("missing_value"))
    observed = bool(set(OBSERVED) & set(info.attributes))
    kept: list[np.ndarray] = []
    for slab in _slabs(info):
        cells = outside[tuple(slice(None) if n == 1 else s for s, n in zip(slab, outside.shape, strict=True))]
        values = source.granule.read(info.path, slab)
        np.copyto(values, fill, where=cells)
        made[slab] = values
        if observed:
            kept.append(values[~missing(values, {"_FillValue": fill})])
    _observe(made, info, np.concatenate(kept) if kept else np.empty(0, info.dtype), fill)


def _observe(made: h5py.Dataset, info: VariableInfo, values: np.ndarray, fill: Any) -> None:
    """Recompute the observed extremes and mean over the cells that are left."""
    for name, measure in OBSERVED.items():
        if name in info.attributes:
            old = np.asarray(info.attributes[name])
            new = measure(values.astype(np.float64)) if values.size else fill
            if old.dtype.kind in "iuf":
                made.attrs.modify(name, np.asarray(new).astype(old.dtype).reshape(made.attrs[name].shape))
            else:
                del made.attrs[name]
                write_attribute(made, name, str(new))


def _slabs(info: VariableInfo) -> Iterator[Any]:
    """Parts of bounded size that make up a variable: runs of whole chunks along its first axis of some length."""
    if not info.shape:
        yield ...
    if not info.shape or 0 in info.shape:
        return
    axis = next((i for i, n in enumerate(info.shape) if n > 1), 0)
    size = info.shape[axis]
    step = max(1, SLAB_BYTES // (prod(info.shape) // size * info.dtype.itemsize))
    if info.chunks:
        step = max(info.chunks[axis], step // info.chunks[axis] * info.chunks[axis])
    whole = [slice(0, n) for n in info.shape]
    for start in range(0, size, step):
        yield (*whole[:axis], slice(start, min(start + step, size)), *whole[axis + 1 :])
