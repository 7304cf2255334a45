"""The words that the appliance and its transformers share: what to do, with which files, and what came out.

Standard library only, so that importing it costs nothing. A transformer is a module of this package with
`transform(inputs, instructions, outdir) -> list[Output]`: paths in, paths out (docs/architecture.md, section 6).
The wire form is Harmony's data operation, schema 0.22.0 (`message.json`) beside a STAC catalog of the inputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class NoData(Exception):
    """Nothing of the granule lies inside the request: an outcome of its own (warning `nodata`), not a failure."""


class NoRetry(Exception):
    """A failure that would be the same next time (broken file, impossible request): not worth repeating."""


class InstructionError(NoRetry):
    """The message says something that cannot be: where, what was found, what is allowed."""


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """West, south, east, north in degrees (WGS84). west > east crosses the antimeridian (RFC 7946, section 5.2)."""

    west: float
    south: float
    east: float
    north: float

    def __post_init__(self) -> None:
        if not -90 <= self.south <= self.north <= 90:
            raise InstructionError(
                f"bounding box: latitudes {self.south} to {self.north}; allowed: -90 <= south <= north <= 90"
            )
        if not (-180 <= self.west <= 180 and -180 <= self.east <= 180):
            raise InstructionError(f"bounding box: longitudes {self.west} to {self.east}; allowed: -180 to 180")

    def parts(self) -> "tuple[BoundingBox, ...]":
        """One box, or two when this one crosses the antimeridian (RFC 7946, section 5.2)."""
        if self.west <= self.east:
            return (self,)
        return replace(self, east=180.0), replace(self, west=-180.0)

    def as_list(self) -> list[float]:
        """[west, south, east, north], as STAC and Harmony write it."""
        return [self.west, self.south, self.east, self.north]


@dataclass(frozen=True, slots=True)
class TemporalRange:
    """Start and end instants, UTC, both included; None is an open end."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class DimensionSubset:
    """A named dimension from low to high in the unit of its coordinate, both included; None is an open end."""

    name: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a collection, as UMM-Var and Harmony's operation name it."""

    id: str
    name: str
    full_path: str
    type: str = ""
    subtype: str = ""
    related_urls: tuple[Mapping[str, Any], ...] = ()

    @property
    def path(self) -> str:
        """The path in the file, with exactly one leading slash."""
        return "/" + (self.full_path or self.name).strip("/")


@dataclass(frozen=True, slots=True)
class Source:
    """One collection of the request. `variables` empty: all of them. `layout`: what is known of the file beforehand
    (CRS, geotransform, axes, coordinate pair, required and excluded variables), from the catalog and `quirks.yml`."""

    collection: str
    short_name: str = ""
    version: str = ""
    variables: tuple[Variable, ...] = ()
    coordinate_variables: tuple[Variable, ...] = ()
    layout: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """`format` of the message. crs: the text that the user gave; srs: {epsg, wkt, proj4} as resolved."""

    mime: str | None = None
    crs: str | None = None
    srs: Mapping[str, str] | None = None
    interpolation: str | None = None
    scale_extent: tuple[float, float, float, float] | None = None  # x min, y min, x max, y max in the target CRS
    scale_size: tuple[float, float] | None = None  # x, y in the target CRS
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Instructions:
    """What is to be done: the operation, less everything that is not a transformer's business."""

    sources: tuple[Source, ...] = ()
    bounding_box: BoundingBox | None = None
    point: tuple[float, float] | None = None  # longitude, latitude in degrees
    shape_path: Path | None = None  # GeoJSON, a file of this machine
    temporal: TemporalRange | None = None
    dimensions: tuple[DimensionSubset, ...] = ()
    format: OutputFormat = field(default_factory=OutputFormat)
    concatenate: bool = False
    extend_dimensions: tuple[str, ...] = ()
    average: str | None = None
    pixel_subset: bool | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)  # extra_args of the step
    message: Mapping[str, Any] = field(default_factory=dict)  # the whole message, for provenance

    def source_of(self, one: "Input") -> Source:
        """The collection that this input came from; the only or first one when the input does not say."""
        for source in self.sources:
            if one.collection and source.collection == one.collection:
                return source
        return self.sources[0] if self.sources else Source(collection=one.collection or "")


