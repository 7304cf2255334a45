"""A home with everything but the API: databases, an archive of small granules, an embedded store, jobs made by hand.

Used by the tests of the runner, by the kill test and by the benchmark of work items.
"""

import os
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from appliance.database.account_migrations import ACCOUNT_MIGRATIONS
from appliance.database.catalog_migrations import CATALOG_MIGRATIONS
from appliance.database.connection import Database
from appliance.database.migrations import apply_migrations
from appliance.database.state_migrations import STATE_MIGRATIONS
from appliance.identity import Accounts
from appliance.metadata.concepts import Collection, Granule
from appliance.metadata.footprint import Part
from appliance.metadata.record_rows import put_collection, put_granule
from appliance.metadata.roots import store_roots
from appliance.parts import Parts
from appliance.runner.engine import Engine
from appliance.services.plan import GranuleQuery, Plan, PlannedStep
from appliance.services.registry import Registry
from appliance.settings import Settings
from appliance.store.child import EmbeddedStore
from appliance.store.s3 import Store
from appliance.workflow.records import Limits
from appliance.workflow.submit import submit
from tests.running import free_port

FUNCTIONS = Path(__file__).parent / "functions"
COLLECTION = "C1-TEST"
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def granule_name(number: int) -> str:
    """File name of a granule."""
    return f"g{number:05d}.txt"


def granule_id(number: int) -> str:
    """Concept id of a granule."""
    return f"G{number + 1}-TEST"


def add_granules(catalog: Database, root: Path, count: int, *, urls: dict[int, str] | None = None) -> None:
    """Granules 0 to count-1, an hour apart, each a file of its own below `root`; those in `urls` are remote instead.

    An empty URL leaves the granule without any data link.
    """
    root.mkdir(parents=True, exist_ok=True)
    remote = urls or {}
    now_ms = 0
    with catalog.immediate() as connection:
        store_roots(connection, [str(root.resolve())], now_ms)
        collection = Collection(COLLECTION, "TEST", "1", "Test granules", "TEST", kind="grid-geographic")
        put_collection(connection, collection, b"{}", native_id="TEST", origin="files", now_ms=now_ms)
        row = connection.execute("SELECT number FROM collections WHERE concept_id = ?", (COLLECTION,)).fetchone()
        for number in range(count):
            name = granule_name(number)
            is_local = number not in remote
            if is_local:
                (root / name).write_text(f"{name} holds {number}\n")
            start = EPOCH + timedelta(hours=number)
            granule = Granule(
                granule_id(number),
                name.removesuffix(".txt"),
                COLLECTION,
                boxes=((-10.0, 0.0, 10.0, 20.0),),
                start=start,
                end=start + timedelta(minutes=59),
                size_bytes=(root / name).stat().st_size if is_local else 0,
                file_name=name,
                media_type="text/plain",
                data_urls=() if is_local or not remote[number] else (remote[number],),
            )
            box = [Part("box", granule.boxes[0])]
            _, row_id = put_granule(connection, granule, b"{}", box, collection=row[0], origin="files", now_ms=now_ms)
            if is_local:
                _add_file(connection, root.resolve(), name, row_id)


def _add_file(connection: Any, root: Path, name: str, row_id: int) -> None:
    facts = (root / name).stat()
    connection.execute(
        "INSERT INTO files (root, path, size, mtime_ns, inode, content_id, granule) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (str(root), name, facts.st_size, facts.st_mtime_ns, facts.st_ino, name, row_id),
    )


def plan_of(*names: str, count: int, **choices: Any) -> Plan:
    """A plan of `find_granules` and the named steps. Choices: `extra`, extraArgs of every step; `gathers`, names of
    steps that read all outputs of the one before; `query`, further fields of the query; others go to Plan."""
    extra, gathers = choices.pop("extra", {}), choices.pop("gathers", ())
    query = GranuleQuery((COLLECTION,), **choices.pop("query", {}))
    steps = [PlannedStep(1, "harmonium/find-granules:1", "find_granules", {}, is_sequential=True, expected_items=1)]
    for number, name in enumerate(names, 2):
        message = {"version": "0.22.0", "extraArgs": extra, "stagingLocation": "s3://somewhere/", "sources": []}
        gathering = name in gathers
        steps.append(
            PlannedStep(
                number,
                f"test/{name}:1",
                name,
                message,
                has_aggregated_output=gathering,
                expected_items=1 if gathering else count,
            )
        )
    defaults: dict[str, Any] = {
        "is_async": True,
        "with_preview": False,
        "ignore_errors": True,
        "input_granule_count": count,
        "message": "",
        "collection_ids": (COLLECTION,),
        "provider": "TEST",
        "request_url": "http://localhost/request",
    }
    return Plan("test/chain", tuple(steps), query, **{**defaults, **choices})


def submit_plan(parts: Parts, plan: Plan, username: str = "ada") -> str:
    """Submit and ring; the job's id."""
    job_id = str(uuid.uuid4())
    submit(parts.state, plan, job_id=job_id, username=username, now=parts.now(), limits=parts.limits)
    parts.ring(1)
    return job_id


class RunnerAlone:
    """Parts and an engine over a home, without the API. A context manager; the engine starts unless told otherwise."""

    def __init__(self, home: Path, *, starts: bool = True, **settings: Any):
        chosen: dict[str, Any] = {"workers": 2, "upkeep_s": 0.2, "embedded_fsync": False, "public_url": "http://me"}
        self.settings = Settings(home=home, **{**chosen, **settings})
        self.starts = starts
        self._stack = ExitStack()

    def __enter__(self) -> "RunnerAlone":
        stack, settings = self._stack, self.settings
        apply_migrations(settings.state_path, "state", STATE_MIGRATIONS)
        apply_migrations(settings.state_path, "accounts", ACCOUNT_MIGRATIONS)
        apply_migrations(settings.catalog_path, "catalog", CATALOG_MIGRATIONS)
        coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        self.engine = Engine(
            settings, entry="steps:run_step", search_path=(str(FUNCTIONS),), child_environment=coverage
        )
        state, catalog = Database(settings.state_path), Database(settings.catalog_path)
        stack.callback(catalog.close)
        stack.callback(state.close)
        self.embedded = EmbeddedStore(settings.objects_folder, "127.0.0.1", free_port(), settings.embedded_fsync)
        store = Store(self.embedded.start())
        stack.callback(self.embedded.stop)
        store.ensure_bucket(settings.object_store_staging_bucket)
        self.parts = Parts(
            settings=settings,
            state=state,
            catalog=catalog,
            accounts=Accounts(state, b"key of no cookie"),
            store=store,
            registry=Registry((), {}),
            limits=Limits(granule_page=settings.granule_page, retry_limit=settings.retry_limit),
            ring=self.engine.ring,
            now=lambda: datetime.now(UTC),
            started_at=datetime.now(UTC),
            version="test",
        )
        stack.callback(self.engine.stop)
        if self.starts:
            self.engine.start(self.parts)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def body(self, href: str) -> bytes:
        """The bytes of a result."""
        bucket, _, key = href.removeprefix("s3://").partition("/")
        with self.parts.store.open_range(bucket, key) as pieces:
            return b"".join(pieces)
