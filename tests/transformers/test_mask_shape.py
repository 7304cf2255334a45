"""Masks by shape against the reference's own outputs, and against the plain definition on generated grids."""

import hashlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from tests.transformers.steps import message

# Cases of the level-3 manifest for MaskFill, with the collection whose quirks the file needs.
CLAIMED = {"mask_tif_usa": "", "mask_uint_default_fill": "", "mask_polar_wv": "", "mask_nc_yxz": "SPL3SMP"}


@pytest.fixture(scope="module")
def manifest(shared_data: Path) -> dict:
    cases = json.loads((shared_data / "expected" / "l3" / "manifest.json").read_text())["cases"]
    return {c["id"]: c for c in cases if c["transformer"] == "maskfill"}


@pytest.fixture(scope="module")
def compare_l3(shared_data: Path) -> ModuleType:
    """The comparator of the manifests' rules for level-3 files."""
    spec = importlib.util.spec_from_file_location("compare_l3", shared_data / "tools" / "compare_l3.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_case_of_the_manifest_is_claimed(manifest):
    assert set(manifest) == set(CLAIMED)


@pytest.mark.parametrize("case_id", CLAIMED)
def test_a_case_of_the_manifest_comes_out_as_the_reference_made_it(
    case_id, manifest, shared_data, run_guarded, compare_l3
):
    case = manifest[case_id]
    granules = shared_data / "granules" / "l3"
    granule = granules / case["input"]
    before = hashlib.sha256(granule.read_bytes()).hexdigest()
    operation = message(shape=granules / case["operation"]["subset"]["shape"]["href"])
    operation["sources"][0]["shortName"] = CLAIMED[case_id]

    result = run_guarded("mask_shape", operation, [granule])

    assert hashlib.sha256(granule.read_bytes()).hexdigest() == before
    assert result.file.name == granule.stem + ("_subsetted" + granule.suffix)
    differences = compare_l3.guarded(case, shared_data / "expected" / "l3", [result.file], lambda n: granules / n)
    assert differences == []
