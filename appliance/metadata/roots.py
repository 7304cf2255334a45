"""Folders whose files may be catalogued and served: those in the settings and those named on a command line, stored.

No request of the HTTP API adds one. Obeys the catalog's contract, "Sources", and the decision on allowed roots: `/`, a
home directory itself, and anything that contains or lies in Harmonium's own home are refused.
"""

import os
import pwd
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from appliance.database.connection import Database

PEOPLE = 1000  # from this user id on an account is somebody's; smaller ones are of system services


class RootError(Exception):
    """A folder that may not be opened to the world; the text says which and why."""


def checked_root(folder: Path, own_home: Path | None) -> str:
    """The real path of a folder that may be a root. own_home: Harmonium's. Raises RootError."""
    real = Path(os.path.realpath(folder))
    if not real.is_dir():
        raise RootError(f"{folder}: no such folder")
    if real == Path("/"):
        raise RootError(f"{folder}: the root of the machine; allowed: a folder of data")
    if str(real) in homes():
        raise RootError(f"{folder}: somebody's home directory; allowed: a folder of data in it")
    if own_home is not None:
        own = Path(os.path.realpath(own_home))
        if real == own or own in real.parents or real in own.parents:
            raise RootError(
                f"{folder}: contains, or lies in, Harmonium's home {own}; allowed: any folder apart from it"
            )
    try:
        str(real).encode()
    except UnicodeEncodeError:
        raise RootError(f"{folder!s:.200}: the name is not UTF-8") from None
    return str(real)


def configured_roots(roots: Iterable[str], own_home: Path | None) -> list[str]:
    """The roots of the settings, as real paths; one that is not there now is left out. Raises RootError."""
    return [checked_root(Path(root), own_home) for root in roots if Path(root).is_dir()]


def homes() -> set[str]:
    """Home directories of people and of root, and what this process is told is its own."""
    known = {
        os.path.realpath(entry.pw_dir)
        for entry in pwd.getpwall()
        if entry.pw_uid >= PEOPLE or entry.pw_uid in (0, os.getuid())
    }
    return (known | {os.path.realpath(Path.home())}) - {"/"}


def store_roots(connection: sqlite3.Connection, roots: Iterable[str], now_ms: int) -> None:
    """Remember roots named on a command line."""
    connection.executemany("INSERT OR IGNORE INTO roots VALUES (?, ?)", [(root, now_ms) for root in roots])


def stored_roots(db: Database) -> list[str]:
    """Every root in the catalog."""
    return [row["path"] for row in db.rows("SELECT path FROM roots ORDER BY path")]


def root_of(path: str, roots: Iterable[str]) -> str | None:
    """The outermost root that holds a real path, if any."""
    holding = [root for root in roots if path.startswith(root + "/")]
    return min(holding, key=len, default=None)
