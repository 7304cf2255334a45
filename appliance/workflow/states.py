"""Statuses, events and transitions of jobs and work items: the one source of truth. Nobody assigns a status.

Callers ask `after(status, event)` / `item_after(status, event)`. Knows no database, clock or user. Source: the house
plan, section 5; user guide, "Job statuses". Links that a client is offered are read from the same tables.
"""

from enum import StrEnum

from appliance.errors import ConflictError


class JobStatus(StrEnum):
    """Status of a job, as on the wire."""

    ACCEPTED = "accepted"
    PREVIEWING = "previewing"
    RUNNING = "running"
    RUNNING_WITH_ERRORS = "running_with_errors"
    PAUSED = "paused"
    SUCCESSFUL = "successful"
    COMPLETE_WITH_ERRORS = "complete_with_errors"
    FAILED = "failed"
    CANCELED = "canceled"


class JobEvent(StrEnum):
    """What may happen to a job."""

    START = "start"
    START_WITH_PREVIEW = "start_with_preview"
    SKIP_PREVIEW = "skip_preview"
    PAUSE = "pause"
    RESUME = "resume"
    ITEM_FAILED = "item_failed"
    COMPLETE = "complete"
    COMPLETE_WITH_ERRORS = "complete_with_errors"
    FAIL = "fail"
    CANCEL = "cancel"
    ERRORS_TAKEN_BACK = "errors_taken_back"  # an operator had the last failed item tried again


class ItemStatus(StrEnum):
    """Status of a work item."""

    READY = "ready"
    QUEUED = "queued"  # claimed, its inputs are being staged
    RUNNING = "running"  # its child is alive
    SUCCESSFUL = "successful"
    WARNING = "warning"
    FAILED = "failed"
    CANCELED = "canceled"


class ItemEvent(StrEnum):
    """What may happen to a work item."""

    CLAIM = "claim"
    LAUNCH = "launch"
    SUCCEED = "succeed"
    WARN = "warn"
    FAIL = "fail"
    RETRY = "retry"  # failed, counted, tried again
    INTERRUPT = "interrupt"  # the appliance stopped or died; counted apart
    CANCEL = "cancel"
    OPERATOR_RETRY = "operator_retry"  # live jobs only: stop a running one, take back a failed one
    OUTPUT_LOST = "output_lost"  # its output file vanished before its consumer ran; progress kept, nothing counted


_A, _V, _R, _E, _P = (
    JobStatus.ACCEPTED,
    JobStatus.PREVIEWING,
    JobStatus.RUNNING,
    JobStatus.RUNNING_WITH_ERRORS,
    JobStatus.PAUSED,
)
_S, _W, _F, _C = JobStatus.SUCCESSFUL, JobStatus.COMPLETE_WITH_ERRORS, JobStatus.FAILED, JobStatus.CANCELED
_X = None

_JOB_EVENTS = tuple(JobEvent)
#     start  start_with_preview  skip_preview  pause  resume  item_failed  complete  complete_with_errors  fail  cancel
#     errors_taken_back
_JOB_TABLE: dict[JobStatus, tuple[JobStatus | None, ...]] = {
    _A: (_R, _V, _X, _X, _X, _X, _X, _X, _F, _C, _X),
    _V: (_X, _X, _R, _P, _X, _V, _S, _W, _F, _C, _V),
    _R: (_X, _X, _X, _P, _X, _E, _S, _W, _F, _C, _R),
    _E: (_X, _X, _X, _P, _X, _E, _X, _W, _F, _C, _R),
    _P: (_X, _X, _R, _X, _R, _P, _S, _W, _F, _C, _P),
    _S: (_X,) * 11,
    _W: (_X,) * 11,
    _F: (_X,) * 8 + (_F, _X, _X),
    _C: (_X,) * 11,
}
JOB_TRANSITIONS: dict[tuple[JobStatus, JobEvent], JobStatus] = {
    (status, event): target
    for status, row in _JOB_TABLE.items()
    for event, target in zip(_JOB_EVENTS, row, strict=True)
    if target is not None
}

TERMINAL = frozenset({_S, _W, _F, _C})
LIVE = frozenset(JobStatus) - TERMINAL
CLAIMABLE = frozenset({_V, _R, _E})  # jobs whose ready items may be handed out
COMPLETED = frozenset({_S, _W})  # the two with progress 100

