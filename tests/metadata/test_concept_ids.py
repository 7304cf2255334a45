"""Concept ids: computed, small enough for floats, apart from real ones, stable."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.metadata.concept_ids import concept_id, concept_number, granule_ur_of, provider_of

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
KINDS = st.sampled_from(["collection", "granule", "variable", "service", "grid"])


@given(KINDS, NAMES)
def test_an_id_is_the_same_every_time_and_fits_a_float(kind: str, native_id: str) -> None:
    identifier = concept_id(kind, "LOCAL", native_id)
    assert identifier == concept_id(kind, "LOCAL", native_id)
    number = concept_number(identifier)
    assert 8 * 10**15 <= number < 9 * 10**15 < 2**53
    assert int(float(number)) == number
    assert provider_of(identifier) == "LOCAL"


@given(KINDS, NAMES, st.integers(1, 5))
def test_a_taken_number_is_hashed_again_with_the_count_of_tries(kind: str, native_id: str, collisions: int) -> None:
    seen: list[str] = []

    def is_taken(candidate: str) -> bool:
        seen.append(candidate)
        return len(seen) <= collisions

    identifier = concept_id(kind, "LOCAL", native_id, is_taken)
    assert identifier == seen[-1]
    assert len(set(seen)) == collisions + 1
    assert seen[0] == concept_id(kind, "LOCAL", native_id)


def test_the_number_is_the_digest_of_letter_provider_and_native_id() -> None:
    digest = hashlib.sha256(b"G\0LOCAL\0SST.1:a").digest()
    expected = 8 * 10**15 + int.from_bytes(digest[:8], "big") % 10**15
    assert concept_id("granule", "LOCAL", "SST.1:a") == f"G{expected}-LOCAL"
    again = hashlib.sha256(b"G\0LOCAL\0SST.1:a\x001").digest()
    expected = 8 * 10**15 + int.from_bytes(again[:8], "big") % 10**15
    assert concept_id("granule", "LOCAL", "SST.1:a", lambda one: not one.startswith(f"G{expected}")) == (
        f"G{expected}-LOCAL"
    )


def test_100_000_names_give_100_000_ids() -> None:
    assert len({concept_id("granule", "LOCAL", f"SST.1:{n}") for n in range(100_000)}) == 100_000


@pytest.mark.parametrize(
    ("name", "granule_ur"),
    [
        ("a.nc", "a"),
        ("a.b.NC4", "a.b"),
        ("a.tar.zip", "a.tar"),
        ("a.nc.h5", "a.nc"),
        ("a.dat", "a.dat"),
        (".nc", ".nc"),
    ],
)
def test_a_granule_is_called_after_its_file_without_the_last_data_extension(name: str, granule_ur: str) -> None:
    assert granule_ur_of(name) == granule_ur