@dataclass(frozen=True, slots=True)
class Input:
    """One file to read, never to write, and what its STAC item says of it."""

    path: Path
    item: Mapping[str, Any] = field(default_factory=dict)  # the STAC item, whole
    name: str = ""  # file name of the granule as the archive calls it; outputs are named after it
    href: str = ""  # where the archive has it, for provenance
    collection: str | None = None

    @property
    def file_name(self) -> str:
        """The name that names of outputs are made from."""
        return self.name or self.path.name


@dataclass(frozen=True, slots=True)
class Output:
    """One file that came out. bbox and temporal: None keeps those of the input it was made from.

    `source` is the input whose STAC item is cloned (None: the first input). `metadata`: further files of the same
    item (world file, aux.xml), as (path, media type). `group`: outputs with the same number go into one catalog; each
    catalog becomes one work item of the next step (None: a catalog of its own).
    """

    path: Path
    media_type: str
    bbox: BoundingBox | None = None
    temporal: TemporalRange | None = None
    source: Input | None = None
    metadata: tuple[tuple[Path, str], ...] = ()
    group: int | None = None


def parse_instant(text: str) -> datetime:
    """ISO 8601 to an aware UTC datetime; without a zone it is UTC."""
    try:
        instant = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise InstructionError(f"temporal: {text!r}; allowed: an ISO 8601 date-time") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def instructions_from_message(message: Mapping[str, Any]) -> Instructions:
    """Read Harmony's operation (schema 0.22.0). Unknown fields are kept in `message` and otherwise ignored.

    Raises InstructionError naming the field.
    """
    subset = message.get("subset") or {}
    shape = subset.get("shape")
    box = subset.get("bbox")
    point = subset.get("point")
    return Instructions(
        sources=tuple(_source(s) for s in message.get("sources") or ()),
        bounding_box=BoundingBox(*(float(v) for v in box)) if box else None,
        point=(float(point[0]), float(point[1])) if point else None,
        shape_path=_local_path("subset.shape.href", shape["href"]) if shape and shape.get("href") else None,
        temporal=_temporal(message.get("temporal")),
        dimensions=tuple(_dimension(d) for d in subset.get("dimensions") or ()),
        format=_format(message.get("format") or {}),
        concatenate=bool(message.get("concatenate")),
        extend_dimensions=tuple(message.get("extendDimensions") or ()),
        average=message.get("average"),
        pixel_subset=message.get("pixelSubset"),
        extra=message.get("extraArgs") or {},
        message=message,
    )


def _source(source: Mapping[str, Any]) -> Source:
    return Source(
        collection=source.get("collection", ""),
        short_name=source.get("shortName", ""),
        version=source.get("versionId", ""),
        variables=_variables(source.get("variables")),
        coordinate_variables=_variables(source.get("coordinateVariables")),
        layout=source.get("layout") or {},
    )


def _variables(entries: Sequence[Mapping[str, Any]] | None) -> tuple[Variable, ...]:
    return tuple(
        Variable(
            id=e.get("id", ""),
            name=e.get("name", ""),
            full_path=e.get("fullPath") or e.get("name", ""),
            type=e.get("type", ""),
            subtype=e.get("subtype", ""),
            related_urls=tuple(e.get("relatedUrls") or ()),
        )
        for e in entries or ()
    )


def _dimension(entry: Mapping[str, Any]) -> DimensionSubset:
    low, high = entry.get("min"), entry.get("max")
    return DimensionSubset(
        str(entry["name"]), None if low is None else float(low), None if high is None else float(high)
    )


def _temporal(entry: Mapping[str, Any] | None) -> TemporalRange | None:
    if not entry or not (entry.get("start") or entry.get("end")):
        return None
    start, end = entry.get("start"), entry.get("end")
    return TemporalRange(parse_instant(start) if start else None, parse_instant(end) if end else None)


def _format(entry: Mapping[str, Any]) -> OutputFormat:
    extent, size = entry.get("scaleExtent"), entry.get("scaleSize")
    return OutputFormat(
        mime=entry.get("mime"),
        crs=entry.get("crs"),
        srs=entry.get("srs"),
        interpolation=entry.get("interpolation"),
        scale_extent=(
            (extent["x"]["min"], extent["y"]["min"], extent["x"]["max"], extent["y"]["max"]) if extent else None
        ),
        scale_size=(size["x"], size["y"]) if size else None,
        width=entry.get("width"),
        height=entry.get("height"),
    )


def _local_path(where: str, href: str) -> Path:
    if "://" in href and not href.startswith("file://"):
        raise InstructionError(f"{where}: {href!r}; allowed: a path or a file: URL (a transformer reads no network)")
    return Path(href.removeprefix("file://"))
