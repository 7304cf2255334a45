"""A rangeset request of OGC API - Coverages 1.0.0: text of the client -> CoverageRequest.

Knows no collection, variable or chain (`operation.py`, `services/match.py`). The one file read is the uploaded shape,
which the caller has put on disk. Parameters, words of the errors and the order of the checks: harmony-api.md,
sections 1.3 to 1.8; what harmony-py sends: clients.md, section 3.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.errors import RequestValidationError
from appliance.request.crs import Crs, parse_crs
from appliance.request.destination import parse_destination
from appliance.request.job_filter import check_label_lengths, clean_labels, parse_link_type
from appliance.request.media_types import parse_accept, parse_format
from appliance.request.query import Pairs, Parameters, SchemaProblems, check_names, listed, parameters
from appliance.request.shapes import normalised_shape
from appliance.request.subset import Subset, parse_subset

# fmt: off
DOCUMENTED = [  # in the order of the published message
    "collectionId", "outputCrs", "subset", "interpolation", "scaleExtent", "scaleSize", "concatenate",
    "granuleId", "point", "width", "height", "format", "forceAsync", "serviceId", "maxResults", "skipPreview",
    "ignoreErrors", "destinationUrl", "granuleName", "grid", "extend", "variable", "average", "label",
    "pixelSubset",
]
# fmt: on
DOCUMENTED_ON_POST = [*DOCUMENTED, "shapefile"]
SILENT = ("linkType", "reuse")  # accepted on every route; ours (decisions.md 1.14); neither is in the published list
BOOLEANS = ("concatenate", "forceAsync", "ignoreErrors", "skipPreview", "pixelSubset", "reuse")
EXCLUDED_BY_GRID = ("scaleExtent", "scaleSize", "outputCrs", "height", "width")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file part of a form, already on disk. `media_type`: the part's Content-Type; the name tells nothing."""

    file_name: str
    media_type: str
    path: Path


@dataclass(frozen=True, slots=True)
class CoverageRequest:
    """What is asked of a coverage. Empty and None mean "not said".

    variables: names or concept ids, () for all. point: longitude, latitude. shape: normalised GeoJSON. extend: True for
    the chain's own dimensions, False for none. format: media type from `format`; accept: those of the header otherwise.
    """

    variables: tuple[str, ...] = ()
    subset: Subset = field(default_factory=Subset)
    point: tuple[float, float] | None = None
    shape: Mapping[str, Any] | None = None
    crs: Crs | None = None
    interpolation: str | None = None
    scale_extent: tuple[float, ...] = ()  # x min, y min, x max, y max
    scale_size: tuple[float, ...] = ()  # x, y
    width: int | None = None
    height: int | None = None
    grid: str | None = None
    format: str | None = None
    accept: tuple[str, ...] = ()
    concatenate: bool | None = None
    extend: bool | tuple[str, ...] | None = None
    average: str | None = None
    pixel_subset: bool | None = None
    granule_ids: tuple[str, ...] = ()
    granule_names: tuple[str, ...] = ()
    max_results: int | None = None
    force_async: bool = False
    skip_preview: bool = False
    ignore_errors: bool = True
    reuse: bool = False
    service_id: str | None = None
    destination_url: str | None = None
    labels: tuple[str, ...] = ()
    link_type: str | None = None


def parse_coverage(
    path_collection: str,
    path_variables: str,
    query: Pairs,
    form: Pairs | None,
    shape: Upload | None,
    headers: Mapping[str, str],
) -> CoverageRequest:
    """Read a rangeset request, GET (form None) or POST (the text fields of its body).

    path_collection: as decoded from the URL, only for symmetry with the route; path_variables: `all`, a comma list, or
    `parameter_vars`. Raises RequestValidationError (or SchemaValidationError) for the first rule that is broken.
    """
    given = parameters(query, form)
    schema = _schema_values(given)
    flags = {name: given.boolean(name) for name in BOOLEANS}
    subset = parse_subset(given.items("subset"))
    point = _point(schema["point"], subset)
    crs_text = given.text("outputCrs")
    crs = parse_crs(crs_text) if crs_text else None
    average = _average(given)
    variables = chosen_variables(path_variables, schema["variable"] if given.has("variable") else None)
    shape_document = _shape(shape) if shape else None
    labels = clean_labels(schema["label"])
    link_type = parse_link_type(given)
    grid = _grid(given)
    destination = given.text("destinationUrl")
    destination_url = parse_destination(destination) if destination else None
    check_names(given, DOCUMENTED if form is None and shape is None else DOCUMENTED_ON_POST, SILENT)
    check_label_lengths(labels)
    format_text = given.text("format")
    return CoverageRequest(
        variables=variables,
        subset=subset,
        point=point,
        shape=shape_document,
        crs=crs,
        interpolation=given.text("interpolation"),
        scale_extent=schema["scaleExtent"],
        scale_size=schema["scaleSize"],
        width=schema["width"],
        height=schema["height"],
        grid=grid,
        format=parse_format(format_text) if format_text else None,
        accept=() if format_text else parse_accept(header(headers, "accept")),
        concatenate=flags["concatenate"],
        extend=_extend(given),
        average=average,
        pixel_subset=flags["pixelSubset"],
        granule_ids=schema["granuleId"],
        granule_names=schema["granuleName"],
        max_results=schema["maxResults"],
        force_async=bool(flags["forceAsync"]),
        skip_preview=bool(flags["skipPreview"]),
        ignore_errors=flags["ignoreErrors"] is not False,
        reuse=bool(flags["reuse"]),
        service_id=given.text("serviceId"),
        destination_url=destination_url,
        labels=labels,
        link_type=link_type,
    )


