"""Reading any NetCDF or HDF5 file and writing it again: nothing lost, and every library opens what came out."""

import warnings
from pathlib import Path

import h5netcdf
import h5py
import netCDF4
import numpy as np
import pytest
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st

from transformers.contract import NoRetry
from transformers.formats.netcdf import Filters, StringText, VariableInfo, Writer, open_granule

GRANULES = (
    "2A-ENV.GPM.DPR.V9-20211125.20140308-S220950-E234217.000144.V07A.HDF5",
    "MLS-Aura_L2GP-OH_v06-01-c01_2005d160.he5",
    "OMI-Aura_L2-OMBRO_2020m0116t1207-o82471_v003-2020m0116t182003.he5",
    "S6A_P4_2__HR_RED__NR_014_191_20210403T004056_20210403T005056_F00.nc",
    "SS_AMSR2-L2B_v08_r38622-v02.0-fv01.0.nc",
    "TEMPO_NO2_L2_V03_20240328T154353Z_S008G01.nc4",
    "ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc",
    "ascat_20211220_231800_metopb_48038_eps_o_250_3202_ovw.l2.nc4",
    "synthetic_gedi_l2a.h5",
    "synthetic_many_groups.nc",
    "synthetic_tempo_dup.nc",
    "2020_01_01_7f00ff_global.nc",
)


def copy(source: Path, target: Path) -> Path:
    """Read everything, write everything."""
    with open_granule(source) as granule, Writer(target) as writer:
        for path, attributes in granule.groups.items():
            writer.group(path, attributes)
        for dimension in granule.dimensions.values():
            writer.dimension(dimension.path, dimension.size, unlimited=dimension.unlimited)
        for info in granule.variables.values():
            writer.variable(info, granule.read(info.path))
    return target


@pytest.mark.parametrize("name", GRANULES)
def test_a_copy_holds_what_the_original_holds(name, shared_data, tmp_path, compare_l2):
    original = shared_data / "granules" / "l2" / name
    # OMI gives characters a number as their fill, which NetCDF-4 cannot keep.
    rules = {"mode": "raw", "ignore_attributes": ["_FillValue"] if name.startswith("OMI") else []}
    assert compare_l2.compare(original, copy(original, tmp_path / "copy.nc"), rules) == []


@pytest.mark.parametrize("name", [n for n in GRANULES if "tempo_dup" not in n])
def test_every_library_opens_a_copy_without_a_warning(name, shared_data, tmp_path):
    target = copy(shared_data / "granules" / "l2" / name, tmp_path / "copy.nc")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with netCDF4.Dataset(target) as file:
            assert file.data_model == "NETCDF4"
        with h5netcdf.File(target, "r") as file:
            assert list(file.variables) or list(file.groups)
        with h5py.File(target, "r") as file:
            assert len(file)
    with xarray.open_datatree(target, engine="h5netcdf", decode_cf=False) as tree:
        assert len(list(tree.subtree))


def test_a_second_copy_is_the_first(shared_data, tmp_path):
    """What we write, we read: attributes of every kind, dimensions, chunks, filters and fill values."""
    first = copy(shared_data / "granules" / "l2" / GRANULES[4], tmp_path / "1.nc")
    second = copy(first, tmp_path / "2.nc")
    with open_granule(first) as a, open_granule(second) as b:
        assert a.dimensions == b.dimensions
        assert repr(a.groups["/"]) == repr(b.groups["/"])
        for path, info in a.variables.items():
            assert repr(info) == repr(b.variables[path])


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["i1", "u1", ">i2", "<i2", "u4", "i8", "u8", ">f4", "f8", "S1"]),
    shape=st.lists(st.integers(0, 5), min_size=0, max_size=3).map(tuple),
    deflate=st.sampled_from([None, 1, 9]),
    shuffle=st.booleans(),
    fletcher32=st.booleans(),
    filled=st.booleans(),
    unlimited=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_what_is_written_is_read_again(
    tmp_path_factory, kind, shape, deflate, shuffle, fletcher32, filled, unlimited, seed
):
    path = tmp_path_factory.mktemp("w") / "a.nc"
    rng = np.random.default_rng(seed)
    dtype = np.dtype(kind)
    values = (
        rng.integers(65, 90, shape).astype("u1").view("S1")
        if kind == "S1" and shape
        else np.asarray(b"x" if kind == "S1" else rng.integers(0, 100, shape), dtype)
    )
    fill = np.asarray(b"-" if kind == "S1" else 7, dtype)[()]
    info = VariableInfo(
        "/g/v",
        tuple(f"/d{i}" for i in range(len(shape))),
        shape,
        dtype,
        attributes={"units": "m", **({"_FillValue": fill} if filled else {})},
        filters=Filters(deflate, shuffle, fletcher32),
        fill=fill if filled else None,
    )
    with Writer(path) as writer:
        for i, size in enumerate(shape):
            writer.dimension(f"/d{i}", size, unlimited=unlimited and i == 0)
        writer.variable(info, values)
    with open_granule(path) as granule:
        found = granule.variables["/g/v"]
        assert (found.dims, found.shape, found.dtype) == (info.dims, shape, dtype)
        assert granule.read("/g/v").tolist() == values.tolist()
        assert (found.fill == fill) if filled else found.fill is None
        assert set(granule.variables) == {"/g/v"}
        if deflate and values.size and shape:
            assert found.filters == Filters(deflate, shuffle, fletcher32)
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        variable = file["/g/v"]
        assert variable.dimensions == tuple(f"d{i}" for i in range(len(shape)))
        assert np.asarray(variable[...]).tolist() == values.tolist()
        assert set(file.variables) == set()


