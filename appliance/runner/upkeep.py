"""Upkeep: what must be done from time to time, in one thread, each task guarded so that one failure stops no other.

Rings for what is ready (bells may be lost), frees items that are stuck, deletes expired results and old work,
checkpoints the databases (nobody else does: two connections that checkpoint at once can corrupt a log), sweeps folders.
Source: docs/explanation/database.md; harmony-api 6.3, 6.8.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from appliance.database.connection import checkpoint
from appliance.parts import Parts
from appliance.runner import item_folder
from appliance.runner.perform import Performer
from appliance.runner.work_queue import WorkQueue
from appliance.workflow import advance, housekeeping, job_rows
from appliance.workflow.states import TERMINAL

logger = logging.getLogger(__name__)

EXPIRY_PERIOD_S = 60.0
REAP_PERIOD_S = 360.0
SWEEP_PERIOD_S = 900.0


@dataclass(slots=True)
class _Task:
    """Something to do every `period_s`; `due_at` on the monotonic clock."""

    name: str
    do: Callable[[], None]
    period_s: float
    due_at: float = 0.0


class Upkeep:
    """The thread. `recover` is called once before any worker starts."""

    def __init__(self, parts: Parts, performer: Performer, bells: WorkQueue):
        self._parts, self._performer, self._bells = parts, performer, bells
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._checkpointed: dict[Path, int] = {}
        self._tidied: set[str] = set()
        settings = parts.settings
        self._tasks = [
            _Task("bells", self._ring, settings.upkeep_s),
            _Task("checkpoint", self._checkpoint, settings.upkeep_s),
            _Task("stuck items", self._free_stuck, settings.stuck_check_s, time.monotonic() + settings.stuck_check_s),
            _Task("expiry", self.expire, EXPIRY_PERIOD_S),
            _Task("reaper", self.reap, REAP_PERIOD_S),
            _Task("sweep", self.sweep, SWEEP_PERIOD_S),
        ]

    def recover(self) -> None:
        """After a start: what was queued or running when the appliance ended is ready again, or failed as poisonous."""
        parts = self._parts
        advanced = advance.recover(parts.state, now=parts.now(), limits=parts.limits)
        self._performer.follow(replace(advanced, ready_count=0))  # nobody hears bells yet
        if advanced.ready_count:
            logger.info("%d work items of an earlier run are ready again", advanced.ready_count)

    def start(self) -> None:
        """Start the thread; its first round is at once."""
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(30)

    def health(self) -> str | None:
        """Why upkeep is not done, or None."""
        return None if self._thread is not None and self._thread.is_alive() else "the upkeep thread is not running"

    def _run(self) -> None:
        while not self._stopping.is_set():
            for task in self._tasks:
                if time.monotonic() >= task.due_at and not self._stopping.is_set():
                    self._guarded(task)
            self._stopping.wait(max(0.0, min(task.due_at for task in self._tasks) - time.monotonic()))

    def _guarded(self, task: _Task) -> None:
        try:
            task.do()
        except Exception:  # a task that fails is tried again at its next turn
            logger.exception("upkeep, %s", task.name)
        task.due_at = time.monotonic() + task.period_s

    def _ring(self) -> None:
        """For whatever is ready: its bell may have been lost."""
        self._bells.look_after()
        row = self._parts.state.row("SELECT sum(ready) FROM user_work WHERE is_claimable")
        if row is not None and row[0]:
            self._bells.ring(row[0])

    def _checkpoint(self) -> None:
        """PASSIVE whenever the log grew; TRUNCATE, which waits for everybody, when nothing is running."""
        is_idle = self._parts.state.row("SELECT 1 FROM user_work WHERE running > 0 OR ready > 0 LIMIT 1") is None
        for database in (self._parts.state, self._parts.catalog):
            log = database.path.with_name(database.path.name + "-wal")
            size = log.stat().st_size if log.exists() else 0
            if size and (is_idle or size != self._checkpointed.get(database.path)):
                checkpoint(database.path, truncate=is_idle)
                self._checkpointed[database.path] = size

    def _free_stuck(self) -> None:
        parts = self._parts
        advanced = advance.release_stuck(
            parts.state,
            now=parts.now(),
            limits=parts.limits,
            default_threshold_ms=parts.settings.default_item_threshold_s * 1000,
        )
        self._performer.follow(advanced)

    def expire(self) -> None:
        """Delete the results of jobs whose time has come; a job is marked only when its objects are gone."""
        parts = self._parts
        for job_id in housekeeping.expire(parts.state, now=parts.now()):
            count = parts.store.delete_prefix(parts.settings.object_store_staging_bucket, f"public/{job_id}/")
            housekeeping.mark_expired(parts.state, job_id, parts.now())
            item_folder.tidy_job(parts.settings.work_folder, job_id)
            logger.info("job %s: results expired, %d objects deleted", job_id, count)

    def reap(self) -> None:
        """Delete work items and steps of jobs that ended long ago, with their logs."""
        parts, total = self._parts, 0
        age = timedelta(minutes=parts.settings.reap_after_minutes)
        while count := housekeeping.reap(parts.state, now=parts.now(), older_than=age):
            total += count
        if total:
            logger.info("%d old work items reaped", total)
            self.sweep()

    def sweep(self, older_than_s: float = SWEEP_PERIOD_S) -> None:
        """Remove folders of jobs that have no work in state.db (reaped, or a database was put back), and the files of
        jobs that ended elsewhere than in a worker (canceled)."""
        work = self._parts.settings.work_folder
        for job_id in item_folder.job_ids(work, older_than_s=older_than_s):
            job = job_rows.job(self._parts.state, job_id)
            has_work = self._parts.state.row("SELECT 1 FROM work_items WHERE job_id = ? LIMIT 1", (job_id,))
            if job is None or has_work is None:
                item_folder.remove_job(work, job_id)
                logger.info("job %s: its work folder was swept", job_id)
            elif job.status in TERMINAL and job_id not in self._tidied:
                item_folder.tidy_job(work, job_id)
                self._tidied.add(job_id)
