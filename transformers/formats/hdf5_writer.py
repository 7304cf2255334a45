"""Writes NetCDF-4: dimensions, groups, variables, so that netCDF-C, h5netcdf, xarray and h5py read the same file.

Straight through h5py, as every value, filter and chunk is ours to choose and whole chunks can be passed on undecoded.
The file appears under its name only when it is whole. Obeys "NetCDF-4 File Format Specification" (dimension scales,
`_Netcdf4Dimid`, `_Netcdf4Coordinates`, `_nc4_non_coord_`).
"""

import re
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
from h5py import h5ds

from transformers.formats.hdf5_attributes import write_attribute, write_attributes
from transformers.formats.layout import Dimension, VariableInfo, is_visible, join, name_of, parent_of
from transformers.formats.spilling_file import SpillingFile

_CHUNK_BYTES = 4 << 20  # of a chunk that nobody chose
_LEGAL_NAME = re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff]([^\x00-\x1f\x7f/]*[^\x00-\x1f\x7f/ ])?")  # NetCDF user's guide
_ONLY_DIMENSION = "This is a netCDF dimension but not a netCDF variable.{:10d}"


class Writer:
    """One NetCDF-4 file being written. Use as a context manager: an exception inside leaves no file behind.

    Declare dimensions before the variables that use them, groups in any order.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._disk = SpillingFile(self._partial)
        self.file = h5py.File(self._disk, "w", libver=("v108", "v110"), track_order=True)
        self._properties()
        self._groups: dict[str, h5py.Group] = {"/": self.file}
        self._dimensions: dict[str, Dimension] = {}
        self._coordinates: dict[str, h5py.Dataset] = {}  # dimension -> the variable that is its scale
        self._attach: list[tuple[h5py.Dataset, tuple[str, ...]]] = []
        self._types: dict[np.dtype, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def dimension(self, path: str, size: int, *, unlimited: bool = False) -> None:
        """Declare a dimension. The same again is nothing new; another size raises ValueError."""
        known = self._dimensions.setdefault(path, Dimension(path, size, unlimited))
        if known.size != size:
            raise ValueError(f"dimension {path}: size {size}, but it was declared with {known.size}")

    def group(self, path: str, attributes: Mapping[str, Any] | None = None) -> h5py.Group:
        """Make a group (and its parents) unless it is there, and give it these attributes."""
        group = self._group(path)
        write_attributes(group, _legal_names(attributes or {}, path))
        return group

    def variable(self, info: VariableInfo, data: np.ndarray | None = None) -> h5py.Dataset:
        """Make a variable as `info` says (path, dims, shape, dtype, attributes, filters, chunks, fill); write the data.

        Without data the caller fills the returned dataset (also by whole chunks: `dataset.id.write_direct_chunk`).
        A dimension that is not visible from the variable's group is declared in that group under the same name.
        Filters that HDF5 cannot encode are replaced by shuffle and deflate.
        """
        dims = tuple(self._visible(dim, size, info) for dim, size in zip(info.dims, info.shape, strict=True))
        name = info.name
        own = join(info.group, name)
        if own in self._dimensions and dims[:1] != (own,):
            name = "_nc4_non_coord_" + name
        dataset = self._group(info.group).create_dataset(_utf8(name), **self._creation(info, dims))
        if dims[:1] == (own,):
            self._coordinates[own] = dataset
            if len(dims) > 1:
                numbers = list(self._dimensions)
                dataset.attrs["_Netcdf4Coordinates"] = np.array([numbers.index(d) for d in dims], "i4")
        else:
            self._attach.append((dataset, dims))
        write_attributes(dataset, _fitting_fill(_legal_names(info.attributes, info.path), info.dtype))
        if data is not None and data.size:
            dataset[...] = data
        self._check_disk()
        return dataset

    def close(self) -> None:
        """Write the dimension scales and give the file its name."""
        try:
            self._write_scales()
            self.file.close()
            self._check_disk()
            self._disk.close()
            self._partial.replace(self.path)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Leave nothing behind."""
        try:
            self.file.close()
        finally:
            self._disk.close()
            self._partial.unlink(missing_ok=True)

    def _check_disk(self) -> None:
        if self._disk.error:
            raise self._disk.error

    def _properties(self) -> None:
        versions = f"version=2,harmonium=0.1.0,hdf5={h5py.version.hdf5_version},h5py={h5py.version.version}"
        write_attribute(self.file, "_NCProperties", versions)

    def _group(self, path: str) -> h5py.Group:
        if path not in self._groups:
            parent = self._group(parent_of(path))
            self._groups[path] = parent.create_group(_utf8(name_of(path)), track_order=True)
        return self._groups[path]

    def _visible(self, dim: str, size: int, info: VariableInfo) -> str:
        if not is_visible(dim, info.group):
            dim = join(info.group, name_of(dim))
            self.dimension(dim, size)
        if dim not in self._dimensions:
            raise ValueError(f"variable {info.path}: dimension {dim} was not declared")
        if self._dimensions[dim].size != size:
            raise ValueError(f"variable {info.path}: {size} along {dim}, declared {self._dimensions[dim].size}")
        return dim

    def _creation(self, info: VariableInfo, dims: tuple[str, ...]) -> dict[str, Any]:
        """Arguments for h5py's create_dataset."""
        dtype = self._storable(info.dtype)
        made: dict[str, Any] = {"shape": info.shape, "dtype": dtype, "track_order": True}
        fill = info.storage_fill if info.fill is None else _as_dtype(info.fill, info.dtype)
        if fill is not None and info.dtype.kind in "iufS":
            made["fillvalue"] = fill
        endless = [self._dimensions[d].unlimited for d in dims]
        if any(size == 0 and not e for size, e in zip(info.shape, endless, strict=True)):
            return made  # nothing to keep, and HDF5 allows no chunk on an axis fixed at 0
        if any(endless):
            made["maxshape"] = tuple(None if e else s for e, s in zip(endless, info.shape, strict=True))
        packs = info.dtype.kind in "iufbS" and bool(info.filters.deflate or info.filters.other)
        if info.shape and (any(endless) or packs or info.chunks or info.filters.fletcher32):
            made["chunks"] = _chunks(info)
            made["fletcher32"] = info.filters.fletcher32
            if packs:
                made |= {"compression": "gzip", "compression_opts": info.filters.deflate or 4}
                made["shuffle"] = info.filters.shuffle or bool(info.filters.other)
        return made

    def _storable(self, dtype: np.dtype) -> Any:
        """Types of a user (enum, compound) must be named in the file, or netCDF-C cannot open it."""
        if dtype.kind not in "Vb" and h5py.check_enum_dtype(dtype) is None:
            return dtype
        if dtype not in self._types:
            name = f"type_{len(self._types) + 1}"
            self.file[name] = dtype
            self._types[dtype] = self.file[name]
        return self._types[dtype]

    def _write_scales(self) -> None:
        scales = {}
        for number, dim in enumerate(self._dimensions.values()):
            scale = self._coordinates.get(dim.path)
            if scale is None:
                more = {"maxshape": (None,), "chunks": (min(max(dim.size, 1), 1024),)} if dim.unlimited else {}
                scale = self._group(parent_of(dim.path)).create_dataset(
                    _utf8(name_of(dim.path)), shape=(dim.size,), dtype=">f4", track_order=True, **more
                )
                h5ds.set_scale(scale.id, _ONLY_DIMENSION.format(dim.size).encode())
            else:
                h5ds.set_scale(scale.id, _utf8(name_of(dim.path)).encode())
            scale.attrs["_Netcdf4Dimid"] = np.int32(number)
            scales[dim.path] = scale
        for dataset, dims in self._attach:
            for axis, path in enumerate(dims):
                h5ds.attach_scale(dataset.id, scales[path].id, axis)


