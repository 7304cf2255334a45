"""What a cell outside a shape is filled with. Pure.

Obeys transformers-l3.md 3 ("Fill") of the project's contracts.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

# By kind and size; the list of the contract, with int64 in the same manner.
DEFAULTS: Mapping[str, Any] = {
    "f2": -9999.0, "f4": -9999.0, "f8": -9999.0, "i1": 127, "i2": 32767, "i4": 2147483647, "i8": 2**63 - 1,
    "u1": 254, "u2": 65534, "u4": 4294967294, "u8": 2**64 - 2,
}  # fmt: skip


def fill_of(dtype: np.dtype, *said: Any) -> Any:
    """The first of the said values that the type can hold, else the type's default; a scalar of the type."""
    for value in said:
        if value is not None and (fill := _held(dtype, value)) is not None:
            return fill
    # The type without byte order and without names of an enumeration.
    return np.dtype(dtype.str).type(DEFAULTS.get(dtype.str[1:], -9999.0))


def _held(dtype: np.dtype, value: Any) -> Any:
    try:
        one = np.asarray(value).reshape(-1)[0]
        if isinstance(one, str | bytes):  # a configured fill is written as text
            one = float(one)
        if dtype.kind == "f":
            return np.dtype(dtype.str).type(one)
        if one == int(one) and np.iinfo(dtype).min <= int(one) <= np.iinfo(dtype).max:
            return np.dtype(dtype.str).type(int(one))
    except (TypeError, ValueError, OverflowError, IndexError):
        pass
    return None
