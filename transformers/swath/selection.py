"""From a request to masks: the pairs of a file, their times, and the pixels inside.

Obeys transformers-l2.md 3.1, 3.2 (with D-3) and 4.1 to 4.3 of the project's contracts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transformers.contract import NoData, NoRetry
from transformers.coordinates.axes import Pair, find_pairs, is_grid_pair
from transformers.coordinates.geometry import load_polygons, points_inside
from transformers.coordinates.packing import unpack
from transformers.coordinates.swath import box_mask, nearest_pixel, runs_to_360, valid_pixels
from transformers.swath.masks import Mask, mask_of
from transformers.swath.request import SwathRequest, matching
from transformers.swath.scan_time import add_scan_times
from transformers.swath.source import Source
from transformers.swath.time_axis import find_times
from transformers.swath.time_values import no_time, time_mask

EMPTY = "No data in subsetted granule."


@dataclass(frozen=True, slots=True)
class Selection:
    """pairs: one per group. times: paths of the time variables found. masks: group of the latitude -> mask.

    to_360: longitudes of the first pair run from 0 to 360.
    """

    pairs: tuple[Pair, ...]
    times: tuple[str, ...]
    masks: dict[str, Mask]
    to_360: bool


def select(source: Source, request: SwathRequest) -> Selection:
    """Masks of every pair in the file.

    Raises NoData when any pair selects nothing, NoRetry when the file has no pair, or no time for a time range.
    """
    pairs = _pairs(source, request)
    scan_times = add_scan_times(source)
    times = _times(source, request, pairs, scan_times)
    if request.temporal and not times:
        raise no_time(source.name)
    masks = {}
    for pair in pairs:
        latitude = source.variables[pair.latitude]
        inside = _inside(source, request, pair)
        if request.temporal:
            time = times.get(pair.latitude) or next(iter(times.values()))
            inside &= time_mask(source, latitude, time, request.temporal, request.layout)
        if not inside.any():
            raise NoData(EMPTY)
        masks[latitude.group] = mask_of(latitude, inside, cut=request.cut)
    found = tuple(dict.fromkeys([*times.values(), *scan_times.values()]))
    return Selection(pairs, found, masks, _runs_to_360(source, pairs[0]))


def _pairs(source: Source, request: SwathRequest) -> tuple[Pair, ...]:
    """The surest pair of each group: among those that the request names, else of the file, else of the layout."""
    found = [p for p in find_pairs(source.variables) if not is_grid_pair(source.variables, p)]
    given = _given(source, request, found)
    chosen: dict[str, Pair] = {}
    for pair in given or found or _of_layout(source, request):
        chosen.setdefault(source.variables[pair.latitude].group, pair)
    if not chosen:
        is_grid = any(is_grid_pair(source.variables, p) for p in find_pairs(source.variables))
        why = "; latitude and longitude are the axes of a grid, which subset_grid cuts" if is_grid else ""
        raise NoRetry(f"{source.name}: Could not determine coordinate variables in the DataTree{why}")
    return tuple(chosen.values())


def _given(source: Source, request: SwathRequest, found: Sequence[Pair]) -> list[Pair]:
    """Pairs of the coordinates named in the request: those of the file among them first, then by group or by order."""
    lats = matching(request.coordinates.get("LATITUDE", ()), source.variables)
    lons = matching(request.coordinates.get("LONGITUDE", ()), source.variables)
    pairs = [p for p in found if p.latitude in lats and p.longitude in lons]
    known = {source.variables[p.latitude].group for p in pairs}
    if len(lats) == len(lons):
        for lat, lon in zip(lats, lons, strict=True):
            one, other = source.variables[lat], source.variables[lon]
            if one.group not in known and one.shape == other.shape:
                pairs.append(Pair(lat, lon, 0))
    return pairs


def _of_layout(source: Source, request: SwathRequest) -> list[Pair]:
    """The pair that the catalog or `quirks.yml` knows of, for a file that does not say."""
    said = request.layout.get("coordinates") or request.layout
    named = [matching([str(said.get(k, ""))], source.variables) for k in ("latitude", "longitude")]
    pairs = [Pair(named[0][0], named[1][0], 0)] if all(named) else []
    return [p for p in pairs if not is_grid_pair(source.variables, p)]


def _times(source: Source, request: SwathRequest, pairs: tuple[Pair, ...], scan: dict[str, str]) -> dict[str, str]:
    """Latitude -> time. A scan time belongs to the swath whose group holds it."""
    own = {p.latitude: scan[g] for p in pairs if (g := source.variables[p.latitude].group) in scan}
    others = [p.latitude for p in pairs if p.latitude not in own]
    given = matching(request.coordinates.get("TIME", ()), source.variables)
    if given:
        return own | {lat: given[min(i, len(given) - 1)] for i, lat in enumerate(others)}
    return own | find_times(source.variables, others)


def _inside(source: Source, request: SwathRequest, pair: Pair) -> np.ndarray:
    """Pixels inside box (or point) and shape."""
    lat_info, lon_info = source.variables[pair.latitude], source.variables[pair.longitude]
    lat, lon = source.hold(pair.latitude), source.hold(pair.longitude)
    inside = box_mask(lat, lon, lat_info.attributes, lon_info.attributes, request.box)
    if request.point is None and request.shape is None:
        return inside
    lat_degrees, lon_degrees = unpack(lat, lat_info.attributes), unpack(lon, lon_info.attributes)
    if request.point is not None:
        inside = nearest_pixel(lat_degrees, lon_degrees, request.point)
    if request.shape is not None and inside.any():
        inside &= points_inside(load_polygons(request.shape), lat_degrees, lon_degrees)
    return inside


def _runs_to_360(source: Source, pair: Pair) -> bool:
    lat_of, lon_of = (source.variables[p].attributes for p in (pair.latitude, pair.longitude))
    lat, lon = source.hold(pair.latitude), source.hold(pair.longitude)
    return runs_to_360(lon, lon_of, valid_pixels(lat, lon, lat_of, lon_of))
