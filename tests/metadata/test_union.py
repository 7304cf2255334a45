"""Many files, one collection: which variables, whose words, whose sizes."""

import random
from typing import Any

import pytest

from appliance.metadata.union import MOST_DATA_VARIABLES, Described, Union, evenly, unite


def variable(path: str, **fields: Any) -> dict[str, Any]:
    base = {
        "path": path,
        "name": path,
        "long_name": path,
        "description": None,
        "standard_name": None,
        "units": None,
        "data_type": "float32",
        "type": "SCIENCE_VARIABLE",
        "subtype": "ARRAY",
        "dims": ["y", "x"],
        "dim_names": ["y", "x"],
        "dim_types": ["ALONG_TRACK_DIMENSION", "CROSS_TRACK_DIMENSION"],
        "dim_units": [None, None],
        "fill_values": [],
        "valid_range": None,
        "scale": None,
        "offset": None,
        "role": "data",
        "layout": None,
    }
    return {**base, **fields}


def measured(shape: tuple[int, ...] = (4, 5), stored: int = 10, raw: int = 80) -> dict[str, Any]:
    return {
        "shape": list(shape),
        "stored_bytes": stored,
        "raw_bytes": raw,
        "index_ranges": None,
        "chunks": None,
        "filters": [],
    }


def collected(*files: list[tuple[dict[str, Any], dict[str, Any]]], kinds: list[str] | None = None) -> Union:
    """Files in order of start time: each a list of variables with their measures."""
    rows = [
        Described(number, (kinds or ["swath"] * len(files))[number], description=number, layout=0)
        for number in range(len(files))
    ]
    descriptions = {
        number: {"container": "hdf5", "variables": [one for one, _ in file]} for number, file in enumerate(files)
    }
    own = {
        number: {"variables": [measures for _, measures in file], "size_bytes": 100, "grids": []}
        for number, file in enumerate(files)
    }
    return unite(rows, descriptions, {0: {"layouts": [], "main": None}}, own.__getitem__)


def test_variables_of_all_files_are_united_and_rare_ones_are_told() -> None:
    union = collected([(variable("a"), measured())], [(variable("a"), measured()), (variable("b"), measured())])
    assert {one.path: one.granules for one in union.variables} == {"a": 2, "b": 1}
    assert union.notes == ("b: in 1 of 2 granules",)
    assert not union.structure.is_homogeneous


def test_the_earliest_file_gives_the_words_and_the_latest_the_sizes() -> None:
    union = collected(
        [(variable("a", units="K"), measured((4, 5)))],
        [(variable("a", units="degC"), measured((6, 7)))],
    )
    (one,) = union.variables
    assert one.record["Units"] == "K"
    assert [dimension["Size"] for dimension in one.record["Dimensions"]] == [6, 7]
    assert union.structure.is_homogeneous


@pytest.mark.parametrize(
    "other",
    [
        variable("a", data_type="int16"),
        variable("a", dims=["x"], dim_names=["x"], dim_types=["OTHER"], dim_units=[None]),
    ],
)
def test_another_type_or_rank_later_is_told_and_changes_nothing(other: dict[str, Any]) -> None:
    union = collected([(variable("a"), measured((4, 5)))], [(other, measured((9,) * len(other["dims"])))])
    (one,) = union.variables
    assert one.record["DataType"] == "float32"
    assert [dimension["Size"] for dimension in one.record["Dimensions"]] == [4, 5]
    assert union.notes == ("a: another type or rank in later granules; the earliest counts",)
    assert not union.structure.is_homogeneous


def test_the_kind_is_that_of_most_files_and_a_file_without_values_has_no_say() -> None:
    files = [[(variable("a"), measured())]] * 4
    union = collected(*files, kinds=["empty", "swath", "swath", "along-track"])
    assert (union.kind, union.notes[0]) == ("swath", "also 1 of kind along-track")
    assert collected(*files[:1], kinds=["empty"]).kind == "unknown"


def test_of_too_many_variables_science_and_the_largest_are_listed() -> None:
    many = [(variable(f"s{n}"), measured(raw=n)) for n in range(MOST_DATA_VARIABLES + 3)]
    many.append((variable("flag", type="QUALITY_VARIABLE"), measured(raw=10**9)))
    random.Random(1).shuffle(many)
    union = collected(many)
    support = {one.path for one in union.variables if one.role == "support"}
    assert support == {"s0", "s1", "s2", "flag"}


def test_the_rate_of_a_variable_is_its_mean_share_of_the_file() -> None:
    union = collected([(variable("a"), measured(stored=10))], [(variable("a"), measured(stored=30))])
    rates = union.variables[0].record["SizeEstimation"]["AverageCompressionInformation"]
    assert rates == [{"Rate": 0.2, "Format": "NetCDF-4"}, {"Rate": 0.2, "Format": "Native"}]


def test_samples_are_spread_with_both_ends() -> None:
    assert evenly(3, 20) == [0, 1, 2]
    assert len(evenly(1000, 20)) == 20
    assert (evenly(1000, 20)[0], evenly(1000, 20)[-1]) == (0, 999)
