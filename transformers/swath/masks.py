"""Masks of a file's swaths, which groups they rule, and what they crop.

A mask belongs to one pair of latitude and longitude. Values are True inside. Obeys transformers-l2.md 4.4 and 4.5 of
the project's contracts; how a mask comes about: `selection.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from transformers.coordinates.swath import kept, rows_and_columns
from transformers.formats.layout import Dimension, VariableInfo, name_of, parent_of


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """group: that of the latitude. dims: paths, those of length 1 dropped. keep: dimension -> kept indices."""

    group: str
    dims: tuple[str, ...]
    inside: np.ndarray
    keep: Mapping[str, np.ndarray]

    def cropped(self) -> np.ndarray:
        """The mask on the kept rows and columns."""
        cut = self.inside
        for axis, dim in enumerate(self.dims):
            if dim in self.keep:
                cut = cut.take(self.keep[dim], axis=axis)
        return cut


def mask_of(latitude: VariableInfo, inside: np.ndarray, *, cut: bool) -> Mask:
    """The mask of a pair. inside: on the latitude's dimensions. cut: crop columns too, not only rows.

    A 1-D mask keeps exactly its points; nothing inside leaves `keep` with an empty list.
    """
    axes = [a for a, size in enumerate(latitude.shape) if size != 1]
    dims = tuple(latitude.dims[a] for a in axes)
    inside = inside.reshape([latitude.shape[a] for a in axes])
    chosen = rows_and_columns([name_of(d) for d in dims])
    chosen = chosen if cut else chosen[:1]
    return Mask(latitude.group, dims, inside, {dims[a]: kept(inside, a) for a in chosen})


def ruling(group: str, masks: Mapping[str, Mask]) -> Mask | None:
    """The mask of a group: its own, the nearest ancestor's, a sibling's, a cousin's, the root's, the only one."""
    place = group
    while True:
        if place in masks:
            return masks[place]
        if place == "/":
            break
        place = parent_of(place)
    if group != "/":
        parent = parent_of(group)
        siblings = [m for g, m in masks.items() if g != "/" and parent_of(g) == parent]
        if siblings:
            return siblings[0]
        if parent != "/":
            cousins = [
                m
                for g, m in masks.items()
                if g.count("/") == group.count("/") and parent_of(parent_of(g)) == parent_of(parent)
            ]
            if cousins:
                return cousins[0]
    return next(iter(masks.values())) if len(masks) == 1 else None


def fit(mask: Mask, members: Iterable[VariableInfo], dimensions: Mapping[str, Dimension]) -> dict[str, str]:
    """Dimension of the mask -> the group's dimension that it is there. Those that do not occur are absent.

    By path, else by name and length. By length alone only where one of the two names is made up, or where a variable
    of the group has the mask's whole shape in a row: a level axis that happens to be as long stays what it is.
    """
    members = list(members)
    here = list(dict.fromkeys(d for v in members for d in v.dims))
    found = {d: d for d in mask.dims if d in here}
    for dim in mask.dims:
        size = dimensions[dim].size
        free = [d for d in here if d not in found.values() and dimensions[d].size == size]
        if dim not in found:
            same = [d for d in free if name_of(d) == name_of(dim)]
            loose = [d for d in free if dimensions[d].anonymous or dimensions[dim].anonymous]
            if same or loose:
                found[dim] = (same or loose)[0]
    if not found and len(mask.dims) > 1:
        for info in members:
            for start in range(len(info.shape) - len(mask.dims) + 1):
                if info.shape[start : start + len(mask.dims)] == mask.inside.shape:
                    return dict(zip(mask.dims, info.dims[start : start + len(mask.dims)], strict=True))
    return found


def spread(mask: Mask, where: Mapping[str, str], dims: tuple[str, ...]) -> np.ndarray | None:
    """The cropped mask on the axes of a variable, ready to broadcast; None when they share none.

    where: as `fit` gives it. Over dimensions of the mask that the variable lacks, any pixel inside counts.
    """
    cut = mask.cropped()
    mine = [where.get(d) for d in mask.dims]
    lacking = tuple(a for a, d in enumerate(mine) if d not in dims)
    if len(lacking) == len(mine):
        return None
    cut = np.asarray(cut.any(axis=lacking))
    present = [d for a, d in enumerate(mine) if a not in lacking]
    order = sorted(range(len(present)), key=lambda a: dims.index(present[a]))
    cut = cut.transpose(order)
    at = {dims.index(present[a]) for a in order}
    sizes = iter(cut.shape)
    return cut.reshape([next(sizes) if axis in at else 1 for axis in range(len(dims))])
