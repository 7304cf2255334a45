"""Cuts and writes the variables of a grid subset. Values pass as stored, bit for bit.

Obeys transformers-l3.md 2.7 (cells blanked) and 2.13 of the project's contracts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from transformers.coordinates.grid import IndexRange
from transformers.formats.layout import Granule, VariableInfo, parent_of
from transformers.formats.netcdf import Writer
from transformers.grid.source import GridSource

SLAB_BYTES = 64 << 20
# What NetCDF gives for cells never written (netcdf.h, NC_FILL_*), by kind and size.
DEFAULT_FILLS: dict[str, Any] = {
    "i1": -127, "u1": 255, "i2": -32767, "u2": 65535, "i4": -2147483647, "u4": 4294967295,
    "i8": -9223372036854775806, "u8": 18446744073709551614, "f4": 9.969209968386869e36, "f8": 9.969209968386869e36,
}  # fmt: skip


def write(
    source: GridSource, required: Sequence[str], ranges: Mapping[str, IndexRange], root: Mapping[str, Any], path: Path
) -> None:
    """Write the required variables, cut, with their groups. root: the global attributes of the output."""
    granule = source.granule
    used = {d for p in required for d in granule.variables[p].dims}
    with Writer(path) as writer:
        writer.group("/", root)
        for group in kept_groups(granule, required):
            writer.group(group, granule.groups[group])
        for dim in (d for d in granule.dimensions.values() if d.path in used):
            found = ranges.get(dim.path)
            writer.dimension(dim.path, dim.size if found is None else found.last + 1 - found.first)
        for name in required:
            _copy(source, writer, granule.variables[name], ranges)


def kept_groups(granule: Granule, required: Sequence[str]) -> list[str]:
    """The groups of the required variables and all their parents, but the root, in the order of the file."""
    kept = set()
    for path in required:
        group = parent_of(path)
        while group != "/":
            kept.add(group)
            group = parent_of(group)
    return [g for g in granule.groups if g in kept]


def constraint(source: GridSource, required: Sequence[str], ranges: Mapping[str, IndexRange]) -> str:
    """The DAP4 constraint expression that gives the same hyperslabs (2.13); both ends of a range are included."""
    terms = []
    for path in required:
        dims = source.variables[path].dims
        sizes = {d: source.granule.dimensions[d].size for d in dims}
        cut = {d: r for d in dims if (r := ranges.get(d)) and not (r.blank and r.last - r.first + 1 == sizes[d])}
        index = "".join(f"[{cut[d].first}:{cut[d].last}]" if d in cut else "[]" for d in dims)
        terms.append(path + (index if cut else ""))
    return ";".join(terms)


def _copy(source: GridSource, writer: Writer, info: VariableInfo, ranges: Mapping[str, IndexRange]) -> None:
    window = tuple(ranges[d].slice if d in ranges else slice(0, n) for d, n in zip(info.dims, info.shape, strict=True))
    made = writer.variable(replace(info, shape=tuple(s.stop - s.start for s in window)))
    gaps = [] if source.relations.is_longitude(info.path) else _gaps(info, ranges)
    for slab, target in _slabs(window, info.dtype.itemsize):
        values = source.granule.read(info.path, slab)
        for axis, cells in gaps:
            _blank(values, info, axis, cells, target)
        if values.size:
            made[target] = values


def _gaps(info: VariableInfo, ranges: Mapping[str, IndexRange]) -> list[tuple[int, slice]]:
    """(axis, cells of the output) that are inside the box of indices but not asked for."""
    return [
        (axis, slice(first - ranges[d].first, last + 1 - ranges[d].first))
        for axis, d in enumerate(info.dims)
        if d in ranges
        for first, last in ranges[d].blank
    ]


def _blank(values: np.ndarray, info: VariableInfo, axis: int, cells: slice, target: Any) -> None:
    start = target[axis].start
    size = values.shape[axis]
    here = slice(max(cells.start - start, 0), min(max(cells.stop - start, 0), size))
    fill = info.fill if info.fill is not None else DEFAULT_FILLS.get(info.dtype.str[1:])
    if fill is None:
        fill = b"\0" if info.dtype.kind == "S" else ""
    values[(slice(None),) * axis + (here,)] = fill


def _slabs(window: tuple[slice, ...], itemsize: int) -> Iterator[tuple[Any, Any]]:
    """(what to read, where it goes), in runs of rows of bounded size."""
    if not window:
        yield ..., ...
        return
    first, rest = window[0], window[1:]
    row = max(1, prod(s.stop - s.start for s in rest) * itemsize)
    step = max(1, SLAB_BYTES // row)
    whole = tuple(slice(0, s.stop - s.start) for s in rest)
    for start in range(first.start, first.stop, step):
        stop = min(start + step, first.stop)
        yield (slice(start, stop), *rest), (slice(start - first.start, stop - first.start), *whole)
