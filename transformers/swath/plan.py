"""The plan of an output: for each variable its axes, what is kept along them and what is blanked.

Values are not read here. Obeys transformers-l2.md 4.4 to 4.6 of the project's contracts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from transformers.formats.layout import Dimension, VariableInfo, join, name_of
from transformers.swath.masks import Mask, fit, ruling, spread
from transformers.swath.request import SwathRequest, matching
from transformers.swath.selection import Selection
from transformers.swath.source import Source
from transformers.swath.vertical import Layers


@dataclass(frozen=True, slots=True)
class Step:
    """One variable. info: as in the input. output: as it will be. indices: per axis the kept ones, None for all.

    inside: None when nothing can be blanked, else True where values stay; broadcasts to the output's shape.
    """

    info: VariableInfo
    output: VariableInfo
    indices: tuple[np.ndarray | None, ...]
    inside: np.ndarray | None

    @property
    def is_cropped(self) -> bool:
        """True when any axis is cut."""
        return any(i is not None for i in self.indices)


def plan(source: Source, request: SwathRequest, selection: Selection, layers: Layers) -> list[Step]:
    """A step for every variable that is kept, in file order."""
    wanted = _wanted(source, request, selection)
    where = _where(source, selection)
    cuts: dict[str, dict[str, tuple[str, np.ndarray]]] = {}
    for group, (mask, fitting) in where.items():
        cuts[group] = {g: (f"{mask.group} {m}", mask.keep[m]) for m, g in fitting.items() if m in mask.keep}
    _share_with_parents(source, where, cuts)
    for group in {v.group for v in source.variables.values()}:
        for dim, index in layers.keep.items():
            cuts.setdefault(group, {})[dim] = ("layers", index)
    homes = _homes(wanted, cuts)
    return [_step(info, request, where.get(info.group), cuts.get(info.group, {}), layers, homes) for info in wanted]


def output_dimensions(source: Source, steps: list[Step]) -> list[Dimension]:
    """Every dimension of the output, in the order of the input, then those that had to be told apart."""
    sizes: dict[str, int] = {}
    for step in steps:
        sizes |= dict(zip(step.output.dims, step.output.shape, strict=True))
    order = [d for d in source.dimensions if d in sizes]
    return [Dimension(d, sizes[d]) for d in [*order, *(d for d in sizes if d not in source.dimensions)]]


def _wanted(source: Source, request: SwathRequest, selection: Selection) -> list[VariableInfo]:
    """Requested variables, all coordinates, and every 1-D variable named like its own dimension (4.6)."""
    if not request.variables:
        return list(source.variables.values())
    kept = set(matching(request.variables, source.variables)) | set(selection.times)
    kept |= {p for pair in selection.pairs for p in (pair.latitude, pair.longitude)}
    return [v for v in source.variables.values() if v.path in kept or v.is_coordinate]


def _where(source: Source, selection: Selection) -> dict[str, tuple[Mask, dict[str, str]]]:
    """Group -> its mask and where the mask's dimensions are in it; groups that share none are absent."""
    groups: dict[str, list[VariableInfo]] = {}
    for info in source.variables.values():
        groups.setdefault(info.group, []).append(info)
    found = {}
    for group, members in groups.items():
        mask = ruling(group, selection.masks)
        fitting = fit(mask, members, source.dimensions) if mask else {}
        if mask and fitting:
            found[group] = (mask, fitting)
    return found


def _share_with_parents(
    source: Source,
    where: Mapping[str, tuple[Mask, dict[str, str]]],
    cuts: dict[str, dict[str, tuple[str, np.ndarray]]],
) -> None:
    """A group without a mask above others that have one is cropped along the dimensions they share."""
    for group in {v.group for v in source.variables.values()} - set(where):
        below = [cuts[g] for g in where if group == "/" or g.startswith(group + "/")]
        for cut in below:
            for dim, how in cut.items():
                cuts.setdefault(group, {}).setdefault(dim, how)


def _homes(
    wanted: list[VariableInfo], cuts: Mapping[str, Mapping[str, tuple[str, np.ndarray]]]
) -> dict[tuple[str, str], str]:
    """(group, dimension) -> its path in the output: the same, unless groups cut one dimension in different ways."""
    ways: dict[str, dict[str, set[str]]] = {}
    for info in wanted:
        for dim in info.dims:
            way = cuts.get(info.group, {}).get(dim, ("", None))[0]
            ways.setdefault(dim, {}).setdefault(way, set()).add(info.group)
    return {
        (group, dim): dim if len(by_way) == 1 else join(group, name_of(dim))
        for dim, by_way in ways.items()
        for groups in by_way.values()
        for group in groups
    }


def _step(
    info: VariableInfo,
    request: SwathRequest,
    where: tuple[Mask, dict[str, str]] | None,
    cuts: Mapping[str, tuple[str, np.ndarray]],
    layers: Layers,
    homes: Mapping[tuple[str, str], str],
) -> Step:
    indices = tuple(cuts[d][1] if d in cuts else None for d in info.dims)
    shape = tuple(s if i is None else len(i) for s, i in zip(info.shape, indices, strict=True))
    output = replace(info, dims=tuple(homes[info.group, d] for d in info.dims), shape=shape)
    inside = None
    # Strings and coordinate variables are never blanked; without a fill value there is nothing to blank with.
    if info.fill is not None and info.dims and info.dtype.kind in "iufS" and not info.is_coordinate:
        if where and not request.pixel_subset:
            inside = spread(where[0], where[1], info.dims)
        for blank in layers.blanks:
            here = blank.inside if blank.dims == info.dims else None
            if blank.everywhere and blank.dims[0] in info.dims:
                here = blank.inside.reshape([-1 if d == blank.dims[0] else 1 for d in info.dims])
            if here is not None:
                inside = here if inside is None else inside & here
    return Step(info, output, indices, inside)
