"""A granule as the swath subsetter sees it: the file, plus variables that only exist in memory.

Made-up variables (GPM's scan time, indices of repeated dimensions) are read like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from transformers.formats.layout import Dimension, Granule, VariableInfo, join


@dataclass(slots=True)
class Source:
    """variables: the file's and the made-up ones. name: what messages call the file. added: values in memory."""

    granule: Granule
    name: str
    variables: dict[str, VariableInfo]
    dimensions: dict[str, Dimension]
    added: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, granule: Granule, name: str) -> "Source":
        """The granule with repeated dimension names told apart (transformers-l2.md 3.4)."""
        source = cls(granule, name, dict(granule.variables), dict(granule.dimensions))
        for info in granule.variables.values():
            if len(set(info.dims)) < len(info.dims):
                source._tell_apart(info)
        return source

    def add(self, info: VariableInfo, values: np.ndarray) -> None:
        """Add a variable that exists in memory only."""
        self.variables[info.path] = info
        self.added[info.path] = values

    def read(self, path: str, indices: Sequence[np.ndarray | None] = ()) -> np.ndarray:
        """Stored values; indices: per axis the wanted ones, ascending, None for all. Reads only the block around."""
        block: Any = tuple(slice(None) if i is None else _around(i) for i in indices) or ...
        values = np.array(self.added[path][block]) if path in self.added else self.granule.read(path, block)
        for axis, index in enumerate(indices):
            if index is not None and len(index) != values.shape[axis]:
                values = values.take(index - index[0], axis=axis)
        return values

    def hold(self, path: str) -> np.ndarray:
        """Stored values of a whole variable, kept in memory for later reads. Not to be changed."""
        if path not in self.added:
            self.added[path] = self.granule.read(path)
        return self.added[path]

    def _tell_apart(self, info: VariableInfo) -> None:
        """Rename later occurrences of a dimension to `<dim>_<axis>` and add a coordinate of that name."""
        dims: list[str] = []
        for axis, dim in enumerate(info.dims):
            if dim in dims:
                original, dim = dim, join(info.group, f"{dim.rsplit('/', 1)[-1]}_{axis}")
                size = info.shape[axis]
                if dim not in self.dimensions:
                    self.dimensions[dim] = Dimension(dim, size)
                    self._add_index(original, dim, size)
            dims.append(dim)
        self.variables[info.path] = replace(info, dims=tuple(dims))

    def _add_index(self, original: str, dim: str, size: int) -> None:
        like = self.granule.variables.get(original)
        if like is not None and like.is_coordinate and like.shape == (size,):
            self.add(replace(like, path=dim, dims=(dim,)), self.granule.read(original))
        else:
            self.add(VariableInfo(dim, (dim,), (size,), np.dtype("i8")), np.arange(size, dtype="i8"))


def _around(index: np.ndarray) -> slice:
    return slice(int(index[0]), int(index[-1]) + 1) if len(index) else slice(0, 0)
