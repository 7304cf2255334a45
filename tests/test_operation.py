"""Operations: requests joined with collections, variables and grids; and the message that services get."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import RequestValidationError
from appliance.metadata.concepts import Collection, Grid, Variable
from appliance.operation import Operation, make_operation, message_of
from appliance.request.coverage import CoverageRequest, parse_coverage
from transformers.contract import instructions_from_message

ONE = Collection("C1-LOCAL", "one", "1", "One", "LOCAL", layout={"crs": "EPSG:6933"})
TWO = Collection("C2-LOCAL", "two", "2", "Two", "LOCAL")
URL = {"URL": "https://h.example/p.txt", "URLContentType": "VisualizationURL", "Type": "Color Map", "GetData": {}}
VARIABLES = {
    "C1-LOCAL": [
        Variable("V1-LOCAL", "lat", "geo/lat", "C1-LOCAL", type="COORDINATE", role="support"),
        Variable("V2-LOCAL", "sst", "science/sst", "C1-LOCAL", type="SCIENCE_VARIABLE", umm={"RelatedURLs": [URL]}),
        Variable("V3-LOCAL", "sst", "quality/sst", "C1-LOCAL", subtype="ANCILLARY"),
    ],
    "C2-LOCAL": [Variable("V4-LOCAL", "/science/sst", "science/sst", "C2-LOCAL")],
}
GRID = Grid("GR1-LOCAL", "GEO_1", "EPSG:4326", (-180.0, -90.0, 180.0, 90.0), (1.0, 1.0), 360, 180)


@dataclass(frozen=True)
class Told:
    """What a step of a chain tells of itself."""

    operations: tuple[str, ...] | None = None
    extra_args: dict[str, Any] = field(default_factory=dict)


def operation(request: CoverageRequest, *collections: Collection, shape_path: str | None = None) -> Operation:
    return make_operation(
        request,
        collections or (ONE,),
        VARIABLES,
        lambda name: [GRID] if name == "GEO_1" else [],
        request_id="11111111-0000-4000-8000-000000000000",
        username="ada",
        request_url="http://localhost:3000/x",
        messages=("note",),
        shape_path=shape_path,
    )


def asked(*query: tuple[str, str], variables: str = "all") -> CoverageRequest:
    return parse_coverage("C1-LOCAL", variables, query, None, None, {})


def message(op: Operation, told: Told | None = None) -> dict[str, Any]:
    found = message_of(op, told or Told(), staging_location="s3://b/", callback="")
    return json.loads(json.dumps(found))


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("V2-LOCAL", ["V2-LOCAL"]),
        ("science/sst", ["V2-LOCAL"]),
        ("/science/sst", ["V2-LOCAL"]),
        ("sst", ["V2-LOCAL", "V3-LOCAL"]),
        ("geo/lat", ["V1-LOCAL"]),
        ("V2-LOCAL,/science/sst", ["V2-LOCAL"]),
    ],
)
def test_variables_are_found_by_id_path_or_name(name: str, ids: list[str]) -> None:
    found = operation(asked(variables=name))
    assert [v.concept_id for v in found.variables["C1-LOCAL"]] == ids
    assert not found.unknown_variables and not found.all_variables


def test_a_name_of_any_collection_is_known_and_others_are_noted() -> None:
    found = operation(asked(variables="science/sst,V3-LOCAL,nonsense"), ONE, TWO)
    assert [v.concept_id for v in found.variables["C1-LOCAL"]] == ["V2-LOCAL", "V3-LOCAL"]
    assert [v.concept_id for v in found.variables["C2-LOCAL"]] == ["V4-LOCAL"]
    assert found.unknown_variables == ("nonsense",)
    assert found.variable_count == 3  # science/sst of both, quality/sst, nonsense


def test_all_variables_are_no_subset() -> None:
    found = operation(asked())
    assert found.all_variables and found.requested == frozenset()
    assert "variables" not in message(found)["sources"][0]


def test_a_grid_stands_for_its_parameters() -> None:
    found = operation(asked(("grid", "GEO_1")))
    assert found.crs is not None and found.crs.epsg == "EPSG:4326"
    assert (found.scale_extent, found.scale_size) == ((-180, -90, 180, 90), (1, 1))
    assert (found.width, found.height) == (360, 180)
    with pytest.raises(RequestValidationError, match=r"^Unknown grid NOWHERE$"):
        operation(asked(("grid", "NOWHERE")))


def test_dimensions_to_extend_may_be_named_by_concept_id() -> None:
    assert operation(asked(("extend", "V1-LOCAL,x"))).extend_dimensions == ("geo/lat", "x")


def test_a_time_range_open_at_both_ends_asks_for_nothing() -> None:
    assert operation(asked(("subset", "time(*:*)"))).temporal is None


EVERYTHING = asked(
    ("subset", "lat(-5:5),lon(170:-170),lev(1:*)"),
    ("subset", 'time("2020-01-01":"2020-01-02")'),
    ("outputCrs", "EPSG:3857"),
    ("scaleExtent", "0,1,2,3"),
    ("scaleSize", "4,5"),
    ("width", "6"),
    ("height", "7"),
    ("interpolation", "near"),
    ("format", "image/tiff"),
    ("average", "time"),
    ("pixelSubset", "true"),
    variables="science/sst",
)


def test_the_message_is_harmonys_operation() -> None:
    op = replace(operation(EVERYTHING, shape_path="/work/s.geojson"), concatenate=True, extend=("mirror_step",))
    found = message(op, Told(extra_args={"cut": False}))
    assert found["version"] == "0.22.0"
    assert (found["user"], found["requestId"]) == ("ada", "11111111-0000-4000-8000-000000000000")
    assert found["subset"] == {
        "bbox": [170, -5, -170, 5],
        "shape": {"href": "/work/s.geojson", "type": "application/geo+json"},
        "dimensions": [{"name": "lev", "min": 1}],
    }
    assert found["temporal"] == {"start": "2020-01-01T00:00:00.000Z", "end": "2020-01-02T00:00:00.000Z"}
    assert found["format"]["scaleExtent"] == {"x": {"min": 0, "max": 2}, "y": {"min": 1, "max": 3}}
    assert found["format"]["srs"]["epsg"] == "EPSG:3857" and found["format"]["crs"] == "EPSG:3857"
    source = found["sources"][0]
    assert (source["collection"], source["shortName"], source["versionId"]) == ("C1-LOCAL", "one", "1")
    assert source["layout"] == {"crs": "EPSG:6933"}
    assert [v["id"] for v in source["coordinateVariables"]] == ["V1-LOCAL"]
    assert source["variables"] == [
        {
            "id": "V2-LOCAL",
            "name": "sst",
            "fullPath": "science/sst",
            "type": "SCIENCE_VARIABLE",
            "relatedUrls": [
                {"url": "https://h.example/p.txt", "urlContentType": "VisualizationURL", "type": "Color Map"}
            ],
        }
    ]
    assert (found["concatenate"], found["extendDimensions"], found["extraArgs"]) == (
        True,
        ["mirror_step"],
        {"cut": False},
    )
    assert (found["average"], found["pixelSubset"]) == ("time", True)


def test_transformers_read_back_what_the_message_says() -> None:
    read = instructions_from_message(message(operation(EVERYTHING, shape_path="/work/s.geojson")))
    assert read.bounding_box is not None and read.bounding_box.as_list() == [170, -5, -170, 5]
    assert read.format.scale_extent == (0, 1, 2, 3) and read.format.mime == "image/tiff"
    assert read.sources[0].variables[0].path == "/science/sst"
    assert read.temporal is not None and read.temporal.start is not None and read.temporal.start.year == 2020


HIDDEN = {
    "reproject": lambda m: {"crs", "srs", "interpolation", "scaleExtent"} & set(m["format"]),
    "reformat": lambda m: {"mime"} & set(m["format"]),
    "variableSubset": lambda m: {"variables"} & set(m["sources"][0]),
    "spatialSubset": lambda m: {"bbox"} & set(m["subset"]),
    "shapefileSubset": lambda m: {"shape"} & set(m["subset"]),
    "dimensionSubset": lambda m: {"dimensions"} & set(m["subset"]),
    "temporalSubset": lambda m: {"temporal"} & set(m),
}


@given(st.sets(st.sampled_from(sorted(HIDDEN))))
def test_a_step_sees_exactly_the_operations_that_it_lists(listed: set[str]) -> None:
    op = operation(EVERYTHING, shape_path="/work/s.geojson")
    found = message(op, Told(operations=tuple(listed)))
    assert {name for name, shown in HIDDEN.items() if shown(found)} == listed
    assert all(shown(message(op)) for shown in HIDDEN.values())


def test_without_a_format_no_media_type_is_made_up() -> None:
    assert message(operation(asked()))["format"] == {}
