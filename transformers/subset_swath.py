"""Subset swaths, tracks and profiles: box, point, polygon, time, variables, layers. One NetCDF-4 file per input.

Not for grids (`subset_grid.py`) nor segmented trajectories. Obeys transformers-l2.md 1 to 5 and 10 of the project's
contracts; the parts live in `swath/`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from transformers.contract import Input, Instructions, NoData, Output
from transformers.coordinates.packing import unpack
from transformers.formats.naming import NETCDF4, output_name
from transformers.formats.netcdf import open_granule
from transformers.formats.provenance import entry, version, with_entry, with_line
from transformers.swath.bounds import item_box, root_attributes
from transformers.swath.plan import Step, plan
from transformers.swath.request import SwathRequest, request_of
from transformers.swath.selection import EMPTY, select
from transformers.swath.source import Source
from transformers.swath.vertical import layers
from transformers.swath.writing import cropped, write

PROGRAM = "harmonium/subset_swath"
PROGRAM_REF = "https://cmr.earthdata.nasa.gov/search/concepts/S1962070864-POCLOUD"  # the service whose contract this is


def transform(inputs: Sequence[Input], instructions: Instructions, outdir: Path) -> list[Output]:
    """One file per input that has data inside the request.

    Raises NoData when none has; a single input's own reason otherwise.
    """
    outputs: list[Output] = []
    nothing: NoData | None = None
    for one in inputs:
        try:
            outputs.append(_subset(one, request_of(instructions, one), outdir))
        except NoData as reason:
            nothing = reason
    if not outputs and nothing:
        raise nothing
    return outputs


def _subset(one: Input, request: SwathRequest, outdir: Path) -> Output:
    name = output_name(one.file_name, variable=request.only_variable, subsetted=True)
    path = outdir / name
    with open_granule(one.path, one.file_name) as granule:
        source = Source.of(granule, one.file_name)
        selection = select(source, request)
        steps = plan(source, request, selection, layers(source, request, selection))
        by_path = {step.info.path: step for step in steps}
        ready = {p: cropped(source, by_path[p]) for pair in selection.pairs for p in (pair.latitude, pair.longitude)}
        degrees = [_degrees(by_path, ready, pair.latitude, pair.longitude) for pair in selection.pairs]
        box = item_box(degrees, to_360=selection.to_360)
        if box is None:
            raise NoData(EMPTY)
        root = root_attributes(granule.groups["/"], degrees, name)
        write(source, steps, _with_history(root, request, one), ready, path)
    return Output(path=path, media_type=NETCDF4, bbox=box, source=one)


def _degrees(
    steps: Mapping[str, Step], ready: Mapping[str, np.ndarray], latitude: str, longitude: str
) -> tuple[np.ndarray, np.ndarray]:
    """Output coordinates of a pair in degrees, NaN where missing or where there is no such place."""
    lat, lon = (unpack(ready[p], steps[p].info.attributes) for p in (latitude, longitude))
    return np.where(np.abs(lat) <= 90, lat, np.nan), np.where(np.abs(lon) <= 360, lon, np.nan)


def _with_history(root: Mapping[str, Any], request: SwathRequest, one: Input) -> dict[str, Any]:
    """One more line of `history` and one more object in `history_json` (transformers-l2.md 1.3)."""
    now = datetime.now(UTC)
    parameters = _parameters(request)
    words = ", ".join(f"{key}={value}" for key, value in parameters.items())
    line = f"{now:%Y-%m-%d %H:%M:%S.%f} {PROGRAM} v{version()} ({words})"
    return with_entry(with_line(root, line), entry(now, PROGRAM, parameters, one.href or one.file_name, PROGRAM_REF))


def _parameters(request: SwathRequest) -> dict[str, Any]:
    box, temporal = request.box, request.temporal
    parameters: dict[str, Any] = {"cut": request.cut, "pixel_subset": request.pixel_subset}
    parameters["bbox"] = [[box.west, box.east], [box.south, box.north]]
    if request.shape:
        parameters["shapefile"] = request.shape.name
    if temporal and temporal.start:
        parameters["min_time"] = _iso(temporal.start)
    if temporal and temporal.end:
        parameters["max_time"] = _iso(temporal.end)
    if request.dimensions:
        first = request.dimensions[0]
        found = {"vertical_var": first.name, "vertical_min": first.low, "vertical_max": first.high}
        parameters |= {key: value for key, value in found.items() if value is not None}
    parameters["variables"] = list(request.names)
    return parameters


def _iso(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
