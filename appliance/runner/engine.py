"""The running half of the appliance: launcher, worker threads, upkeep, put together, started and stopped in order.

What `assembly` holds of the runner. The API and this meet in tables only; `ring` is the one call between them, handed
down in Parts.
"""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from appliance.parts import Parts
from appliance.runner.launch import ENTRY, LocalLauncher
from appliance.runner.perform import Performer
from appliance.runner.remote import Fetcher
from appliance.runner.remote_hosts import RemoteHost, load_remote_hosts
from appliance.runner.stage import Stager, media_type_of
from appliance.runner.upkeep import Upkeep
from appliance.runner.work_queue import WorkQueue
from appliance.settings import Settings
from appliance.store.access import StoreAccess
from appliance.store.s3 import Store

logger = logging.getLogger(__name__)

SIGNED_FOR_S = 3600


class Engine:
    """Made from settings before Parts exist, because Parts carry its `ring`; then `start(parts)`.

    entry, search_path, child_environment: see LocalLauncher; for tests.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        entry: str = ENTRY,
        search_path: tuple[str, ...] = (),
        child_environment: Mapping[str, str] | None = None,
    ):
        self._settings = settings
        self._fetcher = Fetcher(
            load_remote_hosts(settings.remote_hosts, settings.home / "remotes.toml"), sign_s3=signed_s3
        )
        self.launcher = LocalLauncher(
            items_per_child=settings.items_per_child,
            entry=entry,
            search_path=search_path,
            environment=child_environment,
        )
        self._lock = threading.Lock()
        self.performer: Performer | None = None
        self.bells: WorkQueue | None = None
        self.upkeep: Upkeep | None = None

    def warm_up(self) -> None:
        """Start the light forkserver; call it early, its imports go on beside."""
        self.launcher.start()

    def start(self, parts: Parts) -> None:
        """Recover what an earlier run left, then start workers and upkeep."""
        self.warm_up()
        settings = parts.settings
        stager = Stager(settings.work_folder, parts.catalog, self._fetcher, settings.harvest_roots)
        performer = Performer(parts, self.launcher, stager)
        bells = WorkQueue(parts.settings.queue_path, workers=parts.settings.worker_count, answer=performer.answer)
        upkeep = Upkeep(parts, performer, bells)
        upkeep.recover()
        with self._lock:
            self.performer, self.bells, self.upkeep = performer, bells, upkeep
        bells.start()
        upkeep.start()

    def ring(self, count: int = 1) -> None:
        """Wake workers; before `start` nobody sleeps, and the first round of upkeep rings anyway."""
        bells = self.bells
        if bells is not None and count > 0:
            bells.ring(count)

    def stop(self) -> None:
        """Put down what is held and end every thread and child. Items in flight are taken up at the next start."""
        with self._lock:
            performer, bells, upkeep = self.performer, self.bells, self.upkeep
            self.performer = self.bells = self.upkeep = None
        if performer is not None:
            performer.stop()
        self.launcher.interrupt()
        if upkeep is not None:
            upkeep.stop()
        if bells is not None:
            bells.stop(graceful=True)
        self.launcher.stop()

    def health(self) -> str | None:
        """Why work is not carried out as it should be, in one sentence, or None."""
        bells, upkeep = self.bells, self.upkeep
        if bells is None or upkeep is None:
            return "the workers are not started"
        return bells.health() or upkeep.health() or self.launcher.health()


def signed_s3(entry: RemoteHost, bucket: str, key: str) -> str:
    """A link on the entry's own endpoint that reads one object for an hour; asks nobody."""
    access = StoreAccess(entry.endpoint, entry.region, entry.access_key, entry.secret_key)
    name = key.rpartition("/")[2]
    return Store(access).presigned_get(
        bucket, key, seconds=SIGNED_FOR_S, file_name=name, media_type=media_type_of(Path(name)), extra={}
    )
