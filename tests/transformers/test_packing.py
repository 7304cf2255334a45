"""From stored values to numbers: scale, offset, fill, unsigned."""

import numpy as np
import pytest

from transformers.coordinates.packing import missing, number, unpack


def test_scale_and_offset_are_applied_and_fill_becomes_nan():
    attributes = {"scale_factor": np.float64(0.5), "add_offset": np.float32(10), "_FillValue": np.int16(-1)}
    assert unpack(np.array([0, 3, -1], "i2"), attributes).tolist()[:2] == [10.0, 11.5]
    assert np.isnan(unpack(np.array([-1], "i2"), attributes)[0])


def test_a_double_fill_means_the_float_of_the_array():
    assert missing(np.array([1e30, 1], "f4"), {"_FillValue": np.float64(1e30)}).tolist() == [True, False]


@pytest.mark.parametrize("name", ["missing_value", "MissingValue"])
def test_missing_values_count_unless_only_the_fill_is_asked_for(name):
    values, attributes = np.array([7, 8], "i4"), {name: np.array([7], "i4")}
    assert missing(values, attributes).tolist() == [True, False]
    assert not missing(values, attributes, also_missing_value=False).any()


def test_fills_that_are_no_numbers_are_ignored():
    assert not missing(np.array([1.0]), {"_FillValue": "-9999.0"}).any()
    assert number({"scale_factor": "half"}, "scale_factor") is None
    assert number({}, "scale_factor") is None


def test_unsigned_bytes_in_signed_types():
    assert unpack(np.array([-1, 1], "i1"), {"_Unsigned": "true"}).tolist() == [255.0, 1.0]
