"""GeoTIFF files and zips of them: georeference, extent, bands, and whether all blocks are there. rasterio on demand.

Obeys: catalog contract, section 3 (rule 1, "Whole file?") and section 10 (limits of a zip).
"""

import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers.contract import NoRetry
from transformers.coordinates.rectangles import Rectangle
from transformers.facts.extents import NOWHERE, of_rectangles
from transformers.facts.projected import edge_rectangles
from transformers.facts.variables import NUMPY_NAMES

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

MOST_MEMBERS, MOST_EXPANSION = 1000, 20.0
MOST_BLOCKS = 4096  # beyond it only the first and the last row of blocks are looked up
EXTENSIONS = (".tif", ".tiff")


def describe_tiff(path: Path) -> dict[str, Any]:
    """kind, reason, evidence, extent, variables, grids, attributes of one TIFF. Raises NoRetry when it is cut short."""
    return _merged([_raster(str(path), path.name, path.stat().st_size, prefix="")])


def describe_zip(path: Path) -> dict[str, Any]:
    """The same of a zip of TIFFs: extents united, the bands of each member under its name.

    Raises NoRetry for a zip that is damaged, too large when unpacked, or has too many members.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise NoRetry(f"{path.name}: not a whole zip: {error}") from error
    size, expanded = path.stat().st_size, sum(m.file_size for m in members)
    if len(members) > MOST_MEMBERS or expanded > MOST_EXPANSION * size:
        raise NoRetry(
            f"{path.name}: {len(members)} members, {expanded} bytes unpacked from {size}; allowed: "
            f"{MOST_MEMBERS} members, {MOST_EXPANSION:g} times the size"
        )
    images = [m for m in members if m.filename.lower().endswith(EXTENSIONS)]
    if not images:
        return _unknown("a zip without GeoTIFFs; download only")
    place = path.resolve()
    return _merged([
        _raster(f"/vsizip/{place}/{m.filename}", f"{path.name}/{m.filename}", m.file_size, prefix=Path(m.filename).stem)
        for m in images
    ])  # fmt: skip


def _raster(name: str, title: str, size_bytes: int, *, prefix: str) -> dict[str, Any]:
    """One TIFF. prefix: put before the names of its bands."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    quiet = warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning)  # it becomes the reason
    options = {"GDAL_PAM_ENABLED": "NO", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
    try:
        with quiet, rasterio.Env(**options), rasterio.open(name) as file:
            _check_whole(file, title, size_bytes)
            bands = [_band(file, number, size_bytes, prefix) for number in range(1, file.count + 1)]
            if file.crs is None or file.transform.is_identity:
                return {**_unknown("raster without georeference"), "variables": bands}
            return {
                "kind": "geotiff",
                "reason": None,
                "rectangles": _rectangles(file),
                "variables": bands,
                "grids": [_grid(file)] if file.transform.b == 0 and file.transform.d == 0 else [],
                "attributes": {k.lower(): v for k, v in file.tags().items() if isinstance(v, str)},
            }
    except RasterioError as error:
        raise NoRetry(f"{title}: {error}") from error


def _merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Facts of all members as those of one granule."""
    good = [p for p in parts if p["kind"] == "geotiff"]
    if not good:
        return parts[0]
    rectangles = list(dict.fromkeys(r for p in good for r in p["rectangles"]))
    return {
        "kind": "geotiff",
        "reason": None,
        "evidence": {
            "kind": {"source": "CRS and transform", "sureness": "read"},
            "extent": {"source": "corners", "sureness": "read" if rectangles else "none"},
        },
        "extent": of_rectangles(rectangles),
        "variables": [v for p in parts for v in p["variables"]],
        "grids": list({str(g): g for p in good for g in p["grids"]}.values()),
        "attributes": good[0]["attributes"],
    }


def _unknown(reason: str) -> dict[str, Any]:
    return {
        "kind": "unknown",
        "reason": reason,
        "evidence": {"kind": {"source": reason, "sureness": "none"}, "extent": {"source": "none", "sureness": "none"}},
        "extent": NOWHERE,
        "rectangles": (),
        "variables": [],
        "grids": [],
        "attributes": {},
    }


def _rectangles(file: "DatasetReader") -> tuple[Rectangle, ...]:
    """The outer edge on the globe; corners of rotated images are boxed first."""
    from pyproj import CRS

    turn = file.transform
    pixels = ((0, 0), (file.width, 0), (0, file.height), (file.width, file.height))
    corners = [(turn.c + turn.a * x + turn.b * y, turn.f + turn.d * x + turn.e * y) for x, y in pixels]
    xs, ys = [c[0] for c in corners], [c[1] for c in corners]
    return edge_rectangles(CRS.from_wkt(file.crs.to_wkt()), (min(xs), min(ys), max(xs), max(ys)))


def _grid(file: "DatasetReader") -> dict[str, Any]:
    left, bottom, right, top = file.bounds
    code = file.crs.to_epsg()
    return {
        "pair": None,
        "crs": f"EPSG:{code}" if code else file.crs.to_wkt(),
        "bounds": [min(left, right), min(bottom, top), max(left, right), max(bottom, top)],
        "size": [file.width, file.height],
    }


def _band(file: "DatasetReader", number: int, size_bytes: int, prefix: str) -> dict[str, Any]:
    """A band as an entry of `variables`. Its stored bytes are an even share of the file."""
    described = file.descriptions[number - 1]
    name = described or f"Band{number}"
    if prefix:
        name = prefix if file.count == 1 else f"{prefix}/{name}"
    dtype = file.dtypes[number - 1]
    nodata = file.nodatavals[number - 1]
    scale, offset = file.scales[number - 1], file.offsets[number - 1]
    tags = file.tags(number)
    rows, columns = file.block_shapes[number - 1]
    return {
        "path": name,
        "name": name.rsplit("/", 1)[-1],
        "long_name": tags.get("long_name") or name,
        "description": None,
        "standard_name": tags.get("standard_name"),
        "units": file.units[number - 1] or tags.get("units"),
        "data_type": dtype if dtype in NUMPY_NAMES else "OTHER",
        "type": "SCIENCE_VARIABLE",
        "subtype": "ARRAY",
        "shape": [file.height, file.width],
        "dims": ["y", "x"],
        "dim_names": ["y", "x"],
        "dim_types": ["OTHER", "OTHER"],
        "dim_units": [None, None],
        "fill_values": [nodata] if nodata is not None and nodata == nodata and abs(nodata) != float("inf") else [],
        "valid_range": None,
        "scale": scale if scale != 1 else None,
        "offset": offset if offset != 0 else None,
        "index_ranges": None,
        "role": "data",
        "stored_bytes": size_bytes // max(file.count, 1),
        "raw_bytes": file.height * file.width * _item_size(dtype),
        "chunks": [rows, columns],
        "filters": [file.compression.value.lower()] if file.compression else [],
        "pair": None,
        "layout": None,
    }


def _item_size(dtype: str) -> int:
    """Bytes of a value; GDAL's complex_int16 has no numpy name."""
    import numpy as np

    return 4 if dtype == "complex_int16" else np.dtype(dtype).itemsize


def _check_whole(file: "DatasetReader", title: str, size_bytes: int) -> None:
    """Raise NoRetry when a block ends beyond the end of the file: GDAL itself would not say."""
    rows, columns = file.block_shapes[0]
    down, across = -(-file.height // rows), -(-file.width // columns)
    wanted = range(down) if down * across <= MOST_BLOCKS else sorted({0, down - 1})
    for y in wanted:
        for x in range(across):
            offset = file.get_tag_item(f"BLOCK_OFFSET_{x}_{y}", "TIFF", bidx=file.count)
            size = file.get_tag_item(f"BLOCK_SIZE_{x}_{y}", "TIFF", bidx=file.count)
            if offset and size and int(offset) + int(size) > size_bytes:
                raise NoRetry(f"{title}: truncated: {size_bytes} bytes, a block ends at {int(offset) + int(size)}")
