"""The capabilities document in its versions."""

import json

import pytest

from appliance.errors import RequestValidationError
from appliance.metadata.concepts import Collection, Service, Variable
from appliance.services.capabilities import capabilities_document, parse_version
from appliance.services.registry import SHIPPED, load_registry

KNOWN = {"subset_grid", "mask_shape", "reproject", "average"}
CHAINS = load_registry(SHIPPED, cmr_url="", environment={}, transformers=KNOWN).chains
IDS = {chain.name: str(chain.umm_s) for chain in CHAINS}
NAMES = ("podaac/concise", "sds/HOSS-geographic", "nasa/harmony-gdal-adapter", "giovanni-averaging-service")
GRID = Collection("C1-LOCAL", "demo", "1", "Demo", "LOCAL", service_ids=tuple(IDS[name] for name in NAMES))
KEYWORD = {"Category": "EARTH SCIENCE", "Topic": "OCEANS", "Term": "TIDES", "VariableLevel1": "HEIGHT"}
VARIABLES = [
    Variable("V1-LOCAL", "sst", "sst", "C1-LOCAL", "Temperature", umm={"Units": "K", "ScienceKeywords": [KEYWORD]})
]
ADAPTER = Service(
    IDS["nasa/harmony-gdal-adapter"],
    "nasa/harmony-gdal-adapter",
    {
        "ServiceOptions": {
            "SupportedOutputProjections": [
                {"ProjectionName": "WGS84", "ProjectionAuthority": "EPSG:4326"},
                {"ProjectionName": "Geographic", "ProjectionAuthority": "EPSG:4326"},
                {"ProjectionName": "No code"},
                {"ProjectionName": "Mercator", "ProjectionAuthority": "EPSG:3857"},
            ],
            "InterpolationTypes": ["Bilinear", "Nearest Neighbor"],
        }
    },
)


def document(version: str, collection: Collection = GRID, variables: list[Variable] = VARIABLES) -> dict[str, object]:
    found = capabilities_document(collection, variables, CHAINS, [ADAPTER], version, "https://h.example")
    return json.loads(json.dumps(found))


def test_version_2_unites_the_flags_and_formats_of_the_chains_that_are_available() -> None:
    found = document("2")
    assert list(found)[:8] == [
        *("conceptId", "shortName", "variableSubset", "bboxSubset", "shapeSubset", "temporalSubset"),
        *("concatenate", "reproject"),
    ]
    assert found["reproject"] is True and found["shapeSubset"] is True
    assert found["concatenate"] is False  # podaac/concise is associated, but its transformer is missing
    assert found["outputFormats"] == ["application/netcdf", "image/tiff", "image/png", "image/gif", "text/csv"]
    assert [s["name"] for s in found["services"]] == list(NAMES[1:])
    assert found["services"][0]["href"] == f"https://h.example/search/concepts/{IDS['sds/HOSS-geographic']}"
    assert found["services"][0]["capabilities"]["subsetting"]["dimension"] is True
    assert found["variables"] == [{"name": "sst", "href": "https://h.example/search/concepts/V1-LOCAL"}]
    assert found["capabilitiesVersion"] == "2"


def test_version_1_has_plain_names() -> None:
    found = document("1")
    assert found["variables"] == ["sst"] and set(found["services"][0]) == {"name", "capabilities"}


def test_version_3_tells_projections_methods_and_formats_by_name() -> None:
    found = document("3-alpha")
    summary = found["summary"]
    assert summary["subsetting"] == dict.fromkeys(["bbox", "dimension", "shape", "temporal", "variable"], True)
    assert summary["averaging"] == {"time": True, "area": True}
    assert summary["reprojection"] == {
        "supported": True,
        "supportedProjections": [{"name": "Mercator", "crs": "EPSG:3857"}, {"name": "WGS84", "crs": "EPSG:4326"}],
        "interpolationMethods": ["Bilinear", "Nearest Neighbor"],
    }
    assert [f["name"] for f in summary["outputFormats"]] == ["CSV", "GEOTIFF", "GIF", "NETCDF-4", "PNG"]
    by_name = {service["name"]: service["capabilities"] for service in found["services"]}
    assert by_name["sds/HOSS-geographic"]["reprojection"]["supportedProjections"] == []
    assert found["variables"] == [
        {
            "name": "sst",
            "longName": "Temperature",
            "href": "https://h.example/search/concepts/V1-LOCAL",
            "units": "K",
            "scienceKeywords": [
                {"category": "EARTH SCIENCE", "topic": "OCEANS", "term": "TIDES", "variableLevel1": "HEIGHT"}
            ],
        }
    ]


def test_an_unserved_collection_can_nothing_though_download_is_for_all() -> None:
    found = document("2", Collection("C2-LOCAL", "bare", "1", "Bare", "LOCAL"), [])
    assert (found["services"], found["outputFormats"], found["variables"]) == ([], [], [])
    assert not any(value for name, value in found.items() if name.endswith("Subset"))


def test_variable_subsetting_needs_variables() -> None:
    assert document("2", variables=[])["variableSubset"] is False
    assert document("3-alpha", variables=[])["summary"]["subsetting"]["variable"] is False


def test_versions() -> None:
    assert [parse_version(text) for text in (None, "1", "2", "3", "3-alpha", "3-ALPHA")] == [
        *("2", "1", "2", "3-alpha", "3-alpha", "3-alpha")
    ]
    with pytest.raises(RequestValidationError) as refused:
        parse_version("9")
    assert refused.value.message == "Invalid API version 9, supported versions: 1, 2, and 3-alpha"
