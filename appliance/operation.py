"""The operation: a request, joined with what the catalog knows of its collections and variables; and its message.

No IO: collections, variables and grids are handed in. Which chain carries it out: `services/match.py`. The message is
Harmony's data operation, schema 0.22.0 (harmony-api.md, section 4.1), with `sources[].layout` of ours
(decisions.md, section 5.4).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from appliance.errors import RequestValidationError
from appliance.metadata.concepts import Collection, Grid, Variable
from appliance.request.coverage import CoverageRequest
from appliance.request.crs import Crs, parse_crs
from appliance.request.subset import iso_milliseconds
from transformers.contract import DimensionSubset, TemporalRange

VERSION = "0.22.0"
Box = tuple[float, float, float, float]


class StepView(Protocol):
    """What of a step of a chain (`services/chain.py`, a floor above) decides what it is told."""

    @property
    def operations(self) -> tuple[str, ...] | None:
        """The operations it may see; None: all."""

    @property
    def extra_args(self) -> Mapping[str, Any]:
        """Arguments of its own."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is to be done to which data. None and () mean "not asked for".

    variables: per collection id the variables asked for that it has; `all_variables` tells "all" from "none found".
    unknown_variables: names that no requested collection has. format, concatenate, extend: as asked until
    `match.choose_chain` resolved them for its chain. accept: media types, best first. messages: notes so far.
    """

    request_id: str
    username: str
    request_url: str
    collections: tuple[Collection, ...]
    all_variables: bool = True
    variables: Mapping[str, tuple[Variable, ...]] = field(default_factory=dict)
    coordinate_variables: Mapping[str, tuple[Variable, ...]] = field(default_factory=dict)
    unknown_variables: tuple[str, ...] = ()
    variable_count: int = 0
    bbox: Box | None = None
    point: tuple[float, float] | None = None
    shape_path: str | None = None
    temporal: TemporalRange | None = None
    dimensions: tuple[DimensionSubset, ...] = ()
    format: str | None = None
    accept: tuple[str, ...] = ()
    crs: Crs | None = None
    interpolation: str | None = None
    scale_extent: tuple[float, ...] = ()
    scale_size: tuple[float, ...] = ()
    width: int | None = None
    height: int | None = None
    concatenate: bool | None = None
    extend: bool | tuple[str, ...] | None = None
    average: str | None = None
    pixel_subset: bool | None = None
    granule_ids: tuple[str, ...] = ()
    granule_names: tuple[str, ...] = ()
    max_results: int | None = None
    force_async: bool = False
    is_map: bool = False  # WMS: always synchronous
    service_id: str | None = None
    skip_preview: bool = False
    ignore_errors: bool = True
    destination_url: str | None = None
    labels: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    @property
    def collection_ids(self) -> tuple[str, ...]:
        """Concept ids in the order asked."""
        return tuple(c.concept_id for c in self.collections)

    @property
    def extend_dimensions(self) -> tuple[str, ...]:
        """The dimensions to extend, once the chain is known; before that only those named."""
        return self.extend if isinstance(self.extend, tuple) else ()

    @property
    def requested(self) -> frozenset[str]:
        """The operations of the dialect (`spatialSubset`, ...) that are asked for; formats are apart."""
        asked = {
            "variableSubset": not self.all_variables,
            "spatialSubset": self.bbox is not None or self.point is not None,
            "shapefileSubset": self.shape_path is not None,
            "temporalSubset": self.temporal is not None,
            "dimensionSubset": bool(self.dimensions),
            "reproject": self.crs is not None,
            "concatenate": self.concatenate is True,
            "extend": bool(self.extend),
        }
        return frozenset(name for name, wanted in asked.items() if wanted)


def make_operation(
    request: CoverageRequest,
    collections: Sequence[Collection],
    variables: Mapping[str, Sequence[Variable]],
    grids_by_name: Callable[[str], list[Grid]],
    *,
    request_id: str,
    username: str,
    request_url: str,
    messages: Sequence[str] = (),
    shape_path: str | None = None,
) -> Operation:
    """Join a request with its collections and all their variables (by collection id, coordinates included).

    shape_path: where the caller has put `request.shape`. Raises RequestValidationError for an unknown grid. Unknown
    variables are only noted: some chains do not mind (harmony-api.md, section 1.3).
    """
    chosen, unknown = _chosen_variables(request.variables, collections, variables)
    box = request.subset.bounding_box
    temporal = request.subset.temporal
    operation = Operation(
        request_id=request_id,
        username=username,
        request_url=request_url,
        collections=tuple(collections),
        all_variables=not request.variables,
        variables=chosen,
        coordinate_variables={
            c.concept_id: tuple(v for v in variables.get(c.concept_id, ()) if v.is_coordinate) for c in collections
        },
        unknown_variables=unknown,
        variable_count=len({_path(v) for found in chosen.values() for v in found}) + len(unknown),
        bbox=(box.west, box.south, box.east, box.north) if box else None,
        point=request.point,
        shape_path=shape_path,
        temporal=temporal if temporal and (temporal.start or temporal.end) else None,
        dimensions=request.subset.dimensions,
        format=request.format,
        accept=request.accept,
        crs=request.crs,
        interpolation=request.interpolation,
        scale_extent=request.scale_extent,
        scale_size=request.scale_size,
        width=request.width,
        height=request.height,
        concatenate=request.concatenate,
        extend=_extend(request.extend, variables),
        average=request.average,
        pixel_subset=request.pixel_subset,
        granule_ids=request.granule_ids,
        granule_names=request.granule_names,
        max_results=request.max_results,
        force_async=request.force_async,
        service_id=request.service_id,
        skip_preview=request.skip_preview,
        ignore_errors=request.ignore_errors,
        destination_url=request.destination_url,
        labels=request.labels,
        messages=tuple(messages),
    )
    return _on_grid(operation, request.grid, grids_by_name) if request.grid else operation


def message_of(
    operation: Operation, step: StepView, *, staging_location: str, callback: str, is_synchronous: bool = False
) -> dict[str, Any]:
    """What the service of one step is told: the operation, less what the step's `operations` do not list.

    Fields that were not asked for are absent. No format asked for: no `mime` (not `image/tiff`, as upstream says).
    """
    visible = None if step.operations is None else frozenset(step.operations)

    def sees(name: str) -> bool:
        return visible is None or name in visible

    message: dict[str, Any] = {
        "version": VERSION,
        "client": "harmonium",
        "callback": callback,
        "stagingLocation": staging_location,
        "user": operation.username,
        "accessToken": "",
        "requestId": operation.request_id,
        "isSynchronous": is_synchronous,
        "sources": [_source(operation, c, with_variables=sees("variableSubset")) for c in operation.collections],
        "format": _format(operation, with_mime=sees("reformat"), with_crs=sees("reproject")),
        "subset": _subset(operation, sees),
        "concatenate": bool(operation.concatenate) and sees("concatenate"),
        "extendDimensions": list(operation.extend_dimensions) if sees("extend") else [],
        "extraArgs": dict(step.extra_args),
    }
    if operation.temporal and sees("temporalSubset"):
        message["temporal"] = temporal_json(operation.temporal)
    if operation.average:
        message["average"] = operation.average
    if operation.pixel_subset is not None:
        message["pixelSubset"] = operation.pixel_subset
    return message


def temporal_json(temporal: TemporalRange) -> dict[str, str]:
    """`{start, end}`, the open end left out."""
    ends = {"start": temporal.start, "end": temporal.end}
    return {name: iso_milliseconds(instant) for name, instant in ends.items() if instant}


def _source(operation: Operation, collection: Collection, *, with_variables: bool) -> dict[str, Any]:
    source: dict[str, Any] = {
        "collection": collection.concept_id,
        "shortName": collection.short_name,
        "versionId": collection.version,
        "coordinateVariables": [_variable(v) for v in operation.coordinate_variables.get(collection.concept_id, ())],
    }
    if not operation.all_variables and with_variables:
        source["variables"] = [_variable(v) for v in operation.variables.get(collection.concept_id, ())]
    if collection.layout:
        source["layout"] = dict(collection.layout)
    return source


def _variable(variable: Variable) -> dict[str, Any]:
    told: dict[str, Any] = {"id": variable.concept_id, "name": variable.name, "fullPath": variable.full_path}
    if variable.type:
        told["type"] = variable.type
    if variable.subtype:
        told["subtype"] = variable.subtype
    urls = variable.umm.get("RelatedURLs") or ()
    if urls:
        told["relatedUrls"] = [_related_url(url) for url in urls]
    return told


def _related_url(url: Mapping[str, Any]) -> dict[str, Any]:
    names = {"URL": "url", "URLContentType": "urlContentType", "Type": "type", "Subtype": "subtype"}
    names |= {"Description": "description", "Format": "format", "MimeType": "mimeType"}
    return {ours: url[theirs] for theirs, ours in names.items() if theirs in url}


def _format(operation: Operation, *, with_mime: bool, with_crs: bool) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if operation.format and with_mime:
        told["mime"] = operation.format
    if with_crs:
        if operation.crs:
            told |= {"crs": operation.crs.text, "srs": dict(operation.crs.srs)}
        if operation.interpolation:
            told["interpolation"] = operation.interpolation
        if operation.scale_extent:
            x_min, y_min, x_max, y_max = operation.scale_extent
            told["scaleExtent"] = {"x": {"min": x_min, "max": x_max}, "y": {"min": y_min, "max": y_max}}
    if operation.scale_size:
        told["scaleSize"] = {"x": operation.scale_size[0], "y": operation.scale_size[1]}
    if operation.width:
        told["width"] = operation.width
    if operation.height:
        told["height"] = operation.height
    return told


def _subset(operation: Operation, sees: Callable[[str], bool]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if sees("spatialSubset"):
        if operation.bbox:
            told["bbox"] = list(operation.bbox)
        if operation.point:
            told["point"] = list(operation.point)
    if operation.shape_path and sees("shapefileSubset"):
        told["shape"] = {"href": operation.shape_path, "type": "application/geo+json"}
    if operation.dimensions and sees("dimensionSubset"):
        told["dimensions"] = [_dimension(d) for d in operation.dimensions]
    return told


def _dimension(dimension: DimensionSubset) -> dict[str, Any]:
    told: dict[str, Any] = {"name": dimension.name}
    if dimension.low is not None:
        told["min"] = dimension.low
    if dimension.high is not None:
        told["max"] = dimension.high
    return told


def _chosen_variables(
    names: Sequence[str], collections: Sequence[Collection], variables: Mapping[str, Sequence[Variable]]
) -> tuple[dict[str, tuple[Variable, ...]], tuple[str, ...]]:
    """Per collection the variables that the names mean, and the names that mean nothing anywhere."""
    if not names:
        return {}, ()
    found: dict[str, dict[str, Variable]] = {c.concept_id: {} for c in collections}
    known: set[str] = set()
    for collection in collections:
        index = _index(variables.get(collection.concept_id, ()))
        for name in names:
            for variable in index.get(name.strip("/"), ()):
                found[collection.concept_id][variable.concept_id] = variable
                known.add(name)
    chosen = {collection_id: tuple(hits.values()) for collection_id, hits in found.items()}
    return chosen, tuple(name for name in names if name not in known)


def _index(variables: Sequence[Variable]) -> dict[str, list[Variable]]:
    """Concept id, full path and name (a path wins over a mere name) -> the variables it means."""
    index: dict[str, list[Variable]] = {}
    for variable in variables:
        index[variable.concept_id] = [variable]
        index[_path(variable)] = [variable]
    by_name: dict[str, list[Variable]] = {}
    for variable in variables:
        by_name.setdefault(variable.name.strip("/"), []).append(variable)
    return {**by_name, **index}


def _path(variable: Variable) -> str:
    return (variable.full_path or variable.name).strip("/")


def _extend(
    asked: bool | tuple[str, ...] | None, variables: Mapping[str, Sequence[Variable]]
) -> bool | tuple[str, ...] | None:
    """Dimensions named by concept id become names."""
    if not isinstance(asked, tuple):
        return asked
    names = {v.concept_id: _path(v) for found in variables.values() for v in found}
    return tuple(names.get(name, name) for name in asked)


def _on_grid(operation: Operation, name: str, grids_by_name: Callable[[str], list[Grid]]) -> Operation:
    grids = grids_by_name(name)
    if not grids:
        raise RequestValidationError(f"Unknown grid {name}")
    grid = grids[0]
    return replace(
        operation,
        crs=parse_crs(grid.crs, f"grid {name}"),
        scale_extent=grid.extent,
        scale_size=grid.cell_size,
        width=grid.width,
        height=grid.height,
    )
