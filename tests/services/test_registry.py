"""Reading services.yml: ours, Harmony's dialect, what makes a chain unavailable, what is refused at start."""

import hashlib
from pathlib import Path

import pytest

from appliance.errors import SettingsError
from appliance.services.registry import SHIPPED, Registry, load_registry, transformer_of

# The constructs of Harmony's own file: anchors and merges, !Env, an http backend, a chain switched off, limits.
FOREIGN = """
x-turbo-config: &turbo
  name: turbo
  params: &params
    env: &env
      STAGING_BUCKET: !Env ${STAGING_BUCKET}

https://cmr.uat.example:
  - name: one/subsetter
    description: Cuts.
    data_operation_version: '0.21.0'
    type:
      <<: *turbo
      params:
        <<: *params
        env:
          <<: *env
          STAGING_PATH: public/one
    umm_s: S1-FOREIGN
    granule_limit: 7
    maximum_sync_granules: !Env ${MOST_SYNC}
    collections:
      - id: C1-FOREIGN
        granule_limit: 3
        variables: [V1-FOREIGN]
    capabilities:
      subsetting: {bbox: true, variable: true}
      output_formats: [application/netcdf, application/x-netcdf4]
    steps:
      - image: !Env ${QUERY_CMR_IMAGE}
        is_sequential: true
      - image: !Env ${L2SS_IMAGE}
        operations: ['spatialSubset', 'variableSubset']
        conditional: {exists: ['spatialSubset'], umm_c: {native_format: [NetCDF-4]}}
  - name: two/unset
    umm_s: S2-FOREIGN
    steps:
      - image: !Env ${NOBODY_SET_THIS}
  - name: three/off
    enabled: 'false'
  - name: four/http
    enabled: !Env ${EXAMPLE_SERVICES}
    type: {name: http, params: {url: 'http://127.0.0.1:4000/'}}
    umm_s: S4-FOREIGN
  - name: five/no-query
    umm_s: S5-FOREIGN
    capabilities: {subsetting: {temporal: true}, output_formats: [text/csv]}
    steps:
      - image: ghcr.io/nasa/hoss:1.2.3
https://cmr.example:
  - name: six/elsewhere
    umm_s: S6-FOREIGN
    steps:
      - image: find_granules
        is_sequential: true
"""
ENVIRONMENT = {
    "QUERY_CMR_IMAGE": "harmonyservices/query-cmr:latest",
    "L2SS_IMAGE": "registry.example:5000/podaac/l2ss-py:2.9.0",
    "MOST_SYNC": "12",
    "ONE/SUBSETTER_COLLECTIONS": "C8-FOREIGN, C9-FOREIGN",
}


def registry(tmp_path: Path, text: str, *, cmr_url: str = "", **more: str) -> Registry:
    path = tmp_path / "services.yml"
    path.write_text(text, "utf-8")
    known = {"subset_swath", "subset_grid"}
    return load_registry(path, cmr_url=cmr_url, environment={**ENVIRONMENT, **more}, transformers=known)


def test_harmonys_dialect_loads_and_images_find_their_transformers(tmp_path: Path) -> None:
    chain = registry(tmp_path, FOREIGN).chain("one/subsetter")
    assert chain is not None
    assert [step.transformer for step in chain.steps] == ["find_granules", "subset_swath"]
    assert (chain.granule_limit, chain.maximum_sync_granules) == (7, 12)
    assert chain.collections["C1-FOREIGN"]["granule_limit"] == 3
    assert chain.associated == ("C8-FOREIGN", "C9-FOREIGN")
    assert chain.capabilities.output_formats == ("application/netcdf",)
    assert chain.capabilities.multiple_variable
    assert chain.steps[1].native_formats == ("netcdf-4",)
    assert not chain.unavailable


def test_reasons_are_given_for_chains_that_cannot_be_carried_out(tmp_path: Path) -> None:
    found = registry(tmp_path, FOREIGN)
    reasons = {chain.name: chain.unavailable for chain in found.chains}
    assert "NOBODY_SET_THIS, which is not set" in reasons["two/unset"]
    assert "type: http" in reasons["four/http"]
    assert "three/off" not in reasons


def test_a_command_is_listed_but_not_available(tmp_path: Path) -> None:
    text = CHAIN + "    steps: [{image: find_granules, is_sequential: true}, {command: [python, service.py]}]\n"
    assert registry(tmp_path, text).chains[0].unavailable == "step 2 is a `command`, which is not supported"


def test_a_chain_without_a_granule_query_gets_ours_in_front(tmp_path: Path) -> None:
    chain = registry(tmp_path, FOREIGN).chain("S5-FOREIGN")
    assert chain is not None
    assert [step.transformer for step in chain.steps] == ["find_granules", "subset_grid"]
    assert chain.steps[0].is_sequential


