"""Watching one child while it carries out one request, and saying how it ended.

Asks for a verdict on every turn of its loop, also right after a message: skipping that once made a chatty item
uncancellable. Knows nothing of work items, files between steps or forkservers.
"""

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.runner.children import Child

TURN_S = 0.05  # how often a silent child's cancel and deadline are looked at
EXIT_GRACE_S = 10.0  # for a child that has reported and need only end
LOG_TAIL_BYTES = 4096
_MEMORY_SIGNALS = frozenset({signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGTRAP})
_MEMORY_WORDS = (b"MemoryError", b"bad_alloc", b"Cannot allocate memory", b"out of memory", b"memory exhausted")


@dataclass(frozen=True, slots=True)
class ChildOutcome:
    """How a child ended. exit_code None: it did not get that far; `signal` then says what ended it, if one did.

    canceled: the item no longer wants it; interrupted: the appliance stops. error: "Class: text" of what was raised.
    """

    exit_code: int | None = None
    signal: int | None = None
    seconds: float = 0.0
    timed_out: bool = False
    canceled: bool = False
    interrupted: bool = False
    out_of_memory: bool = False
    error: str = ""
    results: tuple[Any, ...] = ()

    @property
    def is_success(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.exit_code == 0

    @property
    def failure(self) -> str:
        """One sentence for an end that was no success; empty otherwise."""
        if self.is_success:
            return ""
        if self.timed_out:
            return self.error
        if self.out_of_memory:
            return "Service failed due to running out of memory"
        if self.signal is not None:
            return f"The service crashed: {signal_name(self.signal)}"
        return self.error or f"The service ended with exit code {self.exit_code}"


def signal_name(number: int) -> str:
    """`SIGSEGV (segmentation fault, signal 11)`, for people."""
    try:
        known = signal.Signals(number)
    except ValueError:
        return f"signal {number}"
    return f"{known.name} ({(signal.strsignal(number) or 'unknown').lower()}, signal {number})"


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which a child works: `interrupted` and `canceled` are asked on every turn, `progress` is told per cent."""

    timeout_s: float
    log_path: Path
    interrupted: Callable[[], bool]
    canceled: Callable[[], bool]
    progress: Callable[[int], None]


@dataclass(slots=True)
class _Report:
    """What the child has said so far."""

    has_begun: bool = False
    code: int | None = None
    error: str = ""
    out_of_memory: bool = False
    results: list[Any] = field(default_factory=list)

    def note(self, message: Mapping[str, Any], progress: Callable[[int], None]) -> None:
        if "progress" in message:
            progress(int(message["progress"]))
        elif "result" in message:
            self.results.append({"result": message["result"]})
        elif "error" in message:
            error = message["error"]
            self.results.append({"error": error})
            self.error = self.error or f"{error['kind']}: {error['text']}".removesuffix(": ")
            self.out_of_memory = self.out_of_memory or bool(error["memory"])
        elif "done" in message:
            self.code = int(message["done"])
        else:
            self.has_begun = self.has_begun or "started" in message


def watch(child: Child, request: Mapping[str, Any], terms: Terms, *, must_exit: bool) -> tuple[ChildOutcome, bool]:
    """Send the request and wait until it is done (`must_exit`: until the child has ended) or must be stopped.

    Returns how it ended, and whether the child began it at all.
    """
    started_at = time.monotonic()
    report = _Report()
    stop: dict[str, bool] = {}
    child.ask(request)
    while report.code is None and not child.has_ended:
        for message in child.messages(TURN_S):
            report.note(message, terms.progress)
        if report.code is None and not child.has_ended and not stop:
            stop = _verdict(terms, time.monotonic() - started_at)
            if stop:
                child.kill()
    seconds = time.monotonic() - started_at
    if report.code is not None:
        _await_exit(child, wait_s=EXIT_GRACE_S if must_exit else 0.0)
        outcome = ChildOutcome(
            exit_code=report.code,
            seconds=seconds,
            out_of_memory=report.out_of_memory,
            error=report.error,
            results=tuple(report.results),
        )
        return outcome, True
    return _unfinished(child, report, terms, stop, seconds), report.has_begun


def _verdict(terms: Terms, seconds: float) -> dict[str, bool]:
    """Why it must be stopped now: a field of the outcome; empty when it may go on."""
    if terms.interrupted():
        return {"interrupted": True}
    if seconds > terms.timeout_s:
        return {"timed_out": True}
    if terms.canceled():
        return {"canceled": True}
    return {}


def _unfinished(child: Child, report: _Report, terms: Terms, stop: Mapping[str, bool], seconds: float) -> ChildOutcome:
    """It ended without having reported: we killed it, it crashed, or it left by itself."""
    results = tuple(report.results)
    if stop:
        error = f"Worker timed out after {terms.timeout_s:g} seconds" if stop.get("timed_out") else ""
        return ChildOutcome(signal=signal.SIGKILL, seconds=seconds, error=error, results=results, **stop)
    if child.is_lost or child.status is None:
        return ChildOutcome(seconds=seconds, error="The forkserver ended while the service ran", results=results)
    number = child.status & 0x7F
    if not number:
        code = child.status >> 8
        error = f"The service left with exit code {code} without saying what became of its work"
        return ChildOutcome(exit_code=code or 1, seconds=seconds, error=error, results=results)
    # SIGKILL that was not ours is the kernel's, for memory; a C library that is refused memory may abort or crash.
    memory = number == signal.SIGKILL or (
        number in _MEMORY_SIGNALS and any(word in _tail(terms.log_path) for word in _MEMORY_WORDS)
    )
    return ChildOutcome(signal=number, seconds=seconds, out_of_memory=memory, results=results)


def _await_exit(child: Child, *, wait_s: float) -> None:
    """Let it end by itself, with what it does at exit; one that does not is killed when it is let go."""
    deadline = time.monotonic() + wait_s
    while not child.has_ended and time.monotonic() < deadline:
        child.messages(TURN_S)


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
            return log.read()
    except OSError:
        return b""
