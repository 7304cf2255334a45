"""Grids in a map projection: stated by x, y and a CRS, or hidden in 2-D latitude and longitude. pyproj on demand.

Obeys: catalog contract, section 3 (rules 3 and 9) and section 4.1 (their extent).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from transformers.coordinates.packing import unpack
from transformers.coordinates.rectangles import Rectangle, grid_rectangles
from transformers.coordinates.sphere import wrap180
from transformers.facts.positions import Positions
from transformers.formats.layout import Granule, VariableInfo, join

if TYPE_CHECKING:
    from pyproj import CRS, Transformer

HIDDEN_EPSG = (6933, 6931, 6932, 3410, 3408, 3409, 3413, 3411, 3976, 3412, 3031)
HIDDEN_CELLS, HIDDEN_LEAST, HIDDEN_RESIDUAL = 400, 20, 0.05
EDGE_POINTS = 40
METRES = {"m": 1.0, "meter": 1.0, "meters": 1.0, "metre": 1.0, "metres": 1.0, "km": 1000.0, "kilometer": 1000.0,
          "kilometers": 1000.0, "kilometre": 1000.0, "kilometres": 1000.0}  # fmt: skip
CRS_TEXTS = ("crs_wkt", "spatial_ref", "proj4", "proj4text")


@dataclass(frozen=True, slots=True)
class ProjectedAxes:
    """Paths of the 1-D map coordinates, and the factor that makes metres of them."""

    x: str
    y: str
    factor: float


@dataclass(frozen=True, slots=True)
class ProjectedGrid:
    """A regular grid in a CRS. geotransform: GDAL's six numbers, metres, of the outer corner. size: (columns, rows)."""

    crs_wkt: str
    crs_source: str
    geotransform: tuple[float, float, float, float, float, float]
    size: tuple[int, int]
    x: str | None = None
    y: str | None = None

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """x min, y min, x max, y max of the outer edges."""
        x0, dx, _, y0, _, dy = self.geotransform
        x1, y1 = x0 + dx * self.size[0], y0 + dy * self.size[1]
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def projected_axes(granule: Granule) -> ProjectedAxes | None:
    """The first group with 1-D x and y of a projection, by standard_name or by name and a unit of length."""
    groups: dict[str, dict[str, VariableInfo]] = {}
    for info in granule.variables.values():
        axis = _axis(info)
        if axis:
            groups.setdefault(info.group, {}).setdefault(axis, info)
    for found in groups.values():
        if "x" in found and "y" in found and found["x"].dims != found["y"].dims:
            units = str(found["x"].attributes.get("units", "m")).strip().lower()
            return ProjectedAxes(found["x"].path, found["y"].path, METRES.get(units, 1.0))
    return None


def stated_grid(granule: Granule, axes: ProjectedAxes) -> ProjectedGrid | None:
    """The grid that x, y and the file's CRS state; None without a CRS that can be understood."""
    found = _crs(granule)
    x, y = (unpack(granule.read(p), granule.variables[p].attributes).reshape(-1) for p in (axes.x, axes.y))
    if found is None or x.size < 2 or y.size < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    crs, source = found
    factor = axes.factor
    if "angular" in str(granule.variables[axes.x].attributes.get("standard_name", "")):
        factor = float(crs.to_dict().get("h", 1.0))  # scan angles times the height of the satellite
    x, y = x * factor, y * factor
    dx, dy = float(x[-1] - x[0]) / (x.size - 1), float(y[-1] - y[0]) / (y.size - 1)
    transform = (float(x[0]) - dx / 2, dx, 0.0, float(y[0]) - dy / 2, 0.0, dy)
    return ProjectedGrid(crs.to_wkt(), source, transform, (x.size, y.size), axes.x, axes.y)


def hidden_grid(positions: Positions) -> ProjectedGrid | None:
    """The known grid on which 2-D positions lie, cell by cell; None when they lie on none.

    Nor when they are as regular in degrees: near the equator equal areas and degrees are alike.
    """
    valid = np.isfinite(positions.lat)
    rows, columns = np.nonzero(valid)
    if rows.size < HIDDEN_LEAST or np.ptp(rows) < 3 or np.ptp(columns) < 3:
        return None
    chosen = np.unique(np.linspace(0, rows.size - 1, HIDDEN_CELLS).astype(int))
    rows, columns = rows[chosen], columns[chosen]
    lat, lon = positions.lat[rows, columns], positions.lon[rows, columns]
    degrees = _line(columns, wrap180(lon)), _line(rows, lat)
    least = max(d.residual for d in degrees if d) if all(degrees) else HIDDEN_RESIDUAL
    for epsg in HIDDEN_EPSG:
        crs, there = _known(epsg)
        x, y = there.transform(lon, lat)
        across, down = _line(columns, np.asarray(x)), _line(rows, np.asarray(y))
        if across and down and max(across.residual, down.residual) < least:
            height, width = positions.lat.shape
            transform = (across.edge, across.step, 0.0, down.edge, 0.0, down.step)
            return ProjectedGrid(crs.to_wkt(), f"EPSG:{epsg}", transform, (width, height))
    return None


