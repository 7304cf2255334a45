"""The Launcher seam: carry out one order somewhere, watch it, end it; here in a child forked on this machine.

What the child does is `child.py`, how it comes to be `children.py`, how it is watched and ended `watch.py`; which files
it is given is `perform.py`'s business. Source: docs/explanation, "One process, many children".
"""

import os
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from appliance.runner.children import BASE_ENVIRONMENT, Child, ChildLost, Forkserver
from appliance.runner.preloads import kind_of, preload_of
from appliance.runner.watch import ChildOutcome, Terms, watch

ENTRY = "transformers.run:run_step"
DESCRIBE = "transformers.describe:describe"
FILES_PER_CHILD = 32
HEAVY_IDLE_S = 600.0


class LaunchError(Exception):
    """No child could be made: the machine is out of processes or memory, or the libraries cannot be imported."""


class ChildFailed(Exception):
    """A function that was run in a child raised, crashed or took too long; the text says which."""


@dataclass(frozen=True, slots=True)
class ItemLimits:
    """What one item may take. memory_mb: address space beyond the loaded libraries; None: no limit."""

    memory_mb: int | None = 4096
    timeout_s: float = 14400.0


DESCRIBE_LIMITS = ItemLimits(memory_mb=2048, timeout_s=600.0)  # a call of 32 files


@dataclass(frozen=True, slots=True)
class Order:
    """One work item for a launcher: the transformer's name and the files it reads and writes."""

    name: str
    message_path: Path
    catalog_path: Path
    outdir: Path
    log_path: Path
    limits: ItemLimits = field(default_factory=ItemLimits)


class Launcher(Protocol):
    """Where work items are carried out."""

    def run(self, order: Order, *, canceled: Callable[[], bool], progress: Callable[[int], None]) -> ChildOutcome: ...


