"""Media types: names and aliases of output formats, the Accept header, wildcards. Which chain offers what: `match.py`.

Source: harmony-api.md, section 1.6; the one format with many names: decisions.md, section 3.2.
"""

import re
from collections.abc import Sequence

NETCDF = "application/netcdf"
OPENDAP_URL = "application/x-netcdf4;profile=opendap_url"

ALIASES = {
    "application/netcdf4": NETCDF,
    "application/x-netcdf": NETCDF,
    "application/x-netcdf4": NETCDF,
    "application/zarr": "application/x-zarr",
}

# UMM-S names of formats (compared without case and blanks) and what they are on the wire.
UMM_NAMES = {
    "NETCDF-4": NETCDF,
    "HDF-EOS2": "application/x-hdf",
    "NETCDF-4 (OPeNDAP URL)": OPENDAP_URL,
    "ZARR": "application/x-zarr",
    "GIF": "image/gif",
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GEOTIFF": "image/tiff",
    "CSV": "text/csv",
}
_BY_SQUEEZED_NAME = {re.sub(r"\s", "", name).lower(): mime for name, mime in UMM_NAMES.items()}
NAMES_BY_MIME = {mime: name for name, mime in UMM_NAMES.items()}


def parse_format(text: str) -> str:
    """The media type that `format=` names: lower case, without blanks and quotes, aliases and UMM-S names replaced.

    A name that nobody knows comes back as it is (no chain will offer it: 422, not 400).
    """
    squeezed = re.sub(r"[\s\"']", "", text).lower()
    named = _BY_SQUEEZED_NAME.get(squeezed, squeezed)
    return ALIASES.get(named, named)


def parse_accept(header: str | None) -> tuple[str, ...]:
    """The media types of an Accept header, best first; ties keep their order; parameters are dropped. Absent: ().

    A missing or non-numeric q is 1.0. `q=0` means "not this one" (RFC 9110, section 12.4.2) and is left out.
    """
    weighted = []
    for place, entry in enumerate((header or "").split(",")):
        mime, *arguments = (part.strip() for part in entry.split(";"))
        quality = _quality(arguments)
        if mime and quality > 0:
            weighted.append((-quality, place, mime.lower()))
    return tuple(ALIASES.get(mime, mime) for _, _, mime in sorted(weighted))


def is_wildcard(mime: str) -> bool:
    """Whether it stands for more than one type."""
    return "*" in mime


def accepts_anything(accept: Sequence[str]) -> bool:
    """Whether the list has an "any" wildcard: then it is a wish, not a requirement."""
    return any(mime in ("*", "*/*") for mime in accept)


def fits(wanted: str, offered: str) -> bool:
    """Whether the offered type is what is wanted, which may have wildcards (`*/*`, `*`, `image/*`, `*/tiff`)."""
    if wanted in ("*", "*/*"):
        return True
    wanted, offered = parse_format(wanted), parse_format(offered)
    kind, _, subtype = wanted.partition("/")
    if "*" not in (kind, subtype):
        return wanted == offered
    offered_kind, _, offered_subtype = offered.partition("/")
    return kind in ("*", offered_kind) and subtype in ("*", offered_subtype)


def first_fitting(wanted: str, offered: Sequence[str]) -> str | None:
    """The first offered type that fits, or None."""
    return next((mime for mime in offered if fits(wanted, mime)), None)


def _quality(arguments: Sequence[str]) -> float:
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name.strip().lower() == "q":
            return float(value) if re.fullmatch(r"\s*\d{1,9}(\.\d*)?|\s*\.\d+", value) else 1.0
    return 1.0
