"""Thousands of tiny swath granules, fast: one HDF5 file is made as a template, then only its values are exchanged.

For tests of long jobs. Each file is, byte for byte, what `swaths.write_swath` writes for the same spec.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import h5py

from transformers.sample_files.swaths import SwathSpec, root_attributes, stored_arrays, write_swath

TINY = SwathSpec(
    short_name="HARMONIUM_TINY_L2",
    title="Harmonium tiny swath: one minute of invented fields",
    rows=24,
    columns=12,
    half_width_deg=4.0,
    compress=False,
)
SPAN = timedelta(seconds=60)


def tiny_spec(number: int) -> SwathSpec:
    """The granule of this number: one minute after the one before, further along the orbit."""
    return replace(TINY, start=TINY.start + number * SPAN, first_s=TINY.first_s + number * SPAN.total_seconds())


def tiny_name(number: int) -> str:
    """HARMONIUM_TINY_L2_20240601T000000_000000_v1.nc; names sort as numbers below a million."""
    spec = tiny_spec(number)
    return f"{spec.short_name}_{spec.start:%Y%m%dT%H%M%S}_{number:06d}_v{spec.version}.nc"


def write_many(folder: Path, count: int, *, first: int = 0, written: Callable[[int], None] | None = None) -> list[Path]:
    """Write `count` granules from number `first` on, about 18 kB each; written(n) is told after each."""
    folder.mkdir(parents=True, exist_ok=True)
    if not count:
        return []
    template, places = _template(folder / "template.part")
    paths = []
    for number in range(first, first + count):
        spec = tiny_spec(number)
        for name, raw in _changing_bytes(spec).items():
            template[places[name] : places[name] + len(raw)] = raw
        paths.append(folder / tiny_name(number))
        paths[-1].write_bytes(template)
        if written:
            written(number - first + 1)
    return paths


def _template(scratch: Path) -> tuple[bytearray, dict[str, int]]:
    """A whole file, and the offset of everything in it that differs between granules."""
    write_swath(scratch, TINY)
    whole = bytearray(scratch.read_bytes())
    with h5py.File(scratch, "r") as file:
        places = {name: file[name].id.get_offset() for name in stored_arrays(TINY)}
    scratch.unlink()
    for name, text in _texts(TINY).items():
        places[name] = whole.index(text)
    return whole, places


def _changing_bytes(spec: SwathSpec) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in stored_arrays(spec).items()} | _texts(spec)


def _texts(spec: SwathSpec) -> dict[str, bytes]:
    """Root attributes that differ between granules: all of one length, each unlike the others."""
    return {
        name: str(text).encode()
        for name, text in root_attributes(spec).items()
        if name in ("time_coverage_start", "time_coverage_end", "date_created")
    }
