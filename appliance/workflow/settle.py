"""Which steps of a job are over, which one must be fed, and how the job stands or ends. Pure.

`decide.py` says what one report leads to; this, what that leads to for the whole. Source: harmony-api 5.4 to 5.6, 6.4,
6.5; decisions 1.10.
"""

from dataclasses import replace

from appliance.services.plan import concatenation_note
from appliance.workflow.progress import measured
from appliance.workflow.records import Job, WorkflowStep
from appliance.workflow.states import COMPLETED, TERMINAL, JobEvent, JobStatus, after, can
from appliance.workflow.texts import cut, final_message


def settle(steps: tuple[WorkflowStep, ...]) -> tuple[tuple[WorkflowStep, ...], int | None]:
    """Close every step that is over, in order. The second value: the step that must be fed or released now, if any.

    A step is over when no more items will be made for it and all it has are done. A step that gathers is fed once the
    step before it is over; one that waits for the prior step is released then. Ask again after feeding.
    """
    for index, step in enumerate(steps):
        if step.is_complete:
            continue
        if index and not step.is_fed:
            if step.has_aggregated_output or step.always_wait_for_prior_step:
                return steps, step.step_index
            step = replace(step, is_fed=True, item_count=step.created_count)
            steps = with_step(steps, step)
        if not step.is_fed or step.done_count < step.created_count:
            return steps, None
        step = replace(step, is_complete=True, item_count=step.created_count)
        steps = with_step(steps, step)
    return steps, None


def conclude(
    job: Job, steps: tuple[WorkflowStep, ...], *, gave_result: bool, last_error: str | None, last_warning: str | None
) -> tuple[Job, tuple[WorkflowStep, ...]]:
    """The job's status and progress after a report: its end, the pause after a preview, or just further on.

    gave_result: an item of the last step has just succeeded. last_error, last_warning: read only at the end.
    """
    if job.status in TERMINAL:
        return job, steps
    steps, progress = measured(steps)
    job = replace(job, progress=max(job.progress, progress))
    if all(step.is_complete for step in steps):
        return _with_concatenation(_finished(job, last_error, last_warning), steps), steps
    if gave_result and job.status is JobStatus.PREVIEWING:
        job = replace(job, status=after(job.status, JobEvent.PAUSE))
    return job, steps


def _finished(job: Job, last_error: str | None, last_warning: str | None) -> Job:
    if job.error_count and not job.link_count:
        text = final_message(job.error_count, job.warning_count, last_error, last_warning)
        return failed(job, text or "")
    event = JobEvent.COMPLETE_WITH_ERRORS if job.error_count else JobEvent.COMPLETE
    job = replace(job, status=after(job.status, event), progress=100)
    if not job.error_count and job.warning_count:
        text = final_message(0, job.warning_count, None, last_warning)
        job = with_message(job, job.status, text)
    return job


def _with_concatenation(job: Job, steps: tuple[WorkflowStep, ...]) -> Job:
    """The ended job, its message saying how many files a concatenation became, and why not one (decisions 3.8)."""
    batched = [step for step in steps if step.is_batched and step.created_count]
    if not batched or job.status not in COMPLETED:
        return job
    step = batched[-1]
    note = concatenation_note(
        job.input_granule_count,
        step.created_count,
        max_inputs=step.max_batch_inputs,
        max_bytes=step.max_batch_bytes,
    )
    return with_message(job, job.status, f"{job.message.rstrip('.')}. {note}")


def fed(step: WorkflowStep, new_count: int, *, is_over: bool) -> WorkflowStep:
    """A gathering step after items were made for it; `is_over`: there will be no more, so the count is final."""
    step = with_new(step, new_count)
    return replace(step, is_fed=True, item_count=step.created_count) if is_over else step


def failed(job: Job, text: str) -> Job:
    """The job, failed, with this text; its progress stays where it was."""
    status = after(job.status, JobEvent.FAIL)
    return with_message(replace(job, status=status), status, text)


def with_message(job: Job, status: JobStatus, text: str | None) -> Job:
    """The job with another text for one status; an empty text leaves it as it is."""
    if not text:
        return job
    return replace(job, messages={**job.messages, str(status): cut(text, job_text=status is JobStatus.FAILED)})


def errors_taken_back(job: Job) -> Job:
    """The job after its last error was taken back: running again, where it was running with errors."""
    if job.error_count == 0 and can(job.status, JobEvent.ERRORS_TAKEN_BACK):
        return replace(job, status=after(job.status, JobEvent.ERRORS_TAKEN_BACK))
    return job


def with_step(steps: tuple[WorkflowStep, ...], step: WorkflowStep) -> tuple[WorkflowStep, ...]:
    """The steps with one of them replaced by its successor."""
    return (*steps[: step.step_index - 1], step, *steps[step.step_index :])


def with_new(step: WorkflowStep, count: int) -> WorkflowStep:
    """The step with so many items more; what is expected of it grows with them."""
    created = step.created_count + count
    return replace(step, created_count=created, item_count=max(step.item_count, created))
