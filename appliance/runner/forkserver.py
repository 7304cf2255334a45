"""A forkserver: a process of its own that imports libraries once, then forks a child per request of the appliance.

Started by `children.py` as `python -m appliance.runner.forkserver`; single-threaded, opens no file, data or connection.
Ours instead of multiprocessing's, because that one is one per program, hides preloads that fail, keeps the environment,
and cannot kill a child without racing its pid. Over the control socket (SOCK_SEQPACKET) comes one packet per child with
two descriptors: `work`, which the child answers on (`child.py`), and `status`, on which this process says {"pid"}, then
{"status", "max_rss_kb"} when the child has ended, and hears b"K": kill its process group. The appliance closing
`status` means the same. Standard library only.
"""

import argparse
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.runner import child, wire


@dataclass(slots=True)
class _Ward:
    """A child that is alive, and where its end is to be told."""

    pid: int
    status: socket.socket


class Forkserver:
    """The loop. `serve` returns None when the appliance is gone or nothing was asked for long, and, in a forked child,
    the socket to answer on: the child leaves the loop by returning, so that it ends as an ordinary program does."""

    def __init__(self, control: socket.socket, idle_s: float):
        self._control = control
        self._idle_s = idle_s
        self._wards: dict[int, _Ward] = {}
        self._selector = selectors.DefaultSelector()
        self._wake, self._wake_end = socket.socketpair()
        for end in (self._wake, self._wake_end):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_end.fileno(), warn_on_full_buffer=False)
        self._selector.register(control, selectors.EVENT_READ, None)
        self._selector.register(self._wake, selectors.EVENT_READ, None)

    def serve(self) -> socket.socket | None:
        """Fork on request, tell of ends, kill on request."""
        last_used = time.monotonic()
        while True:
            wait_s = None
            if self._idle_s:
                wait_s = max(0.0, last_used + self._idle_s - time.monotonic())
            for key, _ in self._selector.select(wait_s):
                if key.fileobj is self._control:
                    packet, fds, _, _ = socket.recv_fds(self._control, 64, 2)
                    if not packet:
                        return None
                    work = self._fork(fds)
                    if work is not None:
                        return work
                elif key.fileobj is self._wake:
                    self._wake.recv(4096)
                else:
                    self._hear(key.data)
            self._reap()
            if self._wards:
                last_used = time.monotonic()
            elif self._idle_s and time.monotonic() - last_used >= self._idle_s:
                return None

    def _fork(self, fds: list[int]) -> socket.socket | None:
        work, status = (socket.socket(fileno=fd) for fd in fds)
        parent_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            _tell(status, {"error": f"fork: {error}"})
            work.close()
            status.close()
            return None
        if pid == 0:
            child.die_with_parent(parent_pid)
            os.setpgid(0, 0)
            status.close()
            self._close()
            return work
        work.close()
        try:
            os.setpgid(pid, pid)  # both sides do it: whoever comes first, the group exists before anybody kills it
        except OSError:
            pass
        ward = self._wards[pid] = _Ward(pid, status)
        self._selector.register(status, selectors.EVENT_READ, ward)
        _tell(status, {"pid": pid})
        return None

    def _hear(self, ward: _Ward) -> None:
        if ward.pid not in self._wards:
            return
        try:
            said = ward.status.recv(64)
        except OSError:
            said = b""
        _kill_group(ward.pid)  # b"K", or the appliance closed its end
        if not said:
            self._selector.unregister(ward.status)

    def _reap(self) -> None:
        while self._wards:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            _kill_group(ended.si_pid)  # not reaped yet, so the number is still ours: no grandchild stays behind
            _, status, usage = os.wait4(ended.si_pid, 0)
            ward = self._wards.pop(ended.si_pid, None)
            if ward is not None:
                _tell(ward.status, {"status": status, "max_rss_kb": usage.ru_maxrss})
                if ward.status in self._selector.get_map():
                    self._selector.unregister(ward.status)
                ward.status.close()

    def _close(self) -> None:
        """In a new child: let go of everything that belongs to the server."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        for ward in self._wards.values():
            ward.status.close()
        self._wards.clear()
        for end in (self._control, self._wake, self._wake_end):
            end.close()


def preload(names: list[str]) -> dict[str, str]:
    """Import the modules; name -> reason for those that would not."""
    failed = {}
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
    return failed


def _tell(status: socket.socket, message: dict[str, Any]) -> None:
    try:
        wire.send(status, message)
    except OSError:
        pass  # the appliance no longer asks after this child


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass


def _thread_count() -> int:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Threads:"))


def main() -> int:
    """Preload, say so, serve; in a forked child, carry out its items."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--idle-s", type=float, default=0.0)
    parser.add_argument("--preload", nargs="*", default=[])
    options = parser.parse_args()
    child.die_with_parent(options.parent)
    child.leave_signals_to_the_appliance()
    control = socket.socket(fileno=options.control)
    control.set_inheritable(False)
    failed = preload(options.preload)
    gc.collect()
    gc.freeze()  # the libraries' objects stay on shared pages: a child's collector does not touch them
    loaded = [name for name in options.preload if name not in failed]
    control.send(json.dumps({"loaded": loaded, "failed": failed, "threads": _thread_count()}).encode())  # one packet
    work = Forkserver(control, options.idle_s).serve()
    return 0 if work is None else child.serve(work)


if __name__ == "__main__":
    sys.exit(main())
