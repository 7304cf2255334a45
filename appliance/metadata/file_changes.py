"""Comparing a walk with what is known: which files are new, changed, moved, twice there, gone. Writes nothing.

Opens only files whose path, size, time or neighbours differ from last time. Obeys the catalog's contract, "What
identifies a file".
"""

import os
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from appliance.metadata.file_rows import FileRow, content_id, file_at, files_below, files_with_content
from appliance.metadata.walk import DATA, Seen, Walked, browse_names, is_browse, is_record, sidecar_names

_HDF5, _HDF4 = b"\x89HDF\r\n\x1a\n", b"\x0e\x03\x13\x01"
_FIRST_BYTES = (_HDF4, b"CDF\x01", b"CDF\x02", b"CDF\x05", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_USER_BLOCKS = (0, 512, 1024, 2048)  # where an HDF5 signature may stand


@dataclass(frozen=True, slots=True)
class Candidate:
    """A data file to be described. content: its content id; sidecar: the record beside it; known: its row, if any."""

    seen: Seen
    content: str
    sidecar: Seen | None
    browse: tuple[Seen, ...]
    known: FileRow | None

    @property
    def sidecar_ids(self) -> str:
        """What lay beside it, so that a change there is noticed without opening anything."""
        return beside_text(self.sidecar, self.browse)


@dataclass(slots=True)
class Changes:
    """What is to be done. records: UMM-JSON files of their own, new or changed."""

    records: list[Seen] = field(default_factory=list)
    describe: list[Candidate] = field(default_factory=list)
    moved: list[tuple[FileRow, Candidate]] = field(default_factory=list)
    returned: list[FileRow] = field(default_factory=list)
    gone: list[FileRow] = field(default_factory=list)
    duplicates: list[tuple[str, str]] = field(default_factory=list)  # path, path of the first known
    unfinished: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    unchanged: int = 0
    emptied: list[str] = field(default_factory=list)  # folders that held files and now hold none


def compare(
    connection: sqlite3.Connection, walked: Walked, *, again: bool, asked: str, now_ns: int, settle_s: float
) -> Changes:
    """What differs between the walked files and the known ones. again: describe all; asked: the operator's words."""
    found = Changes()
    present = {one.path: one for one in walked.files}
    known = _known(connection, walked, present)
    neighbours = {path: _beside(one, present, walked) for path, one in present.items() if _may_be_data(one.name)}
    sidecars = {name for one in neighbours.values() for name in one[2]}
    appeared: list[Candidate] = []
    for path, seen in present.items():
        row = known.get(path)
        if path in neighbours:
            sidecar, browse, _ = neighbours[path]
            if _is_same(seen, row, beside_text(sidecar, browse), asked) and not again and row is not None:
                found.unchanged += 1
                found.returned += [row] if row.missing else []
            elif 0 <= now_ns - seen.mtime_ns < settle_s * 1e9:
                found.unfinished.append(path)
            else:
                _consider(found, appeared, seen, sidecar, browse, row)
        elif is_record(seen.name) and path not in sidecars:
            if row is not None and _is_same(seen, row, "", asked) and not again:
                found.unchanged += 1
            else:
                found.records.append(seen)
    _gone(found, known, present, walked)
    for candidate in appeared:
        _placed(connection, found, candidate, present)
    moved = {row.id for row, _ in found.moved}
    found.gone = [row for row in found.gone if row.id not in moved]
    return found


def beside_text(sidecar: Seen | None, browse: Iterable[Seen]) -> str:
    """Names, sizes and times of what lies beside a file."""
    parts = [f"{one.name}:{one.size}:{one.mtime_ns}" for one in ([sidecar] if sidecar else [])]
    return "|".join([*parts, *(f"{one.name}:{one.size}" for one in browse)])


def _known(connection: sqlite3.Connection, walked: Walked, present: Mapping[str, Seen]) -> dict[str, FileRow]:
    known: dict[str, FileRow] = {}
    for folder in walked.folders:
        known.update(files_below(connection, folder))
    for path in present:
        if not any(path.startswith(folder + "/") for folder in walked.folders):
            row = file_at(connection, path)
            if row is not None:
                known[path] = row
    return known


def _beside(
    seen: Seen, present: Mapping[str, Seen], walked: Walked
) -> tuple[Seen | None, tuple[Seen, ...], tuple[str, ...]]:
    """The record beside a data file, its pictures, and every path that is such a record."""
    folder = seen.path[: -len(seen.name)]
    is_walked = any(seen.path.startswith(walked_folder + "/") for walked_folder in walked.folders)

    def look(name: str) -> Seen | None:
        path = folder + name
        return present.get(path) if is_walked else _stat(path, seen.root)

    records = [one for one in map(look, sidecar_names(seen.name)) if one is not None]
    pictures = [one for one in map(look, browse_names(seen.name)) if one is not None]
    return (records[0] if records else None), tuple(pictures), tuple(one.path for one in records)


def _stat(path: str, root: str) -> Seen | None:
    try:
        status = os.stat(path, follow_symlinks=False)  # noqa: PTH116
    except OSError:
        return None
    return Seen(path, root, status.st_size, status.st_mtime_ns, status.st_ino)


def _may_be_data(name: str) -> bool:
    return not is_record(name) and not is_browse(name)


def _is_same(seen: Seen, row: FileRow | None, beside: str, asked: str) -> bool:
    return row is not None and (row.size, row.mtime_ns, row.inode, row.sidecar, row.asked) == (
        seen.size,
        seen.mtime_ns,
        seen.inode,
        beside,
        asked,
    )


def _consider(
    found: Changes,
    appeared: list[Candidate],
    seen: Seen,
    sidecar: Seen | None,
    browse: tuple[Seen, ...],
    row: FileRow | None,
) -> None:
    """A file that is new or differs: if it is data, it is described, unless it turns out to have been moved here."""
    try:
        if row is None and not seen.name.lower().endswith(DATA) and not is_container(seen.path):
            return
        candidate = Candidate(seen, content_id(seen.path), sidecar, browse, row)
    except OSError as error:
        found.unreadable.append((seen.path, error.strerror or str(error)))
        return
    if row is None:
        appeared.append(candidate)
    else:
        found.describe.append(candidate)


def _placed(connection: sqlite3.Connection, found: Changes, candidate: Candidate, present: Mapping[str, Seen]) -> None:
    """A file at a new path: moved, a second copy, or new."""
    same = [row for row in files_with_content(connection, candidate.content) if row.name == candidate.seen.name]
    taken = {row.id for row, _ in found.moved}
    for row in same:
        is_living = row.place in present or (not row.missing and os.path.lexists(row.place))
        if is_living:
            found.duplicates.append((candidate.seen.path, row.place))
            return
        if row.id not in taken:
            found.moved.append((row, candidate))
            return
    found.describe.append(candidate)


def _gone(found: Changes, known: Mapping[str, FileRow], present: Mapping[str, Seen], walked: Walked) -> None:
    """Known files of walked folders that are not there; below a folder that could not be read nothing is said."""
    unread = [path for path, _ in walked.problems]
    for folder in walked.folders:
        inside = [row for path, row in known.items() if path.startswith(folder + "/")]
        if any(not row.missing for row in inside) and not any(path.startswith(folder + "/") for path in present):
            found.emptied.append(folder)
    found.gone = [
        row
        for path, row in known.items()
        if path not in present and not any(path == one or path.startswith(one + "/") for one in unread)
    ]


def is_container(path: str) -> bool:
    """Whether the first bytes are of a format that is read, whatever the name says. Raises OSError."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        first = file.read(8)
        if first.startswith(_FIRST_BYTES):
            return True
        for start in _USER_BLOCKS:
            file.seek(start)
            if file.read(8) == _HDF5:
                return True
    return False
