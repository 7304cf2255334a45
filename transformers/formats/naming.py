"""Names, media types and extensions of outputs. Pure text.

Obeys transformers-l3.md 0.2 and 0.3 and transformers-l2.md 1.2 of the project's contracts.
"""

import re
from urllib.parse import unquote

NETCDF4 = "application/x-netcdf4"
HDF5 = "application/x-hdf5"
HDF4 = "application/x-hdf"
GEOTIFF = "image/tiff"
PNG = "image/png"
JPEG = "image/jpeg"
GIF = "image/gif"
ZARR = "application/x-zarr"
CSV = "text/csv"
TEXT = "text/plain"

_MEDIA_TYPES = {
    ".nc": NETCDF4, ".nc4": NETCDF4, ".h5": HDF5, ".hdf5": HDF5, ".he5": HDF5, ".hdf": HDF4, ".tif": GEOTIFF,
    ".tiff": GEOTIFF, ".png": PNG, ".jpg": JPEG, ".jpeg": JPEG, ".gif": GIF, ".zarr": ZARR, ".csv": CSV, ".txt": TEXT,
    ".xml": "application/xml", ".pgw": TEXT, ".jgw": TEXT, ".tfw": TEXT, ".json": "application/json",
}  # fmt: skip


def output_name(
    source: str,
    *,
    ext: str | None = None,
    variable: str | None = None,
    regridded: bool = False,
    subsetted: bool = False,
    reformatted: bool = False,
) -> str:
    """`<stem>[_<variable>][_regridded][_subsetted][_reformatted]<ext>` from a file name or URL.

    variable: the one requested variable's name; None when none or several were requested. ext: None keeps the
    source's. Suffixes the stem already ends with are not repeated; `/`, `:`, `\\` and control characters become `_`,
    runs of `_` one.
    """
    last = unquote(source.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1])
    dot = last.rfind(".")
    stem, own = (last[:dot], last[dot:]) if dot > 0 else (last, "")
    ext = own if ext is None else ext
    ext = ext if not ext or ext.startswith(".") else "." + ext
    wanted = [
        _clean(f"_{variable}") if variable else "",
        "_regridded" if regridded else "",
        "_subsetted" if subsetted else "",
        "_reformatted" if reformatted else "",
        ext,
    ]
    for suffix in reversed(wanted):
        stem = stem.removesuffix(suffix) if suffix else stem
    return re.sub(r"_*\._*", ".", _clean(stem + "".join(wanted)).strip("_"))


def _clean(text: str) -> str:
    return re.sub("_+", "_", re.sub(r"[/:\\\x00-\x1f\x7f]", "_", text))


def media_type(name: str) -> str:
    """The media type of a file name; `application/octet-stream` when its extension says nothing."""
    return _MEDIA_TYPES.get(name[name.rfind(".") :].lower() if "." in name else "", "application/octet-stream")
