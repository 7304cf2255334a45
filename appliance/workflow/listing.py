"""Pages of jobs and of work items, by the filters of listings. SQL, no decisions; text is parsed in `request/`.

Source: harmony-api 5.2 (jobs, newest first), 6.7 (steps and their items), 8.8 (filters of the tables, negations).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from appliance.database.connection import Database
from appliance.request.job_filter import Choice, JobFilter
from appliance.workflow import item_rows, job_rows, step_rows
from appliance.workflow.instants import to_ms
from appliance.workflow.records import Job, WorkflowStep, WorkItem

_DATE_COLUMNS = {"createdAt": "created_at", "updatedAt": "updated_at"}
_ORDERS = {"asc": "j.input_granule_count, j.number DESC", "desc": "j.input_granule_count DESC, j.number DESC"}


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items of a job to list: all conditions hold. Empty tuples are no condition. step_index from 1."""

    step_index: int | None = None
    statuses: tuple[str, ...] = ()
    item_ids: tuple[int, ...] = ()
    message_categories: tuple[str, ...] = ()
    not_statuses: bool = False
    not_message_categories: bool = False


class _Conditions:
    """Conditions that are ANDed, with their parameters."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.values: list[Any] = []

    def add(self, text: str, *values: Any) -> None:
        self.texts.append(text)
        self.values += values

    def one_of(self, column: str, values: Sequence[Any], *, negated: bool = False) -> None:
        """`column` has one of the values (negated: none of them, or no value). No values given: no condition."""
        if values:
            marks = ", ".join("?" * len(values))
            self.add(f"coalesce({column}, '') {'NOT IN' if negated else 'IN'} ({marks})", *values)

    def __str__(self) -> str:
        return " AND ".join(self.texts) or "TRUE"


def list_jobs(db: Database, job_filter: JobFilter, *, page: int, limit: int) -> tuple[list[Job], int]:
    """One page (from 1) of the jobs that match, newest first unless sorted otherwise, and how many match in all."""
    conditions = _job_conditions(job_filter)
    counted = db.row(f"SELECT count(*) FROM jobs AS j WHERE {conditions}", conditions.values)
    total = int(counted[0]) if counted else 0
    if limit == 0 or (page - 1) * limit >= total:
        return [], total
    order = _ORDERS.get(job_filter.sort_by_granules or "", "j.number DESC")
    sql = f"SELECT j.*, {job_rows.COLLECTIONS} FROM jobs AS j WHERE {conditions} ORDER BY {order} LIMIT ? OFFSET ?"
    return job_rows.jobs_of(db.rows(sql, (*conditions.values, limit, (page - 1) * limit))), total


def steps(db: Database, job_id: str) -> list[WorkflowStep]:
    """The steps of a job in order, without their operations; none after its work was reaped."""
    return step_rows.steps(db, job_id)


def list_items(
    db: Database, job_id: str, item_filter: ItemFilter, *, page: int, limit: int
) -> tuple[list[WorkItem], int]:
    """One page (from 1) of a job's items, step by step in the order of granules, and how many match in all."""
    conditions = _item_conditions(job_id, item_filter)
    counted = db.row(f"SELECT count(*) FROM work_items AS i WHERE {conditions}", conditions.values)
    total = int(counted[0]) if counted else 0
    if limit == 0 or (page - 1) * limit >= total:
        return [], total
    sql = f"""
        SELECT {item_rows.COLUMNS} FROM {item_rows.SOURCE} WHERE {conditions}
        ORDER BY i.step_index, i.sort_index, i.sub_order, i.item_id LIMIT ? OFFSET ?"""
    return item_rows.items_of(db.rows(sql, (*conditions.values, limit, (page - 1) * limit))), total


def status_counts(db: Database, job_id: str) -> dict[int, dict[str, int]]:
    """How many items of each status every step of a job has: step index -> status -> count."""
    sql = "SELECT step_index, status, count(*) FROM work_items WHERE job_id = ? GROUP BY step_index, status"
    counts: dict[int, dict[str, int]] = {}
    for step_index, status, number in db.rows(sql, (job_id,)):
        counts.setdefault(step_index, {})[status] = number
    return counts


def item_of_job(db: Database, job_id: str, item_id: int) -> WorkItem | None:
    """One item, if it is of this job."""
    item = item_rows.item(db, item_id)
    return item if item is not None and item.job_id == job_id else None


def _job_conditions(job_filter: JobFilter) -> _Conditions:
    conditions = _Conditions()
    if job_filter.username is not None:
        conditions.add("j.username = ?", job_filter.username)
    if job_filter.labels:
        marks = ", ".join("?" * len(job_filter.labels))
        conditions.add(f"j.job_id IN (SELECT job_id FROM job_labels WHERE label IN ({marks}))", *job_filter.labels)
    conditions.one_of("j.status", job_filter.statuses, negated=job_filter.not_statuses)
    for column, choice in (
        ("j.service_name", job_filter.services),
        ("j.username", job_filter.users),
        ("lower(j.provider)", job_filter.providers),
    ):
        _choose(conditions, column, choice)
    date = _DATE_COLUMNS[job_filter.date_column]
    if job_filter.since is not None:
        conditions.add(f"j.{date} >= ?", to_ms(job_filter.since))
    if job_filter.until is not None:
        conditions.add(f"j.{date} <= ?", to_ms(job_filter.until))
    return conditions


def _choose(conditions: _Conditions, column: str, choice: Choice) -> None:
    conditions.one_of(column, choice.values, negated=choice.negated)


def _item_conditions(job_id: str, item_filter: ItemFilter) -> _Conditions:
    conditions = _Conditions()
    conditions.add("i.job_id = ?", job_id)
    if item_filter.step_index is not None:
        conditions.add("i.step_index = ?", item_filter.step_index)
    conditions.one_of("i.status", item_filter.statuses, negated=item_filter.not_statuses)
    conditions.one_of("i.item_id", item_filter.item_ids)
    categories = [category.lower() for category in item_filter.message_categories]
    conditions.one_of("lower(i.message_category)", categories, negated=item_filter.not_message_categories)
    return conditions
