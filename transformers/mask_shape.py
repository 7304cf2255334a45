"""Fill grids outside a polygon, a box, or what both touch: NetCDF-4, HDF5 and GeoTIFF. One file per input.

The file keeps its form; only values change. A cell is inside when the shape touches it at all. Cutting to the extent
is `subset_grid.py`. Obeys transformers-l3.md 3 of the project's contracts.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from transformers.contract import Input, InstructionError, Instructions, NoRetry, Output
from transformers.coordinates.geojson import read_shape
from transformers.coordinates.geometry import box_geometry, geometry_of
from transformers.facts.container import read_container
from transformers.formats.naming import media_type, output_name
from transformers.formats.provenance import standard_line

PROGRAM = "harmonium/mask_shape"
GEOJSON = "application/geo+json"


def transform(inputs: Sequence[Input], instructions: Instructions, outdir: Path) -> list[Output]:
    """One file per input; one without any cell inside is all fill. Raises NoRetry when an input cannot be masked."""
    shapes = shapes_of(instructions)
    return [_masked(one, instructions, shapes, outdir) for one in inputs]


def shapes_of(instructions: Instructions) -> list[BaseGeometry]:
    """The shape, and the box or the point, whichever there are; longitudes -180 to 180. A point is its cell."""
    shapes = []
    if instructions.shape_path:
        kind = ((instructions.message.get("subset") or {}).get("shape") or {}).get("type") or GEOJSON
        if kind != GEOJSON:
            raise NoRetry(f'Shape file format "{kind}" not supported.')
        shapes.append(geometry_of(read_shape(instructions.shape_path)))
    if instructions.point is not None:
        shapes.append(shapely.Point(instructions.point))
    elif instructions.bounding_box:
        shapes.append(box_geometry(instructions.bounding_box))
    if not shapes:
        raise InstructionError("mask_shape: neither a shape nor a box in the message; allowed: at least one of them")
    return shapes


def _masked(one: Input, instructions: Instructions, shapes: Sequence[BaseGeometry], outdir: Path) -> Output:
    target = outdir / output_name(one.file_name, subsetted=True)
    layout = instructions.source_of(one).layout
    if read_container(one.path) == "tiff":
        from transformers.grid.mask_geotiff import mask_geotiff  # GDAL, which NetCDF does without

        mask_geotiff(one.path, one.file_name, layout, shapes, target)
    else:
        from transformers.grid.mask_netcdf import mask_netcdf

        mask_netcdf(one.path, one.file_name, layout, shapes, target, standard_line(datetime.now(UTC), PROGRAM))
    return Output(path=target, media_type=media_type(target.name), source=one)
