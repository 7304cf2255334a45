"""Scenes for the laws of the workflow: a chain, so many granules, and what becomes of each item, whatever the order.

What an item does depends on its step and its inputs alone, never on its number or on when it runs, so two runs of one
scene can differ in nothing but the order of events. Names of outputs tell what they were made of.
"""

import hashlib
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from appliance.database.connection import Database, checkpoint
from appliance.database.migrations import apply_migrations
from appliance.database.state_migrations import STATE_MIGRATIONS
from appliance.services.plan import GranuleQuery, Plan, PlannedStep
from appliance.workflow.records import Limits, Link, Outcome, Output, WorkflowStep

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
JOB_ID = "7b8f2f6e-5f53-4c61-8f0e-0f1b4b7c9a10"


@dataclass(frozen=True)
class Shape:
    """One step after the query. kind: each, fan_out (several catalogs an item), gather, batch, wait."""

    kind: str
    max_inputs: int | None = None
    max_bytes: int | None = None


@dataclass(frozen=True)
class Scene:
    """A job to be played. trouble: per cent of items that do anything but succeed at once."""

    seed: int
    granules: int
    page: int
    shapes: tuple[Shape, ...]
    trouble: int = 0
    ignore_errors: bool = True
    with_preview: bool = False

    @property
    def limits(self) -> Limits:
        """No error limit that a run could reach early."""
        return Limits(retry_limit=2, granule_page=self.page, max_percent_errors=100)

    def plan(self) -> Plan:
        """The plan of the scene."""
        first = PlannedStep(1, "harmonyservices/query-cmr:stable", "find_granules", {}, progress_weight=0.1)
        steps = [first, *(self._step(n, shape) for n, shape in enumerate(self.shapes, 2))]
        return make_plan(steps, self.granules, ignore_errors=self.ignore_errors, with_preview=self.with_preview)

    def _step(self, index: int, shape: Shape) -> PlannedStep:
        gathers = shape.kind in ("gather", "batch")
        before = [s.kind for s in self.shapes[: index - 2]]
        return PlannedStep(
            index,
            f"ghcr.io/demo/step-{index}:1",
            f"step_{index}",
            {"index": index},
            has_aggregated_output=gathers,
            always_wait_for_prior_step=shape.kind == "wait",
            is_batched=shape.kind == "batch",
            max_batch_inputs=shape.max_inputs,
            max_batch_bytes=shape.max_bytes,
            expected_items=1 if gathers or {"gather", "batch"} & set(before) else self.granules,
        )

    def page_outcome(self, offset: int) -> Outcome:
        """What the query finds from `offset` on."""
        found = range(offset, min(self.granules, offset + self.page))
        outputs = [Output(n - offset, named(f"g{n:03d}"), 10 + n % 7) for n in found]
        end = offset + self.page
        return Outcome(
            "successful",
            outputs=tuple(outputs),
            links=tuple(link(f"g{n:03d}", 10) for n in found) if not self.shapes else (),
            next_cursor=str(end) if end < self.granules else None,
            found_count=self.granules,
        )

    def outcome(self, step: WorkflowStep, inputs: Sequence[Output], retries: int) -> Outcome:
        """What becomes of an attempt at these inputs, after so many failed ones."""
        names = [str(output.stac["name"]) for output in inputs]
        rng = random.Random(f"{self.seed}/{step.step_index}/{names}")
        fate = "well"
        if rng.randrange(100) < self.trouble:
            fate = rng.choice(["nodata", "fails", "noretry", "recovers", "empty"])
        if fate == "nodata":
            return Outcome("warning", f"no data in {names[0]}", "nodata")
        if fate == "noretry":
            return Outcome("failed", f"cannot read {names[0]}", "noretry")
        if fate == "fails" or (fate == "recovers" and retries < 2):
            return Outcome("failed", f"broken {names[0]}")
        if fate == "empty":
            return Outcome("successful")
        return self._success(step, names, rng)

    def _success(self, step: WorkflowStep, names: list[str], rng: random.Random) -> Outcome:
        shape = self.shapes[step.step_index - 2]
        made_of = names[0] if len(names) == 1 else _digest(names)
        catalogs = rng.randint(1, 3) if shape.kind == "fan_out" else 1
        per_catalog = 2 if rng.randrange(10) == 0 else 1
        outputs = [
            Output(catalog, named(f"{made_of}/{step.step_index}.{catalog}.{n}"), rng.randint(0, 30))
            for catalog in range(catalogs)
            for n in range(per_catalog)
        ]
        links = [link(output.stac["name"], output.size_bytes) for output in outputs] if step.is_last else []
        return Outcome("successful", outputs=tuple(outputs), links=tuple(links), input_size_bytes=7)


