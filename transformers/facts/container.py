"""What a file is, by its first bytes and never by its name, and whether a TIFF or zip is whole. Opens no library.

HDF5 and classic NetCDF check themselves when they are opened (`formats/`). Obeys: catalog contract, section 3.
"""

from pathlib import Path

from transformers.contract import NoRetry

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HDF5_OFFSETS = (0, *(512 << n for n in range(12)))  # where it may stand (HDF5 File Format Specification, II.A)
SIGNATURES = {
    b"CDF\x01": "netcdf3",
    b"CDF\x02": "netcdf3",
    b"CDF\x05": "netcdf3",
    b"\x0e\x03\x13\x01": "hdf4",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
    b"II+\x00": "tiff",
    b"MM\x00+": "tiff",
    b"PK\x03\x04": "zip",
}


def read_container(path: Path) -> str:
    """hdf5, netcdf3, hdf4, tiff or zip.

    Raises NoRetry, saying what the file begins with, for an empty file and for anything else.
    """
    try:
        with path.open("rb") as file:
            head = file.read(8)
            if head[:4] in SIGNATURES:
                return SIGNATURES[head[:4]]
            for offset in HDF5_OFFSETS:
                file.seek(offset)
                found = file.read(8)
                if found == HDF5_SIGNATURE:
                    return "hdf5"
                if len(found) < 8:
                    break
    except OSError as error:
        raise NoRetry(f"{path.name}: cannot be opened: {error.strerror or error}") from error
    raise NoRetry(f"{path.name}: not a format we read: {_seen(head)}; allowed: NetCDF, HDF5, HDF4, TIFF, zip of TIFFs")


def _seen(head: bytes) -> str:
    """The first bytes in words."""
    if not head:
        return "an empty file"
    if not head.strip(b"\x00"):
        return "it begins with zero bytes"
    if head.lstrip().lower().startswith((b"<!doc", b"<html", b"<?xml")):
        return "a web page or XML"
    return f"it begins with {head!r}"
