"""Which variables are latitude, longitude and time. The one implementation, for harvest and for every subsetter.

Looks at names, dimensions and attributes only; values are read by those who ask. Obeys catalog.md 3 ("Latitude
candidates", "Pairs") and transformers-l2.md 3.1 and 11.2 of the project's contracts.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from transformers.formats.layout import VariableInfo, name_of

EXACT = (("lat", "lon"), ("latitude", "longitude"), ("y", "x"))  # transformers-l2.md 3.1, rule 1
LATITUDES = (
    *[
        "lat",
        "latitude",
        "nav_lat",
        "cell_lat",
        "reference_photon_lat",
        "lat_ph",
        "lat_mean",
        "reference_pt_lat",
        "segment_lat",
        "transect_lat",
        "bif_lat",
        "latitude_bin0",
        "latitude_lastbin",
        "latitude_instrument",
        "latitude_1gfit",
        "lat_lowestmode",
        "lat_highestreturn",
        "lat_lowestreturn",
        "latitude_3km",
    ],
    *(f"lat_{mode}_a{n}" for mode in ("lowestmode", "highestreturn", "lowestreturn") for n in range(1, 7)),
)
_REFUSED = frozenset(
    [
        "bnds",
        "bounds",
        "corner",
        "corners",
        "vertices",
        "error",
        "uncertainty",
        "precision",
        "sigma",
        "std",
        "variance",
        "resolution",
        "offset",
        "delta",
        "satellite",
        "instrument",
        "equator",
        "solar",
        "first",
        "last",
        "flag",
        "quality",
    ]
)
_DEGREES = {"latitude": re.compile(r"degrees?_?n(orth)?", re.I), "longitude": re.compile(r"degrees?_?e(ast)?", re.I)}
_KEPT_FROM = 2.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A latitude with its longitude. rank 0: exact names of rule 1; 1: named by a `coordinates` attribute; 2: by
    score. Lower is surer."""

    latitude: str
    longitude: str
    rank: int = 2


def find_pairs(variables: Mapping[str, VariableInfo]) -> tuple[Pair, ...]:
    """Every pair of the file, group by group in file order, surest first within a group.

    A pair stands in one group; both have the same shape, or are 1-D on different dimensions (a grid), or on the same.
    """
    groups: dict[str, list[VariableInfo]] = {}
    for info in variables.values():
        groups.setdefault(info.group, []).append(info)
    return tuple(pair for members in groups.values() for pair in _pairs_of_group(members))


def main_pair(variables: Mapping[str, VariableInfo], pairs: Iterable[Pair]) -> Pair | None:
    """The pair whose dimensions carry most values (catalog.md 3); the surest and first among equals."""

    def weight(pair: Pair) -> tuple[int, int]:
        dims = set(variables[pair.latitude].dims) | set(variables[pair.longitude].dims)
        return sum(prod(v.shape) for v in variables.values() if dims & set(v.dims)), -pair.rank

    pairs = tuple(pairs)
    return max(pairs, key=weight) if pairs else None


def is_grid_pair(variables: Mapping[str, VariableInfo], pair: Pair) -> bool:
    """True for two 1-D coordinates on different dimensions; False for swaths, tracks and profiles."""
    lat, lon = variables[pair.latitude], variables[pair.longitude]
    return len(lat.dims) == len(lon.dims) == 1 and lat.dims != lon.dims


def score(info: VariableInfo, kind: str) -> float:
    """How surely a variable is the `latitude` or `longitude` of its group; below 2 it is not (catalog.md 3)."""
    name = info.name.lower()
    standard = str(info.attributes.get("standard_name", "")).strip().lower()
    units = str(info.attributes.get("units", info.attributes.get("Units", ""))).strip()
    if info.is_text or (standard and standard != kind):
        return 0.0
    listed = name in (LATITUDES if kind == "latitude" else tuple(_as_longitude(n) for n in LATITUDES))
    if not listed and _REFUSED & set(re.split(r"[^a-z]+", name)):
        return 0.0
    total = 4.0 if listed else 0.0
    if _DEGREES[kind].fullmatch(units):
        total += 2.0
    if standard == kind:
        total += 2.0
    if units.lower().startswith("deg") and re.search(rf"(^|[^a-z]){kind[:3]}([^a-z]|$)", name):
        total += 1.5
    return total


def _pairs_of_group(members: list[VariableInfo]) -> list[Pair]:
    by_name: dict[str, VariableInfo] = {}
    for info in members:
        by_name.setdefault(info.name.lower(), info)
    found: list[Pair] = []
    for lat, lon in EXACT:
        if lat in by_name and lon in by_name and _fit(by_name[lat], by_name[lon]):
            # `y` and `x` are map coordinates far more often than degrees: they must not say otherwise.
            if lat == "y" and any(
                score(by_name[n], k) == 0 and _says_otherwise(by_name[n])
                for n, k in ((lat, "latitude"), (lon, "longitude"))
            ):
                continue
            found.append(Pair(by_name[lat].path, by_name[lon].path, 0))
    named = _named_by_attribute(members, by_name)
    if named and not _known(found, named):
        found.append(named)
    return found + [p for p in _by_score(members) if not _known(found, p)]


def _says_otherwise(info: VariableInfo) -> bool:
    units = str(info.attributes.get("units", "")).strip().lower()
    standard = str(info.attributes.get("standard_name", "")).strip().lower()
    return bool(standard and standard not in ("latitude", "longitude")) or bool(units and not units.startswith("deg"))


def _named_by_attribute(members: list[VariableInfo], by_name: Mapping[str, VariableInfo]) -> Pair | None:
    """The first tokens with `lat` and `lon` in the group's `coordinates` attributes that exist in the group."""
    texts = dict.fromkeys(str(m.attributes.get("coordinates", "")) for m in members)
    chosen: dict[str, VariableInfo] = {}
    for token in (name_of(t).lower() for text in texts for t in text.split()):
        for part in ("lat", "lon"):
            if part in token and part not in chosen and token in by_name and not by_name[token].is_text:
                chosen[part] = by_name[token]
    if len(chosen) == 2 and _fit(chosen["lat"], chosen["lon"]):
        return Pair(chosen["lat"].path, chosen["lon"].path, 1)
    return None


def _by_score(members: list[VariableInfo]) -> list[Pair]:
    lats = _candidates(members, "latitude")
    lons = _candidates(members, "longitude")
    pairs = []
    for lat in lats:
        same_stem = [n for n in lons if n.name.lower() == _as_longitude(lat.name.lower())]
        alone = lons if len(lats) == len(lons) == 1 else []
        for lon in same_stem or alone:
            if _fit(lat, lon):
                pairs.append(Pair(lat.path, lon.path, 2))
                break
    return pairs


def _candidates(members: list[VariableInfo], kind: str) -> list[VariableInfo]:
    """Candidates of one group, best score first, file order among equals."""
    scored = [(score(info, kind), info) for info in members]
    return [info for points, info in sorted(scored, key=lambda s: -s[0]) if points >= _KEPT_FROM]


def _fit(lat: VariableInfo, lon: VariableInfo) -> bool:
    if lat.is_text or lon.is_text or not lat.shape or lat.path == lon.path:
        return lat.shape == lon.shape == () and not (lat.is_text or lon.is_text)
    return lat.shape == lon.shape or (len(lat.shape) == len(lon.shape) == 1 and lat.dims != lon.dims)


def _as_longitude(name: str) -> str:
    return re.sub("lat", "lon", name.replace("latitude", "longitude"))


def _known(found: list[Pair], one: Pair) -> bool:
    return any(one.latitude == p.latitude or one.longitude == p.longitude for p in found)