def test_attributes_of_every_kind_survive(tmp_path):
    attributes = {
        "characters": "plain",
        "umlaut": "Grüße",
        "empty": "",
        "string": StringText("an object"),
        "strings": np.array(["a", "bc"], dtype=object),
        "number": np.int16(3),
        "numbers": np.array([1.5, 2.5], "f4"),
        "long text": "x" * 70_000,  # more than HDF5 keeps in an object header
        "latin": b"\xe9t\xe9".decode("utf-8", "surrogateescape"),
    }
    with Writer(tmp_path / "a.nc") as writer:
        writer.group("/", attributes)
        writer.group("/inner/most", attributes)
    with open_granule(tmp_path / "a.nc") as granule:
        for group in ("/", "/inner/most"):
            found = granule.groups[group]
            assert list(found) == list(attributes)
            assert {k: (type(v), repr(v)) for k, v in found.items()} == {
                k: (type(v), repr(v)) for k, v in attributes.items()
            }
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        assert file.umlaut == "Grüße"
        assert file.string == "an object"
        assert file.strings == ["a", "bc"]
        assert file.number == 3
        assert file.empty == ""


def test_names_of_attributes_that_netcdf_refuses_are_mended_and_never_collide(tmp_path):
    with Writer(tmp_path / "a.nc") as writer:
        writer.group("/g", {"a/b c": 1, "with blank": 2, "1st/": 3})
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        assert set(file["g"].ncattrs()) == {"ab_c", "with blank", "_1st"}
    with pytest.raises(ValueError, match="'ab'"), Writer(tmp_path / "b.nc") as writer:
        writer.group("/g", {"a/b": 1, "ab": 2})
    assert not (tmp_path / "b.nc").exists()


def test_coordinates_of_two_dimensions_and_names_that_clash(tmp_path):
    """netCDF-C's own tricks: `_Netcdf4Coordinates`, and `_nc4_non_coord_` for a variable named like a dimension."""
    with Writer(tmp_path / "a.nc") as writer:
        writer.dimension("/x", 3)
        writer.dimension("/y", 2)
        writer.variable(VariableInfo("/x", ("/x", "/y"), (3, 2), np.dtype("i4")), np.arange(6).reshape(3, 2))
        writer.variable(VariableInfo("/y", ("/x",), (3,), np.dtype("i4")), np.arange(3))
        writer.variable(VariableInfo("/v", ("/y", "/x"), (2, 3), np.dtype("i4")), np.zeros((2, 3), "i4"))
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        assert {n: v.dimensions for n, v in file.variables.items()} == {"x": ("x", "y"), "y": ("x",), "v": ("y", "x")}
        assert file["y"][:].tolist() == [0, 1, 2]
    with open_granule(tmp_path / "a.nc") as granule:
        assert {p: v.dims for p, v in granule.variables.items()} == {
            "/x": ("/x", "/y"), "/y": ("/x",), "/v": ("/y", "/x")
        }  # fmt: skip
        assert granule.read("/y").tolist() == [0, 1, 2]


def test_types_of_a_user_stay_what_they_are(tmp_path):
    pair = np.dtype([("a", "i4"), ("b", "f8")])
    colour = h5py.enum_dtype({"RED": 0, "BLUE": 1}, basetype="u1")
    with Writer(tmp_path / "a.nc") as writer:
        writer.dimension("/x", 2)
        writer.variable(VariableInfo("/pair", ("/x",), (2,), pair), np.array([(1, 2.0), (3, 4.0)], pair))
        writer.variable(VariableInfo("/colour", ("/x",), (2,), colour), np.array([1, 0], "u1"))
        text = VariableInfo("/text", ("/x",), (2,), h5py.string_dtype())
        writer.variable(text, np.array(["ab", "c"], dtype=object))
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        assert file["pair"][:].tolist() == [(1, 2.0), (3, 4.0)]
        assert file["colour"][:].tolist() == [1, 0]
        assert file["text"][:].tolist() == ["ab", "c"]
    with open_granule(tmp_path / "a.nc") as granule:
        assert h5py.check_enum_dtype(granule.variables["/colour"].dtype) == {"RED": 0, "BLUE": 1}


