"""Kind of a collection -> the service chains that can serve it. Pure; the chains themselves are `data/services.yml`.

Chains whose requirement fails are left out one by one. Obeys the catalog's contract, "Service associations", and the
table of chains. Never associated by harvest: demo chains, and `harmony/download`, which has all collections.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.metadata.concept_ids import concept_id

CHAIN_PROVIDER = "HARMONIUM"


@dataclass(frozen=True, slots=True)
class Structure:
    """What the chains ask of a collection.

    is_homogeneous: same variable paths, types and ranks in all described granules. container: as `describe` says it.
    has_time_axis: some data variable has a dimension of time. is_flat: every data variable has two horizontal
    dimensions and at most one more. bands: of images; 0 for other kinds.
    """

    kind: str
    container: str = "hdf5"
    is_homogeneous: bool = True
    has_time_axis: bool = False
    is_flat: bool = True
    has_crs: bool = True
    bands: int = 0


Rule = tuple[str, Callable[[Structure], bool]]


def _always(_: Structure) -> bool:
    return True


def _homogeneous(one: Structure) -> bool:
    return one.is_homogeneous


def _hdf5(one: Structure) -> bool:
    return one.container == "hdf5"


def _time_axis(one: Structure) -> bool:
    return one.has_time_axis


def _flat(one: Structure) -> bool:
    return one.is_flat and one.has_crs


def _picture(one: Structure) -> bool:
    return one.bands in (1, 3, 4)


_SWATH: Sequence[Rule] = (
    ("podaac/l2-subsetter", _always),
    ("podaac/concise", _homogeneous),
    ("podaac/l2-subsetter-concise", _homogeneous),
    ("sds/swath-projector", lambda one: one.kind == "swath"),
    ("harmonium/swath-to-grid", _always),
    ("harmony/netcdf-to-zarr", _hdf5),
    ("harmonium/subset-to-zarr", _always),
    ("l2-subsetter-batchee-stitchee-concise", _homogeneous),
)
CHAINS: dict[str, Sequence[Rule]] = {
    "swath": _SWATH,
    "along-track": _SWATH,
    "profile": _SWATH,
    "trajectory": (("sds/trajectory-subsetter", _always),),
    "grid-geographic": (
        ("podaac/concise", _homogeneous),
        ("sds/HOSS-geographic", _always),
        ("nasa/harmony-gdal-adapter", _flat),
        ("harmony/netcdf-to-zarr", _hdf5),
        ("harmonium/subset-to-zarr", _always),
        ("harmonium/grid-subset-concise", _homogeneous),
        ("gesdisc/giovanni", _time_axis),
        ("giovanni-averaging-service", _time_axis),
    ),
    "grid-projected": (
        ("podaac/concise", _homogeneous),
        ("sds/HOSS-projection-gridded", _always),
        ("nasa/harmony-gdal-adapter", _flat),
        ("harmony/netcdf-to-zarr", _hdf5),
        ("harmonium/subset-to-zarr", _always),
        ("harmonium/projected-grid-subset-concise", _homogeneous),
    ),
    "geotiff": (("sds/HyBIG", _picture), ("nasa/harmony-gdal-adapter", _always)),
    "hdfeos2-grid": (("ldds/subset-band-name", _always), ("ldds/geoloco", _always)),
    "hdfeos2-swath": (("ldds/subset-band-name", _always), ("ldds/geoloco", _always)),
}


def chains_for(structure: Structure) -> list[str]:
    """Names of the chains of a collection; none for a kind that nobody can cut."""
    return [name for name, holds in CHAINS.get(structure.kind, ()) if holds(structure)]


def service_id(chain: str) -> str:
    """The UMM-S id that stands for a chain."""
    return concept_id("service", CHAIN_PROVIDER, chain)
