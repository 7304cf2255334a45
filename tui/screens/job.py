"""One job: status, steps with their counts, messages, outputs, the request. Live until the job ended."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Footer, Static

from tui.answers import Job, Step
from tui.client import Client
from tui.plain import step_line
from tui.screens.steering import SteeringScreen
from tui.vocabulary import ENDED, bar, job_sign


class JobScreen(SteeringScreen):
    """Everything the API says of one job."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back", tooltip="Back to the jobs", id="job.back"),
        Binding("y", "copy", "Copy URL", tooltip="Copy the request URL", id="job.copy"),
    ]

    def __init__(self, client: Client, job_id: str, *, ascii_only: bool = False):
        super().__init__(client, ascii_only=ascii_only)
        self._job_id = job_id
        self._job: Job | None = None
        self._steps: list[Step] = []

    def compose(self) -> ComposeResult:
        """Status line, summary, steps, everything else to scroll through."""
        yield Static("asking…", id="status", markup=False)
        yield Static("", id="summary", markup=False)
        yield Static("", id="steps", markup=False)
        with VerticalScroll(id="details"):
            yield Static("", id="text", markup=False)
        yield Footer()

    async def fetch(self) -> None:
        """The job and its steps."""
        ask = self.client.job_as_it_is if self._job is None else self.client.job
        self._job = await ask(self._job_id)
        self._steps = await self.client.steps(self._job_id)

    def has_live(self) -> bool:
        """Whether the job may still change."""
        return self._job is None or self._job.status not in ENDED

    def selected(self) -> Job | None:
        """The one job of this screen."""
        return self._job

    def show(self) -> None:
        """Bring everything to the screen; server text is text, never markup."""
        job = self._job
        if job is None:
            return
        sign = job_sign(job.status).text(ascii_only=self.ascii_only)
        head = f"{job.job_id}  {sign}  {bar(job.progress, ascii_only=self.ascii_only)}"
        facts = f"{job.service}   {job.granule_count} granules   {job.username}   created {job.created_at}"
        self.query_one("#summary", Static).update(Text(f"{head}\n{facts}\n{job.message}"))
        steps = [step_line(step, ascii_only=self.ascii_only) for step in self._steps]
        self.query_one("#steps", Static).update(Text("\n".join(steps) or "no steps"))
        self.query_one("#text", Static).update(Text(_details(job)))
        self.refresh_bindings()

    def action_copy(self) -> None:
        """The request, for another tool."""
        if self._job is not None:
            self.app.copy_to_clipboard(self._job.request)
            self.notify("request URL copied", markup=False)


def _details(job: Job) -> str:
    lines = [f"Messages ({len(job.messages)})", *(f"  {level}: {text}" for level, text, _ in job.messages), ""]
    lines += [f"Outputs ({len(job.outputs)})", *(f"  {title}\n    {url}" for title, url in job.outputs), ""]
    return "\n".join([*lines, "Request", f"  {job.request}", f"  expires {job.expires_at}" if job.expires_at else ""])
