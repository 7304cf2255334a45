"""Applying migrations: each set of functions in order, once, each in its own transaction, under a file lock.

Two processes that apply at once would collide ("table already exists"), hence the lock; call this before any
thread starts. The sets are append-only: `state_migrations`, `account_migrations` (state.db), `catalog_migrations`
(catalog.db).
"""

import fcntl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from appliance.database.connection import import_sqlite_utils, open_connection

Migration = Callable[[Any], None]


def apply_migrations(path: Path, name: str, steps: Sequence[tuple[str, Migration]]) -> list[str]:
    """Bring `path` up to date with the set `name`; the names of the steps applied now, in order.

    A step is handed a sqlite_utils.Database; its DDL is rolled back when it fails, and the error goes up.
    """
    sqlite_utils = import_sqlite_utils()
    from sqlite_utils.migrations import Migrations

    path.parent.mkdir(parents=True, exist_ok=True)
    migrations = Migrations(name)
    for step_name, step in steps:
        migrations(name=step_name)(step)
    with (path.parent / f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = open_connection(path)
        try:
            database = sqlite_utils.Database(connection)
            pending = [m.name for m in migrations.pending(database)]
            if pending:
                migrations.apply(database)
            return pending
        finally:
            connection.close()
