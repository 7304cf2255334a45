"""The box that stands for a shape on a grid: no smaller than the shape, and the right way round the globe."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from transformers.contract import BoundingBox
from transformers.coordinates.geojson import parse_shape
from transformers.coordinates.shape_extent import extent_of

DEGREES = st.integers(-179, 179)


def box_ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    """A ring around a box, longitudes within 180; sides shorter than half the globe."""
    return [[lon, lat] for lon, lat in ((west, south), (east, south), (east, north), (west, north), (west, south))]


def polygon(*rings: list[list[float]]) -> dict:
    return {"type": "Polygon", "coordinates": list(rings)}


def features(*geometries: dict) -> dict:
    return {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {}, "geometry": g} for g in geometries],
    }


def contains(box: BoundingBox, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Which places are in a box, its sides included, on the globe."""
    eastward = (lon - box.west) % 360 <= ((box.east - box.west) % 360 if box.east - box.west != 360 else 360)
    return eastward & (lat >= box.south) & (lat <= box.north)


@given(DEGREES, st.integers(1, 170), st.integers(-89, 80), st.integers(1, 9), st.booleans())
def test_the_box_of_a_box_is_that_box_on_either_side_of_the_antimeridian(west, width, south, height, clockwise):
    east = (west + width + 180) % 360 - 180
    assume(east != -180)
    ring = box_ring(west, south, east, south + height)

    found = extent_of(parse_shape(polygon(ring[::-1] if clockwise else ring)))

    assert found == BoundingBox(west, south, east, south + height)
    assert (found.west > found.east) == (west + width > 180)


@given(st.lists(st.tuples(DEGREES, st.integers(1, 60), st.integers(-80, 70)), min_size=1, max_size=4))
def test_every_corner_of_several_polygons_lies_in_their_box(made):
    rings = [box_ring(west, south, (west + width + 180) % 360 - 180, south + 5) for west, width, south in made]

    found = extent_of(parse_shape(features(*(polygon(r) for r in rings))))

    places = np.array([p for ring in rings for p in ring], float)
    assert found is not None
    assert contains(found, places[:, 0], places[:, 1]).all()
    assert (found.south, found.north) == (places[:, 1].min(), places[:, 1].max())


@given(st.lists(st.tuples(DEGREES, st.integers(-80, 80)), min_size=1, max_size=5))
def test_points_of_several_features_are_united_plainly_and_never_over_the_antimeridian(points):
    found = extent_of(parse_shape(features(*({"type": "Point", "coordinates": list(p)} for p in points))))

    lons, lats = zip(*points, strict=True)
    assert found == BoundingBox(min(lons), min(lats), max(lons), max(lats))


@given(DEGREES, DEGREES, st.integers(-80, 0), st.integers(0, 80))
def test_the_documents_own_box_wins_even_with_heights(west, east, south, north):
    document = features(polygon(box_ring(1, 1, 2, 2)))

    expected = BoundingBox(west, south, east, north)
    assert extent_of(parse_shape(document | {"bbox": [west, south, east, north]})) == expected
    assert extent_of(parse_shape(document | {"bbox": [west, south, -9, east, north, 9]})) == expected


@pytest.mark.parametrize(
    ("ordinary", "expected"),
    [
        ((-178, -175), (170, -170)),  # within the eastern side of the crossing one
        ((175, 178), (170, -170)),  # within its western side
        ((-160, -150), (170, -150)),  # nearer to its eastern end: that is extended
        ((150, 160), (150, -170)),  # nearer to its western end
    ],
)
def test_a_polygon_beside_one_that_crosses_extends_its_nearer_end(ordinary, expected):
    crossing = polygon(box_ring(170, 0, -170, 10))

    found = extent_of(parse_shape(features(crossing, polygon(box_ring(ordinary[0], 2, ordinary[1], 12)))))

    assert found == BoundingBox(expected[0], 0, expected[1], 12)


@pytest.mark.parametrize(("lat", "pole"), [(70, 90.0), (-70, -90.0)])
def test_a_ring_around_a_pole_has_every_longitude_up_to_the_pole(lat, pole):
    ring = [[lon, lat] for lon in (-150, -90, -30, 30, 90, 150, -150)]

    found = extent_of(parse_shape(polygon(ring)))

    assert found == BoundingBox(-180, min(lat, pole), 180, max(lat, pole))


def test_a_shape_of_nothing_has_no_box():
    assert extent_of(parse_shape(features())) is None
