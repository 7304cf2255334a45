"""Fill every cell of a grid outside a shape, or outside a box where no shape is given. One file per input.

Cutting a grid to the extent of a shape is `subset_grid.py`. Obeys transformers-l3.md 3 of the project's contracts;
the parts live in `grid/` and `coordinates/`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from transformers.contract import Input, InstructionError, Instructions, NoRetry, Output
from transformers.coordinates.geojson import read_shape
from transformers.coordinates.geometry import box_geometry, geometry_of
from transformers.formats.naming import media_type, output_name
from transformers.formats.netcdf import open_granule
from transformers.formats.provenance import standard_line, with_line
from transformers.grid.filling import write_filled
from transformers.grid.masks import masks_of
from transformers.grid.source import GridSource

PROGRAM = "harmonium/mask_shape"
GEOJSON = "application/geo+json"


def transform(inputs: Sequence[Input], instructions: Instructions, outdir: Path) -> list[Output]:
    """One file per input, of the same layout. A file whose cells are all outside comes out all filled.

    Raises NoRetry when an input has no grid whose place is known.
    """
    shapes = shapes_of(instructions)
    return [_masked(one, instructions.source_of(one).layout, shapes, outdir) for one in inputs]


def shapes_of(instructions: Instructions) -> list[BaseGeometry]:
    """The shape, the box and the point that are asked for, those there are; longitudes -180 to 180."""
    shapes = []
    if instructions.shape_path:
        kind = ((instructions.message.get("subset") or {}).get("shape") or {}).get("type") or GEOJSON
        if kind != GEOJSON:
            raise NoRetry(f'Shape file format "{kind}" not supported.')
        shapes.append(geometry_of(read_shape(instructions.shape_path)))
    if instructions.point is not None:
        shapes.append(shapely.Point(*instructions.point))
    elif instructions.bounding_box:
        shapes.append(box_geometry(instructions.bounding_box))
    if not shapes:
        raise InstructionError("subset: neither shape nor bbox nor point; allowed: at least one of them")
    return shapes


def _masked(one: Input, layout: Mapping[str, Any], shapes: Sequence[BaseGeometry], outdir: Path) -> Output:
    path = outdir / output_name(one.file_name, subsetted=True)
    line = standard_line(datetime.now(UTC), PROGRAM)
    with open_granule(one.path, one.file_name) as granule:
        source = GridSource(granule, one.file_name, layout)
        masks = masks_of(source, shapes)
        write_filled(source, masks, with_line(granule.groups["/"], line), path)
    return Output(path=path, media_type=media_type(path.name), source=one)
