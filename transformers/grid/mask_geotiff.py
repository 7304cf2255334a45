"""Fills what lies outside a shape in a GeoTIFF. rasterio is imported here and nowhere else on the way to a mask.

Obeys transformers-l3.md 3 of the project's contracts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from pyproj import CRS
from rasterio.enums import Resampling
from shapely.geometry.base import BaseGeometry

from transformers.contract import NoRetry
from transformers.grid.mask_netcdf import fill_of
from transformers.grid.masks import Cells, geographic_mask, projected_mask

CREATION = ("driver", "width", "height", "count", "dtype", "crs", "transform", "nodata", "tiled", "blockxsize",
            "blockysize", "compress", "interleave", "photometric")  # fmt: skip


def mask_geotiff(source_path: Path, name: str, layout: Mapping[str, Any], shape: BaseGeometry, target: Path) -> None:
    """Write `target`: all bands with fill outside the shape. Compression, tags, colours and band names are kept; a
    nodata value is not invented. Raises NoRetry for a file without a usable CRS."""
    with rasterio.Env(GDAL_PAM_ENABLED=False), rasterio.open(source_path) as source:
        if source.crs is None or source.transform.b or source.transform.d:
            found = "rotated rows" if source.crs else "no CRS"
            raise NoRetry(f"{name}: {found}; allowed: a GeoTIFF with a CRS and rows from west to east")
        mask = _mask(source, shape)
        profile = {k: v for k, v in source.profile.items() if k in CREATION}
        if not source.profile.get("tiled"):
            profile.pop("blockxsize", None)
        partial = target.with_name(f".{target.name}.partial")
        try:
            with rasterio.open(partial, "w", **profile) as result:
                _describe(source, result)
                _fill(source, result, mask, layout)
                if source.overviews(1):
                    result.build_overviews(source.overviews(1), Resampling.nearest)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def _mask(source: Any, shape: BaseGeometry) -> np.ndarray:
    t = source.transform
    cells = Cells(t.c + t.a * np.arange(source.width + 1), t.f + t.e * np.arange(source.height + 1))
    if source.crs.is_geographic:
        return geographic_mask(shape, cells)
    return projected_mask(shape, cells, CRS.from_wkt(source.crs.to_wkt()))


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


def _fill(source: Any, result: Any, mask: np.ndarray, layout: Mapping[str, Any]) -> None:
    for band in source.indexes:
        fill = fill_of(np.dtype(source.dtypes[band - 1]), source.nodatavals[band - 1], layout)
        for _, window in result.block_windows(band):
            values = source.read(band, window=window)
            rows, columns = window.toslices()
            values[~mask[rows, columns]] = fill
            result.write(values, band, window=window)
