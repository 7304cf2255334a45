"""`python -m appliance.embedded_s3 --root DIR --port N`: the embedded store as a process of its own.

Keys come by HARMONIUM_STORE_ACCESS_KEY and HARMONIUM_STORE_SECRET_KEY, never by argv; without them it refuses to start.
Ends with the parent that is named by `--parent`. Started and watched by `appliance/store/child.py`.
Source: object-store.md 5.1.
"""

import argparse
import asyncio
import ctypes
import fcntl
import logging
import logging.handlers
import os
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from appliance.embedded_s3.app import StoreApp, log
from appliance.embedded_s3.call import Store
from appliance.embedded_s3.files import Files
from appliance.embedded_s3.keys import Keyring
from appliance.embedded_s3.multipart import Uploads

EXIT_REFUSED, EXIT_PORT_TAKEN = 2, 3
ACCESS_KEY, SECRET_KEY = "HARMONIUM_STORE_ACCESS_KEY", "HARMONIUM_STORE_SECRET_KEY"
GRACE_S = 20
LOCK_WAIT_S = 5.0  # a killed store's lock is free as soon as the kernel has buried it
SWEEP_S = 3600.0
THREADS = 8
_LOG_BYTES = 8 << 20
_PR_SET_PDEATHSIG = 1


class Refused(Exception):
    """The store cannot start; the message says why and what is allowed."""


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve until a signal comes, or the parent dies. Returns the exit code: 0, 2 (refused), 3 (port taken)."""
    options = parsed(arguments)
    if options.parent:
        die_with_parent(options.parent, also_thread=options.die_with_thread)
    try:
        keyring = Keyring(environment.get(ACCESS_KEY, ""), environment.get(SECRET_KEY, ""))
        serve(options, keyring)
    except (Refused, ValueError, OSError, sqlite3.Error) as error:
        print(f"embedded store: {error}", file=sys.stderr, flush=True)
        return EXIT_PORT_TAKEN if isinstance(error, PortTaken) else EXIT_REFUSED
    return 0


class PortTaken(Refused):
    """Somebody else listens there."""


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line. No secrets in it: everybody on the machine can read it."""
    parser = argparse.ArgumentParser(prog="python -m appliance.embedded_s3", description="A small S3 server.")
    parser.add_argument("--root", type=Path, required=True, help="folder of the buckets")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--log", type=Path, help="file of the request log; standard error when absent")
    parser.add_argument("--no-fsync", action="store_true", help="do not flush objects to disk before they are visible")
    parser.add_argument("--parent", type=int, default=0, help="process whose end is ours")
    parser.add_argument("--die-with-thread", action="store_true", help="the thread that started us lives as long")
    return parser.parse_args(arguments)


def serve(options: argparse.Namespace, keyring: Keyring) -> None:
    """Take the lock and the port, sweep, serve. Raises Refused, PortTaken."""
    os.umask(0o077)
    configure_log(options.log)
    with exclusive(options.root), listening(options.host, options.port) as listener:
        files = Files(options.root, fsync=not options.no_fsync)
        uploads = Uploads(files)
        files.sweep(at_start=True)
        uploads.sweep()
        start_sweeping(files, uploads)
        with ThreadPoolExecutor(THREADS, "store") as pool:
            app = StoreApp(Store(files, uploads, keyring, options.region, pool, time.time))
            Server(uvicorn_config(app)).run(sockets=[listener])
        files.metadata.close()


def uvicorn_config(app: StoreApp) -> uvicorn.Config:
    """One worker, no access log (its lines hold query strings), no more protocols than HTTP/1.1."""
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=64 << 10,
    )


class Server(uvicorn.Server):
    """uvicorn without its habit of raising the signal again after a clean end, so that SIGTERM exits 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT while serving."""
        previous = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in this thread."""
        asyncio.run(self.serve(sockets=sockets))


@contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """Hold `<root>/.sys/lock`. Raises Refused when another process does, or when the root cannot be written."""
    try:
        (root / ".sys").mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = (root / ".sys" / "lock").open("a")
    except OSError as error:
        raise Refused(f"root {root}: {error.strerror}; allowed: a folder this user may write") from None
    with handle:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Refused(f"root {root}: another store serves it; allowed: one at a time") from None
                time.sleep(0.05)
        yield


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket bound to host and port. Raises PortTaken, and Refused for an address that is not ours."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With its protocol named, asyncio sends at once; else a short body waits 40 ms for the headers' receipt.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(512)
    except OSError as error:
        kind_of_error = PortTaken if error.errno == 98 else Refused
        raise kind_of_error(f"{host}:{port}: {error.strerror}; allowed: a free port of this machine") from None
    with listener:
        yield listener


def configure_log(path: Path | None) -> None:
    """Everything goes to the file, which is turned over once at 8 MiB, or to standard error where there is none."""
    log.setLevel(logging.INFO)
    log.propagate = False
    if path:
        log.addHandler(logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1))
    else:
        log.addHandler(logging.StreamHandler())
    logging.raiseExceptions = False  # a full disk must not turn each line of the log into a traceback
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns of every malformed request line


def start_sweeping(files: Files, uploads: Uploads) -> None:
    """Every hour, in a thread that does not keep the process alive."""

    def sweep_forever() -> None:
        while True:
            time.sleep(SWEEP_S)
            try:
                files.sweep(at_start=False)
                uploads.sweep()
            except OSError:
                log.exception("the hourly sweep failed")

    threading.Thread(target=sweep_forever, name="sweep", daemon=True).start()


def die_with_parent(parent: int, *, also_thread: bool) -> None:
    """End at once when the parent is gone, which half a second's watch on its id finds out. The kernel's own signal is
    faster, but follows the *thread* that made this process, so it is asked for only where that was the main thread.
    Being killed is safe: nothing half-written is ever visible."""
    if also_thread and sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
