"""Screens as plain text, for `--once` and for pipes. Pure: values in, lines out."""

from collections.abc import Sequence
from datetime import datetime

from tui.answers import Job, Step, clock
from tui.vocabulary import bar, item_sign, job_sign


def jobs_text(jobs: Sequence[Job], total: int, now: datetime, *, ascii_only: bool = False) -> str:
    """The jobs screen."""
    if not jobs:
        return "No jobs yet. Submit a request, or run: harmonium demo"
    lines = [f"{total} job{'s' if total != 1 else ''}, newest first"]
    lines.append(f"{'job':<9} {'status':<23} {'service':<28} {'granules':>8}  {'progress':<16} {'created':<10} labels")
    for job in jobs:
        sign = job_sign(job.status).text(ascii_only=ascii_only)
        progress, created = bar(job.progress, ascii_only=ascii_only), clock(job.created_at, now)
        line = (
            f"{job.job_id[:8]:<9} {sign:<23} {job.service:<28.28} {job.granule_count:>8}  {progress:<16} {created:<10}"
        )
        lines.append(f"{line} {' '.join(job.labels)}".rstrip())
        if job.status == "failed":
            lines.append(f"          {job.message}")
    return "\n".join(lines)


def job_text(job: Job, steps: Sequence[Step], *, ascii_only: bool = False) -> str:
    """The screen of one job."""
    lines = [
        f"{job.job_id}  {job_sign(job.status).text(ascii_only=ascii_only)} {job.progress}%  {job.service}  "
        f"{job.granule_count} granules",
        job.message,
    ]
    lines += [step_line(step, ascii_only=ascii_only) for step in steps]
    lines += [f"{level}: {text}" for level, text, _ in job.messages[:20]]
    lines += [f"{title}  {url}" for title, url in job.outputs]
    return "\n".join(lines)


def step_line(step: Step, *, ascii_only: bool = False) -> str:
    """One step: name, done of all, bar, counts by status."""
    expected = max(step.item_count, sum(step.statuses.values()))
    progress = step.done_count * 100 // expected if expected else 0
    counts = "  ".join(
        f"{(item_sign(s).ascii if ascii_only else item_sign(s).symbol)} {n} {item_sign(s).word}"
        for s, n in step.statuses.items()
        if n
    )
    return (
        f"{step.index:>3}  {step.name:<34.34} {step.done_count:>6} / {expected or '?':<6} "
        f"{bar(progress, ascii_only=ascii_only)}  {counts}".rstrip()
    )
