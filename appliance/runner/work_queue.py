"""The queue of bells: a Huey that says only "something is ready", and the threads that answer.

A bell carries nothing, so losing one loses nothing: `upkeep.py` rings again for whatever is ready. What a thread does
when a bell rings is handed in (`perform.py`). The facts are in state.db: queue.db may be deleted at any time.
"""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huey import SqliteHuey

from appliance.runner.consumer import EmbeddedConsumer

logger = logging.getLogger(__name__)


class WorkQueue:
    """`answer` is called in a worker thread for each bell; it works until nothing is ready."""

    def __init__(self, path: Path, *, workers: int, answer: Callable[[], None]):
        self._path = path
        self._workers = workers
        self._answer = answer
        self._lock = threading.Lock()
        self._inode = 0
        self._consumer: EmbeddedConsumer | None = None
        self._trouble: str | None = None
        self._huey: Any = _open_huey(path)
        self._bell: Any = self._huey.task(name="bell")(self._answer_bell)
        self._inode = _inode(path)

    def start(self) -> None:
        """Start the worker threads."""
        self._consumer = EmbeddedConsumer(self._huey, self._workers)
        self._consumer.start()

    def stop(self, graceful: bool = True) -> None:
        """End the worker threads; graceful: wait until they have put down what they hold."""
        if self._consumer is not None:
            self._consumer.stop(graceful=graceful)
            self._consumer = None
        self._huey.storage.close()

    def ring(self, count: int = 1) -> None:
        """Wake up to `count` workers. Call it after the transaction that made items ready has committed.

        No more bells than workers wait at a time: each one that is taken leads to a look at everything ready by then.
        Never raises: a bell that cannot be hung up is rung by upkeep.
        """
        with self._lock:
            try:
                self._hang(count)
            except sqlite3.Error:
                try:
                    self._reopen()
                    self._hang(count)
                except sqlite3.Error as error:
                    self._trouble = f"queue {self._path}: {error}"
                    logger.warning("queue %s: %s; upkeep rings again", self._path, error)

    def _hang(self, count: int) -> None:
        waiting = self._huey.storage.queue_size()
        for _ in range(min(count, self._workers - waiting)):
            self._bell()
        self._trouble = None

    def look_after(self) -> None:
        """For upkeep: replace dead threads; open the file anew when it was deleted or replaced."""
        if self._consumer is not None:
            self._consumer.check_worker_health()
        if _inode(self._path) != self._inode:
            with self._lock, contextlib.suppress(sqlite3.Error):
                logger.warning("queue %s was lost; made again, nothing but bells was in it", self._path)
                self._reopen()

    def _reopen(self) -> None:
        """Let go of the lost file and make a new one; its log must not be taken for the new file's."""
        self._huey.storage.close()
        if not self._path.exists():
            for suffix in ("-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._huey.storage.initialize_schema()
        self._inode = _inode(self._path)

    def health(self) -> str | None:
        """Why bells are not answered, or None."""
        if self._consumer is None:
            return "the worker threads are not running"
        dead = sum(not thread.is_alive() for thread in self._consumer.threads)
        if dead:
            return f"{dead} of {self._workers} worker threads have ended"
        return self._trouble

    def _answer_bell(self) -> None:
        self._answer()


def _open_huey(path: Path) -> Any:
    """Stock SqliteHuey, without flushing to disk: a bell need not survive. A file that is no database is made anew."""
    try:
        return SqliteHuey("bells", filename=str(path), results=False, timeout=5, fsync=False)
    except sqlite3.DatabaseError as error:
        logger.warning("queue %s: %s; made again, nothing but bells was in it", path, error)
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return SqliteHuey("bells", filename=str(path), results=False, timeout=5, fsync=False)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0
