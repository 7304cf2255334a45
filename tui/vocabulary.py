"""Status -> sign, word, role: sign and word always together, colour third. The one table of the monitor's words.

Roles are Textual's theme roles. `--ascii` and NO_COLOR change signs and colours, never words.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sign:
    """How a status looks. ascii: for terminals without the symbols."""

    symbol: str
    ascii: str
    word: str
    role: str

    def text(self, *, ascii_only: bool) -> str:
        """Sign and word."""
        return f"{self.ascii if ascii_only else self.symbol} {self.word}"


JOB_SIGNS = {
    "accepted": Sign("○", "o", "accepted", "primary"),
    "previewing": Sign("◔", ".", "previewing", "accent"),
    "running": Sign("▶", ">", "running", "accent"),
    "running_with_errors": Sign("▶!", ">!", "running with errors", "warning"),
    "paused": Sign("‖", "=", "paused", "warning"),
    "successful": Sign("✓", "v", "successful", "success"),
    "complete_with_errors": Sign("✓!", "v!", "complete with errors", "success"),
    "failed": Sign("✗", "x", "failed", "error"),
    "canceled": Sign("⊘", "/", "canceled", "text-muted"),
}
ITEM_SIGNS = {
    "ready": Sign("○", "o", "ready", "primary"),
    "queued": Sign("◔", ".", "queued", "warning"),
    "running": Sign("▶", ">", "running", "accent"),
    "warning": Sign("!", "!", "warning", "warning"),
    "successful": Sign("✓", "v", "successful", "success"),
    "failed": Sign("✗", "x", "failed", "error"),
    "canceled": Sign("⊘", "/", "canceled", "text-muted"),
}
ENDED = frozenset({"successful", "complete_with_errors", "failed", "canceled"})


def job_sign(status: str) -> Sign:
    """The sign of a job status; an unknown one shows as `? its-name`."""
    return JOB_SIGNS.get(status) or Sign("?", "?", status, "text-muted")


def item_sign(status: str) -> Sign:
    """The sign of a work item status; an unknown one shows as `? its-name`."""
    return ITEM_SIGNS.get(status) or Sign("?", "?", status, "text-muted")


def bar(progress: int, width: int = 10, *, ascii_only: bool = False) -> str:
    """A bar and the number, always as wide: `███░░░░░░░  33%`."""
    full = max(0, min(progress, 100)) * width // 100
    on, off = ("#", ".") if ascii_only else ("█", "░")
    return f"{on * full}{off * (width - full)} {progress:3d}%"
