"""What a forked child does: confine itself, read one request after the other, call a function, report.

Runs in the child only; `launch.py` is the other end. A request is
{"function": "module:name", "calls": [[argument, ...], ...], "progress": bool, "log": path, "folder": path,
"memory_mb": int | null, "last": bool}, where an argument {"path": text} is a Path. The answers are {"started": true},
{"progress": percent}, then per call {"result": value} or {"error": {"kind", "text", "memory"}}, and {"done": code}.
Standard library only.
"""

import ctypes
import faulthandler
import importlib
import os
import resource
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.runner import wire

IDLE_S = 60.0  # a reused child that gets no further item for so long ends
RESERVE_MB = 400  # address space of the loaded libraries: a limit counts from there (measured: 308 MB before any work)
PROGRESS_PAUSE_S = 0.1
_PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when the thread that made it ends; end at once when that has happened already.

    The parent may have died between fork and prctl: hence the look at getppid afterwards.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def leave_signals_to_the_appliance() -> None:
    """Ctrl-C and a hang-up reach the whole terminal, a service manager's SIGTERM the whole service: the appliance hears
    them too and ends its children itself, without taking their deaths for failures."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def serve(work: socket.socket) -> int:
    """Answer requests until one says it is the last, the appliance closes, or nothing comes for a minute.

    Returns the exit code of the last one: 0, or 1 when a call raised or returned another number.
    """
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    faulthandler.enable()  # a crash leaves the Python stack in the item's log
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    work.settimeout(IDLE_S)
    code = 0
    while True:
        try:
            request = wire.receive(work)
        except TimeoutError:
            return code
        if request is None:
            return code
        work.settimeout(None)
        code = _answer(work, request)
        work.settimeout(IDLE_S)
        if request["last"]:
            return code


def _answer(work: socket.socket, request: dict[str, Any]) -> int:
    wire.send(work, {"started": True})
    _redirect_output(request["log"])
    os.chdir(request["folder"])
    # The hard limit too where the child is not reused: nothing that it loads can raise it again.
    limit = _address_space(request["memory_mb"])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit if request["last"] else resource.RLIM_INFINITY))
    code = 0
    try:
        function = _resolve(request["function"])
        extra = [_progress_to(work)] if request["progress"] else []
        for arguments in request["calls"]:
            code = max(code, _report(work, _call(function, [*map(_decoded, arguments), *extra])))
    except ImportError as error:
        traceback.print_exc()
        code = 1
        wire.send(work, {"error": {"kind": type(error).__name__, "text": str(error), "memory": False}})
    finally:
        if not request["last"]:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        sys.stdout.flush()
        sys.stderr.flush()
        os.chdir("/")
    wire.send(work, {"done": code})
    return code


def _call(function: Callable[..., Any], arguments: list[Any]) -> dict[str, Any]:
    """The edge of a work item: whatever is raised becomes an answer, with its traceback in the item's log."""
    try:
        value = function(*arguments)
    except MemoryError as error:
        traceback.print_exc()
        return {"error": {"kind": "MemoryError", "text": str(error) or "out of memory", "memory": True}, "code": 1}
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        memory = isinstance(error.__cause__ or error.__context__, MemoryError)
        return {"error": {"kind": type(error).__name__, "text": str(error), "memory": memory}, "code": 1}
    return {"result": value, "code": value if isinstance(value, int) and not isinstance(value, bool) else 0}


def _report(work: socket.socket, answer: dict[str, Any]) -> int:
    """Say what became of a call; its exit code."""
    code = int(answer.pop("code"))
    try:
        wire.send(work, answer)
    except (TypeError, ValueError) as error:  # the result is no JSON
        wire.send(work, {"error": {"kind": type(error).__name__, "text": str(error), "memory": False}})
        return 1
    return code


def _decoded(argument: Any) -> Any:
    return Path(argument["path"]) if isinstance(argument, dict) and set(argument) == {"path"} else argument


def _resolve(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except AttributeError:
        raise ImportError(f"module {module} has no function {attribute!r}") from None
    return found


def _progress_to(work: socket.socket) -> Callable[[float], None]:
    """A function that reports a percentage, at most ten times a second, so that the pipe never fills."""
    last = [0.0]

    def progress(percent: float) -> None:
        now = time.monotonic()
        if now - last[0] >= PROGRESS_PAUSE_S:
            last[0] = now
            wire.send(work, {"progress": int(percent)})

    return progress


def _redirect_output(log: str | None) -> None:
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)


def _address_space(memory_mb: int | None) -> int:
    """Bytes for RLIMIT_AS: the item's limit beyond what the loaded libraries take already."""
    if memory_mb is None:
        return resource.RLIM_INFINITY
    taken_mb = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize() >> 20
    return (memory_mb + max(RESERVE_MB, taken_mb)) << 20