def collection_names(path_collection: str) -> list[str]:
    """The ids of the path's collection element (joined by `+` or blanks), or the one short name."""
    return path_collection.replace("+", " ").split()


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A header by its name in any case."""
    return next((value for key, value in headers.items() if key.lower() == name), None)


def _schema_values(given: Parameters) -> dict[str, Any]:
    """The parameters whose form the published schema fixes; all violations are told at once."""
    problems = SchemaProblems()
    values: dict[str, Any] = {
        "point": problems.numbers(given, "point", 2),
        "scaleExtent": problems.numbers(given, "scaleExtent", 4),
        "scaleSize": problems.numbers(given, "scaleSize", 2, minimum=0),
        **{name: problems.integer(given, name, 1) for name in ("width", "height", "maxResults")},
        **{name: problems.texts(given, name) for name in ("granuleId", "granuleName", "variable")},
        "label": problems.texts(given, "label", blank_allowed=True),  # blank labels have words of their own, later
    }
    problems.raise_any()
    return values


def _point(values: Sequence[float], subset: Subset) -> tuple[float, float] | None:
    if not values:
        return None
    for name, value, limit in (("lon", values[0], 180), ("lat", values[1], 90)):
        if not -limit <= value <= limit:
            raise RequestValidationError(
                f'query parameter "subset" dimension "{name}" value must be between -{limit} and {limit}'
            )
    if subset.bounding_box:
        raise RequestValidationError("bounding_box and point query parameters should not co-exist")
    return values[0], values[1]


def _average(given: Parameters) -> str | None:
    text = given.text("average")
    if text is None:
        return None
    if text.lower() not in ("time", "area"):
        raise RequestValidationError('query parameter "average" must be either "time" or "area"')
    return text.lower()


def chosen_variables(path_variables: str, asked: Sequence[str] | None) -> tuple[str, ...]:
    """The variables of path and `variable` parameter (None: absent) together; () for all of them."""
    named = [name for name in (part.strip() for part in path_variables.split(",")) if name]
    if named == ["parameter_vars"]:
        if not asked:
            raise RequestValidationError('"parameter_vars" specified, but no variables given')
        named = list(asked)
    elif asked is not None:
        raise RequestValidationError(
            'Value "parameter_vars" must be used in the url path when variables are passed in the query parameters '
            "or request body"
        )
    if not named:
        raise RequestValidationError('URL path: no variables; allowed: "all", "parameter_vars", or names and ids')
    if "all" in named and len(set(named)) > 1:
        raise RequestValidationError('"all" cannot be specified alongside other variables')
    return () if "all" in named else tuple(dict.fromkeys(named))


def _grid(given: Parameters) -> str | None:
    grid = given.text("grid")
    if grid and any(given.text(name) for name in EXCLUDED_BY_GRID):
        raise RequestValidationError(
            "When including a grid query parameter, the following parameters may not be provided: "
            f"{listed(EXCLUDED_BY_GRID)}."
        )
    return grid


def _shape(upload: Upload) -> Mapping[str, Any]:
    with upload.path.open("rb") as stream:
        return normalised_shape(stream, upload.media_type)


def _extend(given: Parameters) -> bool | tuple[str, ...] | None:
    names = tuple(name for name in (item.strip() for item in given.items("extend")) if name)
    if not names:
        return None
    if len(names) == 1 and names[0].lower() in ("true", "false"):
        return names[0].lower() == "true"
    return names
