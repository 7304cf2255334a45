"""SQLite as this house uses it: no lost update, no half transaction, one migration, no heavy import. Real files."""

import multiprocessing
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from appliance.database.account_migrations import ACCOUNT_MIGRATIONS
from appliance.database.catalog_migrations import CATALOG_MIGRATIONS
from appliance.database.connection import Database, checkpoint, open_connection
from appliance.database.migrations import apply_migrations
from appliance.database.state_migrations import STATE_MIGRATIONS

THREADS, ROUNDS = 4, 100
SETS = {"state": STATE_MIGRATIONS, "accounts": ACCOUNT_MIGRATIONS, "catalog": CATALOG_MIGRATIONS}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(tmp_path / "a.db")
    made.connection.execute("CREATE TABLE counter (n INTEGER NOT NULL)")
    made.connection.execute("INSERT INTO counter VALUES (0)")
    return made


def counter(database: Database) -> int:
    row = database.row("SELECT n FROM counter")
    assert row is not None
    return int(row["n"])


def count_up(database: Database, rounds: int) -> None:
    for _ in range(rounds):
        with database.immediate() as connection:
            (n,) = connection.execute("SELECT n FROM counter").fetchone()
            connection.execute("UPDATE counter SET n = ?", (n + 1,))


def count_up_alone(path: str) -> None:
    count_up(Database(Path(path)), ROUNDS)


def test_threads_that_read_and_then_write_lose_nothing(database: Database):
    threads = [threading.Thread(target=count_up, args=(database, ROUNDS)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter(database) == THREADS * ROUNDS


def test_nor_do_processes(database: Database):
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=count_up_alone, args=(str(database.path),)) for _ in range(2)]
    for other in others:
        other.start()
    count_up(database, ROUNDS)
    for other in others:
        other.join()
        assert other.exitcode == 0
    assert counter(database) == 3 * ROUNDS


def test_an_exception_takes_everything_back_and_an_inner_transaction_joins(database: Database):
    with pytest.raises(KeyError), database.immediate() as connection:
        connection.execute("UPDATE counter SET n = 5")
        with database.immediate() as inner:
            assert inner is connection
            inner.execute("UPDATE counter SET n = 6")
        raise KeyError
    assert counter(database) == 0
    count_up(database, 1)
    assert counter(database) == 1


def test_a_reader_sees_what_was_committed_while_another_writes(database: Database):
    seen: list[int] = []
    with database.immediate() as connection:
        connection.execute("UPDATE counter SET n = 7")
        reader = threading.Thread(target=lambda: seen.append(counter(database)))
        reader.start()
        reader.join()
    assert seen == [0] and counter(database) == 7


def test_the_log_grows_until_upkeep_moves_it_into_the_file(database: Database):
    """Automatic checkpoints are off: the one thread of upkeep does them."""
    count_up(database, 3000)
    log = database.path.with_name("a.db-wal")
    assert log.stat().st_size > 1000 * 4096, "SQLite's own would have come after 1000 pages"
    checkpoint(database.path, truncate=True)
    assert log.stat().st_size == 0 and counter(database) == 3000


@pytest.mark.parametrize("name", SETS)
def test_migrations_are_applied_once_and_in_order(tmp_path: Path, name: str):
    steps = [step for step, _ in SETS[name]]
    assert steps == sorted(steps)
    assert apply_migrations(tmp_path / "a.db", name, SETS[name]) == steps
    assert apply_migrations(tmp_path / "a.db", name, SETS[name]) == []


def migrate_all(path: str, ready: Any) -> None:
    ready.wait()
    for name in ("state", "accounts"):
        apply_migrations(Path(path), name, SETS[name])


def test_processes_that_migrate_at_once_do_it_once(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(3)
    processes = [context.Process(target=migrate_all, args=(str(tmp_path / "a.db"), ready)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    connection = open_connection(tmp_path / "a.db")
    assert connection.execute("SELECT count(*) FROM grants").fetchone()[0] == 1, "the default grant is there, once"


def test_a_step_that_fails_leaves_nothing(tmp_path: Path):
    def half(db: Any) -> None:
        db.execute("CREATE TABLE half (n INTEGER)")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        apply_migrations(tmp_path / "a.db", "odd", [("0001_half", half)])
    tables = open_connection(tmp_path / "a.db").execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall()
    assert tables == []


def test_migrating_brings_in_neither_pandas_nor_numpy(tmp_path: Path):
    program = """
import sys; from pathlib import Path
from appliance.database.migrations import apply_migrations
from appliance.database.state_migrations import STATE_MIGRATIONS
apply_migrations(Path(sys.argv[1]), "state", STATE_MIGRATIONS)
assert not {"pandas", "numpy"} & {name for name, module in sys.modules.items() if module}, "imported"
import numpy  # and it can still be imported
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "a.db")], check=True)
