"""Rings on the plate carrée: area, direction, wrapping, splitting at the antimeridian, circles round points.

Pure lists of (longitude, latitude) in degrees; a ring is closed (first = last) where it enters and leaves. Readers
of files: `shapes.py`, `shape_files.py`. Antimeridian and direction of rings: RFC 7946, sections 3.1.6 and 3.1.9;
rules for wrapping, circles and lines: harmony-api.md, sections 1.7 and 2.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]
Ring = list[Point]
Polygon = list[Ring]  # the outer ring, then holes

DECIMALS = 6
EARTH_RADIUS_M = 6_378_137.0
DEGREE_M = 111_139.0
LINE_WIDTH = 0.0001  # degrees; a line becomes rectangles this wide, a point without radius a circle this wide
MOST_SIDES, SIDES_BASE = 100, 0.99999


def signed_area(ring: Sequence[Point]) -> float:
    """Square degrees, positive when counter-clockwise. The ring may be open or closed."""
    pairs = zip(ring, [*ring[1:], ring[0]], strict=True)
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs) / 2


def polygon_area(polygon: Polygon) -> float:
    """Square degrees, holes taken off; rings in any direction."""
    return abs(signed_area(polygon[0])) - sum(abs(signed_area(hole)) for hole in polygon[1:])


def normalised_polygon(polygon: Polygon) -> list[Polygon]:
    """The polygon in longitudes of -180 to 180, split where it crosses the antimeridian, outer rings counter-clockwise,
    holes clockwise, six decimals. Nothing when no area is left.

    An edge of more than 180 and less than 360 degrees of longitude goes the short way, over the antimeridian. A ring
    that goes once round the earth encloses the nearer pole.
    """
    outer = _unwrapped(polygon[0])
    holes = [_beside(_unwrapped(hole), outer) for hole in polygon[1:]]
    rings = [_directed(outer, ccw=True), *(_directed(hole, ccw=False) for hole in holes)]
    west = min(x for x, _ in rings[0])
    east = max(x for x, _ in rings[0])
    first, last = math.floor((west + 180) / 360), math.ceil((east + 180) / 360) - 1
    pieces: list[tuple[int, Polygon]] = []
    rest = [rings]
    for turn in range(first, last):
        border = 180.0 + 360.0 * turn
        pieces += [(turn, side) for polygon in rest for side in _split(polygon, border, right=False)]
        rest = [side for polygon in rest for side in _split(polygon, border, right=True)]
    pieces += [(max(first, last), polygon) for polygon in rest]
    shifted = [[[(x - 360.0 * turn, y) for x, y in ring] for ring in rings] for turn, rings in pieces]
    return [[r for r in (_rounded(ring) for ring in piece) if r] for piece in shifted if _rounded(piece[0])]


def circle(center: Point, radius_m: float) -> Ring:
    """A closed ring round a point; longitudes may pass 180. More sides for larger radii, 4 to 100."""
    sides = max(4, math.ceil((MOST_SIDES - 3) * (1 - SIDES_BASE**radius_m) + 3))
    lon, lat = math.radians(center[0]), math.radians(center[1])
    reach = radius_m / EARTH_RADIUS_M
    ring = []
    for i in range(sides):
        bearing = -2 * math.pi * i / sides
        y = math.asin(math.sin(lat) * math.cos(reach) + math.cos(lat) * math.sin(reach) * math.cos(bearing))
        x = lon + math.atan2(
            math.sin(bearing) * math.sin(reach) * math.cos(lat), math.cos(reach) - math.sin(lat) * math.sin(y)
        )
        ring.append((math.degrees(x), math.degrees(y)))
    return [*ring, ring[0]]


def default_radius_m() -> float:
    """Of a point that says nothing: about 5.6 m."""
    return LINE_WIDTH * DEGREE_M / 2


def rectangle_along(start: Point, end: Point) -> Ring | None:
    """A rectangle of LINE_WIDTH round a segment, or None when the segment has no length."""
    (x0, y0), (x1, y1) = start, end
    if 180 < abs(x1 - x0) < 360:
        x1 += 360 if x1 < x0 else -360
    length = math.hypot(x1 - x0, y1 - y0)
    if length == 0:
        return None
    dx, dy = -(y1 - y0) / length * LINE_WIDTH / 2, (x1 - x0) / length * LINE_WIDTH / 2
    ring = [(x0 + dx, y0 + dy), (x0 - dx, y0 - dy), (x1 - dx, y1 - dy), (x1 + dx, y1 + dy)]
    return [(x, max(-90.0, min(90.0, y))) for x, y in [*ring, ring[0]]]


def contains(ring: Sequence[Point], point: Point) -> bool:
    """Whether the point is inside (even-odd rule; the border belongs to either side)."""
    x, y = point
    inside = False
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            inside = not inside
    return inside


def _unwrapped(ring: Sequence[Point]) -> Ring:
    """Longitudes made continuous: no step of more than 180 degrees but those of exactly 360; closed."""
    points = list(ring)
    if points[0] != points[-1]:
        points.append(points[0])
    continuous = [points[0]]
    turn = 0.0
    for (x0, _), (x1, y1) in pairwise(points):
        step = x1 - x0
        if 180 < abs(step) < 360:
            turn -= math.copysign(360.0, step)
        continuous.append((x1 + turn, y1))
    if abs(continuous[-1][0] - continuous[0][0]) > 180:
        pole = math.copysign(90.0, sum(y for _, y in points))
        continuous += [(continuous[-1][0], pole), (continuous[0][0], pole), continuous[0]]
    west = min(x for x, _ in continuous)
    shift = 360.0 * math.floor((west + 180) / 360)
    if shift and max(x for x, _ in continuous) - shift <= 180:
        return [(x - shift, y) for x, y in continuous]
    return continuous


def _beside(hole: Ring, outer: Ring) -> Ring:
    """The hole, shifted by whole turns to where it lies in the outer ring."""
    west, east = min(x for x, _ in outer), max(x for x, _ in outer)
    middle = (min(x for x, _ in hole) + max(x for x, _ in hole)) / 2
    while middle < west:
        hole, middle = [(x + 360, y) for x, y in hole], middle + 360
    while middle > east:
        hole, middle = [(x - 360, y) for x, y in hole], middle - 360
    return hole


def _directed(ring: Ring, *, ccw: bool) -> Ring:
    return ring if (signed_area(ring) > 0) == ccw else ring[::-1]


def _split(rings: Polygon, border: float, *, right: bool) -> list[Polygon]:
    """What of the polygon lies on one side of a meridian, as polygons. Rings directed as in `normalised_polygon`.

    Each ring falls into chains that enter and leave over the border. Sorted by latitude, the crossings bound the
    polygon's interior two by two, so each way out goes along the border to the way in that is its neighbour.
    """
    whole: list[Ring] = []
    chains: list[Ring] = []
    for ring in rings:
        of_ring = _chains(ring, border, right=right)
        if of_ring is None:
            whole.append(ring)
        else:
            chains += of_ring
    outers = [ring for ring in _joined(chains) if abs(signed_area(ring)) > 0]
    if not outers and whole and whole[0] is rings[0]:
        return [whole]
    polygons = [[ring] for ring in outers]
    for hole in whole:
        owner = next((p for p in polygons if contains(p[0], hole[0])), None)
        if owner:
            owner.append(hole)
    return polygons


def _chains(ring: Ring, border: float, *, right: bool) -> list[Ring] | None:
    """The parts of the ring on that side, each from its way in to its way out; None when all of it is there."""
    points = ring[:-1]
    here = [(x >= border) == right for x, _ in points]
    if all(here):
        return None
    if not any(here):
        return []
    begin = next(i for i in range(len(points)) if here[i] and not here[i - 1])
    chains: list[Ring] = []
    for offset in range(len(points)):
        i = (begin + offset) % len(points)
        following = (i + 1) % len(points)
        if not here[i]:
            continue
        if not here[i - 1]:
            chains.append([_crossing(points[i - 1], points[i], border)])
        chains[-1].append(points[i])
        if not here[following]:
            chains[-1].append(_crossing(points[i], points[following], border))
    return chains


def _crossing(start: Point, end: Point, border: float) -> Point:
    (x0, y0), (x1, y1) = start, end
    return border, y0 + (y1 - y0) * (border - x0) / (x1 - x0)


def _joined(chains: list[Ring]) -> list[Ring]:
    """Close the chains along the border into rings."""
    ends = sorted((chain[i][1], k, i) for k, chain in enumerate(chains) for i in (0, -1))
    partner: dict[int, int] = {}  # chain whose end it is -> chain whose beginning is the neighbour
    for (_, k0, i0), (_, k1, i1) in zip(ends[::2], ends[1::2], strict=True):
        if i0 == i1:  # the polygon crosses itself: close every chain on its own
            return [[*chain, chain[0]] for chain in chains]
        leaving, entering = (k0, k1) if i0 == -1 else (k1, k0)
        partner[leaving] = entering
    rings = []
    left = set(range(len(chains)))
    while left:
        k = start = min(left)
        ring: Ring = []
        while k in left:
            left.remove(k)
            ring += chains[k]
            k = partner[k]
        rings.append([*ring, chains[start][0]])
    return rings


def _rounded(ring: Ring) -> Ring | None:
    """Six decimals, no point twice in a row, closed; None when no area is left."""
    tidy: Ring = []
    for x, y in ring:
        point = (round(x, DECIMALS) + 0.0, round(y, DECIMALS) + 0.0)
        if not tidy or tidy[-1] != point:
            tidy.append(point)
    if len(tidy) < 4 or signed_area(tidy) == 0:
        return None
    return tidy
