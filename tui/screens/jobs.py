"""The jobs: what runs, what ended, newest first. Keys act on the row under the cursor."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Static

from tui.answers import Job, clock
from tui.client import Client
from tui.screens.confirm import Confirm
from tui.screens.job import JobScreen
from tui.screens.steering import SteeringScreen
from tui.vocabulary import ENDED, bar, job_sign

PAGE_SIZE = 50
COLUMNS = ("job", "status", "service", "granules", "progress", "created", "updated", "labels")


class JobsScreen(SteeringScreen):
    """One page of jobs; rows are updated in place, so cursor and scroll stay."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", tooltip="Open the job under the cursor", id="jobs.open", priority=True),
        Binding(
            "left_square_bracket", "page(-1)", "Previous page", tooltip="Newer jobs", id="jobs.previous", show=False
        ),
        Binding("right_square_bracket", "page(1)", "Next page", tooltip="Older jobs", id="jobs.next", show=False),
        Binding("j", "cursor(1)", "Down", tooltip="Next row", id="jobs.down", show=False),
        Binding("k", "cursor(-1)", "Up", tooltip="Previous row", id="jobs.up", show=False),
    ]

    def __init__(self, client: Client, *, ascii_only: bool = False):
        super().__init__(client, ascii_only=ascii_only)
        self._page = 1
        self._jobs: list[Job] = []
        self._total = 0

    def compose(self) -> ComposeResult:
        """Header line, table or the words for an empty one, keys."""
        yield Static("asking…", id="status", markup=False)
        yield Static("", id="empty", markup=False)
        table: DataTable[Text] = DataTable(cursor_type="row", zebra_stripes=True)
        for name in COLUMNS:
            table.add_column(name, key=name)
        yield table
        yield Footer()

    async def fetch(self) -> None:
        """One page of the listing."""
        self._jobs, self._total = await self.client.jobs(page=self._page, limit=PAGE_SIZE)

    def has_live(self) -> bool:
        """Whether a listed job may still change."""
        return any(job.status not in ENDED for job in self._jobs)

    def show(self) -> None:
        """Update rows by job id; add and remove only what changed."""
        table = self.query_one(DataTable)
        empty = self.query_one("#empty", Static)
        empty.display = not self._jobs
        table.display = bool(self._jobs)
        empty.update("No jobs yet. Submit a request, or run: harmonium demo")
        wanted = [job.job_id for job in self._jobs]
        if [row.key.value for row in table.ordered_rows] != wanted:
            self._refill(table)
        else:
            for job in self._jobs:
                for name, cell in zip(COLUMNS, self._cells(job), strict=True):
                    table.update_cell(job.job_id, name, cell)
        table.border_title = f"{self._total} jobs, page {self._page} of {max(1, -(-self._total // PAGE_SIZE))}"
        self.refresh_bindings()

    def selected(self) -> Job | None:
        """The job under the cursor."""
        row = self.query_one(DataTable).cursor_row
        return self._jobs[row] if 0 <= row < len(self._jobs) else None

    def action_open(self) -> None:
        """Open the job under the cursor."""
        job = self.selected()
        if job is not None and not isinstance(self.app.screen, Confirm):
            self.app.push_screen(JobScreen(self.client, job.job_id, ascii_only=self.ascii_only))

    def action_page(self, step: int) -> None:
        """Turn the page."""
        last = max(1, -(-self._total // PAGE_SIZE))
        self._page = min(max(1, self._page + step), last)
        self.action_refresh_now()

    def action_cursor(self, step: int) -> None:
        """Move the cursor."""
        table = self.query_one(DataTable)
        table.move_cursor(row=table.cursor_row + step)

    def on_data_table_row_highlighted(self) -> None:
        """Another row, other verbs."""
        self.refresh_bindings()

    def _refill(self, table: "DataTable[Text]") -> None:
        before = self.selected_id(table)
        table.clear()
        for job in self._jobs:
            table.add_row(*self._cells(job), key=job.job_id)
        for row, job in enumerate(self._jobs):
            if job.job_id == before:
                table.move_cursor(row=row)

    def selected_id(self, table: "DataTable[Text]") -> str | None:
        """The key of the row under the cursor, before rows change."""
        rows = table.ordered_rows
        return rows[table.cursor_row].key.value if 0 <= table.cursor_row < len(rows) else None

    def _cells(self, job: Job) -> tuple[Text, ...]:
        sign = job_sign(job.status)
        colour = self.app.theme_variables.get(sign.role, "")
        now = self.app.now()  # type: ignore[attr-defined]  # Monitor's clock
        return (
            Text(job.job_id[:8]),
            Text(sign.text(ascii_only=self.ascii_only), style=colour if colour.startswith("#") else ""),
            Text(job.service),
            Text(f"{job.granule_count:,}".replace(",", " "), justify="right"),
            Text(bar(job.progress, ascii_only=self.ascii_only)),
            Text(clock(job.created_at, now)),
            Text(clock(job.updated_at, now)),
            Text(" ".join(job.labels)),
        )
