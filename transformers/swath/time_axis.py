"""Which variable is the time of a swath. Names, dimensions and attributes only; values: `time_values.py`.

Obeys transformers-l2.md 3.2 of the project's contracts; where it says "equal dimensions", dimensions of length 1 do
not count.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from transformers.formats.layout import VariableInfo, name_of

_SINCE = re.compile(r"(day|hour|hr|minute|min|second|sec|s)s? since \d{4}-\d\d?-\d\d?( \d\d?:\d\d?:\d\d?)?", re.I)
GHRSST_REFERENCE = "reference time of sst file"
GHRSST_OFFSET = "sst_dtime"
Rule = Callable[[VariableInfo, VariableInfo], bool]


def find_times(variables: Mapping[str, VariableInfo], latitudes: Iterable[str]) -> dict[str, str]:
    """Latitude path -> path of its time variable. A latitude without one is absent.

    First in the subtree of the latitude's group, rule by rule over all groups, each variable once; then in the file.
    """
    found: dict[str, str] = {}
    latitudes = list(latitudes)
    for latitude in latitudes:
        lat = variables[latitude]
        below = [v for v in variables.values() if _is_below(v.path, lat.group)]
        time = _search(below, lat, variables, set(found.values()))
        if time:
            found[latitude] = time
    for latitude in latitudes:
        if latitude not in found:
            lat = variables[latitude]
            everywhere = list(variables.values())
            time = _search(everywhere, lat, variables, set(found.values())) or _search(
                everywhere, lat, variables, set()
            )
            time = time or next((v.path for v in everywhere if _is_utc(v) and _shares_first(v, lat)), None)
            if time:
                found[latitude] = time
    return found


def is_ghrsst(variables: Mapping[str, VariableInfo], time: str) -> bool:
    """True when this is GHRSST's reference time, to which `sst_dtime` is added pixel by pixel."""
    info = variables[time]
    long_name = str(info.attributes.get("long_name", "")).strip().lower()
    return info.name.lower() == "time" and long_name == GHRSST_REFERENCE and offset_of(variables, time) is not None


def offset_of(variables: Mapping[str, VariableInfo], time: str) -> str | None:
    """The `sst_dtime` beside a reference time."""
    group = variables[time].group
    return next((v.path for v in variables.values() if v.group == group and v.name.lower() == GHRSST_OFFSET), None)


def _search(
    area: list[VariableInfo], lat: VariableInfo, variables: Mapping[str, VariableInfo], taken: set[str]
) -> str | None:
    rules: tuple[Rule, ...] = (
        _is_time_coordinate,
        _says_time,
        lambda v, _: is_ghrsst(variables, v.path),
        lambda v, lat: v.name.lower() == "time" and _shares_first(v, lat),
        lambda v, lat: "time" in v.name.lower() and _shares_first(v, lat),
        lambda v, lat: name_of(v.path).lower() in ("time", "timemidscan") and _shares_first(v, lat),
    )
    for rule in rules:
        for info in area:
            if info.path not in taken and not info.is_text and rule(info, lat):
                return _solar(info.path, variables)
    return None


def _solar(path: str, variables: Mapping[str, VariableInfo]) -> str:
    """CYGNSS: the pixels' own time is `solar_time`, not `sample_time`."""
    return "/solar_time" if path == "/sample_time" and "/solar_time" in variables else path


def _is_time_coordinate(info: VariableInfo, lat: VariableInfo) -> bool:
    return info.is_coordinate and info.name.lower() == "time" and _long(info) == _long(lat)


def _says_time(info: VariableInfo, _: VariableInfo) -> bool:
    values = 1
    for size in info.shape:
        values *= size
    said = info.attributes.get("standard_name") == "time" or info.attributes.get("axis") == "T"
    return values > 1 and (said or bool(_SINCE.match(str(info.attributes.get("units", "")))))


def _shares_first(info: VariableInfo, lat: VariableInfo) -> bool:
    """Its first dimension that is longer than 1 is one of the latitude's."""
    return bool(_long(info)) and _long(info)[0] in _long(lat)


def _long(info: VariableInfo) -> list[tuple[str, int]]:
    """Names and sizes of its dimensions that are longer than 1: equal ones in two groups are one axis."""
    return [(name_of(d), size) for d, size in zip(info.dims, info.shape, strict=True) if size != 1]


def _is_utc(info: VariableInfo) -> bool:
    return "utc" in info.name.lower() and "time" in info.name.lower()


def _is_below(path: str, group: str) -> bool:
    return group == "/" or path.startswith(group + "/")
