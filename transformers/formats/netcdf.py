"""The door to NetCDF and HDF5 files: `open_granule` to read any of them, `Writer` to write NetCDF-4.

Formats are told by their first bytes, never by their names (catalog.md section 3). Values pass as stored; scaling
is `coordinates/packing.py`. HDF4 and TIFF are not read here.
"""

import errno
from pathlib import Path

from transformers.contract import NoRetry
from transformers.formats.classic import ClassicGranule
from transformers.formats.hdf5 import Hdf5Granule
from transformers.formats.hdf5_writer import Writer
from transformers.formats.layout import (
    Dimension,
    Filters,
    Granule,
    StringText,
    VariableInfo,
    is_visible,
    join,
    name_of,
    parent_of,
)

__all__ = [
    "Dimension",
    "Filters",
    "Granule",
    "StringText",
    "VariableInfo",
    "Writer",
    "is_visible",
    "join",
    "name_of",
    "open_granule",
    "parent_of",
]

PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ETIMEDOUT, errno.ESTALE)  # worth another try
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
USER_BLOCKS = (
    0,
    512,
    1024,
    2048,
    4096,
    8192,
    16384,
    32768,
    65536,
)  # where the signature may stand (HDF5 file format, II.A)


def open_granule(path: Path, name: str = "") -> Granule:
    """Open a NetCDF-4, HDF5, HDF-EOS5 or classic NetCDF file for reading.

    name: what to call the file in messages (the archive's name for it).
    Raises NoRetry with the name and the reason: absent, empty, not a format we read, cut short, damaged.
    """
    title = name or path.name
    container = container_of(path, title)
    return Hdf5Granule(path, title) if container == "hdf5" else ClassicGranule(path, title)


def container_of(path: Path, name: str = "") -> str:
    """`hdf5` or `classic`, by the first bytes. Raises NoRetry when it is neither."""
    title = name or path.name
    try:
        with path.open("rb") as file:
            head = file.read(4)
            if head[:3] == b"CDF" and head[3:] in (b"\x01", b"\x02", b"\x05"):
                return "classic"
            for offset in USER_BLOCKS:
                file.seek(offset)
                if file.read(8) == HDF5_SIGNATURE:
                    return "hdf5"
    except OSError as error:
        if error.errno in PASSING:
            raise
        raise NoRetry(f"{title}: cannot be opened: {error.strerror or error}") from error
    found = "an empty file" if not head else f"a file that starts with {head!r}"
    raise NoRetry(f"{title}: {found}; allowed: NetCDF-4, HDF5 or classic NetCDF")
