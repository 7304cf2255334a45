"""Copies a file variable by variable and fills the cells outside its masks. Everything else stays as it was.

Obeys transformers-l3.md 3 ("Apply", "Fill", "HDF") of the project's contracts.
"""

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from transformers.formats.hdf5_attributes import write_attribute
from transformers.formats.layout import VariableInfo
from transformers.formats.netcdf import Writer
from transformers.grid.fills import fill_of
from transformers.grid.masks import Mask
from transformers.grid.source import GridSource

SLAB_BYTES = 32 << 20
OBSERVED = ("observed_min", "observed_max", "observed_mean")


def write_filled(source: GridSource, masks: Mapping[str, Mask], root: Mapping[str, Any], path: Path) -> None:
    """Write the whole file with the masked variables filled. root: the global attributes of the output."""
    granule = source.granule
    with Writer(path) as writer:
        writer.group("/", root)
        for group, attributes in granule.groups.items():
            if group != "/":
                writer.group(group, attributes)
        for dimension in granule.dimensions.values():
            writer.dimension(dimension.path, dimension.size, unlimited=dimension.unlimited)
        for info in granule.variables.values():
            made = writer.variable(info)
            if info.path in masks:
                _fill(source, info, masks[info.path], made)
            else:
                for slab in slabs_of(info):
                    made[slab] = granule.read(info.path, slab)


def slabs_of(info: VariableInfo) -> Iterator[Any]:
    """Selections that make up a variable, each of bounded size and of whole chunks along the axis that is cut."""
    if not info.shape:
        yield ...
        return
    if 0 in info.shape:
        return
    axis = next((i for i, n in enumerate(info.shape) if n > 1), 0)
    size = info.shape[axis]
    step = max(1, SLAB_BYTES // max(1, prod(info.shape) // size * info.dtype.itemsize))
    chunk = info.chunks[axis] if info.chunks else 1
    step = max(chunk, step // chunk * chunk)
    for start in range(0, size, step):
        yield (
            *[slice(None)] * axis,
            slice(start, min(start + step, size)),
            *[slice(None)] * (len(info.shape) - axis - 1),
        )


def _fill(source: GridSource, info: VariableInfo, mask: Mask, made: h5py.Dataset) -> None:
    said = source.relations.attributes(info.path)
    fill = fill_of(info.dtype, said.get("_FillValue"), said.get("missing_value"))
    inside = mask.over(info)
    observed = Observed()
    for slab in slabs_of(info):
        values = source.granule.read(info.path, slab)
        kept = np.broadcast_to(inside[_of_mask(slab, inside.shape)], values.shape)
        np.copyto(values, fill, where=~kept)
        observed.see(values[kept & ~_is(values, fill)])
        made[slab] = values
    for name in OBSERVED:
        old = np.asarray(info.attributes.get(name, ""))
        if old.dtype.kind in "iuf":
            write_attribute(made, name, np.asarray(observed.value(name, fill)).astype(old.dtype).reshape(old.shape))


class Observed:
    """Least, greatest and mean of all values seen."""

    def __init__(self) -> None:
        self.count, self.total = 0, 0.0
        self.least: Any = None
        self.greatest: Any = None

    def see(self, values: np.ndarray) -> None:
        """Take these in as well; NaN is nothing seen."""
        values = values[values == values]
        if values.size:
            self.count += values.size
            self.total += float(values.sum(dtype=np.float64))
            least, greatest = values.min(), values.max()
            self.least = least if self.least is None else min(self.least, least)
            self.greatest = greatest if self.greatest is None else max(self.greatest, greatest)

    def value(self, name: str, fill: Any) -> Any:
        """Of `observed_min`, `observed_max` or `observed_mean`; the fill value when nothing was seen."""
        if not self.count:
            return fill
        return {"observed_min": self.least, "observed_max": self.greatest}.get(name, self.total / self.count)


def _of_mask(slab: tuple[slice, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The slab of a mask that has axes of length 1."""
    return tuple(slice(None) if n == 1 else s for s, n in zip(slab, shape, strict=True))


def _is(values: np.ndarray, fill: Any) -> np.ndarray:
    return np.isnan(values) if fill != fill else values == fill
