"""The project's own granules: a small invented archive to try the appliance out, made anew anywhere, always the same.

    python -m transformers.samples --outdir DIR [--swaths N] [--grids N] [--size small|large] [--tiny N]

    DIR/granules/HARMONIUM_SWATH_L2/…nc   five-minute swaths of one pass; those near the end cross the antimeridian
    DIR/granules/HARMONIUM_GRID_L3/…nc    daily global grids with pressure levels
    DIR/granules/HARMONIUM_TINY_L2/…nc    only with --tiny: one-minute swaths of about 18 kB
    DIR/shapes/island.geojson             an island with a lake in it, for requests by shape

Same arguments, same bytes (under one lock file); the decoded values are the same always. Nothing here is an
observation. What stands in a file: `sample_files/swaths.py`, `sample_files/grids.py`. Not a transformer.
"""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from transformers.sample_files.grids import GridSpec, write_grid
from transformers.sample_files.many import write_many
from transformers.sample_files.orbit import Orbit
from transformers.sample_files.swaths import SwathSpec, write_swath

SIZES = {  # scan lines and seconds between them (300 s in all), pixels of a line, cell of the grid in degrees
    "small": (120, 2.5, 48, 1.0),
    "large": (1200, 0.25, 400, 0.25),
}
MADE_AT = datetime(2024, 6, 10, tzinfo=UTC)
PASS_START_S = -900.0  # before the ascending node: about 54 degrees south
PASS_NODE_LON = -158.0
ISLAND = (  # an outline and a lake; longitude, latitude; the swaths and the grids both cover it
    ((-168, -6), (-163, -8), (-157, -5), (-154, 1), (-156, 7), (-161, 9), (-166, 6), (-169, 0), (-168, -6)),
    ((-163, -1), (-164, 2), (-161, 4), (-159, 1), (-160, -2), (-163, -1)),
)


def make(outdir: Path, *, swaths: int = 6, grids: int = 4, size: str = "small", tiny: int = 0) -> list[Path]:
    """Write the archive below `outdir` and return its granules, then the shape. Existing files are replaced.

    Raises ValueError for an unknown size or a negative count.
    """
    if size not in SIZES:
        raise ValueError(f"samples: size {size!r}; allowed: {', '.join(SIZES)}")
    if min(swaths, grids, tiny) < 0:
        raise ValueError(f"samples: {swaths} swaths, {grids} grids, {tiny} tiny; allowed: 0 or more")
    granules = outdir / "granules"
    made = [write_swath(granules / spec.short_name / swath_name(spec), spec) for spec in swath_specs(swaths, size)]
    made += [write_grid(granules / spec.short_name / grid_name(spec), spec) for spec in grid_specs(grids, size)]
    made += write_many(granules / "HARMONIUM_TINY_L2", tiny)
    made.append(write_island(outdir / "shapes" / "island.geojson"))
    for path in made:
        # As old as they pretend to be: a harvest leaves files alone that were written a moment ago.
        os.utime(path, (MADE_AT.timestamp(), MADE_AT.timestamp()))
    return made


def swath_specs(count: int, size: str = "small") -> list[SwathSpec]:
    """Consecutive granules of one pass, south to north over the central Pacific, five minutes each."""
    rows, scan_s, columns, _ = SIZES[size]
    base = SwathSpec(orbit=Orbit(node_lon=PASS_NODE_LON), rows=rows, scan_s=scan_s, columns=columns)
    length_s = rows * scan_s
    return [
        replace(base, start=base.start + timedelta(seconds=n * length_s), first_s=PASS_START_S + n * length_s)
        for n in range(count)
    ]


def grid_specs(count: int, size: str = "small") -> list[GridSpec]:
    """Consecutive days."""
    base = GridSpec(step_deg=SIZES[size][3])
    return [replace(base, start=base.start + timedelta(days=n)) for n in range(count)]


def swath_name(spec: SwathSpec) -> str:
    """HARMONIUM_SWATH_L2_20240601T000000_20240601T000457_v1.nc"""
    return f"{spec.short_name}_{spec.start:%Y%m%dT%H%M%S}_{spec.end:%Y%m%dT%H%M%S}_v{spec.version}.nc"


def grid_name(spec: GridSpec) -> str:
    """HARMONIUM_GRID_L3_20240601_v1.nc"""
    return f"{spec.short_name}_{spec.start:%Y%m%d}_v{spec.version}.nc"


def write_island(path: Path) -> Path:
    """A GeoJSON file with one polygon that has a hole (RFC 7946: outline counter-clockwise, hole clockwise)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    polygon = {"type": "Polygon", "coordinates": [[list(point) for point in ring] for ring in ISLAND]}
    feature = {"type": "Feature", "properties": {"name": "Invented Island"}, "geometry": polygon}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}, indent=1) + "\n", encoding="utf-8")
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; prints one path per line."""
    parser = argparse.ArgumentParser(
        prog="python -m transformers.samples", description="Write Harmonium's own granules."
    )
    parser.add_argument("--outdir", type=Path, required=True, help="folder to write to; made if absent")
    parser.add_argument("--swaths", type=int, default=6, help="five-minute swath granules (default 6)")
    parser.add_argument("--grids", type=int, default=4, help="daily grids (default 4)")
    parser.add_argument("--tiny", type=int, default=0, help="one-minute swaths of about 18 kB (default 0)")
    parser.add_argument("--size", choices=sorted(SIZES), default="small")
    given = parser.parse_args(arguments)
    try:
        made = make(given.outdir, swaths=given.swaths, grids=given.grids, size=given.size, tiny=given.tiny)
    except ValueError as error:
        parser.error(str(error))
    for path in made:
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
