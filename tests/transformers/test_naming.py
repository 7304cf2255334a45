"""Names of outputs: transformers-l3.md 0.2 and transformers-l2.md 1.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.formats.naming import media_type, output_name

FLAGS = st.fixed_dictionaries(
    {"regridded": st.booleans(), "subsetted": st.booleans(), "reformatted": st.booleans()},
    optional={"variable": st.sampled_from(["wind", "/group/wind", "a:b"]), "ext": st.sampled_from([".nc4", "tif"])},
)


@pytest.mark.parametrize(
    ("source", "flags", "expected"),
    [
        ("https://host/path/granule.nc?x=1.h5", {"subsetted": True}, "granule_subsetted.nc"),
        ("a/b/granule.v1.nc", {"variable": "sst", "subsetted": True, "ext": "nc4"}, "granule.v1_sst_subsetted.nc4"),
        ("granule_subsetted.nc", {"subsetted": True}, "granule_subsetted.nc"),
        ("granule_subsetted.nc", {"subsetted": True, "reformatted": True, "ext": ".tif"},
         "granule_subsetted_reformatted.tif"),
        ("granule_sst_subsetted.nc4", {"variable": "sst", "subsetted": True}, "granule_sst_subsetted.nc4"),
        ("S6A__HR_RED__NR.nc", {"subsetted": True}, "S6A_HR_RED_NR_subsetted.nc"),
        ("g.he5", {"variable": "/HDFEOS/A B/C", "subsetted": True}, "g_HDFEOS_A B_C_subsetted.he5"),
        ("_granule_.nc", {}, "granule.nc"),
        ("a%20b.nc", {}, "a b.nc"),
        ("noextension", {"regridded": True}, "noextension_regridded"),
        ("granule.HDF5/", {"subsetted": True}, "granule_subsetted.HDF5"),
    ],
)  # fmt: skip
def test_a_name_follows_the_rules(source, flags, expected):
    assert output_name(source, **flags) == expected


@given(stem=st.text("abcXYZ019._-:", min_size=1, max_size=20), flags=FLAGS)
def test_naming_twice_is_naming_once(stem, flags):
    once = output_name(f"x{stem}y.nc", **flags)
    assert output_name(once, **flags) == once


@given(stem=st.text("abc._:", min_size=1, max_size=20), flags=FLAGS)
def test_a_name_is_one_path_element_without_doubled_underscores(stem, flags):
    name = output_name(f"x{stem}y.nc", **flags)
    assert not set("/:") & set(name)
    assert "__" not in name
    assert not name.startswith("_")
    assert not name.endswith("_")


def test_media_types_follow_the_extension():
    assert media_type("a.b.nc4") == "application/x-netcdf4"
    assert media_type("a.TIF") == "image/tiff"
    assert media_type("a.png.aux.xml") == "application/xml"
    assert media_type("a") == "application/octet-stream"


def test_characters_that_no_key_may_hold_become_underscores():
    assert output_name("new\nline.nc", subsetted=True) == "new_line_subsetted.nc"
    assert output_name("a\\b\x7f.nc", subsetted=True) == "a_b_subsetted.nc"