def test_a_fill_value_of_another_type_is_put_into_the_variables_own(tmp_path):
    """Classic files may have an int8 fill on int16 data; netCDF-4 may not."""
    with Writer(tmp_path / "a.nc") as writer:
        writer.dimension("/x", 2)
        info = VariableInfo("/v", ("/x",), (2,), np.dtype("i2"), {"_FillValue": np.int8(-1)}, fill=np.int8(-1))
        writer.variable(info, np.array([1, -1], "i2"))
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        assert file["v"]._FillValue.dtype == np.dtype("i2")
        assert file["v"][:].mask.tolist() == [False, True]


def test_an_exception_while_writing_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), Writer(tmp_path / "a.nc") as writer:
        writer.dimension("/x", 2)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_dimensions_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match="was declared with 2"), Writer(tmp_path / "a.nc") as writer:
        writer.dimension("/x", 2)
        writer.dimension("/x", 3)
    with pytest.raises(ValueError, match="not declared"), Writer(tmp_path / "a.nc") as writer:
        writer.variable(VariableInfo("/v", ("/x",), (2,), np.dtype("i2")))


@pytest.mark.parametrize("name", ["SS_MODIS_A-JPL-L2P-v2014.0.nc", GRANULES[6]])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.3, 0.7, 0.999])
def test_a_file_cut_short_says_so_by_name(name, part, shared_data, tmp_path):
    whole = (shared_data / "granules" / "l2" / name).read_bytes()
    broken = tmp_path / "input"
    broken.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(NoRetry, match=r"granule\.nc: .*(truncated|cut short|an empty file)"):
        open_granule(broken, "granule.nc")


def test_what_is_no_netcdf_says_what_it_is(tmp_path):
    (tmp_path / "a.nc").write_text("<html>not found</html>")
    with pytest.raises(NoRetry, match=r"a\.nc: a file that starts with b'<htm'; allowed: NetCDF-4, HDF5"):
        open_granule(tmp_path / "a.nc")
    with pytest.raises(NoRetry, match=r"b\.nc: cannot be opened: No such file"):
        open_granule(tmp_path / "b.nc")


def test_damaged_chunks_are_named_with_the_librarys_reason(tmp_path):
    path = tmp_path / "a.nc"
    with Writer(path) as writer:
        writer.dimension("/x", 1000)
        info = VariableInfo("/v", ("/x",), (1000,), np.dtype("i4"), filters=Filters(deflate=4))
        writer.variable(info, np.arange(1000, dtype="i4"))
    with h5py.File(path) as file:
        where = file["v"].id.get_chunk_info(0).byte_offset
    damaged = bytearray(path.read_bytes())
    damaged[where : where + 40] = b"\xff" * 40
    path.write_bytes(damaged)
    with open_granule(path, "granule.nc") as granule, pytest.raises(NoRetry, match=r"granule\.nc: /v: .*filter"):
        granule.read("/v")


def test_links_and_values_outside_the_file_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["v"] = np.arange(3)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["linked"] = h5py.ExternalLink("secret.h5", "/v")
        layout = h5py.VirtualLayout((3,), "i8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "v", (3,))
        file.create_virtual_dataset("virtual", layout)
    with open_granule(tmp_path / "a.h5") as granule:
        assert set(granule.variables) == {"/virtual"}
        with pytest.raises(NoRetry, match="stand in other files"):
            granule.read("/virtual")


def test_dimensions_without_scales_get_the_names_the_file_says_elsewhere(shared_data):
    folder = shared_data / "granules" / "l2"
    with open_granule(folder / GRANULES[0]) as gpm:
        assert gpm.variables["/FS/Latitude"].dims == ("/FS/nscan", "/FS/nray")
        assert gpm.variables["/FS/VERENV/airPressure"].dims == ("/FS/nscan", "/FS/nray", "/FS/nbin")
        assert gpm.variables["/HS/Latitude"].dims == ("/HS/nscan", "/HS/nrayHS")
    with open_granule(folder / GRANULES[2]) as omi:
        swath = "/HDFEOS/SWATHS/OMI Total Column Amount BrO"
        assert omi.variables[f"{swath}/Geolocation Fields/Latitude"].dims == (f"{swath}/nTimes", f"{swath}/nXtrack")


def test_filters_of_plug_ins_are_read(tmp_path):
    """zstd comes with the netCDF4 wheel (decisions.md 6.1)."""
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        file.createDimension("x", 1000)
        file.createVariable("v", "i4", ("x",), compression="zstd")[:] = np.arange(1000)
    with open_granule(tmp_path / "a.nc") as granule:
        assert granule.variables["/v"].filters.other
        assert granule.read("/v").sum() == 499500
        copied = copy(tmp_path / "a.nc", tmp_path / "b.nc")
    with netCDF4.Dataset(copied) as file:
        assert file["v"].filters()["zlib"]


def test_names_that_are_not_utf8_become_latin1(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs.create("größe".encode("latin-1"), "text")
        file.create_group("grün".encode("latin-1")).create_dataset("dä".encode("latin-1"), data=np.arange(3))
    with netCDF4.Dataset(copy(tmp_path / "a.h5", tmp_path / "b.nc")) as file:
        assert file.getncattr("größe") == "text"
        assert file["grün"]["dä"][:].tolist() == [0, 1, 2]
