"""Progress of steps and jobs in whole percent. Pure. Source: harmony-api 5.5."""

import math
from dataclasses import replace

from appliance.workflow.records import WorkflowStep

MOST_WHILE_RUNNING = 99


def measured(steps: tuple[WorkflowStep, ...]) -> tuple[tuple[WorkflowStep, ...], int]:
    """The steps with their progress, and that of the job, 0 to 99.

    Of a step: that of the step before it times the share of its items that are done; of the job: the mean, weighted.
    A later page may raise what is expected, so both may come out lower than before: callers keep the larger one.
    """
    prior = 100
    changed = []
    for step in steps:
        expected = max(1, step.item_count, step.done_count)
        prior = prior * step.done_count // expected if not step.is_complete else prior
        changed.append(step if step.progress >= prior else replace(step, progress=prior))
        prior = max(prior, step.progress)
    weights = math.fsum(step.progress_weight for step in changed)
    total = math.fsum(step.progress_weight * step.progress for step in changed)
    share = math.floor(total / weights) if weights > 0 else 0
    return tuple(changed), min(MOST_WHILE_RUNNING, share)
