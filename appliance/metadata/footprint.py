"""Footprints in the longitude-latitude plane: parts of an extent, and whether a part touches what is searched for.

Pure Python, since no geometry library may live in this process. Boxes never cross the antimeridian; whoever has one
that does hands in two. Edges count as inside. Source of extents: UMM-G 1.6.6 and UMM-C 1.18, `Geometry`.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Box = tuple[float, float, float, float]  # west, south, east, north in degrees
Ring = Sequence[tuple[float, float]]  # (longitude, latitude)

LINE_HALF_WIDTH = 0.15  # degrees to each side: the catalog's contract, "Extent"
MOST_PARTS = 1000  # rows of the search tree per granule; further parts are joined into one rectangle
WORLD: Box = (-180.0, -90.0, 180.0, 90.0)


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of an extent. kind: box, polygon or line; box: around it (a line's with its width)."""

    kind: str
    box: Box
    points: tuple[tuple[float, float], ...] = ()

    def packed(self) -> bytes | None:
        """The points as float64 pairs, None for a box."""
        if self.kind == "box":
            return None
        return struct.pack(f"<{2 * len(self.points)}d", *(value for point in self.points for value in point))


def unpacked(points: bytes) -> list[tuple[float, float]]:
    """The points of `Part.packed`."""
    values = struct.unpack(f"<{len(points) // 8}d", points)
    return list(zip(values[::2], values[1::2], strict=True))


def split_box(west: float, south: float, east: float, north: float) -> list[Box]:
    """One box, or two when west > east (RFC 7946, section 5.2)."""
    if west <= east:
        return [(west, south, east, north)]
    return [(west, south, 180.0, north), (-180.0, south, east, north)]


def parts_of_geometry(geometry: Mapping[str, Any]) -> list[Part]:
    """Parts of a UMM `Geometry`. Rings and lines across the antimeridian, which UMM lets others write, become boxes.

    Raises ValueError (also KeyError, TypeError) for numbers that cannot be.
    """
    parts: list[Part] = []
    for rectangle in geometry.get("BoundingRectangles") or ():
        box = [float(rectangle[f"{side}BoundingCoordinate"]) for side in ("West", "South", "East", "North")]
        parts += [Part("box", one) for one in split_box(box[0], box[1], box[2], box[3])]
    for polygon in geometry.get("GPolygons") or ():
        parts += _ring_parts("polygon", _points(polygon["Boundary"]["Points"]))
    for line in geometry.get("Lines") or ():
        parts += _ring_parts("line", _points(line["Points"]))
    for longitude, latitude in _points(geometry.get("Points") or ()):
        parts.append(Part("box", (longitude, latitude, longitude, latitude)))
    for part in parts:
        _check(part.box)
    return _few(parts)


def hull(boxes: Iterable[Box]) -> Box | None:
    """One box around all, never across the antimeridian; None for none."""
    boxes = list(boxes)
    if not boxes:
        return None
    return (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))


@dataclass(frozen=True, slots=True)
class Region:
    """What is searched for: boxes, any of which may touch; with `rings` only these count, inside their boxes."""

    boxes: tuple[Box, ...]
    rings: tuple[tuple[tuple[float, float], ...], ...] = ()

    @property
    def share_of_globe(self) -> float:
        """Area of the boxes over that of the whole plane."""
        return sum((b[2] - b[0]) * (b[3] - b[1]) for b in self.boxes) / 64800.0

    def meets_box(self, west: float, south: float, east: float, north: float) -> bool:
        """Whether a rectangle touches the region."""
        if not self.rings:
            return any(_overlap((west, south, east, north), box) for box in self.boxes)
        corners = ((west, south), (east, south), (east, north), (west, north))
        return any(rings_touch(corners, ring) for ring in self.rings)

    def meets_part(self, kind: str, points: bytes) -> bool:
        """Whether a polygon or a line, as packed, touches the region."""
        own = unpacked(points)
        targets: list[Ring] = list(self.rings) or [_corners(box) for box in self.boxes]
        if kind == "polygon":
            return any(rings_touch(own, target) for target in targets)
        return any(line_touches(own, target) for target in targets)


def region_of_box(box: Box) -> Region:
    """West > east is across the antimeridian."""
    return Region(tuple(split_box(*box)))


def region_of_rings(rings: Sequence[Ring]) -> Region:
    """Any of the rings; each is read in the plane, so none may cross the antimeridian."""
    boxes = []
    for ring in rings:
        longitudes, latitudes = [p[0] for p in ring], [p[1] for p in ring]
        boxes.append((min(longitudes), min(latitudes), max(longitudes), max(latitudes)))
    return Region(tuple(boxes), tuple(tuple((p[0], p[1]) for p in ring) for ring in rings))


def rings_touch(first: Ring, second: Ring) -> bool:
    """Whether two areas share a point: one holds a corner of the other, or their edges meet."""
    return contains(first, second[0]) or contains(second, first[0]) or _edges_meet(first, second, close_first=True)


