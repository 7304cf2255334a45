"""Builders of small real grid files, written with netCDF4 (not with our own writer)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from hypothesis import strategies as st


@dataclass(frozen=True)
class GridFile:
    """A grid of square cells. south, west: outer edges; north_first, east_first: the axis descends."""

    rows: int = 8
    columns: int = 12
    step: float = 1.0
    south: float = 0.0
    west: float = 0.0
    north_first: bool = False
    east_first: bool = False
    bounds: bool = False
    fill: int | None = -999
    group: str = ""
    file_format: str = "NETCDF4"

    @property
    def lat(self) -> np.ndarray:
        values = self.south + self.step * (np.arange(self.rows) + 0.5)
        return values[::-1] if self.north_first else values

    @property
    def lon(self) -> np.ndarray:
        values = self.west + self.step * (np.arange(self.columns) + 0.5)
        return values[::-1] if self.east_first else values

    @property
    def numbers(self) -> np.ndarray:
        """The values of `count`, shape (2, rows, columns)."""
        return np.arange(2 * self.rows * self.columns, dtype="i2").reshape(2, self.rows, self.columns)

    def write(self, path: Path) -> Path:
        with netCDF4.Dataset(path, "w", format=self.file_format) as file:
            file.title = "a grid made for a test"
            place = file.createGroup(self.group) if self.group else file
            for name, values, units in (
                ("time", np.array([0.0, 6.0]), "hours since 2020-01-01"),
                ("lat", self.lat, "degrees_north"),
                ("lon", self.lon, "degrees_east"),
            ):
                place.createDimension(name, None if name == "time" and self.file_format == "NETCDF4" else len(values))
                variable = place.createVariable(name, "f8", (name,))
                variable.units = units
                variable[:] = values
                if self.bounds and name != "time":
                    self._write_bounds(place, name, values)
            options: dict[str, Any] = {"chunksizes": (1, 3, 5), "zlib": True, "shuffle": True}
            options = options if self.file_format == "NETCDF4" and min(self.rows // 3, self.columns // 5) else {}
            count = place.createVariable("count", "i2", ("time", "lat", "lon"), fill_value=self.fill, **options)
            count.set_auto_maskandscale(False)
            count.scale_factor = np.float32(0.1)
            count.add_offset = 5.0
            count.long_name = "running number"
            count.valid_range = np.array([0, 100], "i2")
            count[:] = self.numbers
            whole = place.createVariable("whole", "f4", ("lat", "lon"))
            whole[:] = self.numbers[0]
        return path

    def _write_bounds(self, place: Any, name: str, values: np.ndarray) -> None:
        if "nv" not in place.dimensions:
            place.createDimension("nv", 2)
        half = self.step / 2 * (1 if values[0] <= values[-1] else -1)
        bounds = place.createVariable(f"{name}_bnds", "f8", (name, "nv"))
        bounds[:] = np.column_stack([values - half, values + half])
        place[name].bounds = f"{name}_bnds"


@st.composite
def grids(draw: st.DrawFn) -> GridFile:
    """Regional and global grids, either direction, longitudes -180..180, 0..360 or across; on a lattice that rounding
    cannot blur."""
    step = draw(st.sampled_from([0.5, 1.0, 2.5, 10.0]))
    whole_globe = step == 10.0 and draw(st.booleans())
    rows = 18 if whole_globe else draw(st.integers(2, 12))
    columns = 36 if whole_globe else draw(st.integers(2, 20))
    return GridFile(
        rows=rows,
        columns=columns,
        step=step,
        south=-90.0 if whole_globe else float(draw(st.integers(-60, -30))),
        west=draw(st.sampled_from([-180.0, 0.0])) if whole_globe else float(draw(st.integers(-180, 150))),
        north_first=draw(st.booleans()),
        east_first=draw(st.booleans()),
        bounds=draw(st.booleans()),
        fill=draw(st.sampled_from([-999, None])),
        group=draw(st.sampled_from(["", "Grid"])),
    )


@st.composite
def boxes_on(draw: st.DrawFn, grid: GridFile) -> list[float]:
    """A box near a grid, sides on quarters of a cell: often on edges and centres of cells. May cross 180."""
    quarter = grid.step / 4
    south = grid.south + quarter * draw(st.integers(-4, 4 * grid.rows))
    north = south + quarter * draw(st.integers(1, 4 * grid.rows))
    west = grid.west + quarter * draw(st.integers(-8, 4 * grid.columns))
    east = west + quarter * draw(st.integers(1, 4 * grid.columns))
    return [_turned(west), float(np.clip(south, -90, 89)), _turned(east), float(np.clip(north, -89, 90))]


def overlaps(centres: np.ndarray, step: float, low: float, high: float) -> np.ndarray:
    """The plain definition: cells that share more than an edge with low to high."""
    return (centres + step / 2 > low) & (centres - step / 2 < high)


def overlaps_on_circle(centres: np.ndarray, step: float, west: float, east: float) -> np.ndarray:
    """The same on the circle of longitudes, eastwards from west to east."""
    width = (east - west) % 360 or (360.0 if east != west else 0.0)
    return np.any([overlaps(centres, step, west + t, west + t + width) for t in (-720, -360, 0, 360, 720)], axis=0)


def _turned(lon: float) -> float:
    return lon if -180 <= lon <= 180 else (lon + 180) % 360 - 180
