"""Masks a granule by a shape, as one step, and gives back what came out."""

import itertools
import json
from pathlib import Path

import shapely

from tests.transformers.steps import Outcome, message, outcome, write_step
from transformers.run import run_step

numbers = itertools.count()


def mask(folder: Path, granule: Path, shape: shapely.Geometry | dict | None = None, **asked) -> Outcome:
    """The outcome of one step; shape as a geometry or a GeoJSON document."""
    here = folder / f"step{next(numbers)}"
    here.mkdir()
    if shape is not None:
        document = shape if isinstance(shape, dict) else json.loads(shapely.to_geojson(shape))
        (here / "shape.geojson").write_text(json.dumps(document))
        asked["shape"] = here / "shape.geojson"
    run_step("mask_shape", *write_step(here, message(**asked), [granule]), here / "out")
    return outcome(here / "out")
