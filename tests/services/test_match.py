"""Choosing chains: the tables written by hand, the rule of best effort, formats and Accept, resolved values."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import RequestValidationError, UnsupportedOperation
from appliance.metadata.associate import Structure, chains_for
from appliance.metadata.concepts import Collection, Variable
from appliance.operation import Operation
from appliance.request.crs import parse_crs
from appliance.services.chain import ServiceChain
from appliance.services.match import choose_chain
from appliance.services.registry import SHIPPED, load_registry
from transformers.contract import TemporalRange

HERE = Path(__file__).parent
ALL = frozenset(
    {
        *("subset_swath", "subset_trajectory", "subset_grid", "mask_shape", "concatenate", "stitch", "batch_by_scan"),
        *("reproject", "regrid_swath", "regrid_grid", "draw_map", "annotate", "to_zarr", "to_csv", "to_cog", "average"),
        *("hdf4", "opendap_url", "service_example"),
    }
)
NOW = frozenset({"subset_swath", "subset_grid", "mask_shape"})

CODES = {
    "dl": "harmony/download",
    "l2": "podaac/l2-subsetter",
    "co": "podaac/concise",
    "lc": "podaac/l2-subsetter-concise",
    "tr": "sds/trajectory-subsetter",
    "hg": "sds/HOSS-geographic",
    "hp": "sds/HOSS-projection-gridded",
    "bn": "ldds/subset-band-name",
    "gl": "ldds/geoloco",
    "hy": "sds/HyBIG",
    "ga": "nasa/harmony-gdal-adapter",
    "sp": "sds/swath-projector",
    "sg": "harmonium/swath-to-grid",
    "nz": "harmony/netcdf-to-zarr",
    "sz": "harmonium/subset-to-zarr",
    "st": "l2-subsetter-batchee-stitchee-concise",
    "gc": "harmonium/grid-subset-concise",
    "pc": "harmonium/projected-grid-subset-concise",
    "gi": "gesdisc/giovanni",
    "av": "giovanni-averaging-service",
}
VARIABLE = Variable("V1-LOCAL", "temperature", "temperature", "C1-LOCAL")
ASKED = {
    "box": {"bbox": (0.0, 0.0, 10.0, 10.0)},
    "time": {"temporal": TemporalRange(datetime(2020, 1, 1, tzinfo=UTC), None)},
    "shape": {"shape_path": "/work/shape.geojson"},
    "var": {"all_variables": False, "variable_count": 1, "variables": {"C1-LOCAL": (VARIABLE,)}},
    "crs": {"crs": parse_crs("EPSG:3857")},
    "netcdf": {"format": "application/netcdf"},
    "tiff": {"format": "image/tiff"},
    "png": {"format": "image/png"},
    "jpeg": {"format": "image/jpeg"},
    "csv": {"format": "text/csv"},
    "zarr": {"format": "application/x-zarr"},
    "conc": {"concatenate": True},
    "avg": {"average": "time"},
}


@cache
def chains(transformers: frozenset[str]) -> tuple[ServiceChain, ...]:
    return load_registry(SHIPPED, cmr_url="", environment={}, transformers=transformers).chains


def operation(collection: Collection | None = None, **asked: object) -> Operation:
    collection = collection or collection_of("swath", "netCDF-4", ["l2", "co", "lc", "sp", "sg", "nz", "sz", "st"])
    base = Operation("00000000-0000-4000-8000-000000000000", "ada", "http://localhost/", (collection,))
    return replace(base, **asked)


def collection_of(kind: str, native: str, codes: list[str]) -> Collection:
    by_name = {chain.name: chain.umm_s for chain in chains(ALL)}
    ids = tuple(by_name[CODES[code]] for code in codes)
    return Collection("C1-LOCAL", "demo", "1", "Demo", "LOCAL", kind, native.lower(), service_ids=ids)


def cells(file: Path) -> Iterator[tuple[str, str, tuple[str, ...], str, list[str]]]:
    """(kind, archive format, what is asked, expected code, chains of the kind)."""
    kind, native, associated, columns = "", "", [], []
    for line in file.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("kind "):
            kind, _, rest = line.removeprefix("kind ").partition(": ")
            native, _, codes = rest.partition(";")
            associated, columns = codes.split(), []
        elif line.startswith("nothing"):
            yield kind, native, (), line.split()[1], associated
        elif not columns:
            columns = line.split()
        else:
            row, *found = line.split()
            for column, code in zip(columns[columns.index(row) :], found, strict=True):
                if code != "-":
                    yield kind, native, tuple(dict.fromkeys((row, column))), code, associated


def check_cell(cell: tuple[str, str, tuple[str, ...], str, list[str]], available: tuple[ServiceChain, ...]) -> None:
    kind, native, asked, expected, associated = cell
    wanted = operation(
        collection_of(kind, native, associated), **{k: v for name in asked for k, v in ASKED[name].items()}
    )
    where = f"{kind}: {' + '.join(asked) or 'nothing'}"
    try:
        match = choose_chain(wanted, available)
    except UnsupportedOperation as error:
        found = "?" if "is not available here" in error.message else "."
        assert found == expected, f"{where}: {error.message}"
        return
    assert match.chain.name == CODES.get(expected.rstrip("!"), expected), where
    assert bool(match.warnings) == expected.endswith("!"), f"{where}: {match.warnings}"


@pytest.mark.parametrize("kind", sorted({cell[0] for cell in cells(HERE / "chains_expected.txt")}))
def test_each_kind_and_pair_of_wishes_gets_the_chain_written_in_the_table(kind: str) -> None:
    available = chains(ALL)
    found = [cell for cell in cells(HERE / "chains_expected.txt") if cell[0] == kind]
    assert len(found) == 1 + 13 + 78 - 15  # nothing, single wishes, pairs, less the pairs of formats
    for cell in found:
        check_cell(cell, available)


def test_the_tables_associate_what_harvest_associates() -> None:
    for kind, _, asked, _, codes in cells(HERE / "chains_expected.txt"):
        if not asked:
            structure = Structure(kind, has_time_axis=True, bands=3)
            assert sorted(CODES[code] for code in codes) == sorted(chains_for(structure)), kind


def test_with_the_transformers_of_today_the_missing_chain_is_named() -> None:
    available = chains(NOW)
    for cell in cells(HERE / "chains_expected_now.txt"):
        check_cell(cell, available)


def test_a_bare_request_from_curl_downloads_whatever_the_archive_format() -> None:
    for native in ("netCDF-4", "HDF5", "GeoTIFF", "HDF-EOS2", ""):
        match = choose_chain(operation(collection_of("unknown", native, []), accept=("*/*",)), chains(ALL))
        assert match.chain.name == "harmony/download"


def test_any_wildcard_takes_the_first_format_of_the_first_chain_left() -> None:
    match = choose_chain(operation(accept=("text/plain", "*/*"), **ASKED["box"]), chains(ALL))
    assert (match.chain.name, match.operation.format) == ("podaac/l2-subsetter", "application/netcdf")


def test_any_wildcard_leaves_the_format_open_where_the_chain_keeps_the_kind_of_its_input() -> None:
    raster = collection_of("geotiff", "GeoTIFF", ["hy", "ga"])
    match = choose_chain(operation(raster, accept=("*/*",), **ASKED["crs"]), chains(ALL))
    assert (match.chain.name, match.operation.format) == ("nasa/harmony-gdal-adapter", None)


def test_accept_without_any_wildcard_is_a_requirement() -> None:
    with pytest.raises(UnsupportedOperation, match="reformatting to text/plain or application/json on C1-LOCAL"):
        choose_chain(operation(accept=("text/plain", "application/json")), chains(ALL))


def test_a_partial_wildcard_names_no_format() -> None:
    raster = collection_of("geotiff", "GeoTIFF", ["hy", "ga"])
    match = choose_chain(operation(raster, accept=("image/*",)), chains(ALL))
    assert (match.chain.name, match.operation.format) == ("nasa/harmony-gdal-adapter", "image/tiff")


def test_the_422_lists_what_was_asked_up_to_the_rule_that_failed() -> None:
    wanted = operation(**ASKED["conc"], **ASKED["var"], **ASKED["box"], **ASKED["crs"], **ASKED["tiff"])
    with pytest.raises(UnsupportedOperation) as refused:
        choose_chain(wanted, chains(ALL))
    assert refused.value.message == (
        "the requested combination of operations: concatenation, variable subsetting, spatial subsetting, "
        "and reprojection on C1-LOCAL is unsupported"
    )


def test_without_any_chain_nothing_can_be_performed() -> None:
    with pytest.raises(UnsupportedOperation, match=r"^no operations can be performed on C1-LOCAL$"):
        choose_chain(operation(), ())


def test_a_box_alone_is_strict_but_a_box_with_a_format_is_best_effort() -> None:
    plain = collection_of("unknown", "netCDF-4", [])
    with pytest.raises(UnsupportedOperation, match="spatial subsetting"):
        choose_chain(operation(plain, **ASKED["box"]), chains(ALL))
    match = choose_chain(operation(plain, **ASKED["box"], **ASKED["netcdf"]), chains(ALL))
    assert match.chain.name == "harmony/download"
    assert match.warnings[0].startswith("Data in output files may extend outside the spatial bounds you requested")


def test_a_point_is_cropped_where_a_chain_can_and_else_only_selects_granules() -> None:
    point = {"point": (10.0, 20.0)}
    cropped = choose_chain(operation(**point), chains(ALL))
    assert cropped.chain.name == "podaac/l2-subsetter" and not cropped.warnings
    assert "spatialSubset" in cropped.operation.requested
    selected = choose_chain(operation(collection_of("unknown", "netCDF-4", []), **point), chains(ALL))
    assert selected.chain.name == "harmony/download"
    assert "point only selects" in selected.warnings[0]


def test_several_variables_go_past_a_chain_that_takes_one() -> None:
    raster = collection_of("geotiff", "GeoTIFF", ["hy", "ga"])
    several = {**ASKED["var"], "variable_count": 2}
    assert choose_chain(operation(raster, **several, **ASKED["png"]), chains(ALL)).chain.name.endswith("gdal-adapter")


def test_all_collections_must_be_served_by_the_same_chain() -> None:
    swath, grid = collection_of("swath", "netCDF-4", ["l2"]), collection_of("grid-geographic", "netCDF-4", ["hg"])
    both = replace(operation(swath, **ASKED["box"]), collections=(swath, replace(grid, concept_id="C2-LOCAL")))
    with pytest.raises(UnsupportedOperation, match="spatial subsetting on C1-LOCAL and C2-LOCAL"):
        choose_chain(both, chains(ALL))


def test_the_service_id_picks_a_chain_by_name_or_record_without_asking_what_it_can() -> None:
    available = chains(ALL)
    for service_id in ("podaac/concise", next(c.umm_s for c in available if c.name == "podaac/concise")):
        match = choose_chain(operation(service_id=service_id, **ASKED["crs"]), available)
        assert match.chain.name == "podaac/concise"
    with pytest.raises(RequestValidationError, match="Could not find a service chain that matched the provided"):
        choose_chain(operation(service_id="nobody"), available)
    with pytest.raises(UnsupportedOperation, match="not available here"):
        choose_chain(operation(service_id="podaac/concise"), chains(NOW))


@pytest.mark.parametrize(
    ("asked", "concatenate", "extend"),
    [
        ({"concatenate": None, **ASKED["csv"]}, False, ()),
        ({"concatenate": True, **ASKED["csv"]}, True, ("mirror_step",)),
        ({"extend": True}, True, ("mirror_step",)),
        ({"extend": ("scan",)}, True, ("scan",)),
        ({"extend": ("scan",), "concatenate": False}, False, ("scan",)),
        ({"extend": False, "concatenate": True, "format": "text/csv"}, True, ()),
    ],
)
def test_concatenation_and_extension_are_resolved_for_the_chain(
    asked: dict[str, object], concatenate: bool, extend: tuple[str, ...]
) -> None:
    match = choose_chain(operation(**asked), chains(ALL))
    assert match.chain.name == "l2-subsetter-batchee-stitchee-concise"
    assert (match.operation.concatenate, match.operation.extend_dimensions) == (concatenate, extend)


def test_unknown_variables_are_refused_after_the_chain_was_found_and_only_if_it_minds() -> None:
    unknown = {
        "all_variables": False,
        "unknown_variables": ("a", "b"),
        "variable_count": 2,
        "variables": {"C1-LOCAL": ()},
    }
    with pytest.raises(RequestValidationError, match=r"^Coverages were not found for the provided variables: a, b$"):
        choose_chain(operation(**unknown), chains(ALL))
    easy = [replace(chain, validate_variables=False) for chain in chains(ALL)]
    chosen = choose_chain(operation(**unknown), easy).operation.variables["C1-LOCAL"]
    assert [(v.concept_id, v.name) for v in chosen] == [("unknown", "a"), ("unknown", "b")]


def test_a_chain_may_restrict_the_variables_of_a_collection() -> None:
    narrow = [
        replace(c, collections={"C1-LOCAL": {"variables": ["V9-LOCAL"]}}) if c.name == "podaac/l2-subsetter" else c
        for c in chains(ALL)
    ]
    with pytest.raises(RequestValidationError, match=r"^Not all variables selected can be subset$"):
        choose_chain(operation(**ASKED["var"]), narrow)


@given(st.sets(st.sampled_from(sorted(set(ASKED) - {"netcdf", "tiff", "png", "jpeg", "csv"}))))
def test_a_chain_that_is_chosen_without_warning_can_do_all_of_it(names: set[str]) -> None:
    wanted = operation(**{k: v for name in names for k, v in ASKED[name].items()})
    try:
        match = choose_chain(wanted, chains(ALL))
    except UnsupportedOperation:
        return
    can = match.chain.capabilities
    backed = {"box": can.bbox, "time": can.temporal, "shape": can.shape, "var": can.variable, "crs": can.reprojection}
    backed |= {"conc": can.concatenation, "avg": can.averaging_time, "zarr": "application/x-zarr" in can.output_formats}
    missing = {name for name in names if not backed[name]}
    assert bool(missing) == bool(match.warnings)
    assert missing <= {"box", "time", "shape"}
