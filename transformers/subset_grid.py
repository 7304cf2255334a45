"""Subset grids: box, point, shape, time, named dimensions, variables. One NetCDF-4 file of hyperslabs per input.

A shape is taken by its extent; filling outside it is `mask_shape.py`. Not for swaths (`subset_swath.py`).
Obeys transformers-l3.md 2 of the project's contracts; the parts live in `grid/` and `coordinates/`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from transformers.contract import BoundingBox, Input, Instructions, NoData, NoRetry, Output
from transformers.coordinates.geojson import read_shape
from transformers.coordinates.grid import FULL_TURN, Axis, IndexRange
from transformers.formats.naming import NETCDF4, output_name
from transformers.formats.netcdf import open_granule
from transformers.formats.provenance import standard_line, with_line
from transformers.grid.ranges import GridRequest, ranges_of
from transformers.grid.source import GridSource
from transformers.grid.writing import constraint, write

PROGRAM = "harmonium/subset_grid"
ROUNDING = 1e-6  # degrees: edges of float32 axes add up to a little less than the globe


def transform(inputs: Sequence[Input], instructions: Instructions, outdir: Path) -> list[Output]:
    """One file per input that has cells inside the request.

    Raises NoData when none has, NoRetry when an input cannot be answered.
    """
    request = request_of(instructions)
    outputs: list[Output] = []
    nothing: NoData | None = None
    for one in inputs:
        try:
            outputs.append(_subset(one, instructions, request, outdir))
        except NoData as reason:
            nothing = reason
    if not outputs and nothing:
        raise nothing
    return outputs


def request_of(instructions: Instructions) -> GridRequest:
    """The ranges that the operation asks for. A point stands for the tiny box that the front end makes of it."""
    shape = (instructions.message.get("subset") or {}).get("shape") or {}
    kind = shape.get("type", "application/geo+json")
    if instructions.shape_path and kind != "application/geo+json":
        raise NoRetry(f'Shape file format "{kind}" not supported.')
    box = instructions.bounding_box
    if instructions.point is not None:
        lon, lat = instructions.point
        box = BoundingBox(lon, lat, lon, lat)
    return GridRequest(
        box,
        read_shape(instructions.shape_path) if instructions.shape_path else None,
        instructions.dimensions,
        instructions.temporal,
    )


def _subset(one: Input, instructions: Instructions, request: GridRequest, outdir: Path) -> Output:
    asked = instructions.source_of(one)
    name = output_name(
        one.file_name,
        ext=".nc4",
        variable=asked.variables[0].name if len(asked.variables) == 1 else None,
        subsetted=request.has_range or bool(asked.variables),
    )
    with open_granule(one.path, one.file_name) as granule:
        source = GridSource(granule, one.file_name, asked.layout)
        everything = not asked.variables and not request.has_range
        required = source.relations.required([v.path for v in asked.variables], everything=everything)
        ranges = ranges_of(source, required, request)
        expression = quote(constraint(source, required, ranges), safe="")
        line = standard_line(datetime.now(UTC), PROGRAM, f"{one.href or one.file_name}.dap.nc4?dap4.ce={expression}")
        write(source, required, ranges, with_line(granule.groups["/"], line), outdir / name)
        box = _extent(source, ranges)
    return Output(path=outdir / name, media_type=NETCDF4, bbox=box, source=one)


def _extent(source: GridSource, ranges: Mapping[str, IndexRange]) -> BoundingBox | None:
    """Outer edges of the kept cells where latitude and longitude were cut, one of each; None keeps the input's."""
    lats = [d for d in ranges if source.relations.is_latitude(d)]
    lons = [d for d in ranges if source.relations.is_longitude(d)]
    if len(lats) != 1 or len(lons) != 1:
        return None
    south, north = source.axis(lats[0]).edges_of(ranges[lats[0]].first, ranges[lats[0]].last)
    west, east = _west_and_east(source.axis(lons[0]), ranges[lons[0]])
    return BoundingBox(_within_180(west), max(south, -90.0), _within_180(east), min(north, 90.0))


def _west_and_east(axis: Axis, found: IndexRange) -> tuple[float, float]:
    """Outer edges of the kept longitudes; round the end of the axis they go from the far piece to the near one."""
    if len(found.blank) == 1:
        first, last = found.blank[0]
        near, far = sorted([axis.edges_of(found.first, first - 1), axis.edges_of(last + 1, found.last)])
        return far[0], near[1]
    west, east = axis.edges_of(found.first, found.last)
    return (-180.0, 180.0) if east - west >= FULL_TURN - ROUNDING else (west, east)


def _within_180(lon: float) -> float:
    return lon if abs(lon) <= 180 else (lon + 180) % 360 - 180
