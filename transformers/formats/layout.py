"""What a granule holds, as values: groups, dimensions, variables. Nothing here opens a file.

The same words serve NetCDF-4, HDF5, HDF-EOS5 (`hdf5.py`) and classic NetCDF (`classic.py`); `hdf5_writer.py` writes
them. Paths are absolute: `/group/name`; a dimension has the path of the group that declares it.
Names of dimensions: catalog.md section 3 and transformers-l2.md 3.3 of the project's contracts.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np


class StringText(str):
    """An attribute stored as a string object (NC_STRING). A plain `str` is stored as characters (NC_CHAR)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """What the chunks went through. `other`: names of filters that are neither of these (szip, zstd, ...)."""

    deflate: int | None = None  # level 1 to 9
    shuffle: bool = False
    fletcher32: bool = False
    other: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension. anonymous: the file has no name for it (`phony_dim_3` is ours, as netCDF-C would say)."""

    path: str
    size: int
    unlimited: bool = False
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class VariableInfo:
    """A variable without its values.

    dims: full paths of its dimensions. dtype: as stored (byte order kept; object with h5py's string metadata for
    strings). fill: the attribute `_FillValue`, None if absent (`missing_value` does not count). storage_fill: what
    HDF5 gives for parts never written, None when the library's own default applies. chunks: None when contiguous.
    """

    path: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype
    attributes: Mapping[str, Any] = field(default_factory=dict)
    chunks: tuple[int, ...] | None = None
    filters: Filters = Filters()
    fill: Any = None
    storage_fill: Any = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return name_of(self.path)

    @property
    def group(self) -> str:
        """The group it stands in; `/` for the root."""
        return parent_of(self.path)

    @property
    def dim_names(self) -> tuple[str, ...]:
        """Names of its dimensions without their groups."""
        return tuple(name_of(d) for d in self.dims)

    @property
    def is_text(self) -> bool:
        """Strings or characters, not numbers."""
        return self.dtype.kind in "OSU"

    @property
    def is_coordinate(self) -> bool:
        """1-D and named like its own dimension (CF 1.11, section 1.3: a coordinate variable)."""
        return len(self.dims) == 1 and name_of(self.dims[0]) == self.name


class Granule(ABC):
    """An open file, read only. Use as a context manager. Values come as stored: never scaled, never masked."""

    path: Path
    dimensions: dict[str, Dimension]  # by path
    variables: dict[str, VariableInfo]  # by path, in file order; those that only declare a dimension are left out
    groups: dict[str, dict[str, Any]]  # path -> attributes; "/" first, parents before children, in file order

    @abstractmethod
    def read(self, path: str, selection: Any = ...) -> np.ndarray:
        """Values of one variable as stored. selection: what h5py takes (slices, ints, Ellipsis, one index array).

        Raises NoRetry with the library's reason when the bytes cannot be read.
        """

    @abstractmethod
    def close(self) -> None:
        """Free the file. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def name_of(path: str) -> str:
    """`/a/b/c` -> `c`; `/` -> ``."""
    return path.rsplit("/", 1)[-1]


def parent_of(path: str) -> str:
    """`/a/b/c` -> `/a/b`; `/c` -> `/`."""
    return path.rsplit("/", 1)[0] or "/"


def join(group: str, name: str) -> str:
    """`/` and `c` -> `/c`; `/a` and `c` -> `/a/c`."""
    return f"{group.rstrip('/')}/{name}"


def is_visible(dimension: str, group: str) -> bool:
    """True when a dimension of this path may be used in this group: it is declared there or in an ancestor."""
    home = parent_of(dimension)
    return home == "/" or group == home or group.startswith(home + "/")
