"""Rows of workflow steps. SQL, no decisions; the functions that write take a connection with an open transaction."""

import json
import sqlite3
from collections.abc import Iterable, Sequence

from appliance.database.connection import Database
from appliance.services.plan import PlannedStep
from appliance.workflow.records import WorkflowStep

_OF_JOB = "SELECT * FROM workflow_steps WHERE job_id = ? ORDER BY step_index"
_ONE = """
    SELECT s.*, o.operation FROM workflow_steps AS s JOIN step_operations AS o USING (step_id)
    WHERE s.job_id = ? AND s.step_index = ?"""
_SAVE = """
    UPDATE workflow_steps
    SET item_count = ?, created_count = ?, successful_count = ?, warning_count = ?, failed_count = ?,
        canceled_count = ?, output_count = ?, longest_ms = ?, progress = ?, is_fed = ?, is_complete = ?,
        next_position = ?
    WHERE job_id = ? AND step_index = ?"""
_INSERT = """
    INSERT INTO workflow_steps (
        job_id, step_index, service_id, transformer, item_count, progress_weight, has_aggregated_output,
        always_wait_for_prior_step, is_sequential, is_batched, max_batch_inputs, max_batch_bytes, is_last)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def steps_of(connection: sqlite3.Connection, job_id: str) -> tuple[WorkflowStep, ...]:
    """All steps in order, without their operations, which are large."""
    return tuple(_step(row) for row in connection.execute(_OF_JOB, (job_id,)))


def steps(db: Database, job_id: str) -> list[WorkflowStep]:
    """All steps of a job in order, without their operations; none after the work was reaped."""
    return list(steps_of(db.connection, job_id))


def step_with_operation(connection: sqlite3.Connection, job_id: str, step_index: int) -> WorkflowStep:
    """One step with the message that it may see. Raises LookupError when there is none."""
    row = connection.execute(_ONE, (job_id, step_index)).fetchone()
    if row is None:
        raise LookupError(f"job {job_id} has no step {step_index}")
    return _step(row, row["operation"])


def add_steps(connection: sqlite3.Connection, job_id: str, planned: Sequence[PlannedStep]) -> None:
    """The steps of a new job, with nothing in them yet."""
    for step in planned:
        values = (
            job_id,
            step.step_index,
            step.image,
            step.transformer,
            step.expected_items,
            step.progress_weight,
            step.has_aggregated_output,
            step.always_wait_for_prior_step,
            step.is_sequential,
            step.is_batched,
            step.max_batch_inputs,
            step.max_batch_bytes,
            step is planned[-1],
        )
        step_id = connection.execute(_INSERT, values).lastrowid
        operation = json.dumps(step.message, separators=(",", ":"))
        connection.execute("INSERT INTO step_operations VALUES (?, ?)", (step_id, operation))


def save_steps(connection: sqlite3.Connection, before: Iterable[WorkflowStep], after: Iterable[WorkflowStep]) -> None:
    """Write the steps that differ."""
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    connection.executemany(_SAVE, [_saved(step) for step in changed])


def _saved(step: WorkflowStep) -> tuple[object, ...]:
    return (
        step.item_count,
        step.created_count,
        step.successful_count,
        step.warning_count,
        step.failed_count,
        step.canceled_count,
        step.output_count,
        step.longest_ms,
        step.progress,
        step.is_fed,
        step.is_complete,
        step.next_position,
        step.job_id,
        step.step_index,
    )


def _step(row: sqlite3.Row, operation: str = "{}") -> WorkflowStep:
    return WorkflowStep(
        job_id=row["job_id"],
        step_index=row["step_index"],
        service_id=row["service_id"],
        transformer=row["transformer"],
        operation=json.loads(operation),
        item_count=row["item_count"],
        created_count=row["created_count"],
        successful_count=row["successful_count"],
        warning_count=row["warning_count"],
        failed_count=row["failed_count"],
        canceled_count=row["canceled_count"],
        progress_weight=row["progress_weight"],
        progress=row["progress"],
        has_aggregated_output=bool(row["has_aggregated_output"]),
        always_wait_for_prior_step=bool(row["always_wait_for_prior_step"]),
        is_sequential=bool(row["is_sequential"]),
        is_batched=bool(row["is_batched"]),
        max_batch_inputs=row["max_batch_inputs"],
        max_batch_bytes=row["max_batch_bytes"],
        is_complete=bool(row["is_complete"]),
        is_last=bool(row["is_last"]),
        output_count=row["output_count"],
        longest_ms=row["longest_ms"],
        is_fed=bool(row["is_fed"]),
        next_position=row["next_position"],
    )
