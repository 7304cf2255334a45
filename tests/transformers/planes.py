"""Distances in the longitude-latitude plane, for tests of lines."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np


def distance_to_lines(lat: np.ndarray, lon: np.ndarray, lines: Iterable[Sequence[Sequence[float]]]) -> np.ndarray:
    """Degrees from each point to the nearest line; shape as the points."""
    best = np.full(lat.shape, np.inf)
    for line in lines:
        for (x1, y1), (x2, y2) in pairwise(line):
            length = (x2 - x1) ** 2 + (y2 - y1) ** 2
            share = np.clip(((lon - x1) * (x2 - x1) + (lat - y1) * (y2 - y1)) / length, 0, 1) if length else 0.0
            best = np.minimum(best, np.hypot(lon - x1 - share * (x2 - x1), lat - y1 - share * (y2 - y1)))
    return best
