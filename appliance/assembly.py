"""Building the appliance once from Settings; the only place that knows all parts.

Order of starting: lock, databases, store, forkserver, queue, upkeep, then the API. Everything that must outlive
nothing else is started from the main thread, because the death signal follows the thread that created a process.
"""

import fcntl
import importlib.metadata
import logging
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.database.account_migrations import ACCOUNT_MIGRATIONS
from appliance.database.catalog_migrations import CATALOG_MIGRATIONS
from appliance.database.connection import Database
from appliance.database.migrations import apply_migrations
from appliance.database.state_migrations import STATE_MIGRATIONS
from appliance.errors import SettingsError
from appliance.identity import Accounts
from appliance.parts import Parts
from appliance.services.registry import Registry, load_registry
from appliance.settings import Settings
from appliance.workflow.records import Limits

logger = logging.getLogger(__name__)

DATA = Path(__file__).resolve().parent.parent / "data"


def utc_now() -> datetime:
    """The clock of the running appliance; tests hand in another."""
    return datetime.now(UTC)


def prepare_home(settings: Settings) -> None:
    """The folders and databases of `home`, brought up to date. Safe to call from several processes."""
    for folder in (settings.home, settings.work_folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    apply_migrations(settings.state_path, "state", STATE_MIGRATIONS)
    apply_migrations(settings.state_path, "accounts", ACCOUNT_MIGRATIONS)
    apply_migrations(settings.catalog_path, "catalog", CATALOG_MIGRATIONS)


@contextmanager
def exclusive_home(settings: Settings) -> Iterator[None]:
    """Only one appliance per home; SettingsError names the one that runs already."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "another process"
            raise SettingsError(
                f"home {settings.home}: process {owner} serves it already; use it, stop it, or choose another --home"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def limits_of(settings: Settings) -> Limits:
    """The settings that decisions need."""
    return Limits(
        retry_limit=settings.retry_limit,
        poison_limit=settings.poison_limit,
        max_errors=settings.max_errors,
        max_percent_errors=settings.max_percent_errors,
        min_items_for_percent=settings.min_items_for_percent,
        max_batch_inputs=settings.max_batch_inputs,
        max_batch_bytes=settings.max_batch_bytes,
        granule_page=settings.granule_page,
        preview_threshold=settings.preview_threshold,
        expiration_days=settings.expiration_days,
    )


def secret_file(path: Path) -> bytes:
    """32 random bytes, made once, readable by this user only."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return bytes.fromhex(path.read_text("ascii").strip())
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    return bytes.fromhex(path.read_text("ascii").strip())


def version() -> str:
    """The version of this distribution."""
    return importlib.metadata.version("harmonium")
