"""What a plain file cannot hold of an object: ETag, media type, stored headers; and when a bucket was made.

SQLite beside the objects. Soft by design: a row counts only while size and modification time match the file, and an
object without one is served with a guessed type. Decides nothing and opens no object. Source: object-store.md 5.2.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS objects(
        bucket TEXT, key TEXT, size INTEGER, mtime_ns INTEGER, etag TEXT, content_type TEXT, headers TEXT,
        PRIMARY KEY (bucket, key, size, mtime_ns)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS buckets(name TEXT PRIMARY KEY, created_at REAL) WITHOUT ROWID;"""
_INSERT = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)"
_OLDER = "DELETE FROM objects WHERE bucket = ? AND key = ? AND NOT (size = ? AND mtime_ns = ?)"
_FIND = "SELECT etag, content_type, headers FROM objects WHERE bucket = ? AND key = ? AND size = ? AND mtime_ns = ?"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is kept of an object besides its bytes. `etag` is without quotes; `headers` are sent back as they came."""

    etag: str
    content_type: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Version:
    """Which bytes: a file's size and modification time in nanoseconds, unique per key within this store."""

    size_bytes: int
    mtime_ns: int


class Metadata:
    """The database; thread safe. Two connections, so that a reader never waits for a writer's flush."""

    def __init__(self, path: Path, *, durable: bool):
        self._writer = _opened(path)
        # NORMAL: a power cut may cost the newest rows, never the database; then types are guessed from the names.
        self._writer.execute(f"PRAGMA synchronous = {'NORMAL' if durable else 'OFF'}")
        self._reader = _connected(path)
        self._write_lock, self._read_lock = threading.Lock(), threading.Lock()

    def close(self) -> None:
        """Close both connections; SQLite folds its log into the file."""
        self._reader.close()
        self._writer.close()

    def facts(self, bucket: str, key: str, version: Version) -> Facts | None:
        """The row of exactly these bytes, or None."""
        with self._read_lock:
            row = self._reader.execute(_FIND, (bucket, key, version.size_bytes, version.mtime_ns)).fetchone()
        return Facts(row[0], row[1], json.loads(row[2])) if row else None

    def keep(self, bucket: str, key: str, version: Version, facts: Facts, current: Version | None) -> None:
        """Add a row beside the row of the present file, which readers still need, and drop all older ones."""
        keep = current or version
        with self._write_lock, self._writer:
            self._writer.execute(_OLDER, (bucket, key, keep.size_bytes, keep.mtime_ns))
            headers = json.dumps(dict(facts.headers))
            row = (bucket, key, version.size_bytes, version.mtime_ns, facts.etag, facts.content_type, headers)
            self._writer.execute(_INSERT, row)

    def drop(self, bucket: str, keys: Iterable[str]) -> None:
        """Forget objects."""
        with self._write_lock, self._writer:
            self._writer.executemany("DELETE FROM objects WHERE bucket = ? AND key = ?", [(bucket, k) for k in keys])

    def add_bucket(self, name: str) -> None:
        """Remember when a bucket was made."""
        with self._write_lock, self._writer:
            self._writer.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?)", (name, time.time()))

    def drop_bucket(self, name: str) -> None:
        """Forget a bucket and whatever rows its objects left."""
        with self._write_lock, self._writer:
            self._writer.execute("DELETE FROM buckets WHERE name = ?", (name,))
            self._writer.execute("DELETE FROM objects WHERE bucket = ?", (name,))

    def bucket_times(self) -> dict[str, float]:
        """Bucket -> when it was made, in seconds since 1970."""
        with self._read_lock:
            return dict(self._reader.execute("SELECT name, created_at FROM buckets"))


def _opened(path: Path) -> sqlite3.Connection:
    """The writer's connection, with the tables. A database that is damaged is put aside: objects outlive their rows."""
    try:
        connection = _connected(path)
        connection.executescript(_SCHEMA)
        connection.execute("SELECT count(*) FROM buckets")
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            with suppress(FileNotFoundError):
                path.with_name(name).replace(path.with_name(f"{name}.damaged"))
        connection = _connected(path)
        connection.executescript(_SCHEMA)
    return connection


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA cache_size = -512")
    return connection
