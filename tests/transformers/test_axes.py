"""Which variables are latitude and longitude, told from names and attributes alone."""

import numpy as np
import pytest

from transformers.coordinates.axes import Pair, find_pairs, is_grid_pair, main_pair, score
from transformers.formats.layout import VariableInfo
from transformers.formats.netcdf import open_granule


def variables(*entries) -> dict[str, VariableInfo]:
    """(path, dims, attributes) each; a dimension called n5 has size 5, others 3."""
    made = {}
    for path, dims, attributes in entries:
        shape = tuple(int(d[2:]) if d[2:].isdigit() else 3 for d in dims)
        made[path] = VariableInfo(path, tuple(dims), shape, np.dtype("f4"), attributes)
    return made


NORTH, EAST = {"units": "degrees_north"}, {"units": "degrees_east"}


def test_exact_names_pair_within_their_group_whatever_their_case():
    found = find_pairs(variables(("/Latitude", ["/r", "/c"], {}), ("/LONGITUDE", ["/r", "/c"], {}),
                                 ("/g/lat", ["/r"], {}), ("/h/lon", ["/r"], {})))  # fmt: skip
    assert found == (Pair("/Latitude", "/LONGITUDE", 0),)


def test_the_coordinates_attribute_names_a_pair():
    found = find_pairs(variables(("/my_lat_x", ["/r"], {}), ("/my_lon_x", ["/r"], {}),
                                 ("/data", ["/r"], {"coordinates": "time my_lon_x my_lat_x"})))  # fmt: skip
    assert found == (Pair("/my_lat_x", "/my_lon_x", 1),)


def test_units_alone_are_enough_for_the_only_two():
    found = find_pairs(variables(("/COADSY", ["/y"], NORTH), ("/COADSX", ["/x"], EAST)))
    assert found == (Pair("/COADSY", "/COADSX", 2),)
    assert is_grid_pair(variables(("/COADSY", ["/y"], NORTH), ("/COADSX", ["/x"], EAST)), found[0])


def test_stems_tell_several_pairs_apart():
    found = find_pairs(variables(("/lat_ph", ["/p"], NORTH), ("/lon_ph", ["/p"], EAST),
                                 ("/lat_mean", ["/m"], NORTH), ("/lon_mean", ["/m"], EAST)))  # fmt: skip
    assert {(p.latitude, p.longitude) for p in found} == {("/lat_ph", "/lon_ph"), ("/lat_mean", "/lon_mean")}


@pytest.mark.parametrize("name", ["lat_bnds", "latitude_bounds", "lat_error", "satellite_latitude", "first_meas_lat",
                                  "lat_offset", "latitude_quality"])  # fmt: skip
def test_what_only_sounds_like_a_latitude_is_refused(name):
    info = variables((f"/{name}", ["/r"], NORTH))[f"/{name}"]
    assert score(info, "latitude") < 2


def test_another_standard_name_refuses():
    info = variables(("/lat", ["/r"], {"standard_name": "projection_y_coordinate"}))["/lat"]
    assert score(info, "latitude") == 0


def test_map_coordinates_in_metres_are_no_pair_but_bare_y_and_x_are():
    metres = {"units": "m"}
    assert find_pairs(variables(("/y", ["/y"], metres), ("/x", ["/x"], metres))) == ()
    assert find_pairs(variables(("/y", ["/y"], {}), ("/x", ["/x"], {}))) == (Pair("/y", "/x", 0),)


def test_shapes_must_agree():
    assert find_pairs(variables(("/lat", ["/r", "/c"], {}), ("/lon", ["/r"], {}))) == ()


def test_the_main_pair_is_where_most_values_are():
    found = variables(("/a/lat", ["/n10"], {}), ("/a/lon", ["/n10"], {}),
                      ("/b/lat", ["/n99"], {}), ("/b/lon", ["/n99"], {}))  # fmt: skip
    assert main_pair(found, find_pairs(found)).latitude == "/b/lat"
    assert main_pair(found, ()) is None


@pytest.mark.parametrize(
    ("folder", "name", "count"),
    [
        ("l2", "2A-ENV.GPM.DPR.V9-20211125.20140308-S220950-E234217.000144.V07A.HDF5", 2),
        ("l2", "ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc", 1),
        ("l2", "synthetic_atl03.h5", 4),
        ("l2", "S6A_P4_2__HR_RED__NR_014_191_20210403T004056_20210403T005056_F00.nc", 1),
        ("l2", "OMI-Aura_L2-OMBRO_2020m0116t1207-o82471_v003-2020m0116t182003.he5", 1),
        ("l3", "coads_sst.nc", 1),
        ("l3", "ATL16_variables.nc4", 3),
        ("l3", "smap_like_SPL3SMP.nc4", 1),
    ],
)
def test_real_granules_have_the_pairs_one_would_name(folder, name, count, shared_data):
    path = shared_data / "granules" / folder / name
    if not path.exists():
        path = shared_data / "granules" / "extra" / name
    with open_granule(path) as granule:
        assert len(find_pairs(granule.variables)) == count
