"""Masks by shape against the reference's own outputs, and together with the subsetter before them."""

import hashlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import netCDF4
import numpy as np
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


@pytest.mark.parametrize(
    ("granule", "shape", "short_name", "variable"),
    [
        ("f16_ssmis_20200102v7.nc", "polygon", "RSSMIF16D", "/wind_speed"),
        ("f16_ssmis_20200102v7.nc", "multipolygon", "RSSMIF16D", "/wind_speed"),
        ("f16_ssmis_20200102v7.nc", "antimeridian_east", "RSSMIF16D", "/wind_speed"),
        ("ABoVE_TVPRM_bbox.nc4", "above_polygon", "NorthSlope_NEE_TVPRM_1920", "/NEE"),
        ("smap_like_SPL3SMP.nc4", "amazon_basin", "SPL3SMP", "/Soil_Moisture_Retrieval_Data_AM/surface_flag"),
    ],
)
def test_cutting_and_masking_may_come_in_any_order(granule, shape, short_name, variable, shared_data, run_guarded):
    granules = shared_data / "granules" / "l3"
    operation = message(shape=granules / "geojson" / f"{shape}.geo.json", variables=[variable])
    operation["sources"][0]["shortName"] = short_name
    source = granules / granule

    masked_last = run_guarded("mask_shape", operation, [run_guarded("subset_grid", operation, [source]).file]).file
    cut_last = run_guarded("subset_grid", operation, [run_guarded("mask_shape", operation, [source]).file]).file

    with netCDF4.Dataset(masked_last) as one, netCDF4.Dataset(cut_last) as other, netCDF4.Dataset(source) as whole:
        for file in (one, other, whole):
            file.set_auto_maskandscale(False)
        assert one[variable].dimensions == other[variable].dimensions
        np.testing.assert_array_equal(one[variable][...], other[variable][...])
        kept = np.isin(one[variable][...], np.unique(whole[variable][...]))
        assert kept.any()
