"""Building the appliance once from Settings; the only place that knows all parts.

Order of starting: lock, databases, store, forkserver, queue, upkeep, then the API. Everything that must outlive
nothing else is started from the main thread, because the death signal follows the thread that created a process.
"""

import fcntl
import importlib.metadata
import logging
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.database.account_migrations import ACCOUNT_MIGRATIONS
from appliance.database.catalog_migrations import CATALOG_MIGRATIONS
from appliance.database.connection import Database
from appliance.database.migrations import apply_migrations
from appliance.database.state_migrations import STATE_MIGRATIONS
from appliance.errors import SettingsError
from appliance.identity import ANONYMOUS, Accounts, add_user
from appliance.metadata.shipped import ensure_services, load_shipped
from appliance.parts import Parts
from appliance.runner.engine import Engine
from appliance.services.registry import SHIPPED, Registry, load_registry
from appliance.settings import Settings, process_environment
from appliance.store.access import StoreAccess
from appliance.store.child import EmbeddedStore
from appliance.store.s3 import Store
from appliance.workflow.handover import hand_over_jobs
from appliance.workflow.records import Limits

logger = logging.getLogger(__name__)

PACKAGES = Path(__file__).resolve().parent.parent
DATA = PACKAGES / "data"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
STORE_WATCH_S = 1.0


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
    load_shipped(Database(settings.catalog_path), utc_now(), DATA)


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


def transformer_names() -> list[str]:
    """The transformers that exist here: modules that define `transform`, found without importing them."""
    modules = (PACKAGES / "transformers").glob("*.py")
    return sorted(path.stem for path in modules if "\ndef transform(" in path.read_text("utf-8"))


def registry_of(settings: Settings) -> Registry:
    """The service chains."""
    return load_registry(
        settings.services_file or SHIPPED,
        cmr_url=settings.cmr_url,
        environment=process_environment(),
        transformers=transformer_names(),
    )


def coverage_environment() -> dict[str, str]:
    """What children need so that tests count what they execute; empty outside of tests."""
    return {name: value for name, value in process_environment().items() if name.startswith("COVERAGE_")}


def open_store(settings: Settings, stack: ExitStack) -> Store:
    """The configured endpoint, or the embedded store, started, watched, and stopped when the stack unwinds."""
    if settings.object_store_endpoint:
        access = StoreAccess(
            settings.object_store_endpoint,
            settings.object_store_region,
            settings.object_store_access_key,
            settings.object_store_secret_key,
            settings.object_store_public_endpoint,
            settings.object_store_ca_file,
        )
    elif settings.object_store_server in ("", "embedded"):
        access = _embedded_store(settings, stack)
    else:
        raise SettingsError(
            f"object_store_server: {settings.object_store_server!r} without object_store_endpoint; allowed: "
            "embedded, or an endpoint (URL) with its keys"
        )
    return Store(access)


def _embedded_store(settings: Settings, stack: ExitStack) -> StoreAccess:
    child = EmbeddedStore(
        settings.objects_folder,
        settings.embedded_host,
        settings.embedded_port or None,
        settings.embedded_fsync,
        environment=coverage_environment(),
    )
    access = child.start()
    stack.callback(child.stop)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(STORE_WATCH_S):
            child.watch()

    threading.Thread(target=watch, name="store-watch", daemon=True).start()
    stack.callback(ended.set)
    return access


def build(settings: Settings, stack: ExitStack) -> Parts:
    """All parts, started; each is stopped when the stack unwinds. `home` is prepared and locked already."""
    engine = Engine(settings, child_environment=coverage_environment())
    stack.callback(engine.stop)
    engine.warm_up()
    state = Database(settings.state_path, durable=settings.durable)
    catalog = Database(settings.catalog_path, durable=settings.durable)
    stack.callback(catalog.close)
    stack.callback(state.close)
    registry = registry_of(settings)
    # A foreign services.yml names services of its own: a stub record each, so that capabilities can point to them.
    ensure_services(catalog, [(c.umm_s, c.name, c.description) for c in registry.chains if c.umm_s], utc_now())
    store = open_store(settings, stack)
    store.ensure_bucket(settings.object_store_staging_bucket)
    parts = Parts(
        settings=settings,
        state=state,
        catalog=catalog,
        accounts=Accounts(state, secret_file(settings.home / "cookie.key")),
        store=store,
        registry=registry,
        limits=limits_of(settings),
        ring=engine.ring,
        now=utc_now,
        started_at=utc_now(),
        version=version(),
        health={
            "db": lambda: _database_health(state, catalog),
            "store": store.is_up,
            "queue": engine.health,
        },
    )
    check_open_mode(settings, parts)
    engine.start(parts)
    stack.callback(engine.stop)  # before the databases and the store that its threads use
    return parts


def _database_health(*databases: Database) -> str | None:
    try:
        for database in databases:
            database.row("SELECT 1")
    except sqlite3.Error as error:
        return f"Unable to query the database: {error}"
    return None


@contextmanager
def running_appliance(settings: Settings) -> Iterator[tuple[Parts, Any]]:
    """Everything started, in order, and stopped again in the opposite one; yields the parts and the ASGI application.

    Call it from the main thread. Raises SettingsError for what the operator can mend.
    """
    with ExitStack() as stack:
        stack.enter_context(exclusive_home(settings))
        prepare_home(settings)
        parts = build(settings, stack)
        from appliance.api.app import create_app  # half a second of imports, while the forkserver makes its own

        yield parts, create_app(parts)


def _admin_password(path: Path) -> str:
    try:
        password = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"admin_password_file {path}: {error}; allowed: a text file that can be read") from None
    if len(password) < 8:
        raise SettingsError(f"admin_password_file {path}: {len(password)} characters; allowed: at least 8")
    return password


def check_open_mode(settings: Settings, parts: Parts) -> None:
    """The first account from settings, once; and no open door to the network."""
    if settings.admin_user and settings.admin_password_file and parts.accounts.is_open():
        password = _admin_password(settings.admin_password_file)
        with parts.state.immediate():
            add_user(parts.state, settings.admin_user, password, ("admin",), parts.now())
            hand_over_jobs(parts.state, ANONYMOUS, settings.admin_user)
    if parts.accounts.is_open() and settings.host not in LOOPBACK:
        raise SettingsError(
            f"host {settings.host}: anybody on the network could do everything, as there is no account yet; "
            "`harmonium user add NAME` makes one"
        )
