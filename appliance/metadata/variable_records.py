"""Facts of a collection's files -> UMM-Var records (1.8.2). Pure. Which variables there are: `union.py`.

Obeys the catalog's contract, "Variables". Beyond the schema: `Alias` and `SizeEstimation`, which the Service-Bridge
reads, and `Layout`, a field of our own with which it computes exact hyperslabs.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

SPECIFICATION = {
    "URL": "https://cdn.earthdata.nasa.gov/umm/variable/v1.8.2",
    "Name": "UMM-Var",
    "Version": "1.8.2",
}
LONGEST_NAME = 256
LONGEST_TEXT = 1024
CLASSIC_RATE = 0.5  # NetCDF-4 bytes for one of a classic file: guessed, since such files hold nothing compressed


def variable_record(
    variable: Mapping[str, Any],
    *,
    sizes: Sequence[int],
    index_ranges: Mapping[str, Any] | None,
    rates: Mapping[str, float],
    layout: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The record of one variable. sizes: of its dimensions in the latest granule; rates: format -> share of file."""
    path = variable["path"]
    long_name = _text(variable["long_name"] or path.rsplit("/", 1)[-1])
    record: dict[str, Any] = {
        "Name": path,
        "LongName": long_name,
        "Definition": _text(variable["description"] or long_name),
        "Alias": f"/{path}",
        "DataType": variable["data_type"],
        "VariableType": variable["type"],
    }
    optional = {
        "VariableSubType": variable["subtype"],
        "StandardName": variable["standard_name"],
        "Units": variable["units"],
        "Scale": variable["scale"],
        "Offset": variable["offset"],
    }
    record |= {field: value for field, value in optional.items() if value is not None and value != ""}
    record |= _fills(variable["fill_values"]) | _ranges(variable["valid_range"])
    if sizes:
        record["Dimensions"] = [
            {"Name": name, "Size": size, "Type": kind}
            for name, size, kind in zip(variable["dim_names"], sizes, variable["dim_types"], strict=True)
        ]
    if index_ranges:
        record["IndexRanges"] = {"LatRange": index_ranges["lat"], "LonRange": index_ranges["lon"]}
    if rates:
        record["SizeEstimation"] = {
            "AverageCompressionInformation": [{"Rate": rate, "Format": name} for name, rate in rates.items()]
        }
    if layout:
        record["Layout"] = layout
    return {**record, "MetadataSpecification": SPECIFICATION}


def compression_rates(shares: Sequence[float], container: str) -> dict[str, float]:
    """The variable's mean share of its files, per output format; empty when nothing is known."""
    if not shares:
        return {}
    share = float(f"{sum(shares) / len(shares):.6g}")
    return {"NetCDF-4": share * (CLASSIC_RATE if container == "netcdf3" else 1.0), "Native": share}


def _fills(values: Sequence[Any]) -> dict[str, Any]:
    finite = [value for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return {"FillValues": [{"Value": value, "Type": "SCIENCE_FILLVALUE"} for value in finite]} if finite else {}


def _ranges(valid_range: Sequence[Any] | None) -> dict[str, Any]:
    if not valid_range:
        return {}
    low, high = valid_range
    ends = {name: value for name, value in (("Min", low), ("Max", high)) if value is not None}
    return {"ValidRanges": [ends]} if ends and all(math.isfinite(value) for value in ends.values()) else {}


def _text(text: str) -> str:
    return str(text).strip()[:LONGEST_TEXT] or "Not provided"
