"""Records of collections: one rectangle around many, levels, keywords."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.metadata.collection_records import around, processing_level, science_keywords
from appliance.metadata.footprint import split_box

BOXES = st.lists(
    st.tuples(st.integers(-180, 170), st.integers(-90, 80), st.integers(0, 180), st.integers(0, 90)).map(
        lambda t: (t[0], t[1], min(180, t[0] + t[2]), min(90, t[1] + t[3]))
    ),
    min_size=1,
    max_size=6,
)


@given(BOXES, st.randoms())
def test_the_rectangle_holds_every_box_and_any_order_gives_the_same(boxes: list[tuple[int, ...]], rng: object) -> None:
    box = around(boxes)  # type: ignore[arg-type]
    assert box is not None
    shuffled = list(boxes)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert around(shuffled) == box  # type: ignore[arg-type]
    parts = split_box(*box)
    for west, south, east, north in boxes:
        assert box[1] <= south and north <= box[3]
        assert any(part[0] <= west and east <= part[2] for part in parts)


@given(BOXES)
def test_the_rectangle_leaves_out_the_widest_gap(boxes: list[tuple[int, ...]]) -> None:
    box = around(boxes)  # type: ignore[arg-type]
    assert box is not None
    # In half degrees, so that boxes without width count too; 180 is -180.
    covered = sorted({half % 720 for west, _, east, _ in boxes for half in range(2 * west, 2 * east + 1)})
    steps = [(after - before - 1) % 720 + 1 for before, after in zip(covered, [*covered[1:], covered[0]], strict=True)]
    widest = max(steps) / 2 if max(steps) > 1 else 0
    assert sum(part[2] - part[0] for part in split_box(*box)) == 360 - widest


def test_nothing_has_no_rectangle() -> None:
    assert around([]) is None


@pytest.mark.parametrize(
    ("texts", "short_name", "kind", "level"),
    [
        ({"processing_level": "L2P"}, "x", "swath", "2P"),
        ({"processing_level": "3B"}, "x", "swath", "3B"),
        ({"processing_level": "Level 3"}, "x", "swath", "3"),
        ({"processing_level": "2"}, "x_L3_y", "swath", "2"),
        ({}, "S5P_OFFL_L2__CH4", "grid-geographic", "2"),
        ({}, "TEMPO_NO2_L3", "swath", "3"),
        ({}, "MIL3MAE", "grid-geographic", "3"),
        ({}, "thing", "grid-projected", "3"),
        ({}, "thing", "swath", "2"),
        ({}, "thing", "geotiff", "NA"),
    ],
)
def test_the_level_is_said_else_named_else_guessed(
    texts: dict[str, str], short_name: str, kind: str, level: str
) -> None:
    assert processing_level(texts, short_name, kind) == level


def test_keywords_with_paths_become_science_keywords() -> None:
    text = "OCEANS > OCEAN TEMPERATURE > SST, Earth Science > Atmosphere > Winds; plain word"
    assert science_keywords({"keywords": text}) == [
        {"Category": "EARTH SCIENCE", "Topic": "OCEANS", "Term": "OCEAN TEMPERATURE", "VariableLevel1": "SST"},
        {"Category": "EARTH SCIENCE", "Topic": "ATMOSPHERE", "Term": "WINDS"},
    ]
    assert science_keywords({})[0]["Topic"] == "Not provided"
