"""Attributes of HDF5 objects: read as plain Python values, written so that every NetCDF library reads the same.

str: characters (NC_CHAR, a fixed-length scalar string); StringText: a string object (NC_STRING); one number: a numpy
scalar; several: an array; several strings: an object array. The bookkeeping of dimension scales is left out, as is
what points into the file (references), which a copy cannot keep.
"""

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5s, h5t

from transformers.formats.layout import StringText

BOOKKEEPING = frozenset(
    [
        "CLASS",
        "NAME",
        "REFERENCE_LIST",
        "DIMENSION_LIST",
        "DIMENSION_LABELS",
        "_Netcdf4Dimid",
        "_Netcdf4Coordinates",
        "_nc3_strict",
        "_NCProperties",
    ]
)


def read_attributes(thing: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """All attributes but the bookkeeping, in the order the file keeps them."""
    found = {}
    for name in thing.attrs:
        if name not in BOOKKEEPING:
            value = read_attribute(thing, name)
            if value is not None:
                # A name that is not UTF-8 comes as bytes, most often Latin-1.
                found[name.decode("latin-1") if isinstance(name, bytes) else name] = value
    return found


def read_attribute(thing: h5py.Group | h5py.Dataset, name: str | bytes) -> Any:
    """One attribute; None when it is a reference or of a type that no one can read."""
    attribute = h5a.open(thing.id, name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape"))
    kind = attribute.get_type()
    empty = attribute.get_space().get_simple_extent_type() == h5s.NULL
    if isinstance(kind, h5t.TypeStringID):
        return _text(thing, name, attribute, kind, empty)
    if empty or isinstance(kind, h5t.TypeReferenceID):
        return None
    try:
        value = thing.attrs[name]
    except (OSError, TypeError, ValueError):
        return None
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "O":
            return None if h5py.check_ref_dtype(value.dtype) else value
        return value.reshape(-1)[0] if value.size == 1 else value
    return value


def write_attributes(thing: h5py.Group | h5py.Dataset, attributes: Mapping[str, Any]) -> None:
    """Write new attributes, one by one; the bookkeeping of dimension scales is never written here."""
    for name, value in attributes.items():
        if name not in BOOKKEEPING:
            write_attribute(thing, name, value)


def write_attribute(thing: h5py.Group | h5py.Dataset, name: str, value: Any) -> None:
    """Write one new attribute the way netCDF-C would: numbers as 1-D arrays, str as characters."""
    if isinstance(value, StringText):
        thing.attrs.create(name, str(value), dtype=h5py.string_dtype())
    elif isinstance(value, str | bytes):
        _write_characters(thing, name, value)
    elif isinstance(value, np.ndarray) and value.dtype.kind == "U":
        thing.attrs.create(name, value.astype(object), dtype=h5py.string_dtype())
    elif isinstance(value, np.ndarray):
        thing.attrs.create(name, value, dtype=h5py.string_dtype() if value.dtype.kind == "O" else value.dtype)
    elif isinstance(value, list | tuple):
        write_attribute(thing, name, np.asarray(value))
    else:
        thing.attrs.create(name, np.atleast_1d(value))


def _text(thing: Any, name: str | bytes, attribute: h5a.AttrID, kind: h5t.TypeStringID, empty: bool) -> Any:
    if kind.is_variable_str():
        if empty:
            return StringText("")
        value = np.asarray(thing.attrs[name], dtype=object)
        plain = [v.decode("utf-8", "surrogateescape") if isinstance(v, bytes) else v for v in value.reshape(-1)]
        return StringText(plain[0]) if len(plain) == 1 else np.array(plain, dtype=object)
    if empty:
        return ""
    stored = np.empty(attribute.shape, dtype=f"S{kind.get_size()}")
    attribute.read(stored, mtype=kind)  # HDF5 does not convert between its two character sets
    if stored.size != 1:
        return stored
    return stored.reshape(-1)[0].rstrip(b"\0").decode("utf-8", "surrogateescape")


def _write_characters(thing: Any, name: str, value: str | bytes) -> None:
    raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    if not raw:
        thing.attrs.create(name, h5py.Empty("S1"))  # netCDF-C's form of an empty text
        return
    kind = h5t.C_S1.copy()
    kind.set_size(len(raw))
    kind.set_strpad(h5t.STR_NULLTERM)
    if not raw.isascii():
        kind.set_cset(h5t.CSET_UTF8)
    attribute = h5a.create(thing.id, name.encode(), kind, h5s.create(h5s.SCALAR))
    attribute.write(np.frombuffer(raw, dtype=f"S{len(raw)}").reshape(()), mtype=kind)
