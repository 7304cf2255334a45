"""What a catalog describes, as frozen values: collections, variables, granules, services, grids.

`umm` is the UMM-JSON document as stored. Made from rows by `rows.py`, from documents by `umm.py`. No IO.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection. `kind` as catalog.md section 3 names it ("swath", "grid-geographic", ..., "unknown"), for copied
    records "". `service_ids`: associated UMM-S ids. `native_format`: lower case, as the archive says it."""

    concept_id: str
    short_name: str
    version: str
    title: str
    provider: str
    kind: str = ""
    native_format: str = ""
    granule_count: int = 0
    bbox: tuple[float, float, float, float] | None = None  # west, south, east, north
    start: datetime | None = None
    end: datetime | None = None
    service_ids: tuple[str, ...] = ()
    tags: Mapping[str, Any] = field(default_factory=dict)
    layout: Mapping[str, Any] = field(default_factory=dict)
    revision: int = 1
    umm: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data_center(self) -> str:
        """The archive's name for titles; the provider where the record has none."""
        centers = self.umm.get("DataCenters") or ()
        return str(centers[0].get("ShortName") or self.provider) if centers else self.provider


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a collection. `full_path` without leading slash. role: data (listed) or support (found by name)."""

    concept_id: str
    name: str
    full_path: str
    collection_id: str
    long_name: str = ""
    type: str = ""
    subtype: str = ""
    role: str = "data"
    umm: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_coordinate(self) -> bool:
        """Whether services get it as a coordinate variable."""
        return self.type == "COORDINATE"


@dataclass(frozen=True, slots=True)
class Granule:
    """A granule. boxes: one or more (west, south, east, north), none crossing 180; empty without extent.

    local_path: the file of this machine, or None for remote ones. data_urls: GET DATA links as stored (those that
    begin with "/" get the public base when served).
    """

    concept_id: str
    granule_ur: str
    collection_id: str
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    size_bytes: int = 0
    file_name: str = ""
    media_type: str = ""
    local_path: str | None = None
    root: str | None = None
    data_urls: tuple[str, ...] = ()
    revision: int = 1
    layout: Mapping[str, Any] = field(default_factory=dict)
    umm: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bbox(self) -> tuple[float, float, float, float] | None:
        """One box around all; west > east when the boxes meet at the antimeridian."""
        if not self.boxes:
            return None
        south, north = min(b[1] for b in self.boxes), max(b[3] for b in self.boxes)
        eastern = [b for b in self.boxes if b[2] >= 180]
        western = [b for b in self.boxes if b[0] <= -180]
        whole = [b for b in self.boxes if b[0] <= -180 and b[2] >= 180]
        if eastern and western and not whole:
            inner = [b for b in self.boxes if b not in eastern and b not in western]
            west = min(b[0] for b in [*eastern, *(b for b in inner if b[0] >= 0)])
            east = max(b[2] for b in [*western, *(b for b in inner if b[0] < 0)])
            if west > east:
                return (west, south, east, north)
        return (min(b[0] for b in self.boxes), south, max(b[2] for b in self.boxes), north)


@dataclass(frozen=True, slots=True)
class Service:
    """A UMM-S record: what a chain stands for in the catalog."""

    concept_id: str
    name: str
    umm: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grid:
    """An output grid by name: CRS, extent (x min, y min, x max, y max), cell size and count."""

    concept_id: str
    name: str
    crs: str
    extent: tuple[float, float, float, float]
    cell_size: tuple[float, float]
    width: int
    height: int
    umm: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GranuleSearch:
    """A search for granules of one collection, or of all with `collection_ids` empty and ids given. Filters are ANDed.

    bbox: west > east crosses the antimeridian. polygons: rings of (lon, lat), any of which may touch. start, end: both
    included. names: exact granule UR or producer id; with `*` or `?` in any of them, patterns.
    """

    collection_ids: tuple[str, ...] = ()
    bbox: tuple[float, float, float, float] | None = None
    point: tuple[float, float] | None = None
    polygons: tuple[tuple[tuple[float, float], ...], ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    granule_ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GranulePage:
    """One page of a search, ordered by start time, then id. cursor None: no more."""

    granules: tuple[Granule, ...]
    cursor: str | None