class LocalLauncher:
    """Forks children from warm forkservers of this machine.

    items_per_child: 1 gives each item a fresh child; more lets a child that ended an item well take further ones.
    entry, search_path: for tests with functions of their own. environment: added to the children's, which else holds
    nothing of ours: no keys, no settings.
    """

    def __init__(
        self,
        *,
        items_per_child: int = 1,
        entry: str = ENTRY,
        search_path: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        heavy_idle_s: float = HEAVY_IDLE_S,
    ):
        self._items_per_child = max(1, items_per_child)
        self._entry = entry
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="forkserver-keeper")
        self._interrupted = threading.Event()
        self._spare: dict[str, deque[Child]] = {"light": deque(), "heavy": deque()}
        outside = {"PYTHONPATH": os.pathsep.join(search_path)} if search_path else {}
        full = {**BASE_ENVIRONMENT, **outside, **(environment or {})}
        self.forkservers = {
            kind: Forkserver(
                kind,
                preload_of(kind, entry.partition(":")[0]),
                keeper=self._keeper,
                environment=full,
                idle_s=0.0 if kind == "light" else heavy_idle_s,
            )
            for kind in ("light", "heavy")
        }

    def start(self) -> None:
        """Start the light forkserver; its imports go on beside."""
        self.forkservers["light"].start()

    def interrupt(self) -> None:
        """The appliance stops: every running child is killed and its outcome says `interrupted`."""
        self._interrupted.set()

    def stop(self) -> None:
        """End all children and forkservers; it cannot be started again."""
        self.interrupt()
        for spare in self._spare.values():
            while spare:
                spare.pop().close()
        for server in self.forkservers.values():
            server.stop()
        self._keeper.shutdown()

    def health(self) -> str | None:
        """Why items cannot be carried out as they should, or None."""
        reasons = [reason for server in self.forkservers.values() if (reason := server.health())]
        return "; ".join(reasons) or None

    def run(self, order: Order, *, canceled: Callable[[], bool], progress: Callable[[int], None]) -> ChildOutcome:
        """Carry out one order and wait for its end. LaunchError when no child can be made."""
        paths = (order.message_path, order.catalog_path, order.outdir)
        arguments = [order.name, *({"path": str(path)} for path in paths)]
        request = {
            "function": self._entry,
            "calls": [arguments],
            "progress": True,
            "log": str(order.log_path),
            "folder": str(order.message_path.parent),
            "memory_mb": order.limits.memory_mb,
        }
        kind = kind_of(f"transformers.{order.name}")
        return self._carry_out(kind, request, order.limits.timeout_s, canceled=canceled, progress=progress)

    def run_function(self, module: str, function: str, argument: Any, *, limits: ItemLimits | None = None) -> Any:
        """`function(argument)` of a module, in a child; argument and result are JSON. ChildFailed says why not."""
        outcome = self.call_each(f"{module}:{function}", [argument], limits=limits)
        if not outcome.results or "result" not in outcome.results[0]:
            raise ChildFailed(outcome.failure)
        return outcome.results[0]["result"]

    def call_each(self, function: str, arguments: Sequence[Any], *, limits: ItemLimits | None = None) -> ChildOutcome:
        """`function` (module:name) called with each argument in one child. `results` holds {"result"} or {"error"} for
        each, up to the one that ended the child, if one did."""
        chosen = limits or ItemLimits()
        with tempfile.NamedTemporaryFile(prefix="harmonium-call-", suffix=".log") as log:
            request = {
                "function": function,
                "calls": [[a] for a in arguments],
                "progress": False,
                "log": log.name,
                "folder": "/",
                "memory_mb": chosen.memory_mb,
            }
            return self._carry_out(kind_of(function.partition(":")[0]), request, chosen.timeout_s)

    def _carry_out(
        self,
        kind: str,
        request: Mapping[str, Any],
        timeout_s: float,
        *,
        canceled: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> ChildOutcome:
        terms = Terms(timeout_s, Path(request["log"]), self._interrupted.is_set, canceled, progress)
        while True:
            child, is_fresh = self._child_for(kind)
            child.items_done += 1
            is_last = child.items_done >= self._items_per_child
            try:
                outcome, has_begun = watch(child, {**request, "last": is_last}, terms, must_exit=is_last)
            except BaseException:
                child.close()
                raise
            if child.has_ended or is_last or outcome.exit_code is None:
                child.close()
            else:
                self._spare[kind].append(child)
            if has_begun or is_fresh:
                return outcome  # else a spare one had ended for idleness in this very moment: another

    def _child_for(self, kind: str) -> tuple[Child, bool]:
        try:
            return self._spare[kind].pop(), False
        except IndexError:
            pass
        try:
            return self.forkservers[kind].fork(), True
        except (ChildLost, OSError) as error:
            raise LaunchError(f"no child could be made: {error}") from error


def describe_in_children(
    paths: Iterable[str], jobs: int = 2, launcher: LocalLauncher | None = None, function: str = DESCRIBE
) -> Iterator[dict[str, Any]]:
    """Facts of each file, read in children, {"path", ...} or {"path", "error"}; in the order of `paths`.

    32 files per child; a file that ends its child is tried once more, alone, and the rest goes on without it. `jobs`
    children at a time. Without a launcher one is made for the call.
    """
    own = launcher or LocalLauncher()
    calls = list(_chunks(list(paths), FILES_PER_CHILD))
    try:
        with ThreadPoolExecutor(max(1, jobs), thread_name_prefix="describe") as pool:
            for described in pool.map(lambda chunk: _describe(own, function, chunk), calls):
                yield from described
    finally:
        if launcher is None:
            own.stop()


def _chunks(paths: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(paths), size):
        yield paths[start : start + size]


def _describe(launcher: LocalLauncher, function: str, paths: list[str]) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = []
    while len(described) < len(paths):
        rest = paths[len(described) :]
        outcome = launcher.call_each(function, [{"path": path} for path in rest], limits=DESCRIBE_LIMITS)
        described += [_facts(path, answer) for path, answer in zip(rest, outcome.results, strict=False)]
        if len(outcome.results) < len(rest):
            suspect = rest[len(outcome.results)]
            alone = launcher.call_each(function, [{"path": suspect}], limits=DESCRIBE_LIMITS)
            answer = alone.results[0] if alone.results else {"error": {"text": alone.failure}}
            described.append(_facts(suspect, answer))
    return described


def _facts(path: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        return {"path": path, "error": answer["error"]["text"] or answer["error"].get("kind", "unknown error")}
    return {**answer["result"], "path": path}
