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
     "production": "2024-06-02T00:00:00.000Z" | null,
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
                  "x": {"dimension": "lon", "first": -179.5, "step": 1.0, "size": 360},     "values": path of the variable
                  "crs": null | WKT, "geotransform": null | [6 numbers]}],                  y, x of a swath: no first, step
     "layout": 0,                             of the main pair | null
     "grids": [{"pair": 0, "crs": "EPSG:4326", "bounds": [x min, y min, x max, y max], "size": [360, 180]}],
     "attributes": {"summary": "...", ...},   texts for the collection, by lower-case name: summary abstract comment
                                              institution platform instrument source keywords processing_level project
     "warnings": ["..."]}

A file that cannot be described gives {"path": ..., "error": reason} and nothing else.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from transformers.contract import NoRetry
from transformers.facts.container import read_container


def describe(path: Path) -> dict[str, Any]:
    """The facts of one file, as the module says; {"path", "error"} when it cannot be read."""
    try:
        return {"path": str(path), "container": read_container(path), "kind": "unknown"}
    except NoRetry as error:
        return {"path": str(path), "error": str(error)}


def describe_many(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The facts of each file, in the order given."""
    for path in paths:
        yield describe(Path(path))
