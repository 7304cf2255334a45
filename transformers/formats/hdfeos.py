"""Names of dimensions that HDF files keep outside HDF5: HDF-EOS5 StructMetadata and GPM's `DimensionNames`.

Text in, names out. Which of them replaces what: `hdf5_dimensions.py`. Source: HDF-EOS5 "StructMetadata" (ODL text);
transformers-l2.md 3.3 and catalog.md 3 of the project's contracts.
"""

import re
from dataclasses import dataclass
from typing import Any

_LINE = re.compile(r"^\s*(\w+)\s*=\s*(.*?)\s*$", re.M)


@dataclass(frozen=True, slots=True)
class EosField:
    """A geolocation or data field. group: `/HDFEOS/SWATHS/<name>` or `/HDFEOS/GRIDS/<name>`."""

    group: str
    name: str
    dims: tuple[str, ...]


def fields_of(struct_metadata: str) -> list[EosField]:
    """Every field that StructMetadata gives a DimList for, in the order of the text.

    Names such as `nTimes+1` or `1` are legal. Text that is not ODL yields nothing.
    """
    found: list[EosField] = []
    group = field = ""
    for key, value in _LINE.findall(struct_metadata):
        if key in ("SwathName", "GridName"):
            group = f"/HDFEOS/{'SWATHS' if key == 'SwathName' else 'GRIDS'}/{_unquoted(value)}"
        elif key in ("GeoFieldName", "DataFieldName"):
            field = _unquoted(value)
        elif key == "DimList" and field and group:
            dims = tuple(_unquoted(part) for part in value.strip("()").split(",") if part.strip())
            found.append(EosField(group, field, dims))
        elif key in ("OBJECT", "END_OBJECT"):
            field = ""
    return found


def attribute_names(value: Any, rank: int) -> tuple[str, ...] | None:
    """`DimensionNames` ("nscan,nray,nbin") of a variable with `rank` dimensions; None when it does not fit."""
    if not isinstance(value, str):
        return None
    names = tuple(part.strip() for part in value.split(","))
    return names if len(names) == rank and all(names) else None


def _unquoted(text: str) -> str:
    return text.strip().strip('"')
