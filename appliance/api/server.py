"""Running the application: uvicorn in the main thread, ending cleanly on SIGTERM and SIGINT."""

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import uvicorn

GRACE_S = 10  # for requests under way; a waiting synchronous request does not hold the stop up for longer


class CleanServer(uvicorn.Server):
    """uvicorn raises a signal again once it is done, so that the process would end as -15 and never clean up."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle both signals while serving, then put the old handlers back, without raising them again."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {sig: signal.signal(sig, self._stop) for sig in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)

    def _stop(self, sig: int, frame: FrameType | None) -> None:
        self.handle_exit(sig, frame)


def serve(app: Any, sock: socket.socket) -> None:
    """Serve until a signal. The socket is bound and listening; requests that came meanwhile are answered too."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=1024 * 1024,  # long lists of granule ids in URLs
    )
    CleanServer(config).run(sockets=[sock])
