"""Huey's consumer inside this process: its threads, without its grip on signals and without its own main loop."""

import threading
from typing import Any

from huey.consumer import Consumer

JOIN_TIMEOUT_S = 20.0


class EmbeddedConsumer(Consumer):  # type: ignore[misc]  # huey is untyped
    """Worker threads and a scheduler, steered by `work_queue.py`: start, stop, check_worker_health; never `run`.

    Stock settings back off to ten seconds of idle polling; these pick a bell up within a tenth of a second.
    """

    def __init__(self, huey: Any, workers: int):
        super().__init__(
            huey,
            workers=workers,
            periodic=False,
            initial_delay=0.02,
            max_delay=0.1,
            worker_type="thread",
            check_worker_health=True,
            shutdown_timeout=JOIN_TIMEOUT_S,
        )

    def _set_signal_handlers(self) -> None:
        """None: signals are the server's, and outside the main thread this would raise."""

    @property
    def threads(self) -> list[threading.Thread]:
        """The worker threads."""
        return [thread for _, thread in self.worker_threads]
