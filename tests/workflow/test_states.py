"""The table of states, held against the contract's own (harmony-api 5.4, architecture section 5)."""

import pytest

from appliance.errors import ConflictError
from appliance.workflow.states import (
    COMPLETED,
    ITEM_LIVE,
    ITEM_TERMINAL,
    LIVE,
    TERMINAL,
    ItemEvent,
    ItemStatus,
    JobEvent,
    JobStatus,
    after,
    can,
    item_after,
    offered_events,
)
from appliance.workflow.texts import final_message, public_service_name

# rows: status; columns: start, start_with_preview, skip_preview, pause, resume, cancel, fail, complete, with errors
CONTRACT = """
accepted|running|previewing|-|-|-|canceled|failed|-|-
previewing|-|-|running|paused|-|canceled|failed|successful|with_errors
running|-|-|-|paused|-|canceled|failed|successful|with_errors
running_with_errors|-|-|-|paused|-|canceled|failed|-|with_errors
paused|-|-|running|-|running|canceled|failed|successful|with_errors
successful|-|-|-|-|-|-|-|-|-
complete_with_errors|-|-|-|-|-|-|-|-|-
failed|-|-|-|-|-|-|failed|-|-
canceled|-|-|-|-|-|-|-|-|-
"""
EVENTS = ("start", "start_with_preview", "skip_preview", "pause", "resume", "cancel", "fail", "complete",
          "complete_with_errors")  # fmt: skip
ROWS = [row.replace("|with_errors", "|complete_with_errors").split("|") for row in CONTRACT.strip().splitlines()]
CELLS = [(row[0], event, cell) for row in ROWS for event, cell in zip(EVENTS, row[1:], strict=True)]


@pytest.mark.parametrize(("status", "event", "target"), CELLS)
def test_each_event_leads_where_the_contract_says(status: str, event: str, target: str) -> None:
    if target == "-":
        assert not can(JobStatus(status), JobEvent(event))
        with pytest.raises(ConflictError, match=status):
            after(JobStatus(status), JobEvent(event))
    else:
        assert after(JobStatus(status), JobEvent(event)) == target


def test_a_failed_item_turns_running_into_running_with_errors_and_nothing_else() -> None:
    changed = {s: after(s, JobEvent.ITEM_FAILED) for s in JobStatus if can(s, JobEvent.ITEM_FAILED)}
    assert {s for s, target in changed.items() if s is not target} == {JobStatus.RUNNING}
    assert changed[JobStatus.RUNNING] is JobStatus.RUNNING_WITH_ERRORS


def test_every_status_is_live_or_terminal_and_the_terminal_ones_go_nowhere() -> None:
    assert frozenset(JobStatus) == LIVE | TERMINAL
    assert not LIVE & TERMINAL
    assert COMPLETED < TERMINAL
    targets = {after(s, e) for s in TERMINAL for e in JobEvent if can(s, e)}
    assert targets == {JobStatus.FAILED}


@pytest.mark.parametrize(
    ("status", "verbs"),
    [
        (JobStatus.PREVIEWING, ("cancel", "pause", "skip_preview")),
        (JobStatus.RUNNING, ("cancel", "pause")),
        (JobStatus.PAUSED, ("cancel", "resume")),
        (JobStatus.SUCCESSFUL, ()),
    ],
)
def test_only_verbs_that_are_allowed_now_are_offered(status: JobStatus, verbs: tuple[str, ...]) -> None:
    assert offered_events(status) == verbs


def test_items_that_are_over_move_only_at_an_operator_s_or_a_lost_file_s_behest() -> None:
    assert frozenset(ItemStatus) == ITEM_LIVE | ITEM_TERMINAL
    moved = set()
    for status in ITEM_TERMINAL:
        for event in ItemEvent:
            try:
                item_after(status, event)
            except ConflictError as error:
                assert status in error.message  # the words name what was found
            else:
                moved.add((status, event))
    assert moved == {
        (ItemStatus.FAILED, ItemEvent.OPERATOR_RETRY),
        (ItemStatus.SUCCESSFUL, ItemEvent.OUTPUT_LOST),
    }


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("ghcr.io/podaac/l2ss-py:3.1.0", "podaac/l2ss-py:3.1.0"),
        ("podaac/l2ss-py:3.1.0", "podaac/l2ss-py:3.1.0"),
        ("localhost/mine:1", "mine:1"),
        ("registry:5000/a/b:1", "a/b:1"),
        ("subset_swath", "subset_swath"),
    ],
)
def test_a_service_is_named_without_its_registry(image: str, name: str) -> None:
    assert public_service_name(image) == name


def test_a_job_without_errors_or_warnings_keeps_its_own_message() -> None:
    assert final_message(0, 0, None, None) is None
