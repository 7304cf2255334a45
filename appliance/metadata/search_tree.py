"""The search tree's rows: one per part of a granule's extent, in longitude, latitude, days and collection.

The tree keeps 32-bit floats rounded outwards: a safe filter before the exact tests, never the answer. Pure.
"""

from collections.abc import Iterable

from appliance.metadata.footprint import Box
from appliance.metadata.instants import DAY_MS

PARTS_PER_GRANULE = 1024  # a row's id: granule id * this + part
# Far apart, so that the tree parts collections first and the daily global grids of one do not widen the nodes of all
# others; a power of two, so that numbers up to 16 million stay exact.
COLLECTION_STEP = 4096.0
# No side is without length: the tree grows by comparing volumes, and where all are zero it grows at random (ten times
# slower to search).
THICKNESS = 1 / 1024

INSERT = "INSERT INTO granule_tree (id, w, e, s, n, t0, t1, c0, c1, granule) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def tree_rows(
    granule: int, collection: int, start: int, stop: int, boxes: Iterable[Box]
) -> list[tuple[float | int, ...]]:
    """Values for INSERT. start, stop: milliseconds."""
    days, place = (start / DAY_MS, stop / DAY_MS + THICKNESS), collection * COLLECTION_STEP
    return [
        (granule * PARTS_PER_GRANULE + part, w, e + THICKNESS, s, n + THICKNESS, *days, place, place + 1, granule)
        for part, (w, s, e, n) in enumerate(boxes)
    ]