def test_the_cmr_url_chooses_the_block_and_the_first_is_the_default(tmp_path: Path) -> None:
    assert registry(tmp_path, FOREIGN).chains[0].name == "one/subsetter"
    assert registry(tmp_path, FOREIGN, cmr_url="https://cmr.example/").chains[0].name == "six/elsewhere"
    with pytest.raises(SettingsError, match="no chains for cmr_url 'https://other'"):
        registry(tmp_path, FOREIGN, cmr_url="https://other")


CHAIN = """https://c:
  - name: a/b
    umm_s: S1-X
    capabilities: {subsetting: {bbox: true}, output_formats: [image/png]}
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2]", "found list"),
        ("a: [", "services.yml"),
        ("images: {}", "no list of chains"),
        ("https://c: [3]", "entry 1 has no name"),
        (CHAIN + "    granule_limit: many\n", "granule_limit: 'many'"),
        (CHAIN + "    steps: 3\n", "steps: found int"),
        (CHAIN + "    steps: [{operations: [reformat]}]\n", "step 1: no image"),
        (CHAIN + "    steps: [{image: x, operations: [paint]}]\n", "'paint'; allowed: concatenate"),
        (CHAIN + "    steps: [{image: x, operations: [reproject]}]\n", "do not say reprojection"),
        (CHAIN + "    steps: [{image: x, conditional: {exists: [reformat]}}]\n", "use conditional.format"),
        (CHAIN + "    steps: [{image: x, conditional: {format: [text/csv]}}]\n", "'text/csv' is no output format"),
        (CHAIN + "    steps: [{image: x, max_batch_inputs: 0}]\n", "max_batch_inputs: 0"),
        (CHAIN + "    steps: [{image: find_granules}]\n", "is_sequential: true"),
        (CHAIN + "  - name: a/b\n", "more than once"),
        (CHAIN + "  - {name: c, capabilities: [bbox]}\n", "capabilities: found list; allowed: a mapping"),
        (CHAIN + "  - {name: c, capabilities: {subsetting: true}}\n", "subsetting: found bool"),
        (CHAIN + "    steps: [{image: x, operations: reformat}]\n", "operations: found str; allowed: a list"),
    ],
)
def test_what_cannot_be_is_refused_by_chain_and_step(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        registry(tmp_path, text)
    assert words in str(refused.value)


def test_a_file_that_is_not_there_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        load_registry(tmp_path / "nowhere.yml", cmr_url="", environment={}, transformers=())


@pytest.mark.parametrize(
    "image",
    ["l2ss-py", "l2ss-py:1", "podaac/l2ss-py:2.9", "ghcr.io/podaac/l2ss-py@sha256:00", "localhost:5000/l2ss-py:latest"],
)
def test_registry_path_tag_and_digest_do_not_matter(image: str) -> None:
    assert transformer_of(image, {"l2ss-py": "subset_swath"}, {"subset_swath"}) == "subset_swath"
    assert transformer_of(image, {"l2ss-py": "subset_swath"}, set()) is None


def test_the_shipped_ids_are_those_of_the_catalog() -> None:
    for chain in load_registry(SHIPPED, cmr_url="", environment={}, transformers=()).chains:
        # catalog.md, section 2: SHA-256 of letter, NUL, provider, NUL, native id; first 8 bytes mod 10^15.
        digest = hashlib.sha256(b"\0".join((b"S", b"HARMONIUM", chain.name.encode()))).digest()
        assert chain.umm_s == f"S{8 * 10**15 + int.from_bytes(digest[:8], 'big') % 10**15}-HARMONIUM"


def test_the_shipped_chains_are_those_of_the_table_in_its_order() -> None:
    found = load_registry(SHIPPED, cmr_url="", environment={}, transformers=())
    assert [chain.name for chain in found.chains] == [
        "harmony/download",
        "podaac/l2-subsetter",
        "podaac/concise",
        "podaac/l2-subsetter-concise",
        "sds/trajectory-subsetter",
        "sds/HOSS-geographic",
        "sds/HOSS-projection-gridded",
        "ldds/subset-band-name",
        "ldds/geoloco",
        "sds/HyBIG",
        "nasa/harmony-gdal-adapter",
        "sds/HOSS-regridder-reformatter",
        "sds/swath-projector",
        "harmonium/swath-to-grid",
        "net2cog",
        "harmony/netcdf-to-zarr",
        "harmonium/subset-to-zarr",
        "l2-subsetter-batchee-stitchee-concise",
        "harmonium/grid-subset-concise",
        "harmonium/projected-grid-subset-concise",
        "gesdisc/giovanni",
        "giovanni-averaging-service",
        "sds/hoss-opendap-url",
        "harmony/service-example",
    ]
    assert [chain.name for chain in found.chains if not chain.unavailable] == ["harmony/download"]
    assert all(chain.steps[0].transformer == "find_granules" for chain in found.chains if not chain.unavailable)
