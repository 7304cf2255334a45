"""Rows of the workflow as frozen values: jobs, steps, work items, outputs, links, messages; and what a run reports.

No SQL here (`*_rows.py`), no decisions (`decide.py`). Instants are aware UTC datetimes; the database keeps them as
milliseconds since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from appliance.workflow.states import DEFAULT_MESSAGES, ItemStatus, JobStatus


@dataclass(frozen=True, slots=True)
class Job:
    """One request being carried out. `number` orders jobs by submission. `messages`: each status keeps its own text."""

    job_id: str
    number: int
    username: str
    status: JobStatus
    messages: Mapping[str, str]
    progress: int
    request_url: str
    created_at: datetime
    updated_at: datetime
    data_expires_at: datetime | None
    service_name: str
    collection_ids: tuple[str, ...]
    provider: str
    input_granule_count: int
    is_async: bool
    ignore_errors: bool
    destination_url: str | None = None
    original_size_bytes: int = 0
    output_size_bytes: int = 0
    error_count: int = 0
    warning_count: int = 0
    expired_at: datetime | None = None  # when its data were deleted
    resubmission_of: str | None = None
    link_count: int = 0  # results so far

    @property
    def message(self) -> str:
        """The text of the present status."""
        return self.messages.get(self.status) or DEFAULT_MESSAGES[self.status]


@dataclass(frozen=True, slots=True)
class WorkflowStep:
    """One station of a job. Counts are of its work items; `operation` is the message less what the step may not see."""

    job_id: str
    step_index: int  # from 1
    service_id: str  # the image, as services.yml names it
    transformer: str  # `find_granules` or a module of transformers/
    operation: Mapping[str, Any]
    item_count: int  # expected; grows as items are created
    created_count: int
    successful_count: int
    warning_count: int
    failed_count: int
    canceled_count: int
    progress_weight: float
    progress: int
    has_aggregated_output: bool
    always_wait_for_prior_step: bool
    is_sequential: bool
    is_batched: bool
    max_batch_inputs: int | None
    max_batch_bytes: int | None
    is_complete: bool
    is_last: bool
    output_count: int = 0  # outputs of its successful items
    longest_ms: int = 0  # longest duration of a successful item
    is_fed: bool = False  # no further items will be made for it
    next_position: int = 0  # a batched step: the first position of its input that is in no batch yet

    @property
    def done_count(self) -> int:
        """Items that will not change any more."""
        return self.successful_count + self.warning_count + self.failed_count + self.canceled_count


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One unit of work. `sort_index` is the granule's place, whatever finishes first; `cursor` pages the first step."""

    item_id: int
    job_id: str
    step_index: int
    service_id: str
    transformer: str
    status: ItemStatus
    sort_index: int
    retry_count: int
    interrupt_count: int
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    duration_ms: int | None = None
    cursor: str | None = None
    message: str | None = None
    message_category: str | None = None
    input_size_bytes: int = 0
    output_size_bytes: int = 0
    input_url: str = "unknown"  # of its first input, as messages name it
    attempt: int = 0  # raised at each claim; a late report of an earlier attempt is told by it
    sub_order: str = ""  # orders items that share a sort_index: places in the catalogs above them, compared as text
    awaits: int = 0  # what must happen before it may be claimed: the prior step's end, lost inputs being made again
    is_remake: bool = False  # it succeeded, its outputs were lost, they are being made again


@dataclass(frozen=True, slots=True)
class Output:
    """One STAC item that a work item put out, in one of its catalogs. `stac` has local hrefs, or s3:// after the last
    step. Outputs of one catalog become one item of the next step."""

    catalog_index: int
    stac: Mapping[str, Any]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Link:
    """One result of a job: where it is (s3://bucket/key, or a URL for originals) and what it covers."""

    href: str
    title: str
    media_type: str | None
    bbox: tuple[float, float, float, float] | None
    start: datetime | None
    end: datetime | None
    rel: str = "data"
    size_bytes: int = 0
    link_id: int = 0
    item_id: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """An error or warning of one work item, as the job document lists it."""

    level: str  # error | warning
    url: str
    text: str
    category: str | None = None
    item_id: int = 0


@dataclass(frozen=True, slots=True)
class Claimed:
    """Everything a worker needs to carry out one item."""

    item: WorkItem
    step: WorkflowStep
    job: Job


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt.

    status: successful, warning or failed; `interrupted` when the appliance stops; `canceled` when the row said so.
    retryable: a failed attempt that may be tried again. next_cursor, found_count: the first step only (more pages to
    come, granules found in all).
    """

    status: str
    message: str = ""
    category: str | None = None
    retryable: bool = True
    outputs: tuple[Output, ...] = ()
    links: tuple[Link, ...] = ()
    duration_ms: int = 0
    input_size_bytes: int = 0
    next_cursor: str | None = None
    found_count: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that decisions need, handed down by `assembly`."""

    retry_limit: int = 5
    poison_limit: int = 6
    max_errors: int = 2000
    max_percent_errors: int = 75
    min_items_for_percent: int = 10
    max_batch_inputs: int = 10**12
    max_batch_bytes: int = 5_000_000_000
    granule_page: int = 2000
    preview_threshold: int = 100
    expiration_days: int = 30


@dataclass(frozen=True, slots=True)
class Advanced:
    """What a transaction of the workflow leads to outside the database, after it committed."""

    ready_count: int = 0  # items that became ready: ring
    freed_items: tuple[int, ...] = ()  # items whose intermediate outputs have no consumer left
    canceled_items: tuple[int, ...] = ()  # running ones to be killed
    job_status: JobStatus | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
