"""GeoJSON documents as flat lists of simple geometries. Reads one file; understands nothing of grids.

Obeys RFC 7946: all types of geometry, features and collections of both; a third coordinate is ignored (section 4).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transformers.contract import InstructionError

SIMPLE = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One point, line or polygon. lists: arrays of shape (n, 2), longitude and latitude in degrees as written; of a
    polygon the outer ring first, then its holes."""

    kind: str  # Point, LineString or Polygon
    lists: tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A GeoJSON document: its parts in order, and its own `bbox` member (west, south, east, north) if it has one."""

    parts: tuple[Part, ...]
    bbox: tuple[float, float, float, float] | None = None


def read_shape(path: Path) -> Shape:
    """The shape in a GeoJSON file; an empty collection is none the less one. Raises InstructionError saying why not."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InstructionError(f"shape {path.name}: {error}; allowed: a GeoJSON document (RFC 7946)") from error
    try:
        return parse_shape(document)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise InstructionError(f"shape {path.name}: {error}; allowed: GeoJSON as in RFC 7946") from error


def parse_shape(document: Mapping[str, Any]) -> Shape:
    """As `read_shape`, of a document in memory. Raises ValueError and its kin."""
    box = document.get("bbox")
    numbers = None
    if box:
        if len(box) not in (4, 6):
            raise ValueError(f"bbox of {len(box)} numbers; allowed: 4 or 6")
        half = len(box) // 2
        numbers = (float(box[0]), float(box[1]), float(box[half]), float(box[half + 1]))
    return Shape(tuple(_parts(document)), numbers)


def _parts(node: Mapping[str, Any]) -> Iterator[Part]:
    kind = node.get("type")
    if kind == "FeatureCollection":
        for feature in node["features"]:
            yield from _parts(feature)
    elif kind == "Feature":
        if node.get("geometry"):
            yield from _parts(node["geometry"])
    elif kind == "GeometryCollection":
        for geometry in node["geometries"]:
            yield from _parts(geometry)
    elif kind in SIMPLE:
        yield from _simple(kind, node["coordinates"])
    else:
        raise ValueError(f"type {kind!r} is not a GeoJSON type")


def _simple(kind: str, coordinates: Any) -> Iterator[Part]:
    one = kind.removeprefix("Multi")
    for member in coordinates if one != kind else [coordinates]:
        if not len(member):
            continue  # "GeoJSON processors MAY interpret Geometry objects with empty arrays as null" (3.1)
        lists = [[member]] if one == "Point" else [member] if one == "LineString" else member
        yield Part(one, tuple(_positions(one, points) for points in lists))


def _positions(kind: str, points: Any) -> np.ndarray:
    array = np.array([[float(p[0]), float(p[1])] for p in points], dtype=np.float64)
    least = {"Point": 1, "LineString": 2, "Polygon": 4}[kind]
    if len(array) < least:
        raise ValueError(f"{kind} of {len(array)} positions; allowed: at least {least}")
    if not (np.isfinite(array).all() and (np.abs(array[:, 1]) <= 90).all()):
        raise ValueError(f"{kind} with a latitude outside -90 to 90, or no number")
    if kind == "Polygon" and not np.array_equal(array[0], array[-1]):
        array = np.vstack([array, array[:1]])
    return array
