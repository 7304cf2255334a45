"""Rows of files: what was harvested from where. SQL for one noun; comparing them with the disk is `files.py`."""

import hashlib
import os
import sqlite3
from dataclasses import dataclass
from typing import Literal

from appliance.metadata.walk import Seen

Role = Literal["data", "browse", "record"]
EDGE = 64 * 1024


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file as it was when it was harvested. sidecar: content ids of what was read beside it; asked: the operator's
    words it was described under."""

    id: int
    root: str
    path: str
    size: int
    mtime_ns: int
    inode: int
    content_id: str
    granule: int | None
    role: str
    missing: int
    sidecar: str
    asked: str

    @property
    def place(self) -> str:
        """Where it lies, or lay."""
        return f"{self.root}/{self.path}"

    @property
    def name(self) -> str:
        """File name."""
        return self.path.rsplit("/", 1)[-1]


def files_below(connection: sqlite3.Connection, folder: str) -> dict[str, FileRow]:
    """Every known file of a folder, by place, missing ones too."""
    sql = "SELECT * FROM files WHERE root || '/' || path >= ? AND root || '/' || path < ?"
    rows = connection.execute(sql, (folder + "/", folder + "0")).fetchall()  # "0" follows "/"
    return {row.place: row for row in (FileRow(*row) for row in rows)}


def file_at(connection: sqlite3.Connection, place: str) -> FileRow | None:
    """The known file of a place."""
    row = connection.execute("SELECT * FROM files WHERE root || '/' || path = ?", (place,)).fetchone()
    return FileRow(*row) if row else None


def files_with_content(connection: sqlite3.Connection, content_id: str) -> list[FileRow]:
    """Known data files of that content, first known first."""
    sql = "SELECT * FROM files WHERE content_id = ? AND role = 'data' AND granule IS NOT NULL ORDER BY id"
    return [FileRow(*row) for row in connection.execute(sql, (content_id,)).fetchall()]


def put_file(
    connection: sqlite3.Connection,
    seen: Seen,
    content_id: str,
    *,
    granule: int | None,
    role: Role = "data",
    sidecar: str = "",
    asked: str = "",
) -> None:
    """Remember a file as it is now."""
    sql = """
        INSERT INTO files (root, path, size, mtime_ns, inode, content_id, granule, role, sidecar, asked)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (root || '/' || path) DO UPDATE SET
            root = excluded.root, path = excluded.path, size = excluded.size, mtime_ns = excluded.mtime_ns,
            inode = excluded.inode, content_id = excluded.content_id, granule = excluded.granule,
            role = excluded.role, sidecar = excluded.sidecar, asked = excluded.asked,
            missing = 0"""
    values = (seen.root, seen.relative, seen.size, seen.mtime_ns, seen.inode, content_id, granule, role, sidecar, asked)
    connection.execute(sql, values)


def move_file(connection: sqlite3.Connection, row: FileRow, seen: Seen) -> None:
    """The same file at another place."""
    sql = "UPDATE files SET root = ?, path = ?, mtime_ns = ?, inode = ?, missing = 0 WHERE id = ?"
    connection.execute(sql, (seen.root, seen.relative, seen.mtime_ns, seen.inode, row.id))


def set_missing(connection: sqlite3.Connection, file_id: int, *, missing: bool) -> None:
    """Whether the file is gone from where it was."""
    connection.execute("UPDATE files SET missing = ? WHERE id = ?", (int(missing), file_id))


def forget_file(connection: sqlite3.Connection, file_id: int) -> None:
    """Take the row out."""
    connection.execute("DELETE FROM files WHERE id = ?", (file_id,))


def content_id(path: str) -> str:
    """SHA-256 over the size and the first, middle and last 64 KiB: tells moved files from new ones. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - hot: one per new file
        size = os.fstat(file.fileno()).st_size
        digest.update(f"{size}\n".encode())
        for start in dict.fromkeys((0, max(0, size // 2 - EDGE // 2), max(0, size - EDGE))):
            file.seek(start)
            digest.update(file.read(EDGE))
    return digest.hexdigest()


def whole_sha256(path: str) -> str:
    """SHA-256 of all bytes, in hex. Raises OSError."""
    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, "sha256").hexdigest()
