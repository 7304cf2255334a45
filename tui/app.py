"""The monitor's application: theme, header, first screen. What a screen shows is in `screens/`."""

from datetime import UTC, datetime
from pathlib import Path

from textual.app import App
from textual.binding import Binding

from tui.client import Client
from tui.screens.jobs import JobsScreen


class Monitor(App[None]):
    """One appliance, watched through its public API."""

    TITLE = "Harmonium"
    CSS_PATH = Path(__file__).with_name("theme.tcss")
    BINDINGS = [
        Binding("q", "quit", "Quit", tooltip="Leave the monitor; nothing on the server changes", id="quit"),
    ]

    def __init__(self, client: Client, *, ascii_only: bool = False):
        super().__init__()
        self.client = client
        self.ascii_only = ascii_only

    def on_mount(self) -> None:
        """Open on the jobs."""
        self.push_screen(JobsScreen(self.client, ascii_only=self.ascii_only))

    async def on_unmount(self) -> None:
        """Close the connections."""
        await self.client.close()

    def now(self) -> datetime:
        """The clock that the screens show."""
        return datetime.now(UTC)