_LIVE_ITEM = (ItemStatus.READY, ItemStatus.QUEUED, ItemStatus.RUNNING)
ITEM_TRANSITIONS: dict[tuple[ItemStatus, ItemEvent], ItemStatus] = {
    (ItemStatus.READY, ItemEvent.CLAIM): ItemStatus.QUEUED,
    (ItemStatus.QUEUED, ItemEvent.LAUNCH): ItemStatus.RUNNING,
    **{(s, ItemEvent.SUCCEED): ItemStatus.SUCCESSFUL for s in (ItemStatus.QUEUED, ItemStatus.RUNNING)},
    **{(s, ItemEvent.WARN): ItemStatus.WARNING for s in (ItemStatus.QUEUED, ItemStatus.RUNNING)},
    **{(s, ItemEvent.FAIL): ItemStatus.FAILED for s in (ItemStatus.QUEUED, ItemStatus.RUNNING)},
    **{(s, ItemEvent.RETRY): ItemStatus.READY for s in (ItemStatus.QUEUED, ItemStatus.RUNNING)},
    **{(s, ItemEvent.INTERRUPT): ItemStatus.READY for s in (ItemStatus.QUEUED, ItemStatus.RUNNING)},
    **{(s, ItemEvent.CANCEL): ItemStatus.CANCELED for s in _LIVE_ITEM},
    (ItemStatus.RUNNING, ItemEvent.OPERATOR_RETRY): ItemStatus.READY,
    (ItemStatus.QUEUED, ItemEvent.OPERATOR_RETRY): ItemStatus.READY,
    (ItemStatus.FAILED, ItemEvent.OPERATOR_RETRY): ItemStatus.READY,
    (ItemStatus.SUCCESSFUL, ItemEvent.OUTPUT_LOST): ItemStatus.READY,
}
ITEM_TERMINAL = frozenset({ItemStatus.SUCCESSFUL, ItemStatus.WARNING, ItemStatus.FAILED, ItemStatus.CANCELED})
ITEM_LIVE = frozenset(_LIVE_ITEM)

DEFAULT_MESSAGES: dict[JobStatus, str] = {
    _A: "The job has been accepted and is waiting to be processed",
    _V: "The job is generating a preview before auto-pausing",
    _R: "The job is being processed",
    _E: "The job is being processed, but some items have failed processing",
    _P: "The job is paused and may be resumed using the provided link",
    _S: "The job has completed successfully",
    _W: "The job has completed with errors. See the errors field for more details",
    _F: "The job failed with an unknown error",
    _C: "The job was canceled",
}


def after(status: JobStatus, event: JobEvent) -> JobStatus:
    """The status that `event` leads to; ConflictError, in the guide's words where it has some, when it may not."""
    target = JOB_TRANSITIONS.get((status, event))
    if target is None:
        raise ConflictError(_refusal(status, event))
    return target


def can(status: JobStatus, event: JobEvent) -> bool:
    """Whether `event` is allowed now."""
    return (status, event) in JOB_TRANSITIONS


def item_after(status: ItemStatus, event: ItemEvent) -> ItemStatus:
    """The status of a work item after `event`; ConflictError names what is allowed."""
    target = ITEM_TRANSITIONS.get((status, event))
    if target is None:
        allowed = sorted(str(e) for s, e in ITEM_TRANSITIONS if s is status) or ["nothing"]
        raise ConflictError(f"a {status} work item cannot {event}; allowed: {', '.join(allowed)}")
    return target


def offered_events(status: JobStatus) -> tuple[JobEvent, ...]:
    """The events that links are offered for, in the guide's order; skip-preview only while previewing."""
    events = [e for e in (JobEvent.CANCEL, JobEvent.PAUSE, JobEvent.RESUME) if can(status, e)]
    return (*events, JobEvent.SKIP_PREVIEW) if status is JobStatus.PREVIEWING else tuple(events)


def _refusal(status: JobStatus, event: JobEvent) -> str:
    allowed = ", ".join(sorted(e.replace("_", "-") for s, e in JOB_TRANSITIONS if s is status)) or "nothing"
    words = {
        JobEvent.RESUME: f"Job status is {status} - only paused jobs can be resumed.",
        JobEvent.SKIP_PREVIEW: f"Job status is {status} - only previewing jobs can skip preview.",
        JobEvent.PAUSE: f"Job status cannot be updated from {status} to paused.",
        JobEvent.CANCEL: f"Job status cannot be updated from {status} to canceled.",
    }
    return words.get(event, f"a {status} job cannot {event.replace('_', ' ')}; allowed: {allowed}")
