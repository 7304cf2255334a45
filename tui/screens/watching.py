"""A screen that asks the server again and again: cadence, one question at a time, late answers dropped, staleness.

Screens say what to ask (`fetch`), how to show it (`show`) and whether something lives (`has_live`).
"""

from datetime import UTC, datetime
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from tui.client import Client, Trouble
from tui.refresh import pause_s


class WatchingScreen(Screen[None]):
    """Base of the screens that stay up to date. The last known rows stay when the server is away."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "refresh_now", "Refresh", tooltip="Ask the server now", id="refresh"),
    ]

    def __init__(self, client: Client, *, ascii_only: bool = False):
        super().__init__()
        self.client = client
        self.ascii_only = ascii_only
        self._failures = 0
        self._last_good: datetime | None = None
        self._next: Timer | None = None

    async def fetch(self) -> None:
        """Ask the server and remember the answer."""
        raise NotImplementedError

    def show(self) -> None:
        """Bring the answer to the screen."""
        raise NotImplementedError

    def has_live(self) -> bool:
        """Whether anything shown may change by itself."""
        return True

    def on_mount(self) -> None:
        """First question at once."""
        self.action_refresh_now()

    def on_screen_resume(self) -> None:
        """Coming back: what is shown may be old."""
        if self._last_good is not None:
            self.action_refresh_now()

    def action_refresh_now(self) -> None:
        """Ask now; a question under way is dropped."""
        self.run_worker(self._round(), exclusive=True, group="refresh")

    async def _round(self) -> None:
        status = self.query_one("#status", Static)
        try:
            await self.fetch()
        except Trouble as trouble:
            self._failures += 1
            wait = pause_s(has_live=True, failures=self._failures)
            since = f"as of {self._last_good:%H:%M:%S}, " if self._last_good else ""
            status.update(f"{since}retrying in {wait:.0f} s: {trouble}")
            status.add_class("stale")
        else:
            self._failures = 0
            self._last_good = datetime.now(UTC)
            wait = pause_s(has_live=self.has_live(), failures=0)
            status.update(f"{self.client.url}    live, every {wait:.0f} s    {self._last_good:%H:%M:%S} UTC")
            status.remove_class("stale")
            self.show()
        if self._next is not None:
            self._next.stop()
        self._next = self.set_timer(wait, self.action_refresh_now)
