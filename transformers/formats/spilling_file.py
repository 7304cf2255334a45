"""A file that HDF5 writes through and that never refuses: what the disk cannot take waits in memory.

HDF5 crashes the process when a write fails while a file is closed (a full disk, seen with HDF5 2.0). So the first error
is kept here instead, `Writer` raises it at its next step, and the file is closed in peace before it is deleted.
"""

import os
from pathlib import Path


class SpillingFile:
    """What h5py's `fileobj` driver needs, over one descriptor. error: the first refusal of the system, if any."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._at = self._end = 0
        self._spilled: list[tuple[int, bytes]] = []
        self.error: OSError | None = None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, and return where to."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        return self._at

    def tell(self) -> int:
        """Where the next read or write happens."""
        return self._at

    def write(self, data: memoryview | bytes) -> int:
        """Write all of it, to the disk or to memory."""
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view) and self.error is None:
            try:
                done += os.pwrite(self._descriptor, view[done:], self._at + done)
            except OSError as error:
                self.error = error
        if done < len(view):
            self._spilled.append((self._at + done, bytes(view[done:])))
        self._at += len(view)
        self._end = max(self._end, self._at)
        return len(view)

    def read(self, size: int) -> bytes:
        """As `readinto`, into a new piece of memory; h5py knows a file by this method."""
        piece = bytearray(size)
        self.readinto(memoryview(piece))
        return bytes(piece)

    def readinto(self, buffer: memoryview) -> int:
        """Read back, zeros where nothing was written yet."""
        view = memoryview(buffer).cast("B")
        found = os.preadv(self._descriptor, [view], self._at)
        view[found:] = bytes(len(view) - found)
        for start, piece in self._spilled:
            low, high = max(start, self._at), min(start + len(piece), self._at + len(view))
            if low < high:
                view[low - self._at : high - self._at] = piece[low - start : high - start]
        self._at += len(view)
        return len(view)

    def truncate(self, size: int) -> int:
        """Set the length; growing costs no space."""
        self._end = size
        try:
            os.ftruncate(self._descriptor, size)
        except OSError as error:
            self.error = self.error or error
        return size

    def flush(self) -> None:
        """Nothing waits above the system."""

    def close(self) -> None:
        """Free the descriptor. May be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
