"""Carrying out work items: claim, stage in, launch, stage out, advance. The sequence, spelled once.

A worker thread that hears a bell calls `answer`, which goes on until nothing is ready. Whatever an attempt raises ends
here as a failed attempt with class and text; the traceback goes to the log with the ids. Decides nothing about jobs:
that is `workflow/decide`.
"""

import contextlib
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from appliance.errors import UnavailableError
from appliance.parts import Parts
from appliance.runner.find_granules import find_granules
from appliance.runner.item_folder import ItemFolder, item_folder, tidy_job
from appliance.runner.launch import ItemLimits, Launcher, LaunchError, Order
from appliance.runner.remote import Canceled, RemoteError
from appliance.runner.stage import (
    Destination,
    OutputsLost,
    StageError,
    Stager,
    is_disk_full,
    publish,
    read_outputs,
)
from appliance.runner.watch import ChildOutcome
from appliance.store.s3 import StoreFullError
from appliance.workflow import item_rows
from appliance.workflow.advance import advance, output_lost
from appliance.workflow.claim import claim, is_current, launched
from appliance.workflow.records import Advanced, Claimed, Outcome, Output
from appliance.workflow.states import TERMINAL

logger = logging.getLogger(__name__)

FIND_GRANULES = "find_granules"
OUT_OF_MEMORY = "Service failed due to running out of memory"
DISK_FULL = "The disk of the appliance is full: no space left on device"
STORE_FULL = "The object store is full: no space left on device"
STORE_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # while the store is away, as when it is being started again
RECORD_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)  # while state.db is busy or its disk is full


@dataclass(slots=True)
class Performer:
    """Carries out items, from any number of threads. `stop` makes it put down what it holds."""

    parts: Parts
    launcher: Launcher
    stager: Stager
    _stopping: threading.Event = field(default_factory=threading.Event)
    held: set[int] = field(default_factory=set)  # items being carried out now
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def stop(self) -> None:
        """No further items; those in flight end without a verdict and are taken up at the next start."""
        self._stopping.set()

    def answer(self) -> None:
        """Carry out the fairest ready item, and the next, until nothing is ready."""
        while not self._stopping.is_set():
            claimed = claim(self.parts.state, now=self.parts.now())
            if claimed is None:
                return
            self.carry_out(claimed)

    def carry_out(self, claimed: Claimed) -> None:
        """One attempt from staging to the record of what became of it."""
        with self._alone(claimed.item.item_id):
            self._carry_out(claimed)

    @contextlib.contextmanager
    def _alone(self, item_id: int) -> Iterator[None]:
        """One attempt of an item at a time: after an operator's retry the new one waits until the old one's child is
        dead, or they would meet in the item's folder."""
        with self._changed:
            self._changed.wait_for(lambda: item_id not in self.held)
            self.held.add(item_id)
        try:
            yield
        finally:
            with self._changed:
                self.held.discard(item_id)
                self._changed.notify_all()

    def _carry_out(self, claimed: Claimed) -> None:
        item = claimed.item
        folder = item_folder(self.stager.work, item.job_id, item.item_id)
        started_at = time.monotonic()
        outcome = self._outcome(claimed, folder)
        seconds = time.monotonic() - started_at
        if outcome is None:
            logger.info("work item %d of job %s: called off after %.1f s", item.item_id, item.job_id, seconds)
            self._keep(claimed, folder, None)
            return
        outcome = replace(outcome, duration_ms=round(seconds * 1000))
        self._keep(claimed, folder, outcome)
        advanced = self._recorded(claimed, outcome)
        if advanced is None:
            return
        logger.info(
            "work item %d of job %s: %s %s after %.1f s%s",
            *(item.item_id, item.job_id, item.service_id, outcome.status, seconds),
            f": {outcome.message}" if outcome.message else "",
        )
        self.follow(advanced)
        if advanced.job_status in TERMINAL:
            tidy_job(self.stager.work, item.job_id)

    def follow(self, advanced: Advanced) -> None:
        """What a committed transaction leads to here: bells, and folders that nobody needs any more."""
        if advanced.ready_count:
            self.parts.ring(advanced.ready_count)
        for item_id in advanced.freed_items:
            freed = item_rows.item(self.parts.state, item_id)
            if freed is not None:
                item_folder(self.stager.work, freed.job_id, item_id).clear()

    def _outcome(self, claimed: Claimed, folder: ItemFolder) -> Outcome | None:
        """What became of the attempt; None when nobody wants to know (canceled, or its inputs must be made first)."""
        item = claimed.item
        try:
            return self._attempt(claimed, folder)
        except Canceled:
            return Outcome("interrupted") if self._stopping.is_set() else None
        except OutputsLost as lost:
            logger.warning("work item %d of job %s: %s; made again", item.item_id, item.job_id, lost)
            self.follow(output_lost(self.parts.state, lost.item_ids, now=self.parts.now()))
            return None
        except Exception as error:  # the edge of a work item
            logger.exception("work item %d of job %s, attempt %d", item.item_id, item.job_id, item.attempt)
            return _failure(error)

    def _attempt(self, claimed: Claimed, folder: ItemFolder) -> Outcome | None:
        item = claimed.item
        if item.transformer == FIND_GRANULES:
            return self._find(claimed, folder)
        folder.prepare()
        inputs = item_rows.inputs(self.parts.state, item.item_id)
        size = self.stager.stage_in(claimed, inputs, folder, self._canceled(claimed))
        if not launched(self.parts.state, item.item_id, item.attempt, now=self.parts.now()):
            return None
        child = self._launch(claimed, folder)
        if child.interrupted or (child.canceled and self._stopping.is_set()):
            return Outcome("interrupted")  # not counted: a stop on purpose is nobody's fault
        if child.canceled:
            return None
        outcome = _verdict(child, folder)
        if outcome.status == "successful" and claimed.step.is_last:
            outcome = self._publish(claimed, outcome.outputs)
        return replace(outcome, input_size_bytes=size)

    def _find(self, claimed: Claimed, folder: ItemFolder) -> Outcome | None:
        """The built-in first step: no child, no files; the originals are copied only to a user's own destination."""
        item, settings, state = claimed.item, self.parts.settings, self.parts.state
        if not launched(state, item.item_id, item.attempt, now=self.parts.now()):
            return None
        query = item_rows.granule_query(state, item.job_id)
        outcome = find_granules(
            self.parts.catalog,
            query,
            item.cursor,
            page_size=settings.granule_page,
            is_last=claimed.step.is_last,
            root=settings.public_url.rstrip("/") or f"http://localhost:{settings.port}",
        )
        if claimed.step.is_last and claimed.job.destination_url:
            folder.prepare()
            local = self.stager.one_by_one(claimed.job.job_id, outcome.outputs, folder, self._canceled(claimed))
            copied = self._publish(claimed, local)
            return replace(outcome, outputs=copied.outputs, links=copied.links)
        return outcome

    def _launch(self, claimed: Claimed, folder: ItemFolder) -> ChildOutcome:
        settings = self.parts.settings
        order = Order(
            name=claimed.item.transformer,
            message_path=folder.message_path,
            catalog_path=folder.catalog_path,
            outdir=folder.outputs,
            log_path=folder.log_path,
            limits=ItemLimits(memory_mb=settings.item_memory_mb, timeout_s=settings.item_timeout_s),
        )
        return self.launcher.run(order, canceled=self._canceled(claimed), progress=lambda _: None)

    def _canceled(self, claimed: Claimed) -> Callable[[], bool]:
        item, state = claimed.item, self.parts.state
        return lambda: self._stopping.is_set() or not is_current(state, item.item_id, item.attempt)

    def _publish(self, claimed: Claimed, outputs: Iterable[Output]) -> Outcome:
        job, canceled = claimed.job, self._canceled(claimed)
        destination = Destination.of(job.job_id, job.destination_url, self.parts.settings.object_store_staging_bucket)
        stored, links = publish(outputs, claimed.item.item_id, destination, self._patient_put(canceled))
        return Outcome("successful", outputs=stored, links=links)

    def _patient_put(self, canceled: Callable[[], bool]) -> Callable[[str, str, Path, str], None]:
        """`put_file` of the store that waits for half a minute while the store is away."""

        def put(bucket: str, key: str, path: Path, media_type: str) -> None:
            for pause_s in (*STORE_PAUSES_S, None):
                if canceled():
                    raise Canceled
                try:
                    return self.parts.store.put_file(bucket, key, path, media_type)
                except StoreFullError:
                    raise
                except UnavailableError as error:
                    if pause_s is None:
                        raise
                    logger.warning("%s; tried again in %g s", error, pause_s)
                    self._stopping.wait(pause_s)
            return None

        return put

    def _keep(self, claimed: Claimed, folder: ItemFolder, outcome: Outcome | None) -> None:
        """Of the item's files, what the next step needs: the outputs of a success that is not the last step's. Best
        effort: a file that cannot go now goes with the sweep."""
        if outcome is not None and outcome.status == "successful" and not claimed.step.is_last:
            keep = folder.keep_outputs
        else:
            keep = folder.clear
        with contextlib.suppress(OSError):
            keep()

    def _recorded(self, claimed: Claimed, outcome: Outcome) -> Advanced | None:
        """The outcome in state.db; None when that was impossible for a while: upkeep frees the item later."""
        item, parts = claimed.item, self.parts
        for pause_s in (*RECORD_PAUSES_S, None):
            try:
                return advance(parts.state, item.item_id, item.attempt, outcome, now=parts.now(), limits=parts.limits)
            except sqlite3.OperationalError as error:
                logger.error("work item %d of job %s: not recorded: %s", item.item_id, item.job_id, error)
                if pause_s is not None:
                    time.sleep(pause_s)
        return None


