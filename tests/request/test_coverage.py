"""Rangeset requests: what clients send, every parameter, the published words, the order of the checks."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import HarmoniumError, RequestValidationError, SchemaValidationError
from appliance.request.coverage import DOCUMENTED, CoverageRequest, Upload, collection_names, parse_coverage
from transformers.contract import BoundingBox, DimensionSubset

Pairs = Sequence[tuple[str, str]]


def get(*query: tuple[str, str], variables: str = "all", accept: str | None = None) -> CoverageRequest:
    return parse_coverage("C1-LOCAL", variables, query, None, None, {"Accept": accept} if accept else {})


def post(form: Pairs, *query: tuple[str, str], variables: str = "parameter_vars") -> CoverageRequest:
    return parse_coverage("C1-LOCAL", variables, query, form, None, {})


def refusal(*query: tuple[str, str], variables: str = "all") -> RequestValidationError:
    with pytest.raises(RequestValidationError) as refused:
        get(*query, variables=variables)
    return refused.value


def test_nothing_asked_is_everything_with_the_published_defaults() -> None:
    assert get() == CoverageRequest()
    assert get().ignore_errors and not get().force_async and not get().skip_preview


def test_the_form_of_harmony_py() -> None:
    asked = post(
        [
            ("forceAsync", "true"),
            ("subset", "lat(-5:5)"),
            ("subset", "lon(170:-170)"),
            ("subset", 'time("2020-01-01T00:00:00":"2020-01-02T03:04:05.600000")'),
            ("subset", "lev(1.0:2.0)"),
            ("label", "Mine"),
            ("label", "harmony-py"),
            ("variable", "/g/a"),
            ("variable", "b"),
            ("outputcrs", "EPSG:3857"),
            ("granuleId", "G1-LOCAL,G2-LOCAL,G1-LOCAL"),
            ("granuleName", "a*"),
            ("scaleExtent", "0,1,2,3"),
            ("scaleSize", "1.5,2"),
            ("format", "application/x-netcdf4"),
            ("interpolation", "bilinear"),
            ("width", "10"),
            ("height", "20"),
            ("maxResults", "3"),
            ("concatenate", "false"),
            ("extend", "mirror_step"),
            ("skipPreview", "true"),
            ("ignoreErrors", "false"),
            ("pixelSubset", "true"),
            ("average", "Time"),
            ("serviceId", "podaac/concise"),
        ]
    )
    assert asked.variables == ("/g/a", "b")
    assert asked.subset.bounding_box == BoundingBox(170, -5, -170, 5)
    assert asked.subset.dimensions == (DimensionSubset("lev", 1, 2),)
    assert asked.granule_ids == ("G1-LOCAL", "G2-LOCAL", "G1-LOCAL")
    assert asked.labels == ("harmony-py", "mine")
    assert asked.crs is not None and asked.crs.epsg == "EPSG:3857"
    assert (asked.scale_extent, asked.scale_size, asked.width, asked.height) == ((0, 1, 2, 3), (1.5, 2), 10, 20)
    assert (asked.format, asked.interpolation, asked.average) == ("application/netcdf", "bilinear", "time")
    assert (asked.concatenate, asked.extend, asked.pixel_subset) == (False, ("mirror_step",), True)
    assert (asked.force_async, asked.skip_preview, asked.ignore_errors) == (True, True, False)
    assert (asked.max_results, asked.service_id) == (3, "podaac/concise")


def test_thousands_of_parts_and_a_hundred_thousand_ids() -> None:
    ids = ",".join(f"G{n}-LOCAL" for n in range(100_000))
    asked = post([*(("variable", f"v{n}") for n in range(5000)), ("granuleId", ids)])
    assert len(asked.variables) == 5000 and len(asked.granule_ids) == 100_000


def test_variables_in_the_path_and_elsewhere() -> None:
    assert get(variables="a,/b/c,a").variables == ("a", "/b/c")
    assert get(variables="all").variables == ()
    assert get(("variable", "all"), variables="parameter_vars").variables == ()
    assert get(("variable", "a,b"), variables="parameter_vars").variables == ("a", "b")


@pytest.mark.parametrize(
    ("variables", "query", "words"),
    [
        ("all,a", [], '"all" cannot be specified alongside other variables'),
        ("parameter_vars", [("variable", "a,all")], '"all" cannot be specified alongside other variables'),
        ("parameter_vars", [], '"parameter_vars" specified, but no variables given'),
        (
            "all",
            [("variable", "a")],
            'Value "parameter_vars" must be used in the url path when variables are passed in the query parameters '
            "or request body",
        ),
    ],
)
def test_rules_of_the_variable_path(variables: str, query: Pairs, words: str) -> None:
    assert refusal(*query, variables=variables).message == words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("scaleExtent", "0,1,2", 'query parameter "scaleExtent" should NOT have fewer than 4 items'),
        ("scaleExtent", "0,1,2,3,4", 'query parameter "scaleExtent" should NOT have more than 4 items'),
        ("scaleExtent", "0,1,2,x", 'query parameter "scaleExtent[3]" should be number'),
        ("scaleSize", "-1,2", 'query parameter "scaleSize[0]" should be >= 0'),
        ("width", "0", 'query parameter "width" should be >= 1'),
        ("height", "x", 'query parameter "height" should be integer'),
        ("maxResults", "0", 'query parameter "maxResults" should be >= 1'),
        ("granuleId", "", 'query parameter "granuleId[0]" should NOT be shorter than 1 characters'),
        ("granuleName", "a,,b", 'query parameter "granuleName[1]" should NOT be shorter than 1 characters'),
        ("label", "", 'query parameter "label[0]" should NOT be shorter than 1 characters'),
        ("point", "1", 'query parameter "point" should NOT have fewer than 2 items'),
        ("point", "1,y", 'query parameter "point[1]" should be number'),
    ],
)
def test_violations_of_the_schema(name: str, value: str, words: str) -> None:
    error = refusal((name, value))
    assert isinstance(error, SchemaValidationError) and error.message == words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ([("scaleExtent", "(0,1,2,x)")], "parsing query parameter 'scaleExtent', value 'x' must be a number."),
        ([("forceAsync", "yes")], 'query parameter "forceAsync" must be either true or false'),
        ([("CONCATENATE", "1")], 'query parameter "concatenate" must be either true or false'),
        ([("pixelsubset", "maybe")], 'query parameter "pixelSubset" must be either true or false'),
        ([("point", "181,0")], 'query parameter "subset" dimension "lon" value must be between -180 and 180'),
        ([("point", "0,91")], 'query parameter "subset" dimension "lat" value must be between -90 and 90'),
        ([("point", "0,0"), ("subset", "lat(0:1)")], "bounding_box and point query parameters should not co-exist"),
        (
            [("outputCrs", "EPSG:1")],
            'query parameter "crs/outputCrs" could not be parsed.  Try an EPSG code or Proj4 string.',
        ),
        ([("average", "mean")], 'query parameter "average" must be either "time" or "area"'),
        ([("label", " ")], "Labels must contain at least one non-whitespace character"),
        ([("label", "x" * 256)], "Labels may not exceed 255 characters in length."),
        ([("linktype", "foo")], "Invalid linkType 'foo' must be http, https, or s3"),
        (
            [("grid", "GEO_1"), ("width", "3")],
            "When including a grid query parameter, the following parameters may not be provided: "
            "scaleExtent, scaleSize, outputCrs, height, and width.",
        ),
        ([("destinationUrl", "abcd")], "Invalid destinationUrl 'abcd', must start with s3://"),
        ([("destinationUrl", "s3://")], "Invalid destinationUrl, no S3 bucket is provided."),
        (
            [("destinationUrl", "s3://a"), ("destinationUrl", "s3://b")],
            "Invalid destinationUrl 's3://a,s3://b', only one S3 location is allowed.",
        ),
        (
            [("outputCrz", "1"), ("maxResultz", "2")],
            f"Invalid parameter(s): outputCrz and maxResultz. Allowed parameters are: {', '.join(DOCUMENTED[:-1])}, "
            "and pixelSubset.",
        ),
        ([("shapefile", "x")], None),
    ],
)
def test_other_refusals_in_the_published_words(query: Pairs, words: str | None) -> None:
    error = refusal(*query)
    assert not isinstance(error, SchemaValidationError)
    assert words is None or error.message == words


def test_several_violations_come_together() -> None:
    assert refusal(("width", "0"), ("scaleSize", "1")).message.split("\n\t") == [
        'query parameter "scaleSize" should NOT have fewer than 2 items',
        'query parameter "width" should be >= 1',
    ]


# Each breaks one rule; where two are broken, the earlier one of this list is told.
ORDER: list[tuple[str, str]] = [
    ("width", "0"),
    ("forceAsync", "x"),
    ("subset", "lat(9:1)"),
    ("outputCrs", "nonsense"),
    ("average", "x"),
    ("variable", "a"),
    ("label", " "),
    ("linkType", "x"),
    ("destinationUrl", "x"),
    ("unknownName", "x"),
]


@pytest.mark.parametrize("first", range(len(ORDER) - 1))
def test_the_first_broken_rule_of_the_published_order_is_told(first: int) -> None:
    alone = refusal(ORDER[first]).message
    for later in ORDER[first + 1 :]:
        assert refusal(later, ORDER[first]).message == alone


def test_empty_single_values_are_absent() -> None:
    names = ["outputCrs", "format", "grid", "width", "scaleExtent", "forceAsync", "average", "destinationUrl", "point"]
    assert get(*((name, "") for name in names)) == CoverageRequest()


def test_format_wins_over_accept() -> None:
    assert get(accept="image/png;q=0.5, image/tiff").accept == ("image/tiff", "image/png")
    asked = get(("format", "GeoTIFF"), accept="image/png")
    assert (asked.format, asked.accept) == ("image/tiff", ())


def test_extend_may_be_a_switch_or_names() -> None:
    assert [get(("extend", text)).extend for text in ("true", "FALSE", "a,b", "")] == [True, False, ("a", "b"), None]


def test_the_scheme_of_the_destination_may_be_upper_case_and_the_path_keeps_its_case() -> None:
    assert get(("destinationUrl", "S3://Bucket/Path/")).destination_url == "s3://Bucket/Path/"


def test_shapefile_is_a_known_name_of_a_post_only() -> None:
    assert post([("shapefile", "")], variables="all") == CoverageRequest()
    assert "shapefile" in refusal(("shapefile", "")).message


def test_the_uploaded_shape_is_read_and_normalised(tmp_path: Path) -> None:
    ring = [[170, 0], [190, 0], [190, 10], [170, 10], [170, 0]]
    path = tmp_path / "upload"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    shape = Upload("shapefile", "application/geo+json; charset=utf-8", path)
    asked = parse_coverage("C1-LOCAL", "all", [], [], shape, {})
    assert asked.shape is not None and asked.shape["features"][0]["geometry"]["type"] == "MultiPolygon"


@pytest.mark.parametrize(
    ("text", "names"),
    [("C1-A", ["C1-A"]), ("C1-A+C2-A", ["C1-A", "C2-A"]), ("C1-A C2-A", ["C1-A", "C2-A"]), ("", [])],
)
def test_collections_are_joined_by_plus_or_blanks(text: str, names: list[str]) -> None:
    assert collection_names(text) == names


NAMES = st.sampled_from([*DOCUMENTED, "linkType", "reuse", "shapefile", "Subset", "x"])
TEXTS = st.text(max_size=15) | st.sampled_from(["true", "1,2", "lat(0:1)", "EPSG:4326", "s3://a", "all", "time", "3"])


@settings(max_examples=300)
@given(st.lists(st.tuples(NAMES, TEXTS), max_size=5), st.text(max_size=10), st.text(max_size=20))
def test_whatever_is_sent_is_a_request_or_an_error_of_the_family(query: Pairs, variables: str, accept: str) -> None:
    try:
        parse_coverage("C1-LOCAL", variables, query, None, None, {"accept": accept})
    except HarmoniumError as error:
        assert error.status == 400
