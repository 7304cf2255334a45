"""Facts of one file, for harvest: what it is, where and when it is, what stands in it. Never UMM: that is made from
these facts by pure functions of the appliance (`appliance/metadata/records.py`). Not a transformer: writes nothing.

Obeys the project's catalog contract (recognising kinds, extents, footprints, times, variables). Decoded coordinates
and times beat attributes, attributes beat the file name, the name beats the folder; each fact carries its evidence:
`source` says where it was found, `sureness` is `read` (data, attributes), `guessed` (name, default) or `none`. (`said`,
the word of the operator or a sidecar, is added by the appliance.) The answer is plain JSON:

    {"path": "/archive/a.nc",                 as given
     "container": "hdf5",                     hdf5 | netcdf3 | hdf4 | tiff | zip
     "kind": "swath",                         swath | along-track | profile | trajectory | grid-geographic |
                                              grid-projected | geotiff | hdfeos2-grid | hdfeos2-swath | empty | unknown
                                              (empty: takes the kind of its collection, has no extent)
     "reason": null,                          a sentence when kind is unknown or empty
     "evidence": {"kind": {"source": "2-D pair /lat, /lon", "sureness": "read"},
                  "extent": {"source": "/lat, /lon", "sureness": "read"}},
     "identity": {"short_name": "X", "version": "1", "title": "X version 1", "doi": null,
                  "source": "attribute",      of the short name: attribute | name | folder
                  "sureness": "read",         of the short name
                  "place": "/@ShortName",     of the short name
                  "version_source": "attribute",   attribute | name | default
                  "candidates": {"short_name": [{"value", "source", "place", "sureness"}, ...], "version": [...],
                                 "title": [...], "doi": [...]}},      in the order of preference
     "file": {"name": "a.nc", "size_bytes": 1234, "format": "netCDF-4", "media_type": "application/x-netcdf4"},
                                         format: netCDF-4 | netCDF-3 | HDF5 | HDF-EOS5 | HDF-EOS2 | HDF4 | GeoTIFF | ZIP
     "extent": {"rectangles": [[w, s, e, n], ...],        at most one of the three is not empty; none crosses 180;
                "polygons": [[[lon, lat], ...], ...],     rings closed, counter-clockwise;
                "lines": [[[lon, lat], ...], ...],
                "bbox": [w, s, e, n] | null},             one box of the data; w > e: across the antimeridian
     "time": {"start": "2024-06-01T00:00:00.000Z" | null, "end": ..., "source": "attributes", "sureness": "read",
              "warning": null},               source: attributes | variables | attributes and variables | name | none
     "day_night": "Day",                      Day | Night | Both | Unspecified
     "production": "2024-06-02T00:00:00.000Z",   as the file says, else when it was last changed
     "variables": [{"path": "group/sst",      without leading slash, in file order
                    "name": "sst", "long_name": "...", "description": null, "standard_name": null, "units": null,
                    "data_type": "int16",     numpy name, `string` or `OTHER`
                    "type": "SCIENCE_VARIABLE", "subtype": "ARRAY",       UMM's words; subtype may be null
                    "shape": [10, 20],
                    "dims": ["rows", "columns"],                          paths of the dimensions, no leading slash
                    "dim_names": ["rows", "columns"],                     as the record names them: for a typed axis the
                                                                          path of its coordinate variable
                    "dim_types": ["ALONG_TRACK_DIMENSION", "CROSS_TRACK_DIMENSION"],
                    "dim_units": [null, null],                            of the coordinate variable
                    "fill_values": [-9999], "valid_range": [0, 100] | null, "scale": 0.1, "offset": 0.0,   null: none
                    "index_ranges": {"lat": [90, -90], "lon": [-180, 180]} | null,        first and last; gridded only
                    "role": "data",           data (science and quality; of grids only those on both axes) | support
                    "stored_bytes": 1200, "raw_bytes": 4000,
                    "chunks": [5, 20] | null, "filters": ["shuffle", "deflate 4"],
                    "pair": 0,                index in pairs | null
                    "layout": 0}, ...],       index in layouts | null
     "pairs": [{"latitude": "lat", "longitude": "lon", "dims": ["rows", "columns"], "shape": [10, 20], "main": true}],
     "layouts": [{"latitude": "lat", "longitude": "lon",                  the coordinate pair (projected: y and x)
                  "y": {"dimension": "lat", "first": -89.5, "step": 1.0, "size": 180},      step null: irregular, then
                  "x": {"dimension": "lon", "first": -179.5, "step": 1.0, "size": 360},     "values": path of the axis;
                  "crs": null | WKT, "geotransform": null | [6 numbers]}],            swath: dimension and size only;
                                                                                      track: x null; scalars: y null
     "layout": 0,                             of the main pair | null
     "grids": [{"pair": 0, "crs": "EPSG:4326", "bounds": [x min, y min, x max, y max], "size": [360, 180]}],
     "attributes": {"summary": "...", ...},   texts for the collection, by lower-case name: summary abstract comment
                                              institution platform instrument source keywords processing_level project
     "warnings": ["..."]}

A file that cannot be described gives {"path": ..., "error": reason} and nothing else.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from transformers.contract import NoRetry
from transformers.facts.container import read_container
from transformers.facts.daylight import day_night
from transformers.facts.extents import NOWHERE, find_extent
from transformers.facts.identity import identity
from transformers.facts.instants import iso_ms
from transformers.facts.kinds import Kind, recognise
from transformers.facts.layouts import grid_facts, horizontals, pair_facts
from transformers.facts.rasters import describe_tiff, describe_zip
from transformers.facts.said import Said, collect, first
from transformers.facts.said_times import production_time, said_range
from transformers.facts.time_range import time_range
from transformers.facts.variable_times import VariableRange, variable_range
from transformers.facts.variables import variable_facts
from transformers.formats.layout import Granule
from transformers.formats.netcdf import open_granule

logger = logging.getLogger(__name__)

FORMATS = {  # container -> (format, media type); HDF5 is looked at more closely
    "netcdf3": ("netCDF-3", "application/x-netcdf"),
    "hdf4": ("HDF4", "application/x-hdf"),
    "tiff": ("GeoTIFF", "image/tiff"),
    "zip": ("ZIP", "application/zip"),
}
TEXTS = {  # attribute of the facts <- words in a file, first that is there
    "summary": ("summary",),
    "abstract": ("abstract",),
    "comment": ("comment",),
    "institution": ("institution", "ProcessingCenter"),
    "platform": ("platform", "SatelliteName", "ASSOCIATEDPLATFORMSHORTNAME"),
    "instrument": ("instrument", "sensor", "InstrumentName", "ASSOCIATEDINSTRUMENTSHORTNAME"),
    "source": ("source",),
    "keywords": ("keywords",),
    "processing_level": ("processing_level", "level", "ProcessLevel"),
    "project": ("project",),
}
LONGEST_TEXT = 4000


def describe(path: Path | str) -> dict[str, Any]:
    """The facts of one file, as the module says; {"path", "error"} when it cannot be read."""
    path = Path(path)
    try:
        return {"path": str(path), **_plain(_describe(path))}
    except NoRetry as error:
        return {"path": str(path), "error": _plain(str(error))}
    except Exception as error:  # the edge of one file: the next one must still be described
        logger.exception("describing %s", path)
        return {"path": str(path), "error": _plain(f"{path.name}: {type(error).__name__}: {error}")}


def describe_many(paths: Iterable[Path | str]) -> Iterator[dict[str, Any]]:
    """The facts of each file, in the order given."""
    for path in paths:
        yield describe(path)


def _describe(path: Path) -> dict[str, Any]:
    container = read_container(path)
    if container in ("hdf5", "netcdf3"):
        with open_granule(path) as granule:
            return _granule_facts(granule, path, container)
    if container == "hdf4":
        reason = "HDF4 needs the extra `hdf4`; download only"
        raster: dict[str, Any] = {
            "kind": "unknown",
            "reason": reason,
            "evidence": {
                "kind": {"source": reason, "sureness": "none"},
                "extent": {"source": "none", "sureness": "none"},
            },
            "extent": NOWHERE,
            "variables": [],
            "grids": [],
            "attributes": {},
        }
    else:
        raster = describe_tiff(path) if container == "tiff" else describe_zip(path)
    said = tuple(Said(name, value, f"tag {name}") for name, value in raster["attributes"].items())
    whole = _assembled(path, container, said, None, FORMATS[container])
    kept = ("kind", "reason", "evidence", "extent", "variables", "grids")
    return {**whole, **{name: raster[name] for name in kept}}


def _granule_facts(granule: Granule, path: Path, container: str) -> dict[str, Any]:
    """Facts of an open NetCDF or HDF5 file."""
    said = collect(granule)
    short_name = identity(said, path.name, path.parent.name)["short_name"]
    kind = recognise(granule, short_name)
    held = variable_range(granule, short_name)
    whole = _assembled(path, container, said, held, _format(granule, path, container))
    extent = find_extent(granule, kind)
    found = horizontals(granule, kind)
    layouts = [h.fact for h in found]
    return {
        **whole,
        "kind": kind.name,
        "reason": kind.reason,
        "evidence": _evidence(kind, extent),
        "extent": extent,
        "day_night": day_night(granule, said),
        "variables": variable_facts(granule, kind, found),
        "pairs": pair_facts(granule, kind),
        "layouts": layouts,
        "layout": 0 if layouts else None,
        "grids": grid_facts(found),
    }


def _assembled(
    path: Path, container: str, said: Sequence[Said], held: VariableRange | None, form: tuple[str, str]
) -> dict[str, Any]:
    """What every container has, in the order of the module's text; the rest is empty."""
    status = path.stat()
    time = time_range(said_range(said), held, path.name)
    made = production_time(said) or datetime.fromtimestamp(status.st_mtime, UTC)
    return {
        "container": container,
        "kind": "unknown",
        "reason": None,
        "evidence": {},
        "identity": identity(said, path.name, path.parent.name),
        "file": {"name": path.name, "size_bytes": status.st_size, "format": form[0], "media_type": form[1]},
        "extent": NOWHERE,
        "time": time,
        "day_night": "Unspecified",
        "production": iso_ms(made),
        "variables": [],
        "pairs": [],
        "layouts": [],
        "layout": None,
        "grids": [],
        "attributes": {
            name: word.value[:LONGEST_TEXT] for name, names in TEXTS.items() if (word := first(said, names))
        },
        "warnings": [time["warning"]] if time["warning"] else [],
    }


def _evidence(kind: Kind, extent: dict[str, Any]) -> dict[str, dict[str, str]]:
    placed = any(extent[form] for form in ("rectangles", "polygons", "lines"))
    if kind.grid is not None:
        place = f"{kind.grid.x}, {kind.grid.y}" if kind.grid.x else kind.grid.crs_source
    else:
        place = f"{kind.main.latitude}, {kind.main.longitude}" if kind.main else "none"
    return {
        "kind": {"source": kind.evidence, "sureness": kind.sureness},
        "extent": {"source": place if placed else "none", "sureness": kind.sureness if placed else "none"},
    }


def _format(granule: Granule, path: Path, container: str) -> tuple[str, str]:
    """UMM's word for the format, and the media type."""
    if container != "hdf5":
        return FORMATS[container]
    if any(group.upper().startswith("/HDFEOS") for group in granule.groups):
        return "HDF-EOS5", "application/x-hdf5"
    named = path.suffix.lower() in (".nc", ".nc4")
    return ("netCDF-4", "application/x-netcdf4") if named else ("HDF5", "application/x-hdf5")


def _plain(value: Any) -> Any:
    """Only what JSON knows: numpy values become Python's, texts become valid Unicode without zero bytes."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "")
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value
