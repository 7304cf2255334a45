"""The embedded store as a child of the appliance: started, watched, stopped.

The server itself is `appliance/embedded_s3`, which runs in its own process and is spoken to through `s3.py` like any
other endpoint. Keys are made once and kept 0600 beside the root. Source: object-store.md 5.1.
"""

import http.client
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import appliance.errors
from appliance.errors import SettingsError, UnavailableError
from appliance.store.access import StoreAccess

logger = logging.getLogger(__name__)
FIRST_PORT, LAST_PORT = 9000, 9099
READY_S = 15.0
STOP_S = 20.0
LONGEST_PAUSE_S = 30.0
EXIT_PORT_TAKEN = 3
REGION = "us-east-1"


class EmbeddedStore:
    """One embedded server over `root`. Thread safe; `start` belongs into the main thread (see there).

    port: None is 9000 or the next free one; a given port is taken or refused. environment: added to the child's, which
    else holds its keys and nothing of ours.
    """

    def __init__(
        self,
        root: Path,
        host: str = "127.0.0.1",
        port: int | None = None,
        fsync: bool = True,
        *,
        environment: Mapping[str, str] | None = None,
    ):
        self._environment = dict(environment or {})
        self._root, self._host, self._fsync = root.absolute(), host, fsync
        self._asked_port = port
        self._port = 0
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._is_stopping = False
        self._pause_s, self._not_before, self._started_at = 0.0, 0.0, 0.0

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        return self._child.pid if self._child and self._child.poll() is None else None

    @property
    def log_path(self) -> Path:
        """One JSON line per request; turned over at 8 MiB."""
        return self._root.with_name(self._root.name + ".log")

    @property
    def keys_path(self) -> Path:
        """The generated keys, readable by this user only."""
        return self._root.with_name(self._root.name + ".keys")

    def start(self) -> StoreAccess:
        """Start the child and wait until it answers; where it listens, and its keys.

        Call it from the main thread: the kernel's signal on the parent's death follows the thread that made the child,
        so one made by a short-lived thread would be killed with it. Raises SettingsError when the child cannot start
        (port taken, root not writable or served by another), UnavailableError when it does not answer in time.
        """
        access_key, secret_key = self._keys()
        with self._lock:
            self._is_stopping = False
            for port in [self._asked_port] if self._asked_port else self._free_ports():
                if self._launched(port):
                    self._port = port
                    break
                if self._child is None or self._child.returncode != EXIT_PORT_TAKEN:
                    raise SettingsError(f"embedded store: {self._said()}")
            else:
                raise SettingsError(f"embedded store: {self._said() or 'no free port'}")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return StoreAccess(f"http://{host}:{self._port}", REGION, access_key, secret_key)

    def watch(self) -> None:
        """Start a child that died again, on the same port with the same keys; call it every second or so.

        Restarts pause 1, 2, 4 ... 30 s between them; a child that lived a minute resets the pause. Never raises.
        """
        with self._lock:
            if self._is_stopping or self._child is None or self._child.poll() is None:
                return
            now = time.monotonic()
            if now < self._not_before:
                return
            if now - self._started_at > 60:
                self._pause_s = 0.0
            self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2 or 1.0)
            self._not_before = now + self._pause_s
            logger.error("embedded store ended with %d: %s", self._child.returncode, self._said())
            try:
                if self._launched(self._port):
                    logger.info("embedded store started again, process %d", self._child.pid)
                else:
                    logger.error("embedded store did not start again: %s", self._said())
            except (OSError, UnavailableError) as error:
                logger.error("embedded store did not start again: %s", error)

    def stop(self) -> None:
        """SIGTERM, at most 20 s for requests in flight, then SIGKILL. No child is no error."""
        with self._lock:
            self._is_stopping = True
            child = self._child
            if child is None:
                return
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    _kill(child)
            if self._errors:
                self._errors.close()
                self._errors = None

    def _launched(self, port: int) -> bool:
        """Start the child and wait for it; False when it ended by itself. Raises UnavailableError after 15 s."""
        access_key, secret_key = self._keys()
        if self._errors:
            self._errors.close()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the child
        self._child = subprocess.Popen(
            self._command(port),
            env={
                **self._environment,
                "PATH": os.defpath,
                "LANG": "C.UTF-8",
                "PYTHONPATH": str(Path(appliance.errors.__file__).parents[1]),
                "HARMONIUM_STORE_ACCESS_KEY": access_key,
                "HARMONIUM_STORE_SECRET_KEY": secret_key,
                "MALLOC_ARENA_MAX": "2",
            },
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            start_new_session=True,
        )
        self._started_at = time.monotonic()
        return self._is_ready(self._child, port)

    def _command(self, port: int) -> list[str]:
        command = [sys.executable, "-P", "-s", "-m", "appliance.embedded_s3"]
        command += ["--root", str(self._root), "--host", self._host, "--port", str(port), "--region", REGION]
        command += ["--log", str(self.log_path)] + ([] if self._fsync else ["--no-fsync"])
        command += ["--parent", str(os.getpid())]
        if threading.current_thread() is threading.main_thread():
            command.append("--die-with-thread")
        return command

    def _is_ready(self, child: subprocess.Popen[bytes], port: int) -> bool:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if child.poll() is not None:
                return False
            if _answers(self._host, port, child.pid):
                return True
            time.sleep(0.01)
        _kill(child)
        raise UnavailableError(f"the embedded store did not answer within {READY_S:.0f} s: {self._said()}")

    def _free_ports(self) -> list[int]:
        return [port for port in range(FIRST_PORT, LAST_PORT + 1) if _is_free(self._host, port)]

    def _said(self) -> str:
        """The last words of the child."""
        if self._errors is None:
            return ""
        self._errors.seek(0)
        text = self._errors.read()[-2000:].decode(errors="replace").strip()
        return text.rpartition("\n")[2].removeprefix("embedded store: ") or "it said nothing"

    def _keys(self) -> tuple[str, str]:
        """The keys of this root: made at the first start, the same ever after. Raises SettingsError when unreadable."""
        try:
            self.keys_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.keys_path.exists():
                self._make_keys()
            kept = json.loads(self.keys_path.read_text())
            return str(kept["access_key"]), str(kept["secret_key"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"keys of the embedded store, {self.keys_path}: {error}") from None

    def _make_keys(self) -> None:
        keys = {"access_key": "HARM" + secrets.token_hex(8).upper(), "secret_key": secrets.token_urlsafe(30)}
        draft = self.keys_path.with_name(f"{self.keys_path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(json.dumps(keys))
        draft.replace(self.keys_path)


def _answers(host: str, port: int, pid: int) -> bool:
    """Whether this very process answers there, not another store that was faster to take the port."""
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/-/ready")
        response = connection.getresponse()
        return response.status == 200 and response.read() == f"ready {pid}\n".encode()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _is_free(host: str, port: int) -> bool:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError:
        return False
    return True


def _kill(child: subprocess.Popen[bytes]) -> None:
    """The whole group: nothing it may have started stays behind."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()
