"""The appliance's side of forkservers and their children: start, ask for a child, talk to it, kill it.

What a child is asked to do is `launch.py`'s business, what its answers mean `watch.py`'s. Forkservers are started by
one thread that lives as long as the launcher: the kernel's parent-death signal follows the thread that made a process,
and Huey's workers come and go.
"""

import json
import logging
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from appliance.runner import forkserver, wire

logger = logging.getLogger(__name__)

START_TIMEOUT_S = 120.0  # the first child waits for the imports; on a loaded machine these take a while

BASE_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",  # one item, one core
    "OMP_NUM_THREADS": "1",
    "GDAL_NUM_THREADS": "1",
    "GDAL_PAM_ENABLED": "NO",  # GDAL would write .aux.xml beside inputs
    "HDF5_USE_FILE_LOCKING": "FALSE",
}


class ChildLost(Exception):
    """The forkserver ended before it made the child or before it told how the child ended."""


class Child:
    """One forked child. `messages` waits a little and hands on what it said; `status` is its wait status once known."""

    def __init__(self, work: socket.socket, status: socket.socket, pid: int, status_inbox: wire.Inbox):
        self.pid = pid
        self.items_done = 0
        self.status: int | None = None
        self.is_lost = False
        self._work = work
        self._status = status
        self._inbox = wire.Inbox(work)
        self._status_inbox = status_inbox
        self._poll = select.poll()
        self._poll.register(work, select.POLLIN)
        self._poll.register(status, select.POLLIN)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come: its end was told, or whoever would tell it is gone."""
        return self.status is not None or self.is_lost

    def ask(self, request: Mapping[str, Any]) -> bool:
        """Send a request; False when the child is gone."""
        try:
            wire.send(self._work, dict(request))
        except OSError:
            return False
        return True

    def messages(self, wait_s: float) -> list[dict[str, Any]]:
        """What the child said within `wait_s`; empty when nothing. Sets `status` when its end was told."""
        said: list[dict[str, Any]] = []
        readable = {fd for fd, _ in self._poll.poll(wait_s * 1000)}
        if self._work.fileno() in readable:
            said.extend(self._inbox.take())
        if self._status.fileno() in readable:
            for message in self._status_inbox.take():
                self.status = message["status"]
            self.is_lost = self._status_inbox.closed and self.status is None
            while self.has_ended and not self._inbox.closed:  # its last words arrived before the news of its end
                said.extend(self._inbox.take())
        if self._inbox.closed and self._work.fileno() in readable and not self.has_ended:
            self._poll.unregister(self._work)  # or poll would return at once for ever
        return said

    def kill(self) -> None:
        """SIGKILL for its whole group, by the forkserver, which knows whether the pid is still the child's."""
        try:
            self._status.send(b"K")
        except OSError:
            pass

    def close(self) -> None:
        """Let go of it; if it is alive the forkserver kills it."""
        self._work.close()
        self._status.close()


class Forkserver:
    """One forkserver process, started again when it ended. `kind` is its name in logs and health."""

    def __init__(
        self,
        kind: str,
        preload: Sequence[str],
        *,
        keeper: ThreadPoolExecutor,
        environment: Mapping[str, str],
        idle_s: float,
    ):
        self.kind = kind
        self.preload = tuple(preload)
        self.failed_preloads: dict[str, str] = {}
        self.loaded: tuple[str, ...] = ()
        self.thread_count = 0
        self._keeper = keeper
        self._environment = dict(environment)
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = threading.Event()

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def start(self) -> None:
        """Start it unless it runs. Returns before the imports are done; a child asked for meanwhile waits for them."""
        with self._lock:
            if self._control is None:
                self._keeper.submit(self._spawn).result()

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", "-m", forkserver.__name__, "--parent", str(os.getpid())]
        command += ["--control", str(theirs.fileno()), "--idle-s", str(self._idle_s), "--preload", *self.preload]
        with theirs:
            self._process = subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )
        self._ready = threading.Event()
        self._control = ours
        watcher = threading.Thread(
            target=self._watch, args=(ours, self._process, self._ready), name=f"forkserver-{self.kind}", daemon=True
        )
        watcher.start()

    def _watch(self, control: socket.socket, process: subprocess.Popen[bytes], ready: threading.Event) -> None:
        """Hear what was loaded, then wait for its end; a failed preload and an unexpected end are said aloud."""
        try:
            packet = control.recv(1 << 16)
            if packet:
                self._note_ready(json.loads(packet))
                ready.set()
                control.recv(1)
        except OSError:
            pass
        code = process.wait()
        with self._lock:
            was_wanted = self._control is control
            if was_wanted:
                self._control = None
        ready.set()
        if code != 0 and was_wanted:
            logger.warning("%s forkserver %d ended with %d; the next item starts another", self.kind, process.pid, code)

    def _note_ready(self, message: Mapping[str, Any]) -> None:
        self.loaded = tuple(message["loaded"])
        self.failed_preloads = dict(message["failed"])
        self.thread_count = int(message["threads"])
        for name, reason in self.failed_preloads.items():
            logger.error("%s forkserver could not import %s: %s", self.kind, name, reason)

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> bool:
        """Wait until its imports are done or failed."""
        self.start()
        return self._ready.wait(timeout_s)

    def fork(self) -> Child:
        """A new child; ChildLost when two forkservers in a row ended before making one."""
        try:
            return self._fork()
        except ChildLost:
            return self._fork()  # the first may have ended for idleness in this very moment

    def _fork(self) -> Child:
        self.start()
        control = self._control
        if control is None:
            raise ChildLost(f"the {self.kind} forkserver ended at once")
        work, child_work = socket.socketpair()
        status, server_status = socket.socketpair()
        try:
            with child_work, server_status:
                socket.send_fds(control, [b"fork"], [child_work.fileno(), server_status.fileno()])
            return self._born(work, status)
        except OSError as error:
            work.close()
            status.close()
            with self._lock:
                if self._control is control:
                    self._control = None
            raise ChildLost(f"the {self.kind} forkserver is gone: {error}") from None
        except BaseException:
            work.close()
            status.close()
            raise

    def _born(self, work: socket.socket, status: socket.socket) -> Child:
        inbox = wire.Inbox(status)
        status.settimeout(START_TIMEOUT_S)
        first = wire.receive(status)
        status.settimeout(None)
        if first is None:
            raise ChildLost(f"the {self.kind} forkserver ended before it made a child")
        if "error" in first:
            raise ChildLost(f"the {self.kind} forkserver: {first['error']}")
        return Child(work, status, first["pid"], inbox)

    def health(self) -> str | None:
        """Why it is not well, in one sentence, or None."""
        if self.failed_preloads:
            names = "; ".join(f"{name}: {reason}" for name, reason in self.failed_preloads.items())
            return f"the {self.kind} forkserver could not import {names}"
        return None

    def stop(self) -> None:
        """End it and all its children, and wait for that."""
        with self._lock:
            control, process = self._control, self._process
            self._control = None
        if control is not None:
            control.shutdown(socket.SHUT_RDWR)
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
