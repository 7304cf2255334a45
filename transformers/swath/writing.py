"""Reads, crops, blanks and writes the variables of a plan. Values pass as stored, bit for bit.

Obeys transformers-l2.md 4.4 (blanking) and 5 of the project's contracts.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from transformers.formats.layout import Filters, VariableInfo
from transformers.formats.netcdf import Writer
from transformers.swath.plan import Step, output_dimensions
from transformers.swath.source import Source

_PACKED = Filters(deflate=4, shuffle=True)  # for variables that the input keeps unpacked


def write(
    source: Source, steps: list[Step], root: Mapping[str, Any], ready: Mapping[str, np.ndarray], path: Path
) -> None:
    """Write the output file. ready: variables already cropped and blanked (the coordinates)."""
    with Writer(path) as writer:
        writer.group("/", root)
        for group, attributes in source.granule.groups.items():
            if group != "/":
                writer.group(group, attributes)
        for dimension in output_dimensions(source, steps):
            writer.dimension(dimension.path, dimension.size)
        for step in steps:
            values = ready[step.info.path] if step.info.path in ready else cropped(source, step)
            writer.variable(_packed(step.output), values)


def cropped(source: Source, step: Step) -> np.ndarray:
    """Values of a variable on the kept indices, outside ones blanked."""
    values = source.read(step.info.path, step.indices)
    if step.inside is None:
        return values
    fill = np.asarray(step.info.fill).reshape(-1)[:1].astype(values.dtype)[0]
    if not step.inside.all():
        np.copyto(values, fill, where=~step.inside)
    if values.dtype.kind == "f":
        np.copyto(values, fill, where=np.isnan(values))
    return values


def _packed(info: VariableInfo) -> VariableInfo:
    """Numbers are always packed: as in the input, or with our own level."""
    if info.filters.deflate or info.filters.other or info.dtype.kind not in "iuf" or not info.shape:
        return info
    return replace(info, filters=_PACKED)
