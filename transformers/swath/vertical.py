"""Subsets along a named dimension, after the horizontal one: which layers stay, which values are blanked.

Obeys transformers-l2.md 4.7 of the project's contracts, for every dimension asked for (decisions.md 3.5).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from transformers.contract import DimensionSubset, NoData, NoRetry
from transformers.coordinates.packing import unpack
from transformers.formats.layout import name_of
from transformers.swath.masks import Mask, fit, ruling
from transformers.swath.request import SwathRequest, matching
from transformers.swath.selection import EMPTY, Selection
from transformers.swath.source import Source


@dataclass(frozen=True, slots=True)
class Layers:
    """keep: dimension -> kept indices. blanks: what to blank besides."""

    keep: Mapping[str, np.ndarray]
    blanks: tuple["Blank", ...]


@dataclass(frozen=True, slots=True)
class Blank:
    """inside: True where values stay, on `dims` as cropped by everything. everywhere: for all variables that have
    the one dimension; otherwise for those with exactly these dimensions."""

    dims: tuple[str, ...]
    inside: np.ndarray
    everywhere: bool = False


def layers(source: Source, request: SwathRequest, selection: Selection) -> Layers:
    """Apply every dimension subset. Raises NoRetry for an unknown name, NoData when no layer is in range."""
    keep: dict[str, np.ndarray] = {}
    blanks: list[Blank] = []
    for wanted in request.dimensions:
        named = matching([wanted.name], source.variables) or _by_last_part(source, wanted.name)
        dimension = next((d for d in source.dimensions if name_of(d).lower() == wanted.name.strip("/").lower()), None)
        if named:
            dims, inside, vertical = _of_variable(source, selection, wanted, named[0])
        elif dimension:
            index = np.arange(source.dimensions[dimension].size)
            dims, inside, vertical = (dimension,), _in_range(index.astype("f8"), wanted), dimension
        else:
            raise NoRetry(f"{source.name}: Vertical dimension '{wanted.name}' not found in DataTree")
        if vertical is None:
            continue
        if not inside.any():
            raise NoData(EMPTY)
        blanks.append(Blank(dims, inside, everywhere=not named))
        if request.cut:
            axis = dims.index(vertical)
            index = np.flatnonzero(inside.any(axis=tuple(a for a in range(len(dims)) if a != axis)))
            index = np.arange(index[0], index[-1] + 1) if named else index
            keep[vertical] = np.intersect1d(keep[vertical], index) if vertical in keep else index
    if any(not index.size for index in keep.values()):
        raise NoData(EMPTY)
    return Layers(keep, tuple(_cropped(blank, keep) for blank in blanks))


def _cropped(blank: Blank, keep: Mapping[str, np.ndarray]) -> Blank:
    inside = blank.inside
    for axis, dim in enumerate(blank.dims):
        if dim in keep:
            inside = inside.take(keep[dim], axis=axis)
    return replace(blank, inside=inside)


def _by_last_part(source: Source, name: str) -> list[str]:
    """A bare name of a variable that stands in a group."""
    return [p for p in source.variables if name_of(p).lower() == name.strip("/").lower()][:1]


def _of_variable(
    source: Source, selection: Selection, wanted: DimensionSubset, path: str
) -> tuple[tuple[str, ...], np.ndarray, str | None]:
    """Dimensions, values in range on the kept rows and columns, and the vertical dimension (None: there is none)."""
    info = source.variables[path]
    mask = ruling(info.group, selection.masks)
    where = _where(source, mask, info.group)
    horizontal = set(where.values())
    vertical = next((d for d in info.dims if d not in horizontal), None)
    if vertical is None:
        return info.dims, np.ones(info.shape, bool), None
    kept = {where[d]: index for d, index in mask.keep.items() if d in where} if mask else {}
    values = unpack(source.read(path, [kept.get(d) for d in info.dims]), info.attributes)
    return info.dims, _in_range(values, wanted), vertical


def _where(source: Source, mask: Mask | None, group: str) -> dict[str, str]:
    members = [v for v in source.variables.values() if v.group == group]
    return fit(mask, members, source.dimensions) if mask else {}


def _in_range(values: np.ndarray, wanted: DimensionSubset) -> np.ndarray:
    inside: np.ndarray = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        if wanted.low is not None:
            inside &= values >= wanted.low
        if wanted.high is not None:
            inside &= values <= wanted.high
    return inside