def _digest(names: Sequence[str]) -> str:
    """A short name for several, which still tells the granule where it is but one."""
    digest = hashlib.sha256("+".join(names).encode()).hexdigest()[:8]
    granules = {name[:4] for name in names}
    return f"{granules.pop()}-{digest}" if len(granules) == 1 else digest


def make_plan(
    steps: Sequence[PlannedStep],
    granules: int,
    *,
    ignore_errors: bool = False,
    with_preview: bool = False,
    message: str = "",
    labels: tuple[str, ...] = (),
    is_async: bool = True,
    destination_url: str | None = None,
) -> Plan:
    """A plan with these steps; the rest is the same everywhere."""
    return Plan(
        chain_name="demo/chain",
        steps=tuple(steps),
        query=GranuleQuery(("C100-DEMO",), bbox=(-10.0, -5.0, 10.0, 5.0), granule_ids=("G1-DEMO", "G2-DEMO")),
        is_async=is_async,
        with_preview=with_preview,
        ignore_errors=ignore_errors,
        input_granule_count=granules,
        message=message,
        collection_ids=("C100-DEMO", "C2-DEMO"),
        provider="DEMO",
        request_url="http://localhost:3000/C100-DEMO/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset",
        destination_url=destination_url,
        labels=labels,
    )


def query_and(*others: PlannedStep) -> list[PlannedStep]:
    """The query, then these steps, numbered."""
    first = PlannedStep(1, "harmonyservices/query-cmr:stable", "find_granules", {}, progress_weight=0.1)
    return [replace(step, step_index=n) for n, step in enumerate([first, *others], 1)]


def named(name: str) -> dict[str, object]:
    """A STAC item that says what it is."""
    properties = (
        {"harmonium:href": f"https://archive.example/{name}"} if name.startswith("g") and "/" not in name else {}
    )
    return {"name": name, "properties": properties}


def link(name: object, size_bytes: int) -> Link:
    """A result named so."""
    href = f"s3://harmony-staging/public/{JOB_ID}/{name}"
    return Link(href, str(name), "application/netcdf", (-10.0, -5.0, 10.0, 5.0), START, START, size_bytes=size_bytes)


def new_database(path: Path) -> Database:
    """A state database with its tables: a copy of one that was migrated once, as laws need hundreds."""
    path.write_bytes(_migrated())
    return Database(path)


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        apply_migrations(path, "state", STATE_MIGRATIONS)
        checkpoint(path, truncate=True)
        return path.read_bytes()


@st.composite
def scenes(draw: st.DrawFn, *, trouble: st.SearchStrategy[int] | None = None) -> Scene:
    """Scenes of up to three steps after the query."""
    kinds = st.sampled_from(["each", "each", "fan_out", "gather", "batch", "wait"])
    shapes = draw(
        st.lists(
            st.builds(Shape, kinds, st.none() | st.integers(1, 4), st.none() | st.integers(10, 80)),
            max_size=3,
        )
    )
    return Scene(
        seed=draw(st.integers(0, 10**6)),
        granules=draw(st.integers(1, 9)),
        page=draw(st.integers(1, 10)),
        shapes=tuple(shapes),
        trouble=draw(trouble if trouble is not None else st.sampled_from([0, 30, 70, 100])),
        ignore_errors=draw(st.booleans()),
        with_preview=draw(st.booleans()),
    )
