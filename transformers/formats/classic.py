"""Classic NetCDF files (CDF-1, CDF-2, CDF-5), read through a memory map.

The header is parsed here, for two reasons: the C library opens a file cut in half without a word and gives values for
data that are not there, and it costs 0.2 s to import. Writing is NetCDF-4 only (`hdf5_writer.py`).
Obeys: "NetCDF Classic Format Specification" (CDF-1, CDF-2) and "CDF-5 Format Specification".
"""

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from transformers.contract import NoRetry
from transformers.formats.layout import Dimension, Granule, VariableInfo

TYPES = {1: "i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8", 7: "u1", 8: ">u2", 9: ">u4", 10: ">i8", 11: ">u8"}
DIMENSIONS, VARIABLES, ATTRIBUTES = 10, 11, 12  # tags of the three lists
STREAMING = {4: 0xFFFFFFFF, 8: 0xFFFFFFFFFFFFFFFF}  # numrecs of a file whose writer did not know it


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where the values of one variable stand. record_bytes: 0 for a variable without the record dimension."""

    begin: int
    slab_bytes: int  # of one record, or of the whole variable, without padding
    is_record: bool


class ClassicGranule(Granule):
    """A classic file. Everything stands in the root group; strings are characters."""

    def __init__(self, path: Path, title: str) -> None:
        self.path, self._title = path, title
        try:
            self._bytes: np.ndarray = np.memmap(path, dtype=np.uint8, mode="r")
        except (OSError, ValueError) as error:
            raise NoRetry(f"{title}: cannot be opened: {error}") from error
        try:
            self._read_header()
        except (struct.error, IndexError, KeyError, UnicodeDecodeError) as error:
            raise NoRetry(f"{title}: the classic NetCDF header is cut short or damaged ({error})") from error
        self._check_whole()

    def read(self, path: str, selection: Any = ...) -> np.ndarray:
        info, placed = self.variables[path], self._placed[path]
        stored = info.dtype.newbyteorder(">")
        if not info.shape or not placed.is_record:
            whole = self._bytes[placed.begin : placed.begin + placed.slab_bytes].view(stored).reshape(info.shape)
        elif not info.shape[0]:
            whole = np.empty(info.shape, stored)
        else:
            strides = (self._record_bytes, *_strides(info.shape[1:], stored.itemsize))
            whole = np.ndarray(info.shape, stored, self._bytes, placed.begin, strides)
        return np.array(whole[selection], dtype=info.dtype)

    def close(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def _read_header(self) -> None:
        reader = _Header(self._bytes)
        records = reader.count()
        dimensions = reader.dimensions()
        self.groups = {"/": reader.attributes()}
        variables = reader.variables()
        record_dim = next((i for i, (_, size) in enumerate(dimensions) if size == 0), None)
        slabs = {
            name: prod(dimensions[d][1] for d in dims if d != record_dim) * np.dtype(TYPES[kind]).itemsize
            for name, dims, _, kind, _ in variables
        }
        on_records = [v[0] for v in variables if v[1] and v[1][0] == record_dim]
        # A file with a single record variable does not pad its records (specification, "Note on padding").
        padded = len(on_records) > 1
        self._record_bytes = sum(_padded(slabs[n]) if padded else slabs[n] for n in on_records)
        if records == STREAMING[reader.wide]:
            first = min((v[4] for v in variables if v[0] in on_records), default=0)
            records = (len(self._bytes) - first) // self._record_bytes if self._record_bytes else 0
        self.dimensions, self.variables, self._placed = {}, {}, {}
        for i, (name, size) in enumerate(dimensions):
            length = records if i == record_dim else size
            self.dimensions["/" + name] = Dimension("/" + name, length, unlimited=i == record_dim)
        paths = tuple(self.dimensions)
        for name, dims, attributes, kind, begin in variables:
            own = tuple(paths[d] for d in dims)
            fill = attributes.get("_FillValue")
            self.variables["/" + name] = VariableInfo(
                path="/" + name,
                dims=own,
                shape=tuple(self.dimensions[d].size for d in own),
                dtype=np.dtype(TYPES[kind]).newbyteorder("="),
                attributes=attributes,
                fill=fill.encode("latin-1")[:1] if isinstance(fill, str) else fill,
            )
            self._placed["/" + name] = _Placed(begin, slabs[name], name in on_records)

    def _check_whole(self) -> None:
        """Raise NoRetry when the header promises more bytes than the file has."""
        end = 0
        for path, placed in self._placed.items():
            records = self.variables[path].shape[0] if placed.is_record else 1
            if records:
                end = max(end, placed.begin + (records - 1) * self._record_bytes + placed.slab_bytes)
        size = self.path.stat().st_size
        if end > size:
            raise NoRetry(f"{self._title}: truncated: {size} bytes, but its header describes {end}")


class _Header:
    """Reads a classic header from its start; `wide` is the size of a count (4, or 8 in CDF-5)."""

    def __init__(self, data: np.ndarray) -> None:
        self._data, self._at, version = data, 4, int(data[3])
        self.wide = 8 if version == 5 else 4
        self._offset = 4 if version == 1 else 8

    def _take(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size].tobytes()
        if len(piece) != size:
            raise IndexError("the file ends inside it")
        self._at += size
        return piece

    def _number(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big")

    def count(self) -> int:
        """A non-negative number of the format's count size."""
        return self._number(self.wide)

    def _name(self) -> str:
        size = self.count()
        return self._take(_padded(size))[:size].decode("utf-8")

    def _list(self, tag: int) -> int:
        found, size = self._number(4), self.count()
        if found not in (tag, 0) or (found == 0 and size):
            raise IndexError(f"list tag {found} at byte {self._at}; allowed: {tag} or 0")
        return size

    def dimensions(self) -> list[tuple[str, int]]:
        """Names and sizes; size 0 marks the record dimension."""
        return [(self._name(), self.count()) for _ in range(self._list(DIMENSIONS))]

    def attributes(self) -> dict[str, Any]:
        """Characters as str, one number as a numpy scalar, several as an array (native byte order)."""
        return {self._name(): self._values() for _ in range(self._list(ATTRIBUTES))}

    def _values(self) -> Any:
        kind, size = np.dtype(TYPES[self._number(4)]), self.count()
        raw = self._take(_padded(size * kind.itemsize))[: size * kind.itemsize]
        if kind.kind == "S":
            return raw.rstrip(b"\0").decode("utf-8", "surrogateescape")
        values = np.frombuffer(raw, kind).astype(kind.newbyteorder("="))
        return values[0] if size == 1 else values

    def variables(self) -> list[tuple[str, tuple[int, ...], dict[str, Any], int, int]]:
        """(name, dimension numbers, attributes, type, first byte). `vsize` is redundant and wrong for huge ones."""
        found = []
        for _ in range(self._list(VARIABLES)):
            name = self._name()
            dims = tuple(self.count() for _ in range(self.count()))
            attributes = self.attributes()
            kind = self._number(4)
            self.count()
            found.append((name, dims, attributes, kind, self._number(self._offset)))
        return found


def _padded(size: int) -> int:
    return -(-size // 4) * 4


def _strides(shape: tuple[int, ...], item: int) -> list[int]:
    return [item * prod(shape[i + 1 :]) for i in range(len(shape))]