def line_touches(line: Ring, ring: Ring) -> bool:
    """Whether a line, 0.15 degree wide to each side, touches an area."""
    if contains(ring, line[0]) or _edges_meet(line, ring, close_first=False):
        return True
    reach = LINE_HALF_WIDTH**2
    edges = list(_edges(ring, close=True))
    segments = list(_edges(line, close=False)) or [(line[0], line[0])]
    return any(_distance2(segment, edge) <= reach for segment in segments for edge in edges)


def contains(ring: Ring, point: tuple[float, float]) -> bool:
    """Whether a point lies in an area or on its edge (even-odd rule)."""
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in _edges(ring, close=True):
        cross = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
        if cross == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return True
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def _edges(ring: Ring, *, close: bool) -> Iterable[tuple[tuple[float, float], tuple[float, float]]]:
    yield from pairwise(ring)
    if close and len(ring) > 1 and ring[0] != ring[-1]:
        yield ring[-1], ring[0]


def _edges_meet(first: Ring, second: Ring, *, close_first: bool) -> bool:
    others = list(_edges(second, close=True))
    for a, b in _edges(first, close=close_first):
        west, east = min(a[0], b[0]), max(a[0], b[0])
        south, north = min(a[1], b[1]), max(a[1], b[1])
        for c, d in others:
            apart = (c[0] < west and d[0] < west) or (c[0] > east and d[0] > east)
            apart = apart or (c[1] < south and d[1] < south) or (c[1] > north and d[1] > north)
            if not apart and _cross(a, b, c, d):
                return True
    return False


def _cross(a: Any, b: Any, c: Any, d: Any) -> bool:
    """Whether two segments whose boxes overlap share a point."""
    return _side(a, b, c) * _side(a, b, d) <= 0 and _side(c, d, a) * _side(c, d, b) <= 0


def _side(a: Any, b: Any, p: Any) -> int:
    cross: float = (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    return (cross > 0) - (cross < 0)


def _distance2(first: Any, second: Any) -> float:
    """Squared distance of two segments that do not meet: an end of one to the other."""
    return min(
        _to_segment2(first[0], second),
        _to_segment2(first[1], second),
        _to_segment2(second[0], first),
        _to_segment2(second[1], first),
    )


def _to_segment2(point: Any, segment: Any) -> float:
    (x1, y1), (x2, y2) = segment
    dx, dy = x2 - x1, y2 - y1
    length2 = dx * dx + dy * dy
    along = 0.0
    if length2:
        along = max(0.0, min(1.0, ((point[0] - x1) * dx + (point[1] - y1) * dy) / length2))
    return float((point[0] - x1 - along * dx) ** 2 + (point[1] - y1 - along * dy) ** 2)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] <= b[2] and a[2] >= b[0] and a[1] <= b[3] and a[3] >= b[1]


def _corners(box: Box) -> list[tuple[float, float]]:
    west, south, east, north = box
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def _points(points: Iterable[Mapping[str, Any]]) -> list[tuple[float, float]]:
    return [(float(p["Longitude"]), float(p["Latitude"])) for p in points]


def _ring_parts(kind: str, points: list[tuple[float, float]]) -> list[Part]:
    if not points:
        raise ValueError(f"a {kind} without points")
    longitudes, latitudes = [p[0] for p in points], [p[1] for p in points]
    south, north = min(latitudes), max(latitudes)
    jumps = sum(abs(b - a) > 180 for a, b in pairwise(longitudes))
    if jumps % 2 and kind == "polygon":
        # Once around: a pole is inside.
        return [Part("box", (-180.0, south, 180.0, 90.0) if south + north > 0 else (-180.0, -90.0, 180.0, north))]
    if jumps:
        # Across the antimeridian: the boxes on either side hold it all.
        east_side, west_side = [x for x in longitudes if x >= 0], [x for x in longitudes if x < 0]
        return [
            Part("box", (min(east_side), south, 180.0, north)),
            Part("box", (-180.0, south, max(west_side), north)),
        ]
    box = (min(longitudes), south, max(longitudes), north)
    if kind == "line":
        w, s, e, n = box
        box = (w - LINE_HALF_WIDTH, s - LINE_HALF_WIDTH, e + LINE_HALF_WIDTH, n + LINE_HALF_WIDTH)
    return [Part(kind, box, tuple(points))]


def _check(box: Box) -> None:
    west, south, east, north = box
    slack = LINE_HALF_WIDTH
    if not (-180 - slack <= west <= east <= 180 + slack and -90 - slack <= south <= north <= 90 + slack):
        raise ValueError(f"extent {list(box)}; allowed: -180 <= west, east <= 180, -90 <= south <= north <= 90")


def _few(parts: list[Part]) -> list[Part]:
    if len(parts) <= MOST_PARTS:
        return parts
    rest = hull(part.box for part in parts[MOST_PARTS - 1 :])
    return [*parts[: MOST_PARTS - 1], Part("box", rest or WORLD)]