def _verdict(child: ChildOutcome, folder: ItemFolder) -> Outcome:
    """A child's end as an outcome: outputs, a warning, or a failure in words that users read."""
    error = _error_document(folder.outputs / "error.json")
    if child.is_success and error is None:
        return Outcome("successful", outputs=read_outputs(folder))
    if error is not None and (child.is_success or child.exit_code is not None):
        text = str(error.get("error") or "unknown error")
        if "not enough memory" in text:
            text = f"{OUT_OF_MEMORY}: {text}"
        category = error.get("category")
        status = "warning" if str(error.get("level", "")).lower() == "warning" else "failed"
        return Outcome(status, text, category, retryable=str(category).lower() != "noretry")
    return Outcome("failed", child.failure)


def _error_document(path: Path) -> Mapping[str, Any] | None:
    with contextlib.suppress(OSError):
        try:
            document = json.loads(path.read_text("utf-8"))
        except ValueError:
            return {"error": f"{path.name} is not JSON"}
        return document if isinstance(document, dict) else {"error": f"{path.name} is no JSON object"}
    return None


def _failure(error: Exception) -> Outcome:
    """An exception of the appliance's own part of an attempt, as an outcome."""
    if is_disk_full(error):
        return Outcome("failed", DISK_FULL, retryable=False)
    if isinstance(error, StoreFullError):
        return Outcome("failed", STORE_FULL, retryable=False)
    if isinstance(error, RemoteError | StageError):
        return Outcome("failed", str(error), retryable=error.retryable)
    if isinstance(error, LaunchError | UnavailableError):
        return Outcome("failed", str(error))
    return Outcome("failed", f"{type(error).__name__}: {error}")
