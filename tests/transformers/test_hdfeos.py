"""Names of dimensions that HDF-EOS and GPM keep in text."""

import pytest

from transformers.formats.hdfeos import EosField, attribute_names, fields_of

TEXT = """GROUP=SwathStructure
    GROUP=SWATH_1
        SwathName="Total Column"
        GROUP=GeoField
            OBJECT=GeoField_1
                GeoFieldName="Latitude"
                DimList=("nTimes","nXtrack")
            END_OBJECT=GeoField_1
        END_GROUP=GeoField
        OBJECT=DataField_1
            DataFieldName="Profile"
            DimList=("nTimes+1","1")
        END_OBJECT=DataField_1
    END_GROUP=SWATH_1
END_GROUP=SwathStructure
GROUP=GridStructure
    GridName="G"
        DataFieldName="Band"
        DimList=("YDim","XDim")
END_GROUP=GridStructure
END
"""


def test_fields_are_found_with_their_swath_or_grid():
    assert fields_of(TEXT) == [
        EosField("/HDFEOS/SWATHS/Total Column", "Latitude", ("nTimes", "nXtrack")),
        EosField("/HDFEOS/SWATHS/Total Column", "Profile", ("nTimes+1", "1")),
        EosField("/HDFEOS/GRIDS/G", "Band", ("YDim", "XDim")),
    ]


def test_text_that_is_no_odl_yields_nothing():
    assert fields_of("anything = goes\nDimList=(\n") == []


@pytest.mark.parametrize(("value", "rank", "expected"), [
    ("nscan,nray", 2, ("nscan", "nray")), ("nscan, nray", 3, None), ("nscan,", 2, None), (3, 1, None), ("", 0, None),
])  # fmt: skip
def test_dimension_names_must_fit_the_rank(value, rank, expected):
    assert attribute_names(value, rank) == expected