def _utf8(name: str) -> str:
    """A name as NetCDF wants it; one that was read as odd bytes is taken for Latin-1."""
    raw = name.encode("utf-8", "surrogateescape")
    return name if raw == name.encode("utf-8", "replace") else raw.decode("latin-1")


def _chunks(info: VariableInfo) -> tuple[int, ...]:
    if info.chunks and len(info.chunks) == len(info.shape):
        return tuple(max(1, min(c, s)) for c, s in zip(info.chunks, info.shape, strict=True))
    chunk = [max(1, s) for s in info.shape]
    for axis in range(len(chunk)):  # halve the slowest axes first, so that a chunk stays one run of rows
        while prod(chunk) * info.dtype.itemsize > _CHUNK_BYTES and chunk[axis] > 1:
            chunk[axis] = -(-chunk[axis] // 2)
    return tuple(chunk)


def _as_dtype(value: Any, dtype: np.dtype) -> Any:
    """A fill value in the type of its variable; None when that type cannot hold it."""
    try:
        one = np.asarray(value).reshape(-1)[:1]
        if dtype.kind == "S":  # a number as the fill of characters: netCDF-4 can only keep its first character
            return np.array(one[0] if one.dtype.kind == "S" else str(one[0]).encode()).astype(dtype)[()]
        if one.dtype.kind in "SUO":
            return None
        with np.errstate(all="ignore"):
            cast = one.astype(dtype)
            same = bool(cast.astype(one.dtype)[0] == one[0]) or (one[0] != one[0] and cast[0] != cast[0])
        # A float fill of float32 data is rarely a float32: rounding to the type is what readers do.
        return cast[0] if one.size and (same or dtype.kind == "f") else None
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _fitting_fill(attributes: Mapping[str, Any], dtype: np.dtype) -> Mapping[str, Any]:
    """`_FillValue` in the type of its variable (classic files may differ, netCDF-4 may not)."""
    if "_FillValue" not in attributes or dtype.kind not in "iufS":
        return attributes
    fitting = _as_dtype(attributes["_FillValue"], dtype)
    if fitting is None:
        return {("missing_value" if k == "_FillValue" else k): v for k, v in attributes.items()}
    return {**attributes, "_FillValue": fitting}


def _legal_names(attributes: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Names netCDF accepts. One that it refuses (a slash, a control character, an odd first character, a blank at
    the end) gets blanks as `_`, other odd characters dropped, a leading digit prefixed with `_`.

    Raises ValueError when two names become equal (transformers-l2.md, section 5 of the project's contracts).
    """
    legal: dict[str, Any] = {}
    for name, value in attributes.items():
        new = name if _LEGAL_NAME.fullmatch(name) else re.sub(r"[^A-Za-z0-9_\-]", "", name.replace(" ", "_"))
        new = "_" + new if new is not name and new[:1].isdigit() else new
        if new in legal:
            raise ValueError(f"{where}: two attributes would both be called {new!r} in NetCDF")
        if new:
            legal[new] = value
    return legal
