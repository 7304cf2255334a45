"""The swath subsetter against the reference's own outputs, and the laws that any output must obey."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.transformers.steps import message

# Cases of the level-2 manifest for podaac/l2-subsetter, with attributes that we write right on purpose.
PACKED_BOUNDS = {"geospatial_lon_min", "geospatial_lon_max"}  # the reference writes packed integers (D-2)
CLAIMED = {
    "ascat-bbox-prime-meridian": set(),
    "ascat-bbox-vars-nocut": set(),
    "ascat-temporal": set(),
    "ascat-polygon": set(),
    "ascat-nodata": set(),
    "swot-nadir-bbox": set(),
    "swot-nadir-temporal-vars": set(),
    "s6-groups-bbox": set(),
    "amsr2-l2p-bbox": set(),
    "amsr2-l2p-temporal": set(),
    "modis-a-bbox-nocut-1var": set(),
    "modis-a-polygon": set(),
    "tropomi-bbox-manygroups": set(),
    "tempo-bbox-cut": set(),
    "tempo-bbox-nocut": set(),
    "tempo-temporal": set(),
    "tempo-pixel-subset": set(),
    "omi-bro-bbox": set(),
    "omi-bro-temporal-vars": set(),
    "gpm-env-bbox": set(),
    "mls-oh-bbox": set(),
    "dateline-bbox-wrap": set(),
    "dateline-bbox-east-only": set(),
    "swath360-bbox-nocut": PACKED_BOUNDS,
    "tempo-dup-bbox": set(),
    "two-rate-bbox": set(),
    "many-groups-bbox": set(),
    "profile-vertical-dimension": set(),
}


@pytest.fixture(scope="module")
def manifest(shared_data: Path) -> dict:
    cases = json.loads((shared_data / "expected" / "l2" / "manifest.json").read_text())["cases"]
    return {c["id"]: c for c in cases if c["service"] == "podaac/l2-subsetter"}


def test_every_case_of_the_manifest_is_claimed(manifest):
    assert set(manifest) == set(CLAIMED)


@pytest.mark.parametrize("case_id", CLAIMED)
def test_a_case_of_the_manifest_comes_out_as_the_reference_made_it(
    case_id, manifest, shared_data, run_guarded, compare_l2, tmp_path
):
    case = manifest[case_id]
    operation = dict(case["operation"])
    if "shape" in operation:
        (tmp_path / "shape.geojson").write_text(json.dumps(operation["shape"]))
        operation["shape"] = tmp_path / "shape.geojson"
    if "vertical" in operation:
        name, low, high = operation.pop("vertical")
        operation["dimensions"] = [{"name": name, "min": low, "max": high}]
    granule = shared_data / "granules" / "l2" / case["input"][0]
    before = hashlib.sha256(granule.read_bytes()).hexdigest()

    result = run_guarded("subset_swath", message(**operation), [granule])

    assert hashlib.sha256(granule.read_bytes()).hexdigest() == before
    if case["expected_error"]:
        text = "No data in subsetted granule."
        assert result.error == {"error": text, "level": "warning", "category": "nodata"}
        assert [p.name for p in result.outdir.iterdir()] == ["error.json"]
        return
    assert result.file.name == case["result"]["staged_name"]
    rules = dict(case["compare"])
    rules["ignore_attributes"] = [*rules.get("ignore_attributes", ()), *CLAIMED[case_id]]
    differences = compare_l2.compare(shared_data / "expected" / "l2" / case["expected"], result.file, rules)
    assert differences == []
