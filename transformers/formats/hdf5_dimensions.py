"""Which dimensions the datasets of an HDF5 file have, and what they are called.

In this order: the attached dimension scale; itself if it is a scale; the attribute `DimensionNames` (scoped to the
top-level group); the HDF-EOS `StructMetadata` (scoped to its swath or grid); else `phony_dim_N`, made per group and by
size as netCDF-C makes them. Only made-up names are ever replaced. Obeys catalog.md 3 ("Dimension names") and
transformers-l2.md 3.3 of the project's contracts; layout of scales: "NetCDF-4 File Format Specification", appendix.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from h5py import h5o, h5r

from transformers.formats.hdfeos import EosField, attribute_names, fields_of
from transformers.formats.layout import Dimension, join, name_of, parent_of

_ONLY_DIMENSION = b"This is a netCDF dimension but not a netCDF variable"


@dataclass(frozen=True, slots=True)
class Found:
    """A dataset met on the walk, with its attributes. path: of the variable that it is."""

    path: str
    dataset: h5py.Dataset
    attributes: Mapping[str, Any]


def resolve(file: h5py.File, found: Mapping[str, Found]) -> tuple[dict[str, Dimension], dict[str, tuple[str, ...]]]:
    """All dimensions by path, and the dimensions of each dataset, in the order and by the paths of `found`. Datasets
    that only declare a dimension are absent from the second."""
    table = _Table(file, found)
    return table.dimensions, table.dims


class _Table:
    def __init__(self, file: h5py.File, found: Mapping[str, Found]) -> None:
        self._file, self._found = file, found
        self.dimensions: dict[str, Dimension] = {}
        self.dims: dict[str, tuple[str, ...]] = {}
        scales = [one for one in found.values() if one.dataset.attrs.get("CLASS") == b"DIMENSION_SCALE"]
        self._by_id: dict[int, str] = {}
        self._at = {h5o.get_info(one.dataset.id).addr: one.path for one in scales}
        for one in scales:
            size = one.dataset.shape[0] if one.dataset.shape else 1
            endless = bool(one.dataset.maxshape) and one.dataset.maxshape[0] is None
            self.dimensions[one.path] = Dimension(one.path, int(size), endless)
            if "_Netcdf4Dimid" in one.dataset.attrs:
                self._by_id[int(one.dataset.attrs["_Netcdf4Dimid"])] = one.path
        is_scale = {one.path for one in scales}
        partly = {
            path: self._from_scales(one, path in is_scale)
            for path, one in found.items()
            if not (path in is_scale and _only_dimension(one.dataset))
        }
        self._fill_gaps(partly)

    def _from_scales(self, one: Found, is_scale: bool) -> list[str | None]:
        """Dimension of each axis, None where no scale says."""
        rank = one.dataset.ndim
        if is_scale:
            numbers = np.atleast_1d(one.dataset.attrs.get("_Netcdf4Coordinates", []))
            if rank > 1 and len(numbers) == rank:
                return [self._by_id.get(int(n)) for n in numbers]
            return [one.path, *[None] * (rank - 1)][:rank]
        if "DIMENSION_LIST" not in one.dataset.attrs:
            return [None] * rank
        dims: list[str | None] = []
        for references in one.dataset.attrs["DIMENSION_LIST"]:
            dims.append(self._target(references[0]) if len(references) else None)
        return dims

    def _target(self, reference: Any) -> str | None:
        """The scale that a reference points to. By address: asking HDF5 for the name searches the whole file."""
        if not reference:
            return None
        try:
            return self._at.get(h5o.get_info(h5r.dereference(reference, self._file.id)).addr)
        except (KeyError, ValueError, RuntimeError):  # it dangles: a copy left the scale behind
            return None

    def _fill_gaps(self, partly: Mapping[str, list[str | None]]) -> None:
        """Name the axes without a scale: first by netCDF-C's made-up names, then by what the file says elsewhere."""
        gaps = {path for path, dims in partly.items() if None in dims}
        said = self._said(gaps)
        made_up: dict[str, list[str]] = {}
        counter = len(self.dimensions)
        for path, dims in partly.items():
            if path not in gaps:
                self.dims[path] = tuple(d for d in dims if d)
                continue
            named: list[str] = []
            for axis, dim in enumerate(dims):
                if dim is None and axis and axis == len(dims) - 1 and self._found[path].dataset.dtype == "S1":
                    dim = self._text_axis(path)
                if dim is None:
                    dim = self._same_size(parent_of(path), self._found[path].dataset, axis, named)
                if dim is None:
                    dim = join(parent_of(path), f"phony_dim_{counter}")
                    counter += 1
                    size = self._found[path].dataset.shape[axis]
                    self.dimensions[dim] = Dimension(dim, int(size), anonymous=True)
                named.append(dim)
            made_up[path] = named
        replaced: dict[str, str] = {}  # the first name that a made-up one gets holds for its whole group
        for path, named in made_up.items():
            for axis, (scope, name) in enumerate(said.get(path, ())):
                dim = named[axis]
                if self.dimensions[dim].anonymous and dim not in replaced:
                    better = self._declare(scope, name, self.dimensions[dim].size, parent_of(path))
                    if better:
                        replaced[dim] = better
        for path, named in made_up.items():
            self.dims[path] = tuple(replaced.get(d, d) for d in named)
        used = {d for dims in self.dims.values() for d in dims}
        for path in [p for p, d in self.dimensions.items() if d.anonymous and p not in used]:
            del self.dimensions[path]

    def _text_axis(self, path: str) -> str:
        """The axis along a text of single characters: `string<length>`, as the Python libraries call it."""
        size = int(self._found[path].dataset.shape[-1])
        dim = join(parent_of(path), f"string{size}")
        self.dimensions.setdefault(dim, Dimension(dim, size))
        return dim

    def _same_size(self, group: str, dataset: h5py.Dataset, axis: int, taken: Iterable[str]) -> str | None:
        """A dimension of this group with the size of the axis that the variable does not use yet (as netCDF-C)."""
        for dim in self.dimensions.values():
            if parent_of(dim.path) == group and dim.size == dataset.shape[axis] and dim.path not in taken:
                return dim.path
        return None

    def _said(self, gaps: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
        """(scope, name) of each axis for the variables whose file says it outside the dimension scales."""
        fields: dict[tuple[str, str], EosField] = {}
        for path, one in self._found.items():
            if "StructMetadata" in name_of(path) and one.dataset.shape == () and one.dataset.dtype.kind in "SO":
                for field in fields_of(bytes(one.dataset[()]).decode("ascii", "replace")):
                    fields.setdefault((field.group, field.name), field)
        said = {}
        for path in gaps:
            one = self._found[path]
            names = attribute_names(one.attributes.get("DimensionNames"), one.dataset.ndim)
            if names:
                top = "/" + path.split("/")[1] if path.count("/") > 1 else "/"
                said[path] = [(top, name) for name in names]
                continue
            owner = "/".join(path.split("/")[:4])
            eos = fields.get((owner, name_of(path)))
            if eos and len(eos.dims) == one.dataset.ndim:
                said[path] = [(owner, name) for name in eos.dims]
        return said

    def _declare(self, scope: str, name: str, size: int, group: str) -> str | None:
        """A named dimension of this size in the scope, or, if the name means another size there, in the group."""
        for place in (scope, group):
            path = join(place, name)
            known = self.dimensions.get(path)
            if known is None:
                self.dimensions[path] = Dimension(path, size)
                return path
            if known is not None and known.size == size:
                return path
        return None


def _only_dimension(dataset: h5py.Dataset) -> bool:
    name = dataset.attrs.get("NAME", b"")
    return (name if isinstance(name, bytes) else str(name).encode()).startswith(_ONLY_DIMENSION)
