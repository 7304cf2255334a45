"""Outputs that vanished before their consumers ran: their items run again, and the consumers wait. SQL, one subject.

Source: decisions 5.1. Every function takes a connection with an open transaction. Numbers of outputs never change, so
what consumers read stays named; a producer that fails the second time leaves its consumers without that input.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from appliance.workflow import item_rows, step_rows, work_counters
from appliance.workflow.records import Advanced, Job, Outcome, WorkflowStep, WorkItem
from appliance.workflow.settle import with_step
from appliance.workflow.states import CLAIMABLE, LIVE, ItemEvent, ItemStatus, item_after

_CONSUMERS = """
    SELECT DISTINCT i.item_id FROM item_inputs AS i JOIN outputs AS o USING (output_id)
    JOIN work_items AS c ON c.item_id = i.item_id
    WHERE o.item_id = ? AND c.status IN ('ready', 'queued', 'running', 'failed') ORDER BY 1"""
# The item reads its inputs once more, so its producers have a consumer again; `release_inputs` takes that back.
_REOPEN = """
    UPDATE work_items SET open_outputs = open_outputs + (
        SELECT count(*) FROM item_inputs AS i JOIN outputs AS o USING (output_id)
        WHERE i.item_id = :item_id AND o.item_id = work_items.item_id)
    WHERE step_index > 1 AND item_id IN (
        SELECT o.item_id FROM item_inputs AS i JOIN outputs AS o USING (output_id) WHERE i.item_id = :item_id)"""


def lose(connection: sqlite3.Connection, job: Job, item: WorkItem, now: datetime) -> Advanced:
    """Set a successful item back to ready and have its consumers wait for it; those at work are named.

    Failed consumers wait too, as an operator may have them tried again; but for their sake nothing is made again.
    """
    consumers = _consumers(connection, item)
    is_needed = any(consumer.status is not ItemStatus.FAILED for consumer in consumers)
    if job.status not in LIVE or item.status is not ItemStatus.SUCCESSFUL or not is_needed:
        return Advanced(job_status=job.status)
    steps = step_rows.steps_of(connection, job.job_id)
    again = replace(item, status=item_after(item.status, ItemEvent.OUTPUT_LOST), is_remake=True, updated_at=now)
    item_rows.save_item(connection, again)
    connection.execute(_REOPEN, {"item_id": item.item_id})
    work_counters.change(connection, job, steps[item.step_index - 1], ready=0 if again.awaits else 1)
    stopped = [c.item_id for c in consumers if _made_to_wait(connection, job, steps[c.step_index - 1], c, now)]
    return Advanced(1 if job.status in CLAIMABLE else 0, (), tuple(stopped), job.status)


def _made_to_wait(
    connection: sqlite3.Connection, job: Job, step: WorkflowStep, consumer: WorkItem, now: datetime
) -> bool:
    """Have a consumer wait for one producer more; whether it was being worked on."""
    at_work = consumer.status in (ItemStatus.QUEUED, ItemStatus.RUNNING)
    waiting = replace(consumer, awaits=consumer.awaits + 1)
    if at_work:
        status = item_after(consumer.status, ItemEvent.INTERRUPT)
        waiting = replace(waiting, status=status, updated_at=now, started_at=None)
        work_counters.change(connection, job, step, running=-1)
    elif consumer.status is ItemStatus.READY and not consumer.awaits:
        work_counters.change(connection, job, step, ready=-1)
    item_rows.save_item(connection, waiting)
    return at_work


def remade(
    connection: sqlite3.Connection,
    item: WorkItem,
    job: Job,
    steps: tuple[WorkflowStep, ...],
    outcome: Outcome,
    *,
    kept: bool,
    now: datetime,
) -> tuple[tuple[WorkflowStep, ...], int]:
    """The item ended for the second time: its consumers go on with what it gave, or without.

    The steps (consumers that have no input left are canceled and counted), and how many items became ready.
    """
    consumers = _consumers(connection, item)
    _renew(connection, item.item_id, outcome if kept else Outcome("failed"))
    ready = 0
    for consumer in consumers:
        left = replace(consumer, awaits=consumer.awaits - 1)
        if left.status is ItemStatus.READY:
            step = steps[left.step_index - 1]
            if not item_rows.has_input(connection, left.item_id):
                status = item_after(left.status, ItemEvent.CANCEL)
                was_good = 1 if left.is_remake else 0  # counted as successful, and now it has nothing to show
                counted = replace(
                    step,
                    canceled_count=step.canceled_count + 1,
                    successful_count=step.successful_count - was_good,
                )
                steps = with_step(steps, counted)
                left = replace(left, status=status, is_remake=False, updated_at=now)
                if was_good:
                    steps, more = remade(connection, left, job, steps, outcome, kept=False, now=now)
                    ready += more
            elif left.awaits == 0:
                work_counters.change(connection, job, step, ready=1)
                ready += 1
        item_rows.save_item(connection, left)
    return steps, ready


def _consumers(connection: sqlite3.Connection, item: WorkItem) -> Sequence[WorkItem]:
    ids = [row[0] for row in connection.execute(_CONSUMERS, (item.item_id,))]
    return [found for i in ids if (found := item_rows.find_item(connection, i)) is not None]


def _renew(connection: sqlite3.Connection, item_id: int, outcome: Outcome) -> None:
    """Put the new outputs in the places of the old ones; places that stay empty leave their consumers' inputs."""
    places: dict[int, int] = {}
    fresh: dict[tuple[int, int], tuple[str, int]] = {}
    for output in outcome.outputs:
        place = places.get(output.catalog_index, 0)
        places[output.catalog_index] = place + 1
        text = json.dumps(output.stac, separators=(",", ":"), ensure_ascii=False)
        fresh[output.catalog_index, place] = (text, output.size_bytes)
    sql = "SELECT output_id, catalog_index, position FROM outputs WHERE item_id = ?"
    for output_id, catalog_index, position in connection.execute(sql, (item_id,)).fetchall():
        found = fresh.get((catalog_index, position))
        if found is None:
            connection.execute("DELETE FROM batch_outputs WHERE output_id = ?", (output_id,))
            connection.execute("DELETE FROM outputs WHERE output_id = ?", (output_id,))
        else:
            connection.execute("UPDATE outputs SET stac = ?, size_bytes = ? WHERE output_id = ?", (*found, output_id))
