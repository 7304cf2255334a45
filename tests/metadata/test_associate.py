"""Kinds and chains: the table of the contract, written out by hand, and the requirements that leave chains out."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from appliance.metadata.associate import CHAINS, Structure, chains_for, service_id
from appliance.metadata.shipped import DATA
from appliance.metadata.umm import kind_of

SWATH = {
    "podaac/l2-subsetter",
    "podaac/concise",
    "podaac/l2-subsetter-concise",
    "harmonium/swath-to-grid",
    "harmony/netcdf-to-zarr",
    "harmonium/subset-to-zarr",
    "l2-subsetter-batchee-stitchee-concise",
}
GRID = {
    "podaac/concise",
    "nasa/harmony-gdal-adapter",
    "harmony/netcdf-to-zarr",
    "harmonium/subset-to-zarr",
}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("swath", {*SWATH, "sds/swath-projector"}),
        ("along-track", SWATH),
        ("profile", SWATH),
        ("trajectory", {"sds/trajectory-subsetter"}),
        (
            "grid-geographic",
            {
                *GRID,
                "sds/HOSS-geographic",
                "harmonium/grid-subset-concise",
                "gesdisc/giovanni",
                "giovanni-averaging-service",
            },
        ),
        ("grid-projected", {*GRID, "sds/HOSS-projection-gridded", "harmonium/projected-grid-subset-concise"}),
        ("geotiff", {"sds/HyBIG", "nasa/harmony-gdal-adapter"}),
        ("hdfeos2-grid", {"ldds/subset-band-name", "ldds/geoloco"}),
        ("hdfeos2-swath", {"ldds/subset-band-name", "ldds/geoloco"}),
        ("unknown", set()),
        ("empty", set()),
    ],
)
def test_each_kind_has_the_chains_of_the_table(kind: str, expected: set[str]) -> None:
    assert set(chains_for(Structure(kind, has_time_axis=True, bands=3))) == expected


@pytest.mark.parametrize(
    ("change", "left_out"),
    [
        ({"is_homogeneous": False}, {"podaac/concise", "harmonium/grid-subset-concise"}),
        ({"container": "netcdf3"}, {"harmony/netcdf-to-zarr"}),
        ({"is_flat": False}, {"nasa/harmony-gdal-adapter"}),
        ({"has_crs": False}, {"nasa/harmony-gdal-adapter"}),
        ({"has_time_axis": False}, {"gesdisc/giovanni", "giovanni-averaging-service"}),
    ],
)
def test_a_requirement_that_fails_leaves_its_chains_out_and_no_others(
    change: dict[str, object], left_out: set[str]
) -> None:
    whole = Structure("grid-geographic", has_time_axis=True)
    assert set(chains_for(whole)) - set(chains_for(replace(whole, **change))) == left_out  # type: ignore[arg-type]


def test_pictures_are_made_of_one_three_or_four_bands() -> None:
    drawn = {bands for bands in range(7) if "sds/HyBIG" in chains_for(Structure("geotiff", bands=bands))}
    assert drawn == {1, 3, 4}


def test_every_chain_that_harvest_knows_is_in_services_yml_under_its_computed_id() -> None:
    document = yaml.safe_load((DATA / "services.yml").read_text())
    blocks = [block for block in document.values() if isinstance(block, list)]
    known = {chain["name"]: chain["umm_s"] for block in blocks for chain in block}
    for name in {name for rules in CHAINS.values() for name, _ in rules}:
        assert known[name] == service_id(name)


def test_every_chain_of_services_yml_has_a_shipped_record() -> None:
    document = yaml.safe_load((DATA / "services.yml").read_text())
    names = {chain["name"] for block in document.values() if isinstance(block, list) for chain in block}
    records = {path: yaml.safe_load(path.read_text()) for path in Path(DATA / "metadata" / "services").glob("*.json")}
    assert {kind_of(record) for record in records.values()} == {"service"}
    assert {record["Name"] for record in records.values()} == names
