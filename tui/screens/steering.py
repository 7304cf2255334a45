"""The four verbs of a job, wherever one is selected: offered only while the server offers them, cancel asks first."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.answers import Job
from tui.client import Trouble
from tui.screens.confirm import Confirm
from tui.screens.watching import WatchingScreen


class SteeringScreen(WatchingScreen):
    """A watching screen that has a selected job."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "steer('pause')", "Pause", tooltip="Hand out no more work items", id="job.pause"),
        Binding("u", "steer('resume')", "Resume", tooltip="Go on", id="job.resume"),
        Binding("x", "steer('cancel')", "Cancel", tooltip="End the job; asks first", id="job.cancel"),
        Binding("s", "steer('skip-preview')", "Skip preview", tooltip="Do all granules", id="job.skip_preview"),
    ]

    def selected(self) -> Job | None:
        """The job that verbs act on."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Verbs that do not apply are not shown."""
        if action != "steer":
            return True
        job = self.selected() if self.is_mounted else None
        return job is not None and parameters[0] in job.verbs

    def action_steer(self, verb: str) -> None:
        """Do it; ask first where it cannot be taken back."""
        job = self.selected()
        if job is None:
            return
        if verb == "cancel":
            question = f"Cancel job {job.job_id[:8]} ({job.granule_count} granules, {job.progress}% done)?"
            self.app.push_screen(Confirm(question), lambda yes: self._start(job, verb) if yes else None)
        else:
            self._start(job, verb)

    def _start(self, job: Job, verb: str) -> None:
        self.run_worker(self._steer(job, verb), group="steer")

    async def _steer(self, job: Job, verb: str) -> None:
        try:
            after = await self.client.steer(job.job_id, verb)
        except Trouble as trouble:
            self.notify(str(trouble), severity="error", markup=False)
        else:
            self.notify(f"{job.job_id[:8]}: {after.status}", markup=False)
        self.action_refresh_now()
