"""Every variable of a file with its type, dimensions and storage, in UMM's words. Values of axes come from `layouts`.

Obeys: catalog contract, section 5 (first rule that fits); UMM-Var 1.8.2 for the words of types.
"""

import re
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from transformers.coordinates.axes import score
from transformers.coordinates.packing import number
from transformers.coordinates.times import time_unit
from transformers.facts.kinds import Kind, is_gridded
from transformers.facts.layouts import Horizontal, bare, pairs_of
from transformers.facts.said import as_text
from transformers.formats.classic import ClassicGranule
from transformers.formats.hdf5 import Hdf5Granule
from transformers.formats.layout import Granule, VariableInfo, join, name_of

NOT_DATA = "/HDFEOS INFORMATION/"
LONGEST_TEXT = 4000
SUPPORT_GROUPS = re.compile(
    r"(^|/)(metadata|ancillary_data|orbit_info|quality_assessment|qa_statistics|calibration)(/|$)", re.I
)
QUALITY = re.compile(
    r"quality|flag|mask|uncertainty|precision|confidence|status|(^|[^a-z])(qc|qa|err|error|rms)([^a-z]|$)", re.I
)
PRESSURE = re.compile(r"press|plev|isobar", re.I)
HEIGHT = re.compile(r"alt|height|elev", re.I)
DEPTH = re.compile(r"depth", re.I)
NUMPY_NAMES = frozenset(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)) | {
    "float32",
    "float64",
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the type of one variable depends on besides itself."""

    granule: Granule
    kind: Kind
    horizontals: tuple[Horizontal, ...]
    pair_members: dict[str, str]  # path -> LATITUDE or LONGITUDE
    referred: frozenset[str]  # paths named by bounds, grid_mapping, cell_measures

    @property
    def horizontal_dims(self) -> frozenset[str]:
        """Dimensions that carry positions."""
        return frozenset(d for h in self.horizontals for d in h.dims)


def variable_facts(granule: Granule, kind: Kind, horizontals: tuple[Horizontal, ...]) -> list[dict[str, Any]]:
    """`variables` of the facts, in file order."""
    members = {}
    for pair in reversed(pairs_of(kind)):
        members[pair.latitude], members[pair.longitude] = "LATITUDE", "LONGITUDE"
    around = Surroundings(granule, kind, horizontals, members, _referred(granule))
    data = [v for v in granule.variables.values() if not v.path.startswith(NOT_DATA)]
    return [_facts(info, around) for info in data]


def _facts(info: VariableInfo, around: Surroundings) -> dict[str, Any]:
    kind, subtype = _type(info, around)
    index, horizontal = _horizontal_of(info, around)
    attributes = info.attributes
    return {
        "path": bare(info.path),
        "name": info.name,
        "long_name": _text(info, "long_name", "Title", "title") or info.name,
        "description": _text(info, "description", "comment"),
        "standard_name": _text(info, "standard_name"),
        "units": _text(info, "units", "Units"),
        "data_type": _data_type(info),
        "type": kind,
        "subtype": subtype,
        "shape": list(info.shape),
        "dims": [bare(d) for d in info.dims],
        **_dimension_facts(info, horizontal, around),
        "fill_values": [v for v in _numbers(attributes.get("_FillValue")) if np.isfinite(v)],
        "valid_range": _valid_range(info),
        "scale": number(attributes, "scale_factor"),
        "offset": number(attributes, "add_offset"),
        "index_ranges": _index_ranges(horizontal),
        "role": _role(info, kind, horizontal, around),
        "stored_bytes": _stored_bytes(info, around.granule),
        "raw_bytes": prod(info.shape) * info.dtype.itemsize,
        "chunks": list(info.chunks) if info.chunks else None,
        "filters": _filters(info),
        "pair": horizontal.pair if horizontal else None,
        "layout": index,
    }


def _type(info: VariableInfo, around: Surroundings) -> tuple[str, str | None]:
    """VariableType and VariableSubType."""
    coordinate = _coordinate(info, around)
    if coordinate:
        return "COORDINATE", coordinate
    if _is_ancillary(info, around):
        return "ANCILLARY_VARIABLE", None
    flags = {"flag_meanings", "flag_masks"} & set(info.attributes)
    if QUALITY.search(info.name) or (flags and not {"units", "scale_factor"} & set(info.attributes)):
        return "QUALITY_VARIABLE", None
    return "SCIENCE_VARIABLE", ("SCALAR", "VECTOR", "ARRAY")[min(len(info.dims), 2)]


def _coordinate(info: VariableInfo, around: Surroundings) -> str | None:
    if info.path in around.pair_members:
        return around.pair_members[info.path]
    name, attributes = info.name.lower(), info.attributes
    if _is_time(info):
        return "TIME"
    standard = str(attributes.get("standard_name", "")).lower()
    grid = around.kind.grid
    if info.is_coordinate or "axis" in attributes or re.fullmatch(r"projection_[xy](_angular)?_coordinate", standard):
        return "OTHER"
    if grid is not None and info.path in (grid.x, grid.y):
        return "OTHER"
    further = max(score(info, "latitude"), score(info, "longitude")) >= 2 and not name.endswith(("_bnds", "_bounds"))
    return "OTHER" if further and info.dims else None


def _is_time(info: VariableInfo) -> bool:
    name = info.name.lower()
    if name.endswith(("_bnds", "_bounds", "bnds")):
        return False
    if name in ("delta_time", "sst_dtime") or "scantime" in name_of(info.group).lower():
        return True
    if str(info.attributes.get("standard_name", "")).lower() == "time" or (name == "time" and not info.is_text):
        return True
    return "time" in name and time_unit(info.attributes) is not None


def _is_ancillary(info: VariableInfo, around: Surroundings) -> bool:
    if (
        info.path in around.referred
        or info.is_text
        or info.name.lower().endswith("_bnds")
        or info.name.lower() == "crs"
    ):
        return True
    if SUPPORT_GROUPS.search(info.group):
        return True
    return bool(around.horizontals) and not around.horizontal_dims & set(info.dims)


def _role(info: VariableInfo, kind: str, horizontal: Horizontal | None, around: Surroundings) -> str:
    if kind not in ("SCIENCE_VARIABLE", "QUALITY_VARIABLE"):
        return "support"
    if is_gridded(around.kind.name) and (horizontal is None or not set(horizontal.dims) <= set(info.dims)):
        return "support"
    return "data"


def _horizontal_of(info: VariableInfo, around: Surroundings) -> tuple[int | None, Horizontal | None]:
    """The layout whose dimensions the variable has all of, in the order of the layouts."""
    for index, horizontal in enumerate(around.horizontals):
        if horizontal.dims and set(horizontal.dims) <= set(info.dims):
            return index, horizontal
    return None, None


def _dimension_facts(info: VariableInfo, horizontal: Horizontal | None, around: Surroundings) -> dict[str, Any]:
    names, types, units = [], [], []
    for dim in info.dims:
        axis = around.granule.variables.get(dim)
        kind = _dimension_type(dim, axis, info, horizontal, around)
        layout = horizontal.fact if horizontal and horizontal.is_typed else {}
        axis_path = {"LATITUDE_DIMENSION": layout.get("latitude"), "LONGITUDE_DIMENSION": layout.get("longitude")}
        names.append(axis_path.get(kind) or bare(dim))
        types.append(kind)
        units.append(_text(axis, "units", "Units") if axis is not None else None)
    return {"dim_names": names, "dim_types": types, "dim_units": units}


def _dimension_type(
    dim: str, axis: VariableInfo | None, info: VariableInfo, horizontal: Horizontal | None, around: Surroundings
) -> str:
    if axis is not None and _is_time(axis) and len(axis.dims) == 1:
        return "TIME_DIMENSION"
    if dim in around.horizontal_dims:
        if horizontal is None or dim not in horizontal.dims:
            return _lone_axis(dim, around)
        if horizontal.is_grid:
            typed = ("LATITUDE_DIMENSION", "LONGITUDE_DIMENSION")[horizontal.dims.index(dim)]
            return typed if horizontal.is_typed else "OTHER"
        return ("ALONG_TRACK_DIMENSION", "CROSS_TRACK_DIMENSION")[horizontal.dims.index(dim)]
    words = f"{name_of(dim)} {axis.attributes.get('standard_name', '') if axis is not None else ''}"
    units = str(axis.attributes.get("units", "")).strip() if axis is not None else ""
    if PRESSURE.search(words) or units in ("hPa", "Pa", "mb", "mbar", "millibar", "millibars"):
        return "PRESSURE_DIMENSION"
    if DEPTH.search(words):
        return "DEPTH_DIMENSION"
    return "HEIGHT_DIMENSION" if HEIGHT.search(words) else "OTHER"


def _lone_axis(dim: str, around: Surroundings) -> str:
    """A horizontal dimension of a variable that has not both of them: an axis, its bounds, a zonal mean."""
    for horizontal in around.horizontals:
        if horizontal.is_typed and dim in horizontal.dims:
            return ("LATITUDE_DIMENSION", "LONGITUDE_DIMENSION")[horizontal.dims.index(dim)]
    return "OTHER"


def _index_ranges(horizontal: Horizontal | None) -> dict[str, list[float]] | None:
    if horizontal is None or horizontal.lat_range is None or horizontal.lon_range is None:
        return None
    return {"lat": list(horizontal.lat_range), "lon": list(horizontal.lon_range)}


def _referred(granule: Granule) -> frozenset[str]:
    """Paths that bounds, grid_mapping and cell_measures name, from the group that says so or the root."""
    found = set()
    for info in granule.variables.values():
        for attribute in ("bounds", "grid_mapping", "cell_measures"):
            for word in str(info.attributes.get(attribute, "")).replace(":", " ").split():
                found |= {word} if word.startswith("/") else {join(info.group, word), join("/", word)}
    return frozenset(found & set(granule.variables))


def _stored_bytes(info: VariableInfo, granule: Granule) -> int:
    """Bytes that the values take in the file; of classic files as in memory."""
    if isinstance(granule, Hdf5Granule):
        return int(granule.dataset(info.path).id.get_storage_size())
    assert isinstance(granule, ClassicGranule)
    return prod(info.shape) * info.dtype.itemsize


def _data_type(info: VariableInfo) -> str:
    if info.is_text:
        return "string"
    return info.dtype.name if info.dtype.name in NUMPY_NAMES else "OTHER"


def _filters(info: VariableInfo) -> list[str]:
    own = info.filters
    named = ["shuffle"] if own.shuffle else []
    named += [f"deflate {own.deflate}"] if own.deflate is not None else []
    return named + (["fletcher32"] if own.fletcher32 else []) + list(own.other)


def _valid_range(info: VariableInfo) -> list[float | None] | None:
    both = _numbers(info.attributes.get("valid_range"))
    if len(both) == 2:
        return [both[0], both[1]] if all(np.isfinite(b) for b in both) else None
    ends = [next(iter(_numbers(info.attributes.get(name))), None) for name in ("valid_min", "valid_max")]
    ends = [e if e is not None and np.isfinite(e) else None for e in ends]
    return ends if any(e is not None for e in ends) else None


def _numbers(value: Any) -> list[float | int]:
    if value is None or isinstance(value, str | bytes):
        return []
    array = np.asarray(value).reshape(-1)
    return [v.item() for v in array] if array.dtype.kind in "iuf" else []


def _text(info: VariableInfo, *names: str) -> str | None:
    """The first of these attributes that is a text with something in it, at most 4000 characters."""
    for name in names:
        text = as_text(info.attributes[name]) if name in info.attributes else None
        if text:
            return text[:LONGEST_TEXT]
    return None
