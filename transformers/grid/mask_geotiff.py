"""Fills what lies outside a shape in a GeoTIFF. rasterio is imported here and nowhere else on the way to a mask.

Obeys transformers-l3.md 3 of the project's contracts.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from pyproj import CRS
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window
from shapely.geometry.base import BaseGeometry

from transformers.contract import NoRetry
from transformers.coordinates.grid import Axis
from transformers.grid.fills import fill_of
from transformers.grid.masks import geographic_mask, projected_mask

STRIP_BYTES = 32 << 20
OPTIONS = {"GDAL_PAM_ENABLED": "NO", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_TIFF_INTERNAL_MASK": "YES"}
CREATION = ("driver", "width", "height", "count", "dtype", "crs", "transform", "nodata", "tiled", "blockxsize",
            "blockysize", "compress", "interleave", "photometric")  # fmt: skip


def mask_geotiff(
    source_path: Path, name: str, layout: Mapping[str, Any], shapes: Sequence[BaseGeometry], target: Path
) -> None:
    """Write `target`: all bands with fill outside the shape. Compression, tags, colours and band names are kept; a
    nodata value is not invented. Raises NoRetry for a file without a usable CRS."""
    with rasterio.Env(**OPTIONS), ExitStack() as files:
        with _reading(name):
            source = files.enter_context(rasterio.open(source_path))
        _write(source, name, layout, shapes, target)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """What cannot be read now cannot be read later; what cannot be written may well be."""
    try:
        yield
    except RasterioError as error:
        raise NoRetry(f"{name}: {error}") from error


def _write(source: Any, name: str, layout: Mapping[str, Any], shapes: Sequence[BaseGeometry], target: Path) -> None:
    if source.crs is None or source.transform.b or source.transform.d:
        found = "rotated rows" if source.crs else "no CRS"
        raise NoRetry(f"{name}: {found}; allowed: a GeoTIFF with a CRS and rows from west to east")
    mask = _mask(source, shapes)
    profile = {k: v for k, v in source.profile.items() if k in CREATION}
    if not source.profile.get("tiled"):
        profile.pop("blockxsize", None)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with rasterio.open(partial, "w", BIGTIFF="IF_SAFER", **profile) as result:
            _describe(source, result)
            _fill(source, result, mask, layout, name)
            if source.overviews(1):
                result.build_overviews(source.overviews(1), Resampling.nearest)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _mask(source: Any, shapes: Sequence[BaseGeometry]) -> np.ndarray:
    t = source.transform
    x, y = _axis(t.c, t.a, source.width), _axis(t.f, t.e, source.height)
    if source.crs.is_geographic:
        return geographic_mask(shapes, y, x)
    return projected_mask(shapes, y, x, CRS.from_wkt(source.crs.to_wkt()))


def _axis(start: float, step: float, size: int) -> Axis:
    """Cells from an outer edge on."""
    edges = start + step * np.arange(size + 1)
    return Axis(start + step * (np.arange(size) + 0.5), np.column_stack([edges[:-1], edges[1:]]))


def _describe(source: Any, result: Any) -> None:
    result.update_tags(**source.tags())
    result.descriptions, result.scales, result.offsets = source.descriptions, source.scales, source.offsets
    result.units = [unit or "" for unit in source.units]
    result.colorinterp = source.colorinterp
    for band in source.indexes:
        result.update_tags(band, **source.tags(band))
        try:
            result.write_colormap(band, source.colormap(band))
        except ValueError:
            continue  # a band without a table of colours


def _fill(source: Any, result: Any, mask: np.ndarray, layout: Mapping[str, Any], name: str) -> None:
    fills = [
        fill_of(np.dtype(kind), layout.get("fill_value"), nodata)
        for kind, nodata in zip(source.dtypes, source.nodatavals, strict=True)
    ]
    for window in _strips(source):
        with _reading(name):
            values = source.read(window=window)
        outside = ~mask[window.row_off : window.row_off + window.height]
        for band, fill in zip(values, fills, strict=True):
            band[outside] = fill
        result.write(values, window=window)
    if MaskFlags.per_dataset in source.mask_flag_enums[0] and MaskFlags.alpha not in source.mask_flag_enums[0]:
        result.write_mask(np.where(mask, source.read_masks(1), 0).astype(np.uint8))


def _strips(source: Any) -> Iterator[Window]:
    """All rows in runs of whole blocks and of bounded size, all bands together."""
    height = source.block_shapes[0][0]
    row = source.width * sum(np.dtype(kind).itemsize for kind in source.dtypes)
    step = max(height, STRIP_BYTES // row // height * height)
    for start in range(0, source.height, step):
        yield Window(0, start, source.width, min(step, source.height - start))
