"""From a request to masks: the pairs of a file, their times, and the pixels inside.

Obeys transformers-l2.md 3.1, 3.2 (with D-3) and 4.1 to 4.3 of the project's contracts.
"""

from dataclasses import dataclass

import numpy as np

from transformers.contract import NoData, NoRetry
from transformers.coordinates.axes import Pair, find_pairs, is_grid_pair
from transformers.coordinates.packing import unpack
from transformers.coordinates.swath import box_mask, nearest_pixel
from transformers.swath.masks import Mask, mask_of
from transformers.swath.request import SwathRequest, matching
from transformers.swath.scan_time import add_scan_times
from transformers.swath.source import Source
from transformers.swath.time_axis import find_times
from transformers.swath.time_values import no_time, time_mask

EMPTY = "No data in subsetted granule."


@dataclass(frozen=True, slots=True)
class Selection:
    """pairs: one per group. times: paths of the time variables found. masks: group of the latitude -> mask."""

    pairs: tuple[Pair, ...]
    times: tuple[str, ...]
    masks: dict[str, Mask]


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
    return Selection(pairs, tuple(dict.fromkeys([*times.values(), *scan_times.values()])), masks)


def _pairs(source: Source, request: SwathRequest) -> tuple[Pair, ...]:
    """The surest pair of each group, or those that the request (or the layout) names."""
    lats = matching(request.coordinates.get("LATITUDE", ()), source.variables)
    lons = matching(request.coordinates.get("LONGITUDE", ()), source.variables)
    if lats and len(lats) == len(lons):
        return tuple(Pair(lat, lon, 0) for lat, lon in zip(lats, lons, strict=True))
    found: dict[str, Pair] = {}
    grids = False
    for pair in find_pairs(source.variables):
        grids |= is_grid_pair(source.variables, pair)
        if not is_grid_pair(source.variables, pair):
            found.setdefault(source.variables[pair.latitude].group, pair)
    if not found and request.layout.get("coordinates"):
        said = request.layout["coordinates"]
        named = [matching([str(said.get(k, ""))], source.variables) for k in ("latitude", "longitude")]
        if all(named):
            return (Pair(named[0][0], named[1][0], 0),)
    if not found:
        why = "; latitude and longitude are the axes of a grid, which subset_grid cuts" if grids else ""
        raise NoRetry(f"{source.name}: Could not determine coordinate variables in the DataTree{why}")
    return tuple(found.values())


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
    lat, lon = source.read(pair.latitude), source.read(pair.longitude)
    box = request.box
    inside = box_mask(lat, lon, lat_info.attributes, lon_info.attributes, box)
    if request.point is None and request.shape is None:
        return inside
    lat_degrees, lon_degrees = unpack(lat, lat_info.attributes), unpack(lon, lon_info.attributes)
    if request.point is not None:
        inside = nearest_pixel(lat_degrees, lon_degrees, request.point)
    if request.shape is not None and inside.any():
        from transformers.coordinates.geometry import load_polygons, points_inside

        inside &= points_inside(load_polygons(request.shape), lat_degrees, lon_degrees)
    return inside
