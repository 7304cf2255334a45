"""The grid subsetter against the reference's own outputs: files, messages and the very index ranges."""

import hashlib
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import netCDF4
import pytest

from tests.transformers.steps import message

# Cases of the level-3 manifest for HOSS.
CLAIMED = [
    "hoss_bbox_var",
    "hoss_bbox_regression_box",
    "hoss_crosses_grid_edge",
    "hoss_all_variables",
    "hoss_named_dimensions",
    "hoss_dimension_one_sided",
    "hoss_variable_only",
    "hoss_temporal",
    "hoss_temporal_boundary",
    "hoss_temporal_outside",
    "hoss_point_on_boundary",
    "hoss_point_in_cell",
    "hoss_unknown_variable",
    "hoss_unknown_dimension",
    "hoss_shape_polygon",
    "hoss_shape_antimeridian_east",
    "hoss_shape_multipolygon",
    "hoss_shape_polygon_with_bbox",
    "hoss_shape_point",
    "hoss_shape_linestring",
    "hoss_shape_geometrycollection",
    "hoss_coads_bbox_time",
    "hoss_descending",
    "hoss_descending_overhang",
    "hoss_gpm_bounds",
    "hoss_gpm_point",
    "hoss_merra2",
    "hoss_above_projected",
    "hoss_above_polygon",
    "hoss_above_outside",
    "hoss_ease2",
    "hoss_ease2_pole",
    "hoss_ease2_dateline",
    "hoss_smap_2d_coordinates",
    "hoss_smap_polygon",
    "hoss_atl16_edge_aligned",
    "hoss_dateline_box",
    "hoss_example_bbox",
    "hoss_netcdf3",
]
URL_ONLY = {"hoss_opendap_url"}  # asks for a link, makes no file: its expression is tested below
WARNINGS = {"NoDataException": "nodata"}


@pytest.fixture(scope="module")
def manifest(shared_data: Path) -> dict:
    cases = json.loads((shared_data / "expected" / "l3" / "manifest.json").read_text())["cases"]
    return {c["id"]: c for c in cases if c["transformer"] == "hoss"}


@pytest.fixture(scope="module")
def compare_l3(shared_data: Path) -> ModuleType:
    """The comparator of the manifests' rules for level-3 files."""
    spec = importlib.util.spec_from_file_location("compare_l3", shared_data / "tools" / "compare_l3.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def operation_of(case: dict, granules: Path) -> dict:
    asked = json.loads(json.dumps(case["operation"]))
    subset = asked.get("subset", {})
    if "shape" in subset:
        subset["shape"]["href"] = str(granules / subset["shape"]["href"])
    operation = message(variables=asked.get("variables", ()))
    operation["sources"][0]["shortName"] = asked["shortName"]
    return operation | {"subset": subset, "temporal": asked.get("temporal")}


def constraint_of(path: Path) -> set[str]:
    """The terms of the constraint expression in the file's history."""
    with netCDF4.Dataset(path) as file:
        history = file.History if "History" in file.ncattrs() else file.history
    return set(unquote(history.rsplit("dap4.ce=", 1)[1]).split(";"))


def windows_of(path: Path, variable: str) -> list[tuple[int, int]]:
    """First and last index of every cut dimension of a variable, by the constraint in the history."""
    term = next(t for t in constraint_of(path) if t.startswith(f"{variable}["))
    return [(int(first), int(last)) for first, last in re.findall(r"\[(\d+):(\d+)\]", term)]


def assert_union_of_both_sides(case: dict, granules: Path, made: Path, run_guarded) -> None:
    """A box over 180 covers, on each map axis, from the least to the largest index of its two halves."""
    west, south, east, north = case["operation"]["subset"]["bbox"]
    halves = []
    for box in ([west, south, 180, north], [-180, south, east, north]):
        half = json.loads(json.dumps(case)) | {"id": "half"}
        half["operation"]["subset"]["bbox"] = box
        result = run_guarded("subset_grid", operation_of(half, granules), [granules / case["input"]])
        halves.append(windows_of(result.file, "/soil_moisture"))
    union = [(min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(*halves, strict=True)]
    assert len(union) == 2
    assert windows_of(made, "/soil_moisture") == union
    assert halves[0] != halves[1]


def test_the_constraint_in_the_history_is_that_of_the_link_that_the_reference_gives(manifest, shared_data, run_guarded):
    case = manifest["hoss_opendap_url"]
    granules = shared_data / "granules" / "l3"

    result = run_guarded("subset_grid", operation_of(case, granules), [granules / case["input"]])

    link = unquote(case["url"].rsplit("dap4.ce=", 1)[1])
    assert constraint_of(result.file) == set(link.split(";"))


def test_every_case_of_the_manifest_is_claimed(manifest):
    assert set(manifest) == {*CLAIMED, *URL_ONLY}


@pytest.mark.parametrize("case_id", CLAIMED)
def test_a_case_of_the_manifest_comes_out_as_the_reference_made_it(
    case_id, manifest, shared_data, run_guarded, compare_l3
):
    case = manifest[case_id]
    granules = shared_data / "granules" / "l3"
    granule = granules / case["input"]
    before = hashlib.sha256(granule.read_bytes()).hexdigest()

    result = run_guarded("subset_grid", operation_of(case, granules), [granule])

    assert hashlib.sha256(granule.read_bytes()).hexdigest() == before
    differs = "harmonium" in case
    if case.get("error") and not differs:
        kind, text = case["error"].split(": ", 1)
        assert result.error is not None
        assert result.error["error"].startswith(text)
        assert result.error["category"] == WARNINGS.get(kind, "noretry")
        return
    assert result.file.suffix == ".nc4"
    if case_id == "hoss_ease2_dateline":
        assert_union_of_both_sides(case, granules, result.file, run_guarded)
        return
    differences = compare_l3.guarded(case, shared_data / "expected" / "l3", [result.file], lambda n: granules / n)
    assert differences == []
    if not differs and "constraints" in case:
        wanted = {re.sub(r"(\[\])+$", "", t) if re.fullmatch(r"[^\[]*(\[\])+", t) else t
                  for t in case["constraints"][-1].split(";")}  # fmt: skip
        assert constraint_of(result.file) == wanted
