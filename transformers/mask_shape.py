"""Fill grids outside a polygon, a box, or what both share: NetCDF-4, HDF5 and GeoTIFF. One file per input.

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
from transformers.formats.naming import media_type, output_name
from transformers.formats.provenance import standard_line

PROGRAM = "harmonium/mask_shape"
NETCDF = (".nc4", ".nc", ".h5", ".hdf5", ".he5")
GEOTIFF = (".tif", ".tiff")


def transform(inputs: Sequence[Input], instructions: Instructions, outdir: Path) -> list[Output]:
    """One file per input; one without any cell inside is all fill. Raises NoRetry when an input cannot be masked."""
    shape = shape_of(instructions)
    return [_masked(one, instructions, shape, outdir) for one in inputs]


def shape_of(instructions: Instructions) -> BaseGeometry:
    """The geometry to keep: the shape, the box, or what both share; a point alone is its cell."""
    geometries = []
    if instructions.shape_path:
        geometries.append(geometry_of(read_shape(instructions.shape_path)))
    if instructions.point is not None:
        geometries.append(shapely.Point(instructions.point))
    elif instructions.bounding_box:
        geometries.append(box_geometry(instructions.bounding_box))
    if not geometries:
        raise InstructionError("mask_shape: neither a shape nor a box in the message; allowed: at least one of them")
    return shapely.intersection_all(geometries)


def _masked(one: Input, instructions: Instructions, shape: BaseGeometry, outdir: Path) -> Output:
    name = output_name(one.file_name, subsetted=True)
    extension = Path(name).suffix.lower()
    layout = instructions.source_of(one).layout
    target = outdir / name
    if extension in GEOTIFF:
        from transformers.grid.mask_geotiff import mask_geotiff  # GDAL, which NetCDF does without

        mask_geotiff(one.path, one.file_name, layout, shape, target)
    elif extension in NETCDF:
        from transformers.grid.mask_netcdf import mask_netcdf

        mask_netcdf(one.path, one.file_name, layout, shape, target, standard_line(datetime.now(UTC), PROGRAM))
    else:
        allowed = ", ".join((*NETCDF, *GEOTIFF))
        raise NoRetry(f'{one.file_name}: extension "{extension}"; allowed: {allowed}')
    return Output(path=target, media_type=media_type(name), source=one)
