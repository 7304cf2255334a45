"""The reader of classic NetCDF against the C library, over generated files of all three forms."""

from pathlib import Path

import netCDF4
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transformers.contract import NoRetry
from transformers.formats.netcdf import open_granule

FORMS = ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA")
KINDS = ("i1", "S1", "i2", "i4", "f4", "f8")


def write(path: Path, form: str, records: int, kinds: list[str], on_records: list[bool], seed: int) -> None:
    """A file with one variable per kind, some along the record dimension."""
    rng = np.random.default_rng(seed)
    with netCDF4.Dataset(path, "w", format=form) as file:
        file.set_auto_maskandscale(False)
        file.createDimension("time", None)
        file.createDimension("x", 3)
        file.title = "größer"
        file.numbers = np.array([1, 2], "i2")
        for i, (kind, long) in enumerate(zip(kinds, on_records, strict=True)):
            variable = file.createVariable(f"v{i}", kind, ("time", "x") if long else ("x",))
            variable.setncattr("scale", np.float64(0.5))
            shape = (records, 3) if long else (3,)
            values = rng.integers(65, 90, shape)
            if not long or records:
                variable[:] = values.astype("u1").view("S1").reshape(shape) if kind == "S1" else values.astype(kind)
        file.createVariable("scalar", "i4", ())[...] = 7


@settings(max_examples=60, deadline=None)
@given(
    form=st.sampled_from(FORMS),
    records=st.integers(0, 4),
    variables=st.lists(st.tuples(st.sampled_from(KINDS), st.booleans()), min_size=1, max_size=5),
    wide=st.booleans(),
    seed=st.integers(0, 99),
)
def test_it_reads_what_the_c_library_wrote(tmp_path_factory, form, records, variables, wide, seed):
    path = tmp_path_factory.mktemp("classic") / "a.nc"
    kinds = [("u8" if wide and form.endswith("DATA") and k == "f8" else k) for k, _ in variables]
    write(path, form, records, kinds, [long for _, long in variables], seed)
    with netCDF4.Dataset(path) as expected, open_granule(path) as found:
        expected.set_auto_maskandscale(False)
        assert {d.path: d.size for d in found.dimensions.values()} == {
            f"/{n}": d.size for n, d in expected.dimensions.items()
        }
        assert found.groups["/"]["title"] == "größer"
        assert found.groups["/"]["numbers"].tolist() == [1, 2]
        assert list(found.variables) == [f"/{n}" for n in expected.variables]
        for name, variable in expected.variables.items():
            info = found.variables[f"/{name}"]
            assert (info.shape, info.dtype) == (variable.shape, variable.dtype)
            assert found.read(f"/{name}").tolist() == np.asarray(variable[...]).tolist()
        assert found.read("/scalar", ...).tolist() == 7
        for path_, info in found.variables.items():
            if len(info.shape) == 2:
                assert found.read(path_, (slice(1, 3), slice(0, 2))).tolist() == found.read(path_)[1:3, :2].tolist()


@settings(max_examples=40, deadline=None)
@given(form=st.sampled_from(FORMS), part=st.floats(0, 0.999))
def test_a_file_cut_anywhere_is_refused(tmp_path_factory, form, part):
    """The C library opens such files and gives values that are not there."""
    path = tmp_path_factory.mktemp("cut") / "a.nc"
    write(path, form, 3, ["f8", "i4", "i2"], [True, False, True], 1)
    whole = path.read_bytes()
    with open_granule(path) as granule:
        end = whole[: len(whole)]
        last = max(granule._placed[p].begin for p in granule.variables)
    cut = min(int(len(end) * part), last)
    path.write_bytes(whole[:cut])
    with pytest.raises(NoRetry):
        open_granule(path, "granule.nc").close()


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 260), byte=st.integers(0, 255))
def test_a_damaged_header_is_refused_or_read_but_never_crashes(tmp_path_factory, at, byte):
    path = tmp_path_factory.mktemp("damaged") / "a.nc"
    write(path, FORMS[0], 2, ["f8", "i4"], [True, False], 1)
    damaged = bytearray(path.read_bytes())
    damaged[min(at, len(damaged) - 1)] = byte
    path.write_bytes(damaged)
    try:
        with open_granule(path) as granule:
            for name in granule.variables:
                granule.read(name)
    except NoRetry:
        pass
