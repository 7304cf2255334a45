"""Laws of footprints: every valid cell lies inside, however sides are read; rings are what GeoJSON and UMM ask."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transformers.coordinates.footprint import MOST_POINTS, Footprint, inside_ring, swath_footprint
from transformers.coordinates.sphere import to_vectors, wrap180
from transformers.sample_files.orbit import Orbit

SWATHS = st.fixed_dictionaries(
    {
        "inclination": st.floats(0, 180),
        "node": st.floats(-180, 180),
        "first_s": st.floats(-6000, 6000),
        "length_s": st.floats(0.1, 1.1 * 5933),
        "half_width": st.floats(0.05, 15),
        "rows": st.integers(1, 120),
        "columns": st.integers(1, 40),
        "holes": st.sampled_from([0.0, 0.3, 0.95]),
        "turned": st.booleans(),
        "seed": st.integers(0, 10**6),
    }
)


def made(swath: dict) -> tuple[np.ndarray, np.ndarray]:
    seconds = swath["first_s"] + np.linspace(0, swath["length_s"], swath["rows"])
    lat, lon = Orbit(swath["inclination"], swath["node"]).swath(seconds, swath["half_width"], swath["columns"])
    lost = np.random.default_rng(swath["seed"]).random(lat.shape) < swath["holes"]
    lat[lost], lon[lost] = np.nan, np.nan
    return (lat.T, lon.T) if swath["turned"] else (lat, lon)


def outside(lat: np.ndarray, lon: np.ndarray, footprint: Footprint) -> int:
    good = np.isfinite(lat)
    y, x = lat[good], wrap180(lon[good])
    if footprint.rectangle:
        return int(((y < footprint.rectangle[1]) | (y > footprint.rectangle[3])).sum())
    inside = np.zeros(y.shape, bool)
    for ring in footprint.rings:
        inside |= inside_ring(x, y, ring)
    return int((~inside).sum())


@settings(max_examples=150, deadline=None)
@given(SWATHS)
def test_every_valid_cell_lies_inside_and_every_ring_is_closed_counter_clockwise_and_within_the_globe(swath: dict):
    lat, lon = made(swath)
    footprint = swath_footprint(lat, lon)
    assert bool(footprint.rings or footprint.rectangle) == bool(np.isfinite(lat).any())
    assert outside(lat, lon, footprint) == 0
    for ring in footprint.rings:
        assert ring[0] == ring[-1]
        assert 4 <= len(ring) <= MOST_POINTS
        assert sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) > 0
        assert all(-180 <= x <= 180 and -90 <= y <= 90 for x, y in ring)


@settings(max_examples=60, deadline=None)
@given(SWATHS.filter(lambda s: s["length_s"] < 1000 and abs(s["inclination"] - 90) > 25))
def test_cells_lie_inside_also_when_sides_are_read_as_great_circles(swath: dict):
    lat, lon = made(swath)
    footprint = swath_footprint(lat, lon)
    cells = to_vectors(lat[np.isfinite(lat)], lon[np.isfinite(lat)])
    inside = np.zeros(len(cells), bool)
    for ring in footprint.rings:
        inside |= _inside_on_sphere(cells, ring)
    assert inside.all()


def test_the_footprint_does_not_depend_on_the_range_or_direction_of_longitudes():
    lat, lon = Orbit(98.2, 170.0).swath(np.linspace(0, 300, 60), 6.0, 30)
    assert swath_footprint(lat, lon) == swath_footprint(lat, lon % 360)


def test_a_swath_across_the_antimeridian_is_cut_into_parts_that_touch_it():
    lat, lon = Orbit(98.2, 180.0).swath(np.linspace(0, 200, 60), 6.0, 30)
    rings = swath_footprint(lat, lon).rings
    assert {max(x for x, _ in ring) == 180 for ring in rings} == {True, False}
    assert sum(max(x for x, _ in ring) == 180 for ring in rings) == sum(
        min(x for x, _ in ring) == -180 for ring in rings
    )
    assert all(max(x for x, _ in ring) - min(x for x, _ in ring) < 40 for ring in rings)


@pytest.mark.parametrize("pole", [90, -90])
def test_a_swath_over_a_pole_becomes_two_rings_closed_along_it(pole: int):
    lat, lon = Orbit(90.0, 0.0).swath(5933 / 4 * np.sign(pole) + np.linspace(-100, 100, 40), 8.0, 30)
    rings = swath_footprint(lat, lon).rings
    assert len(rings) == 2
    for ring, west in zip(rings, (-180, 0), strict=True):
        assert {(west, pole), (west + 180, pole)} <= set(ring)
    assert outside(lat, lon, swath_footprint(lat, lon)) == 0


def test_the_outline_is_tight_a_five_minute_granule_is_few_points_and_little_more_than_its_area():
    lat, lon = Orbit().swath(np.linspace(0, 300, 500), 6.0, 200)
    rings = swath_footprint(lat, lon).rings
    assert sum(map(len, rings)) <= 40
    area = sum(abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))) / 2 for ring in rings)
    cells = np.cos(np.radians(lat)).mean()
    assert area * cells < 1.35 * 18.2 * 12.0  # degrees along times across


def test_one_pixel_is_a_small_ring_and_no_pixel_none():
    (ring,) = swath_footprint(np.array([[10.0]]), np.array([[20.0]])).rings
    assert all(abs(x - 20) < 0.15 and abs(y - 10) < 0.15 for x, y in ring)
    assert swath_footprint(np.full((3, 3), np.nan), np.full((3, 3), np.nan)) == Footprint()


def test_more_than_two_orbits_are_one_rectangle_around_the_globe():
    lat, lon = Orbit(60.0).swath(np.linspace(0, 3 * 5933, 2000), 2.0, 5)
    rectangle = swath_footprint(lat, lon).rectangle
    assert rectangle == (-180.0, lat.min(), 180.0, lat.max())


def test_a_gap_along_the_track_is_not_bridged():
    lat, lon = Orbit().swath(np.r_[np.linspace(0, 100, 50), np.linspace(1000, 1100, 50)], 3.0, 20)
    rings = swath_footprint(lat, lon).rings
    assert not any(min(y for _, y in r) < 10 and max(y for _, y in r) > 50 for r in rings)


def test_a_global_2d_array_is_held_too():
    lat, lon = np.meshgrid(np.arange(-89.5, 90, 3), np.arange(-179.5, 180, 3), indexing="ij")
    assert outside(lat, lon, swath_footprint(lat, lon)) == 0


def _inside_on_sphere(cells: np.ndarray, ring: tuple[tuple[float, float], ...]) -> np.ndarray:
    """By winding: the sum of the angles under which the sides are seen from a cell is a full turn."""
    corners = to_vectors(np.array([y for _, y in ring]), np.array([x for x, _ in ring]))
    flat = corners[None] - (cells @ corners.T)[..., None] * cells[:, None]
    norm = np.linalg.norm(flat, axis=-1, keepdims=True)
    flat = flat / np.where(norm == 0, 1, norm)
    cross = (np.cross(flat[:, :-1], flat[:, 1:]) * cells[:, None]).sum(-1)
    dot = (flat[:, :-1] * flat[:, 1:]).sum(-1)
    return np.abs(np.arctan2(cross, dot).sum(axis=1)) > np.pi
