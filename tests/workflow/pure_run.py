"""A run of a scene over the pure core alone: decide, settle, conclude, assign, with dictionaries for tables.

No database and no SQL, so that what the core says is seen by itself; the laws compare it with runs on SQLite.
"""

import random
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

from appliance.services.plan import PlannedStep
from appliance.workflow.batches import Batch, Member, Position, assign, bounds_of
from appliance.workflow.decide import Effects, NewItem, Snapshot, decide, is_heard
from appliance.workflow.records import Job, Outcome, Output, WorkflowStep, WorkItem
from appliance.workflow.settle import conclude, fed, settle, with_step
from appliance.workflow.states import (
    CLAIMABLE,
    COMPLETED,
    ITEM_LIVE,
    TERMINAL,
    ItemEvent,
    ItemStatus,
    JobEvent,
    JobStatus,
    after,
    can,
    item_after,
)
from tests.workflow.scenes import JOB_ID, START, Scene

_NO_MESSAGES: dict[str, str] = {}


class PureRun:
    """One run in memory; `seed` orders the events."""

    def __init__(self, scene: Scene, seed: int):
        self.scene, self.limits, self.rng, self.now = scene, scene.limits, random.Random(seed), START
        plan = scene.plan()
        self.job = _new_job(scene)
        self.steps = tuple(new_step(s, is_last=s is plan.steps[-1]) for s in plan.steps)
        pages = -(-scene.granules // scene.page)
        self.steps = with_step(self.steps, replace(self.steps[0], item_count=pages, created_count=1))
        self.items: dict[int, WorkItem] = {}
        self.inputs: dict[int, list[int]] = {}
        self.outputs: dict[int, Output] = {}
        self.outputs_of: dict[int, list[int]] = defaultdict(list)
        self.links: list[str] = []
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.open: dict[tuple[int, int], int] = {}
        self.standing: dict[int, Batch] = {}
        self.members: dict[int, list[Member]] = defaultdict(list)
        self.next_batch: dict[int, int] = defaultdict(int)
        self._add(NewItem(1, 0), [])

    def run(self) -> Job:
        """Play to the end; the laws of progress and of ends are checked at each event."""
        while self.job.status not in TERMINAL:
            before = self.job.progress
            self._event()
            assert self.job.progress >= before
            assert (self.job.progress == 100) == (self.job.status in COMPLETED)
        if self.job.status in COMPLETED:
            assert not [item for item in self.items.values() if item.status in ITEM_LIVE]
        return self.job

    def _event(self) -> None:
        self.now += timedelta(seconds=1)
        if self.job.status is JobStatus.PAUSED and self.rng.randrange(3):
            self.job = replace(self.job, status=after(self.job.status, JobEvent.RESUME))
            return
        if can(self.job.status, JobEvent.PAUSE) and self.rng.randrange(10) == 0:
            self.job = replace(self.job, status=after(self.job.status, JobEvent.PAUSE))
            return
        ready = [i for i in self.items.values() if i.status is ItemStatus.READY and not i.awaits]
        if ready and self.job.status in CLAIMABLE and self.rng.randrange(2):
            item = self.rng.choice(ready)
            status = item_after(item.status, ItemEvent.CLAIM)
            self.items[item.item_id] = replace(item, status=status, attempt=item.attempt + 1, started_at=self.now)
            return
        working = [i for i in self.items.values() if i.status in (ItemStatus.QUEUED, ItemStatus.RUNNING)]
        if working:
            self._end(self.rng.choice(working))
        else:
            assert ready, "nothing runs, nothing is ready, and the job has not ended"

    def _end(self, item: WorkItem) -> None:
        outcome = self._outcome(item)
        assert is_heard(self.job, item, item.attempt)
        assert not is_heard(self.job, item, item.attempt - 1)
        effects = decide(Snapshot(self.job, self.steps, item), outcome, self.limits, self.now)
        self.job, self.steps = effects.job, effects.steps
        self.items[item.item_id] = effects.item
        if effects.message is not None:
            (self.errors if effects.message.level == "error" else self.warnings).append(effects.message.text)
        stored = self._store(effects, outcome)
        for new in effects.new_items:
            self._add(new, [n for n in stored if self.outputs[n].catalog_index == new.catalog_index])
        if effects.item.status is ItemStatus.READY or self.job.status in TERMINAL:
            return
        self._gather(effects, stored)
        self.steps, hungry = settle(self.steps)
        while hungry is not None:
            self._feed(self.steps[hungry - 1])
            self.steps, hungry = settle(self.steps)
        self.job, self.steps = conclude(
            self.job,
            self.steps,
            gave_result=effects.keeps_results and item.step_index == len(self.steps),
            last_error=self.errors[-1] if self.errors else None,
            last_warning=self.warnings[-1] if self.warnings else None,
        )

    def _outcome(self, item: WorkItem) -> Outcome:
        step = self.steps[item.step_index - 1]
        if step.transformer == "find_granules":
            return self.scene.page_outcome(int(item.cursor or 0))
        return self.scene.outcome(step, [self.outputs[n] for n in self.inputs[item.item_id]], item.retry_count)

    def _store(self, effects: Effects, outcome: Outcome) -> list[int]:
        if not effects.keeps_results:
            return []
        self.links += [link.href for link in outcome.links]
        numbers = [len(self.outputs) + n for n in range(len(outcome.outputs))]
        self.outputs |= dict(zip(numbers, outcome.outputs, strict=True))
        self.outputs_of[effects.item.item_id] = numbers
        return numbers

    def _add(self, new: NewItem, inputs: list[int]) -> None:
        step = self.steps[new.step_index - 1]
        item = WorkItem(
            item_id=len(self.items) + 1,
            job_id=JOB_ID,
            step_index=new.step_index,
            service_id=step.service_id,
            transformer=step.transformer,
            status=ItemStatus.READY,
            sort_index=new.sort_index,
            retry_count=0,
            interrupt_count=0,
            created_at=self.now,
            updated_at=self.now,
            cursor=new.cursor,
            sub_order=new.sub_order,
            awaits=new.awaits,
            input_size_bytes=sum(self.outputs[n].size_bytes for n in inputs),
        )
        self.items[item.item_id] = item
        self.inputs[item.item_id] = inputs

    def _gather(self, effects: Effects, stored: list[int]) -> None:
        item = effects.item
        if effects.opening is not None:
            opening = effects.opening
            key = (opening.step_index, opening.sort_index)
            self.open[key] = self.open.get(key, 1) + opening.change
            step = self.steps[opening.step_index - 1]
            positions = []
            while self.open.get((step.step_index, step.next_position + len(positions)), 1) == 0:
                place = step.next_position + len(positions)
                positions.append(Position(place, tuple(self._given(step.step_index - 1, place))))
        elif stored and item.step_index < len(self.steps) and self.steps[item.step_index].is_batched:
            step = self.steps[item.step_index]
            positions = [Position(n, (self._member(o),)) for n, o in enumerate(stored, step.next_position)]
        else:
            return
        if not positions:
            return
        index = step.step_index
        closed, standing = assign(
            self.standing.pop(index, None), self.next_batch[index], positions, bounds_of(step, self.limits)
        )
        step = replace(step, next_position=step.next_position + len(positions))
        for batch in closed:
            step = self._hand_on(step, [*self.members.pop(index, []), *batch.members], batch.batch_index)
        if standing is not None:
            self.standing[index] = replace(standing, members=())
            self.members[index] += standing.members
        self.next_batch[index] = standing.batch_index + 1 if standing else step.created_count
        self.steps = with_step(self.steps, step)

    def _feed(self, step: WorkflowStep) -> None:
        if not step.has_aggregated_output:
            for item in self.items.values():
                if item.step_index == step.step_index:
                    self.items[item.item_id] = replace(item, awaits=0)
            self.steps = with_step(self.steps, fed(step, 0, is_over=True))
            return
        if step.is_batched:
            members = self.members.pop(step.step_index, [])
        else:
            members = self._given(step.step_index - 1, None)
        if members:
            step = self._hand_on(step, members, step.created_count)
        self.steps = with_step(self.steps, fed(step, 0, is_over=True))

    def _hand_on(self, step: WorkflowStep, members: list[Member], index: int) -> WorkflowStep:
        self._add(NewItem(step.step_index, index), [member.output_id for member in members])
        return fed(step, 1, is_over=False)

    def _given(self, step_index: int, sort_index: int | None) -> list[Member]:
        items = [
            item
            for item in self.items.values()
            if item.step_index == step_index
            and item.status is ItemStatus.SUCCESSFUL
            and sort_index in (None, item.sort_index)
        ]
        items.sort(key=lambda item: (item.sort_index, item.sub_order))
        return [self._member(n) for item in items for n in self.outputs_of[item.item_id]]

    def _member(self, number: int) -> Member:
        return Member(number, self.outputs[number].size_bytes)


def _new_job(scene: Scene) -> Job:
    event = JobEvent.START_WITH_PREVIEW if scene.with_preview else JobEvent.START
    return Job(
        job_id=JOB_ID,
        number=1,
        username="ada",
        status=after(JobStatus.ACCEPTED, event),
        messages=_NO_MESSAGES,
        progress=0,
        request_url="",
        created_at=START,
        updated_at=START,
        data_expires_at=None,
        service_name="demo/chain",
        collection_ids=("C100-DEMO",),
        provider="DEMO",
        input_granule_count=scene.granules,
        is_async=True,
        ignore_errors=scene.ignore_errors,
    )


def new_step(planned: PlannedStep, *, is_last: bool) -> WorkflowStep:
    return WorkflowStep(
        job_id=JOB_ID,
        step_index=planned.step_index,
        service_id=planned.image,
        transformer=planned.transformer,
        operation={},
        item_count=planned.expected_items,
        created_count=0,
        successful_count=0,
        warning_count=0,
        failed_count=0,
        canceled_count=0,
        progress_weight=planned.progress_weight,
        progress=0,
        has_aggregated_output=planned.has_aggregated_output,
        always_wait_for_prior_step=planned.always_wait_for_prior_step,
        is_sequential=planned.is_sequential,
        is_batched=planned.is_batched,
        max_batch_inputs=planned.max_batch_inputs,
        max_batch_bytes=planned.max_batch_bytes,
        is_complete=False,
        is_last=is_last,
    )
