"""Opening the file of a granule: for the runner, which hands its path to a child, and for the route that serves bytes.

Open first, then compare: the descriptor's real path must lie under an allowed root, and be the file that was harvested.
Whoever reads uses the descriptor, or its real path. Obeys the decision on allowed roots.
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from appliance.database.connection import Database
from appliance.errors import NotFoundError
from appliance.metadata.file_rows import FileRow
from appliance.metadata.roots import root_of, stored_roots


@dataclass(frozen=True, slots=True)
class LocalFile:
    """An open file. The caller closes `descriptor`. path: real, for children; size and times as they are now."""

    descriptor: int
    path: str
    name: str
    size: int
    mtime_ns: int
    inode: int


def open_local(
    db: Database, granule_id: str, *, name: str | None = None, configured: Iterable[str] = ()
) -> LocalFile | None:
    """The file of a granule, or with `name` one of its files (pictures too); None when none of it is on this machine.

    Raises NotFoundError, saying why, when it was here and may not or can no longer be opened.
    """
    row = _row(db, granule_id, name)
    if row is None:
        return None
    return open_row(row, [*configured, *stored_roots(db)])


def open_row(row: FileRow, roots: Iterable[str]) -> LocalFile:
    """Open a known file, if it is still the one. Raises NotFoundError."""
    try:
        # O_NONBLOCK: a pipe put in the file's place must not hold us up.
        descriptor = os.open(row.place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NotFoundError(f"The file {row.name} cannot be opened: {error.strerror}") from None
    try:
        status = os.fstat(descriptor)
        real = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
        if not stat.S_ISREG(status.st_mode):
            raise NotFoundError(f"The file {row.name} is no longer a regular file")
        if root_of(real, [os.path.realpath(root) for root in roots]) is None:
            raise NotFoundError(f"The file {row.name} lies outside of the folders that may be served")
        if status.st_ino != row.inode or real != os.path.realpath(row.root) + "/" + row.path:
            raise NotFoundError(f"The file {row.name} was replaced since it was catalogued; harvest its folder again")
    except BaseException:
        os.close(descriptor)
        raise
    return LocalFile(descriptor, real, row.name, status.st_size, status.st_mtime_ns, status.st_ino)


def _row(db: Database, granule_id: str, name: str | None) -> FileRow | None:
    sql = """
        SELECT f.* FROM granules AS g JOIN files AS f ON f.granule = g.id
        WHERE g.concept_id = ? AND f.missing = 0 AND g.shelf > 0 AND f.role <> 'record'
        ORDER BY f.role = 'browse', f.id"""
    rows = [FileRow(*row) for row in db.rows(sql, (granule_id,))]
    return next((row for row in rows if (row.role == "data" if name is None else row.name == name)), None)
