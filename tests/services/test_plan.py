"""Plans: which steps run and what each is told, limits and their words, sync or async, preview, notes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import RequestValidationError
from appliance.metadata.concepts import Collection, Variable
from appliance.operation import Operation
from appliance.request.crs import parse_crs
from appliance.services.chain import ServiceChain
from appliance.services.match import Match, choose_chain
from appliance.services.plan import (
    Plan,
    PlanLimits,
    concatenation_note,
    granule_limit,
    limited_hits,
    make_plan,
    skips_search,
)
from appliance.services.registry import SHIPPED, load_registry
from transformers.contract import DimensionSubset, TemporalRange

CHAINS = {
    chain.name: replace(chain, unavailable="")
    for chain in load_registry(
        SHIPPED,
        cmr_url="",
        environment={},
        transformers={
            *(
                "subset_swath",
                "subset_trajectory",
                "subset_grid",
                "mask_shape",
                "concatenate",
                "stitch",
                "batch_by_scan",
            ),
            *("reproject", "regrid_swath", "draw_map", "to_zarr", "to_csv", "to_cog", "average", "hdf4"),
        },
    ).chains
}
LIMITS = PlanLimits()
SWATH = Collection("C1-LOCAL", "demo", "1", "Demo", "LOCAL", "swath", "netcdf-4")
TIME = TemporalRange(datetime(2020, 1, 1, tzinfo=UTC), None)


def operation(**asked: object) -> Operation:
    return replace(Operation("11111111-0000-4000-8000-000000000000", "ada", "http://localhost/x", (SWATH,)), **asked)


def plan_of(name: str, *, hits: int | None = 1, limits: PlanLimits = LIMITS, **asked: object) -> Plan:
    chain = CHAINS[name]
    wanted = operation(**asked)
    served = replace(wanted, collections=tuple(replace(c, service_ids=(str(chain.umm_s),)) for c in wanted.collections))
    return make_plan(served, choose_chain(served, [chain]), hits=hits, settings=limits)


def transformers(plan: Plan) -> list[str]:
    assert [step.step_index for step in plan.steps] == list(range(1, len(plan.steps) + 1))
    return [step.transformer for step in plan.steps]


BOX = (0.0, 0.0, 10.0, 10.0)
L2C = "podaac/l2-subsetter-concise"
SAMBAH = "l2-subsetter-batchee-stitchee-concise"


@pytest.mark.parametrize(
    ("name", "asked", "expected"),
    [
        ("harmony/download", {}, []),
        (L2C, {}, ["concatenate"]),
        (L2C, {"concatenate": False, "bbox": BOX}, ["subset_swath"]),
        (L2C, {"bbox": BOX}, ["subset_swath", "concatenate"]),
        (L2C, {"point": (1.0, 2.0)}, ["subset_swath", "concatenate"]),
        ("sds/HOSS-geographic", {"bbox": BOX}, ["subset_grid"]),
        ("sds/HOSS-geographic", {"shape_path": "/s"}, ["subset_grid", "mask_shape"]),
        ("sds/HOSS-projection-gridded", {"bbox": BOX}, ["subset_grid", "mask_shape"]),
        ("harmonium/swath-to-grid", {"crs": parse_crs("EPSG:3857")}, ["regrid_swath"]),
        ("harmonium/swath-to-grid", {"format": "image/tiff"}, ["regrid_swath", "to_cog"]),
        (
            "harmonium/swath-to-grid",
            {"format": "image/png", "bbox": BOX},
            ["subset_swath", "regrid_swath", "to_cog", "draw_map"],
        ),
        ("harmonium/subset-to-zarr", {"format": "application/x-zarr", "bbox": BOX}, ["subset_swath", "to_zarr"]),
        (SAMBAH, {"format": "text/csv"}, ["to_csv"]),
        (SAMBAH, {"format": "text/csv", "concatenate": True}, ["to_csv"]),
        (SAMBAH, {"concatenate": True, "bbox": BOX}, ["subset_swath", "batch_by_scan", "stitch", "concatenate"]),
        (SAMBAH, {"concatenate": False, "extend": ("x",)}, ["batch_by_scan", "stitch"]),
        (SAMBAH, {"concatenate": True, "extend": False}, ["concatenate"]),
        ("ldds/geoloco", {"crs": parse_crs("EPSG:4326")}, ["hdf4"]),
        ("ldds/geoloco", {"dimensions": (DimensionSubset("band", 1, 2),)}, ["hdf4", "hdf4"]),
        ("gesdisc/giovanni", {"format": "text/csv", "bbox": BOX}, ["average"]),
    ],
)
def test_the_steps_whose_conditions_hold_run_after_the_search(
    name: str, asked: dict[str, object], expected: list[str]
) -> None:
    assert transformers(plan_of(name, **asked)) == ["find_granules", *expected]


def test_zarr_of_a_projected_grid_is_masked_by_the_box_and_of_a_geographic_one_not() -> None:
    asked = {"format": "application/x-zarr", "bbox": BOX}
    for kind, middle in (("grid-geographic", ["subset_grid"]), ("grid-projected", ["subset_grid", "mask_shape"])):
        plan = plan_of("harmonium/subset-to-zarr", collections=(replace(SWATH, kind=kind),), **asked)
        assert transformers(plan) == ["find_granules", *middle, "to_zarr"]


def test_a_step_is_told_only_what_its_operations_list() -> None:
    variable = Variable("V1-LOCAL", "t", "g/t", "C1-LOCAL")
    plan = plan_of(
        L2C, hits=5, bbox=BOX, temporal=TIME, all_variables=False, variable_count=1, variables={"C1-LOCAL": (variable,)}
    )
    _, subset, concise = (step.message for step in plan.steps)
    assert subset["subset"]["bbox"] == list(BOX)
    assert subset["temporal"] == {"start": "2020-01-01T00:00:00.000Z"}
    assert subset["sources"][0]["variables"] == [{"id": "V1-LOCAL", "name": "t", "fullPath": "g/t"}]
    assert subset["concatenate"] is False
    assert concise["subset"] == {} and "temporal" not in concise and "variables" not in concise["sources"][0]
    assert concise["concatenate"] is True
    assert concise["stagingLocation"] == "s3://harmony-staging/public/11111111-0000-4000-8000-000000000000/"
    assert subset["stagingLocation"].startswith("s3://harmony-artifacts/")


def test_fan_in_batching_and_expected_items_follow_from_concatenation() -> None:
    together = plan_of(L2C, hits=4500, bbox=BOX).steps
    assert [step.expected_items for step in together] == [3, 4500, 1]
    assert [step.has_aggregated_output for step in together] == [False, False, True]
    assert [step.is_batched for step in together] == [False, False, True]
    assert [step.progress_weight for step in together] == [0.1, 1, 1]
    zarr = plan_of("harmony/netcdf-to-zarr", hits=9, format="application/x-zarr").steps
    assert [step.expected_items for step in zarr] == [1, 9]
    many = plan_of("harmony/netcdf-to-zarr", hits=9, format="application/x-zarr", concatenate=True).steps
    assert [step.has_aggregated_output for step in many] == [False, True]


def test_results_at_the_users_own_place() -> None:
    plan = plan_of("podaac/l2-subsetter", bbox=BOX, destination_url="s3://mine/Here/")
    assert plan.is_async and plan.destination_url == "s3://mine/Here/"
    assert plan.steps[-1].message["stagingLocation"] == "s3://mine/Here/11111111-0000-4000-8000-000000000000/"


@pytest.mark.parametrize(
    ("chain_changes", "asked", "hits", "expected"),
    [
        ({}, {}, 1, False),
        ({}, {}, 2, True),
        ({}, {"force_async": True}, 1, True),
        ({}, {"destination_url": "s3://b"}, 1, True),
        ({"maximum_sync_granules": 0}, {}, 1, True),
        ({"maximum_sync_granules": -1}, {}, 1, True),
        ({"maximum_sync_granules": 10}, {}, 10, False),
        ({"default_sync": True}, {}, 500, False),
        ({"default_sync": False}, {}, 1, True),
        ({"default_sync": True}, {"force_async": True}, 1, True),
        ({}, {"is_map": True, "force_async": True}, 5, False),
    ],
)
def test_synchronous_or_not(
    chain_changes: dict[str, object], asked: dict[str, object], hits: int, expected: bool
) -> None:
    chain = replace(CHAINS["podaac/l2-subsetter"], **chain_changes)
    wanted = operation(**asked)
    assert make_plan(wanted, Match(chain, wanted), hits=hits, settings=LIMITS).is_async is expected


def test_a_preview_begins_at_the_threshold_but_never_when_skipped_or_synchronous() -> None:
    chain = CHAINS["podaac/l2-subsetter"]

    def previews(hits: int, chain: ServiceChain = chain, **asked: object) -> bool:
        wanted = operation(**asked)
        return make_plan(wanted, Match(chain, wanted), hits=hits, settings=LIMITS).with_preview

    assert [previews(99), previews(100), previews(100, skip_preview=True)] == [False, True, False]
    assert previews(100, replace(chain, default_sync=True)) is False


@pytest.mark.parametrize(
    ("max_results", "chain_cap", "collection_cap", "system", "cap", "reason"),
    [
        (None, None, None, 100, 100, "system constraints."),
        (5, None, None, 100, 5, "you requested 5 maxResults."),
        (100, None, None, 100, 100, "system constraints."),
        (5, 4, None, 100, 4, "the service podaac/l2-subsetter is limited to 4."),
        (5, 5, None, 100, 5, "you requested 5 maxResults."),
        (5, 4, 3, 100, 3, "collection C1-LOCAL is limited to 3 for the podaac/l2-subsetter service."),
    ],
)
def test_each_limit_counts_only_if_strictly_smaller(
    max_results: int | None, chain_cap: int | None, collection_cap: int | None, system: int, cap: int, reason: str
) -> None:
    chain = replace(
        CHAINS["podaac/l2-subsetter"],
        granule_limit=chain_cap,
        collections={"C1-LOCAL": {"id": "C1-LOCAL", "granule_limit": collection_cap}},
    )
    found = granule_limit(operation(max_results=max_results), "C1-LOCAL", chain, PlanLimits(max_granules=system))
    assert (found.cap, found.reason) == (cap, reason)


def test_the_limit_is_told_in_the_published_words() -> None:
    found = limited_hits(operation(max_results=2), CHAINS["podaac/l2-subsetter"], {"C1-LOCAL": 7}, LIMITS)
    assert found.count == 2
    assert found.message == (
        "CMR query identified 7 granules, but the request has been limited to process only the first 2 granules "
        "because you requested 2 maxResults."
    )


def test_a_chain_without_limits_is_held_to_max_results_only() -> None:
    chain = CHAINS["gesdisc/giovanni"]
    tight = PlanLimits(max_granules=10)
    assert limited_hits(operation(), chain, {"C1-LOCAL": 50}, tight).count == 50
    assert limited_hits(operation(max_results=3), chain, {"C1-LOCAL": 50}, tight).count == 3


@given(
    st.dictionaries(st.sampled_from(["C1-LOCAL", "C2-LOCAL", "C3-LOCAL"]), st.integers(0, 50), min_size=1),
    st.one_of(st.none(), st.integers(1, 40)),
    st.integers(1, 60),
)
def test_the_count_never_passes_any_limit_and_is_all_where_nothing_is_said(
    hits: dict[str, int], max_results: int | None, system: int
) -> None:
    limits = PlanLimits(max_granules=system)
    if not sum(hits.values()):
        with pytest.raises(RequestValidationError, match=r"^No matching granules found\.$"):
            limited_hits(operation(), CHAINS["podaac/concise"], hits, limits)
        return
    found = limited_hits(operation(max_results=max_results), CHAINS["podaac/concise"], hits, limits)
    assert found.count <= min(system, sum(hits.values()))
    assert max_results is None or found.count <= max_results * len(hits)
    assert (found.message == "") == (found.count == sum(hits.values()))


def test_granule_ids_with_force_async_are_counted_without_a_search() -> None:
    asked = {"force_async": True, "granule_ids": ("G1-LOCAL", "G1-LOCAL", "G9-LOCAL")}
    assert skips_search(operation(**asked)) and not skips_search(operation(granule_ids=("G1-LOCAL",)))
    assert plan_of("podaac/l2-subsetter", hits=None, **asked).input_granule_count == 3


def test_no_granules_no_job() -> None:
    with pytest.raises(RequestValidationError, match=r"^No matching granules found\.$"):
        plan_of("podaac/l2-subsetter", hits=0)


def test_notes_and_warnings_become_the_message_of_the_job() -> None:
    plain = operation(bbox=BOX, format="application/netcdf", messages=("There were 2 collections.",))
    match = choose_chain(plain, [CHAINS["harmony/download"]])
    plan = make_plan(plain, match, hits=3, settings=LIMITS, notes=["Limited."])
    assert plan.message.startswith("There were 2 collections. Limited. Data in output files may extend outside")
    assert plan.warnings == match.warnings and len(plan.warnings) == 1


def test_the_query_of_the_first_step_knows_the_limits_of_each_collection() -> None:
    chain = replace(CHAINS["podaac/l2-subsetter"], collections={"C1-LOCAL": {"granule_limit": 3}}, granule_limit=9)
    two = operation(collections=(SWATH, replace(SWATH, concept_id="C2-LOCAL")), bbox=BOX, point=(1.0, 1.0))
    query = make_plan(two, Match(chain, two), hits=12, settings=LIMITS).query
    assert query.limit == 9 and query.extra["limits"] == {"C1-LOCAL": 3, "C2-LOCAL": 9}
    assert query.bbox == BOX and query.point is None


def test_the_note_on_concatenation_says_how_many_files_and_why() -> None:
    assert concatenation_note(7, 1, max_inputs=None, max_bytes=None) == "7 granules were concatenated into 1 file."
    assert concatenation_note(7, 3, max_inputs=3, max_bytes=10) == (
        "7 granules were concatenated into 3 files because one batch holds at most 3 granules or 10 bytes."
    )
