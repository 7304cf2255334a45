"""The file under HDF5 behaves like an array of bytes, whatever the disk refuses."""

import errno
import os
import resource
import signal

import h5py
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transformers.formats.spilling_file import SpillingFile

WRITES = st.lists(st.tuples(st.integers(0, 300), st.binary(min_size=1, max_size=80)), max_size=12)


@given(writes=WRITES, at=st.integers(0, 300), size=st.integers(1, 200))
def test_what_was_written_is_read_with_zeros_between(tmp_path_factory, writes, at, size):
    file = SpillingFile(tmp_path_factory.mktemp("s") / "f")
    plain = bytearray(600)
    for offset, data in writes:
        file.seek(offset)
        file.write(data)
        plain[offset : offset + len(data)] = data
    file.seek(at)
    assert file.read(size) == bytes(plain[at : at + size])
    assert file.seek(0, os.SEEK_END) == max((o + len(d) for o, d in writes), default=0)
    file.close()


def test_beyond_the_limit_it_spills_and_remembers_the_first_error(tmp_path):
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        file = SpillingFile(tmp_path / "f")
        file.write(b"a" * 80)
        file.write(b"b" * 80)
        file.seek(70)
        assert file.read(60) == b"a" * 10 + b"b" * 50
        file.seek(90)
        file.write(b"c" * 20)
        file.seek(85)
        assert file.read(30) == b"b" * 5 + b"c" * 20 + b"b" * 5
        assert file.error is not None
        assert file.error.errno == errno.EFBIG
        assert (tmp_path / "f").stat().st_size == 100
        file.close()
        file.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)


def test_hdf5_writes_and_reads_through_it(tmp_path):
    disk = SpillingFile(tmp_path / "a.h5")
    with h5py.File(disk, "w") as file:
        file.create_dataset("v", data=np.arange(10_000).reshape(100, 100), chunks=(10, 10), compression="gzip")
    disk.close()
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["v"][()].sum() == 49_995_000
