"""What a NetCDF or HDF5 file is: swath, track, profile, trajectory, grid, empty or unknown, and by which evidence.

Obeys: the table of the catalog contract, section 3, first rule that holds. Projections: `projected.py`. Rasters:
`rasters.py`.
"""

import re
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from transformers.coordinates.axes import Pair, find_pairs, is_grid_pair, main_pair, score
from transformers.facts.positions import Positions, read_positions
from transformers.facts.projected import ProjectedGrid, hidden_grid, projected_axes, stated_grid
from transformers.formats.layout import Granule, VariableInfo

INDEXED = (  # begin, count: variables that point into a longer array
    ("ph_index_beg", "segment_ph_cnt"),
    ("ph_ndx_beg", "n_seg_ph"),
    ("rx_sample_start_index", "rx_sample_count"),
    ("tx_sample_start_index", "tx_sample_count"),
)
TRAJECTORY_NAMES = re.compile(r"(ATL\d\d|GEDI_|SPL1|SPL2)")
LEAST_SPAN_DEG = 5.0  # of an x axis that is taken for longitudes without a word
VERTICAL_NAMES = re.compile(r"press|plev|alt|height|depth|lev|(^|[^a-z])z([^a-z]|$)", re.I)


@dataclass(frozen=True, slots=True)
class Kind:
    """pairs: all of the file. main: the one that decides, None for `unknown`. positions: of the main pair."""

    name: str
    evidence: str
    sureness: str = "read"
    reason: str | None = None
    pairs: tuple[Pair, ...] = ()
    main: Pair | None = None
    positions: Positions | None = None
    grid: ProjectedGrid | None = None


def recognise(granule: Granule, short_name: str) -> Kind:
    """The kind of an open file. Raises NoRetry when its coordinates cannot be read."""
    pairs = find_pairs(granule.variables)
    axes = projected_axes(granule)
    if axes:
        grid = stated_grid(granule, axes)
        if grid:
            main = main_pair(granule.variables, pairs)
            return Kind(
                "grid-projected", f"{axes.x}, {axes.y} and {grid.crs_source}", pairs=pairs, main=main, grid=grid
            )
        if not pairs:
            reason = f"x/y without a grid mapping ({axes.x}, {axes.y}); allowed: a grid_mapping with a CRS"
            return Kind("unknown", "no CRS", "none", reason)
    main = main_pair(granule.variables, pairs)
    if main is None:
        return _unknown()
    if any(prod(granule.variables[p].shape) == 0 for p in (main.latitude, main.longitude)):
        reason = f"{main.latitude} has no value: shape {granule.variables[main.latitude].shape}"
        return Kind("empty", f"{main.latitude}, {main.longitude}", reason=reason, pairs=pairs, main=main)
    return _by_pair(granule, pairs, main, short_name)


def is_gridded(kind: str) -> bool:
    """Whether variables count as gridded only on both horizontal axes."""
    return kind.startswith("grid")


def _by_pair(granule: Granule, pairs: tuple[Pair, ...], main: Pair, short_name: str) -> Kind:
    lat = granule.variables[main.latitude]
    positions = read_positions(granule, main)
    if positions.reason:
        return Kind("unknown", f"{main.latitude}, {main.longitude}", "none", positions.reason)
    words = f"{main.latitude}, {main.longitude}"
    swath = Kind("swath", f"2-D {words}", pairs=pairs, main=main, positions=positions)
    if is_grid_pair(granule.variables, main):
        return _grid_by_names(granule, replace(swath, name="grid-geographic", evidence=f"1-D {words}"), main)
    if len(lat.shape) <= 1:
        name, why = _track_kind(granule, lat, short_name)
        return replace(swath, name=name, evidence=f"1-D {words} on one dimension, {why}")
    hidden = hidden_grid(positions)
    if hidden:
        return replace(
            swath, name="grid-projected", evidence=f"2-D {words} regular in {hidden.crs_source}", grid=hidden
        )
    return swath


def _track_kind(granule: Granule, lat: VariableInfo, short_name: str) -> tuple[str, str]:
    names = {v.name.lower() for v in granule.variables.values()}
    indexed = next((pair for pair in INDEXED if set(pair) <= names), None)
    if indexed:
        return "trajectory", f"indexed by {indexed[0]}, {indexed[1]}"
    if TRAJECTORY_NAMES.match(short_name):
        return "trajectory", f"short name {short_name}"
    feature = str(granule.groups["/"].get("featureType", "")).lower()
    if "profile" in feature:
        return "profile", f"featureType {feature}"
    for info in granule.variables.values():
        if info.dtype.kind == "f" and len(info.dims) > 1 and lat.dims and info.dims[0] == lat.dims[0]:
            vertical = next((d for d in info.dims[1:] if is_vertical(granule, d)), None)
            if vertical:
                return "profile", f"vertical axis {vertical}"
    return "along-track", "no vertical axis"


def is_vertical(granule: Granule, dimension: str) -> bool:
    """A dimension that is pressure, altitude or depth by its coordinate variable or, without one, by its name."""
    axis = granule.variables.get(dimension)
    if axis is None:
        name = dimension.rsplit("/", 1)[-1]
        axis = next(
            (v for v in granule.variables.values() if v.dims == (dimension,) and VERTICAL_NAMES.search(v.name)), None
        )
        return axis is not None or bool(VERTICAL_NAMES.search(name))
    standard = str(axis.attributes.get("standard_name", "")).lower()
    if standard == "time" or "since" in str(axis.attributes.get("units", "")):
        return False
    if "positive" in axis.attributes or str(axis.attributes.get("axis", "")).upper() == "Z":
        return True
    return bool(VERTICAL_NAMES.search(axis.name))


def _grid_by_names(granule: Granule, grid: Kind, main: Pair) -> Kind:
    """The grid as it is; where nothing but x and y says that these are degrees, guessed, or unknown after all."""
    info = {"latitude": granule.variables[main.latitude], "longitude": granule.variables[main.longitude]}
    if all(score(one, kind) >= 2 for kind, one in info.items()):
        return grid
    positions = grid.positions
    if positions is None or not (np.isfinite(positions.lat).all() and np.isfinite(positions.lon).all()):
        return _unknown()
    return replace(grid, sureness="guessed") if np.ptp(positions.lon) > LEAST_SPAN_DEG else _unknown()


def _unknown() -> Kind:
    return Kind("unknown", "no latitude and longitude", "none", "no latitude/longitude; download only")