@lru_cache
def _known(epsg: int) -> "tuple[CRS, Transformer]":
    """A CRS and the way to it from longitude and latitude: 10 ms each to make."""
    from pyproj import CRS, Transformer

    crs = CRS.from_epsg(epsg)
    return crs, Transformer.from_crs(4326, crs, always_xy=True)


def projected_rectangles(grid: ProjectedGrid) -> tuple[Rectangle, ...]:
    """The extent of a projected grid: its outer edge on the globe, poles and full turns seen to."""
    from pyproj import CRS

    return edge_rectangles(CRS.from_wkt(grid.crs_wkt), grid.bounds)


def edge_rectangles(crs: "CRS", bounds: tuple[float, float, float, float]) -> tuple[Rectangle, ...]:
    """x min, y min, x max, y max in a CRS (x east, y north) as rectangles of longitude and latitude."""
    from pyproj import Transformer

    back = Transformer.from_crs(crs, 4326, always_xy=True)
    there = Transformer.from_crs(4326, crs, always_xy=True)
    west, south, east, north = bounds
    share = np.linspace(0, 1, EDGE_POINTS)
    x = np.r_[west + (east - west) * share, np.full(EDGE_POINTS, east), east - (east - west) * share,
              np.full(EDGE_POINTS, west)]  # fmt: skip
    y = np.r_[np.full(EDGE_POINTS, south), south + (north - south) * share, np.full(EDGE_POINTS, north),
              north - (north - south) * share]  # fmt: skip
    lon, lat = (np.asarray(v) for v in back.transform(x, y))
    good = np.isfinite(lon) & np.isfinite(lat)
    if not good.any():
        return ()
    low, high = float(lat[good].min()), float(lat[good].max())
    around = not good.all()
    for pole in (90.0, -90.0):
        px, py = there.transform(0.0, pole)
        if not (west < px < east and south < py < north):
            continue
        back_lat = back.transform(px, py)[1]
        if np.isfinite(back_lat) and abs(back_lat - pole) < 1e-6 and not _is_line(there, pole):
            around, low, high = True, min(low, pole), max(high, pole)
    turned = np.degrees(np.unwrap(np.radians(lon[good])))
    if around or np.ptp(turned) >= 359.9:
        return grid_rectangles(low, high, -180.0, 180.0)
    return grid_rectangles(low, high, float(turned.min()), float(turned.max()))


def _is_line(there: Any, pole: float) -> bool:
    """True where the projection draws the pole as a line (cylindrical): then it is on the edge, not inside."""
    first, second = there.transform(0.0, pole), there.transform(90.0, pole)
    return bool(np.hypot(first[0] - second[0], first[1] - second[1]) > 1.0)


@dataclass(frozen=True, slots=True)
class _Line:
    """Values as a straight line of an index. edge: half a step before index 0. residual: the worst, in steps."""

    edge: float
    step: float
    residual: float


def _line(index: np.ndarray, values: np.ndarray) -> _Line | None:
    """The line through the values when none is off by more than a twentieth of a step."""
    if not np.isfinite(values).all() or np.ptp(index) == 0:
        return None
    step, first = (float(v) for v in np.polyfit(index, values, 1))
    off = float(np.abs(first + step * index - values).max())
    if abs(step) < 1e-6 or off > HIDDEN_RESIDUAL * abs(step):
        return None
    return _Line(first - step / 2, step, off / abs(step))


def _axis(info: VariableInfo) -> str | None:
    if len(info.dims) != 1 or info.dtype.kind not in "iuf" or info.shape[0] < 2:
        return None
    standard = str(info.attributes.get("standard_name", "")).strip().lower()
    for axis in "xy":
        if standard in (f"projection_{axis}_coordinate", f"projection_{axis}_angular_coordinate"):
            return axis
    units = str(info.attributes.get("units", "")).strip().lower()
    return info.name.lower() if info.name.lower() in ("x", "y") and units in METRES and not standard else None


def _crs(granule: Granule) -> "tuple[CRS, str] | None":
    """The CRS of the grid mapping, else of any variable that describes one, and where it stands."""
    named = []
    for info in granule.variables.values():
        mapping = str(info.attributes.get("grid_mapping", "")).split(":")[0].strip()
        if mapping:
            named += [mapping if mapping.startswith("/") else join(info.group, mapping), join("/", mapping)]
    described = [
        v.path
        for v in granule.variables.values()
        if "grid_mapping_name" in v.attributes or set(CRS_TEXTS) & set(v.attributes)
    ]
    for path in dict.fromkeys([*named, *described]):
        mapped = granule.variables.get(path)
        crs = _understood(mapped.attributes) if mapped is not None else None
        if crs is not None:
            return crs, path
    return None


def _understood(attributes: Mapping[str, Any]) -> "CRS | None":
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    for name in CRS_TEXTS:
        text = attributes.get(name)
        if isinstance(text, str) and text.strip():
            try:
                return CRS.from_user_input(str(text).strip())
            except CRSError:
                continue
    if "grid_mapping_name" not in attributes:
        return None
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in attributes.items() if k not in CRS_TEXTS}
    try:
        return CRS.from_cf({k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in plain.items()})
    except (CRSError, KeyError, TypeError, ValueError):
        return None
