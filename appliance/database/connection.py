"""SQLite as this house uses it: one connection per thread, WAL, no automatic checkpoints, immediate transactions.

Source of each rule: docs/explanation/database.md (measured). Writers of one process queue behind a lock, because
SQLite's own busy wait is unfair; writers of other processes (a harvest from the command line) meet SQLite's lock.
"""

import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUSY_TIMEOUT_S = 5.0


class Database:
    """One SQLite file. Hands every thread its own connection and lets one writer of this process in at a time."""

    def __init__(self, path: Path, *, durable: bool = False):
        self.path = path
        self._durable = durable
        self._threads = threading.local()
        self._writer = threading.RLock()
        self._connections: list[sqlite3.Connection] = []
        self._connections_lock = threading.Lock()

    @property
    def connection(self) -> sqlite3.Connection:
        """The calling thread's own connection; reads need no transaction. Page reads, never hold a cursor open."""
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = open_connection(self.path, durable=self._durable)
            self._threads.connection = connection
            with self._connections_lock:
                self._connections.append(connection)
        return connection

    @contextmanager
    def immediate(self) -> Iterator[sqlite3.Connection]:
        """BEGIN IMMEDIATE ... COMMIT, rolled back on any exception. Inside another one: joins it.

        Deferred transactions that read and then write fail at once with "database is locked" whatever the timeout.
        """
        connection = self.connection
        with self._writer:
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def rows(self, sql: str, parameters: Any = ()) -> list[sqlite3.Row]:
        """All rows of a read."""
        return self.connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Any = ()) -> sqlite3.Row | None:
        """The first row of a read, if any."""
        row: sqlite3.Row | None = self.connection.execute(sql, parameters).fetchone()
        return row

    def close(self) -> None:
        """Close all threads' connections; only when those threads no longer use them."""
        with self._connections_lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
        self._threads = threading.local()


def open_connection(path: Path, *, durable: bool = False, timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """A connection with the house's pragmas; rows are `sqlite3.Row`. Autocommit unless a transaction is begun."""
    connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    synchronous = "FULL" if durable else "NORMAL"
    # wal_autocheckpoint=0: two connections checkpointing at once can corrupt the log before SQLite 3.51.3;
    # runner/upkeep is the one that checkpoints.
    for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON", "wal_autocheckpoint=0"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def checkpoint(path: Path, *, truncate: bool) -> None:
    """Move the log into the file. For the one upkeep thread only; gives up after 50 ms rather than stall writers."""
    connection = sqlite3.connect(path, timeout=0.05, isolation_level=None)
    try:
        connection.execute(f"PRAGMA wal_checkpoint({'TRUNCATE' if truncate else 'PASSIVE'})")
    except sqlite3.OperationalError:
        pass  # busy: the next round does it
    finally:
        connection.close()


def import_sqlite_utils() -> Any:
    """sqlite_utils without pandas: it imports pandas and numpy when they are installed (1 s, 60 MB), for one method."""
    if "sqlite_utils" in sys.modules:
        return sys.modules["sqlite_utils"]
    absent = {name: sys.modules.get(name) for name in ("pandas", "numpy")}
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None makes `import` raise ImportError
    try:
        import sqlite_utils
    finally:
        for name, module in absent.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return sqlite_utils
