"""An open granule with its relations and its axes, each read once.

Obeys transformers-l3.md 2.3, 2.5 and 2.6 of the project's contracts.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from transformers.contract import NoRetry
from transformers.coordinates.grid import Axis, edge_aligned
from transformers.coordinates.packing import number, unpack
from transformers.coordinates.relations import Relations
from transformers.formats.layout import Granule, VariableInfo


class GridSource:
    """What the planning of a subset asks of a file. dims and sizes are those of the file, never of the layout."""

    def __init__(self, granule: Granule, name: str, layout: Mapping[str, Any]) -> None:
        self.granule, self.name = granule, name
        self.relations = Relations(granule.variables, layout)
        self._axes: dict[str, Axis] = {}

    @property
    def variables(self) -> Mapping[str, VariableInfo]:
        """By path."""
        return self.granule.variables

    def coordinate(self, dim: str) -> str | None:
        """The path of the variable that holds a dimension's values; None for a dimension without one."""
        info = self.variables.get(dim)
        return dim if info is not None and info.dims == (dim,) and not info.is_text else None

    def axis(self, dim: str) -> Axis:
        """The axis of a dimension that has a coordinate. Raises NoRetry when its values are no numbers in order."""
        if dim not in self._axes:
            values = self.values(dim)
            steps = np.diff(values)
            if not np.isfinite(values).all() or not ((steps > 0).all() or (steps < 0).all()):
                raise NoRetry(f"{self.name}: {dim}: its values are not in strict order; allowed: an axis that is")
            bounds = self._bounds(dim)
            alignment = self.relations.text(dim, "cell_alignment").strip()
            if bounds is None and alignment == "edge" and len(values) > 1 and values[0] < values[-1]:
                self._axes[dim] = edge_aligned(values)
            else:
                self._axes[dim] = Axis(values, bounds)
        return self._axes[dim]

    def values(self, path: str) -> np.ndarray:
        """Values in the unit of the variable: as stored (type kept) unless packed, then float64."""
        return self._unpacked(path, self.variables[path].attributes)

    def _unpacked(self, path: str, attributes: Mapping[str, Any]) -> np.ndarray:
        stored = self.granule.read(path)
        packed = number(attributes, "scale_factor") is not None or number(attributes, "add_offset") is not None
        return unpack(stored, attributes) if packed else stored

    def _bounds(self, dim: str) -> np.ndarray | None:
        size = self.variables[dim].shape[0]
        for path in self.relations.references(dim, ("bounds",)):
            info = self.variables.get(path)
            if info is not None and info.shape == (size, 2) and info.dtype.kind in "iuf":
                # Bounds without packing of their own share that of their coordinate (CF 1.11, section 7.1).
                own = info.attributes if "scale_factor" in info.attributes else self.variables[dim].attributes
                values = self._unpacked(path, own if info.dtype == self.variables[dim].dtype else info.attributes)
                return values if np.isfinite(values).all() else None
        return None
