"""Polygons of a shape file as masks of pixels. Degrees; longitudes of shape and file may follow different conventions.

A pixel is inside when its point touches any polygon: borders count, holes do not (transformers-l2.md 4.3 of the
project's contracts). Instead of splitting and shifting polygons (D-5), every pixel is asked at its longitude and one
turn to either side, so rings beyond 180 or 0..360 mean what they look like.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import shape

from transformers.contract import InstructionError


def load_polygons(path: Path) -> shapely.Geometry:
    """All polygons of a GeoJSON file as one geometry; points and lines in it are left out.

    Raises InstructionError when the file is no GeoJSON or holds no polygon.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        parts = [shapely.make_valid(shape(g)) for g in _geometries(document) if "Polygon" in g["type"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, shapely.errors.ShapelyError) as error:
        raise InstructionError(f"shape {path.name}: {error}; allowed: GeoJSON") from error
    if not parts:
        raise InstructionError(f"shape {path.name}: no polygon in it; allowed: Polygon and MultiPolygon")
    return shapely.union_all(parts)


def points_inside(polygons: shapely.Geometry, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Which points touch the polygons; False where a coordinate is NaN. lat, lon: degrees, same shape."""
    inside = np.zeros(lat.shape, bool)
    west, south, east, north = polygons.bounds
    shapely.prepare(polygons)
    for turn in (-360.0, 0.0, 360.0):
        turned = lon + turn
        with np.errstate(invalid="ignore"):
            near = (lat >= south) & (lat <= north) & (turned >= west) & (turned <= east) & ~inside
        if near.any():
            inside[near] = shapely.intersects_xy(polygons, turned[near], lat[near])
    return inside


def _geometries(document: Any) -> list[Any]:
    kind = document["type"]
    if kind == "FeatureCollection":
        return [g for feature in document["features"] for g in _geometries(feature)]
    if kind == "Feature":
        return _geometries(document["geometry"]) if document["geometry"] else []
    if kind == "GeometryCollection":
        return [g for one in document["geometries"] for g in _geometries(one)]
    return [document]
