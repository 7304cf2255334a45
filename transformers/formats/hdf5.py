"""NetCDF-4, HDF5 and HDF-EOS5 files through h5py: groups, variables, attributes, values as stored.

Names of dimensions are worked out in `hdf5_dimensions.py`. Links that leave the file are not followed, and values
kept in other files are not read: a granule is one file. Writing is `hdf5_writer.py`.
"""

import importlib.util
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5l, h5pl, h5z

from transformers.contract import NoRetry
from transformers.formats.hdf5_attributes import read_attributes
from transformers.formats.hdf5_dimensions import Found, resolve
from transformers.formats.layout import Filters, Granule, VariableInfo, join

_NON_COORDINATE = "_nc4_non_coord_"  # netCDF-C's disguise of a variable named like a dimension it does not have

# What h5py raises for damaged bytes. A wrong selection raises some of these too, but selections are ours, not a file's.
BROKEN = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError)


class Hdf5Granule(Granule):
    """An HDF5 file. `file` and `dataset()` are for those who read chunks themselves."""

    def __init__(self, path: Path, title: str) -> None:
        self.path, self._title = path, title
        try:
            self.file = h5py.File(path, "r", locking=False)
        except BROKEN as error:
            raise NoRetry(f"{title}: {_reason(error)}") from error
        try:
            self._read_structure()
        except BROKEN as error:
            self.file.close()
            raise NoRetry(f"{title}: {_reason(error)}") from error

    def _read_structure(self) -> None:
        found: dict[str, Found] = {}  # by the path in HDF5, which is not always that of the variable
        self.groups: dict[str, dict[str, Any]] = {}
        self._seen: set[Any] = set()
        self._walk(self.file, "/", found)
        self.dimensions, dims = resolve(self.file, found)
        self.variables = {one.path: _info(one, dims[p]) for p, one in found.items() if p in dims}
        self._datasets = {one.path: one.dataset for p, one in found.items() if p in dims}

    def dataset(self, path: str) -> h5py.Dataset:
        """The h5py dataset of a variable."""
        return self._datasets[path]

    def read(self, path: str, selection: Any = ...) -> np.ndarray:
        dataset = self._datasets[path]
        _make_readable(dataset, f"{self._title}: {path}")
        try:
            return np.asarray(dataset[selection])
        except BROKEN as error:
            raise NoRetry(f"{self._title}: {path}: {_reason(error)}") from error

    def close(self) -> None:
        self.file.close()

    def _walk(self, group: h5py.Group, path: str, found: dict[str, Found]) -> None:
        identity = h5py.h5o.get_info(group.id).addr
        if identity in self._seen:  # a hard link back to an ancestor would never end
            return
        self._seen.add(identity)
        self.groups[path] = read_attributes(group)
        below = []
        for stored in list(group):  # a list first: h5py keeps its lock while an iterator lives
            # Names that are not UTF-8 come as bytes.
            name = stored.decode("utf-8", "surrogateescape") if isinstance(stored, bytes) else stored
            link = group.id.links.get_info(name.encode("utf-8", "surrogateescape"))
            if link.type == h5l.TYPE_EXTERNAL:
                continue
            child = group.get(stored)
            if isinstance(child, h5py.Dataset):
                variable = join(path, name.removeprefix(_NON_COORDINATE))
                found[join(path, name)] = Found(variable, child, read_attributes(child))
            elif isinstance(child, h5py.Group) and link.type == h5l.TYPE_HARD:
                below.append((name, child))
        for name, child in below:
            self._walk(child, join(path, name), found)


def _info(found: Found, dims: tuple[str, ...]) -> VariableInfo:
    dataset = found.dataset
    plist = dataset.id.get_create_plist()
    user_fill = plist.fill_value_defined() == h5d.FILL_VALUE_USER_DEFINED and dataset.dtype.kind in "iufS"
    fill = found.attributes.get("_FillValue")
    if isinstance(fill, str) and dataset.dtype.kind == "S":
        fill = fill.encode("utf-8", "surrogateescape")
    return VariableInfo(
        path=found.path,
        dims=dims,
        shape=dataset.shape or (),
        dtype=dataset.dtype,
        attributes=found.attributes,
        chunks=dataset.chunks,
        filters=_filters(plist),
        fill=fill,
        storage_fill=dataset.fillvalue if user_fill else None,
    )


def _filters(plist: Any) -> Filters:
    deflate, shuffle, fletcher, other = None, False, False, []
    for i in range(plist.get_nfilters()):
        code, _, values, name = plist.get_filter(i)
        if code == h5z.FILTER_DEFLATE:
            deflate = int(values[0])
        elif code == h5z.FILTER_SHUFFLE:
            shuffle = True
        elif code == h5z.FILTER_FLETCHER32:
            fletcher = True
        else:
            other.append(name.decode("ascii", "replace") or str(code))
    return Filters(deflate, shuffle, fletcher, tuple(other))


def _make_readable(dataset: h5py.Dataset, title: str) -> None:
    """Refuse values that stand in other files; find the plug-ins of filters that HDF5 does not have built in."""
    plist = dataset.id.get_create_plist()
    if plist.get_external_count() or plist.get_layout() == h5d.VIRTUAL:
        raise NoRetry(f"{title}: its values stand in other files; allowed: files that hold their own values")
    codes = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    if all(h5z.filter_avail(c) for c in codes):
        return
    # The netCDF4 wheel brings zstd, blosc and bzip2; finding its folder does not import it.
    spec = importlib.util.find_spec("netCDF4")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        h5pl.append(str(Path(place) / "plugins").encode())


def _reason(error: BaseException) -> str:
    """The library's own words, without our wrapping."""
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    return text.strip() or type(error).__name__
