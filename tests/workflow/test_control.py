"""Pause, resume, cancel, trying again: harmony-api 5.4, decisions 1.10; restarts, poison, hanging items: 6.3, 5.5."""

from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.database.connection import Database
from appliance.errors import ConflictError, NotFoundError
from appliance.workflow import item_rows, job_rows, step_rows
from appliance.workflow.advance import output_lost, recover, release_stuck
from appliance.workflow.claim import claim, is_current, launched
from appliance.workflow.control import cancel, pause, resume, retry_item, skip_preview
from appliance.workflow.records import Outcome
from appliance.workflow.states import ItemStatus, JobStatus
from tests.workflow.driving import BROKEN, CONCAT, SUBSET, Driver, good, passed
from tests.workflow.scenes import JOB_ID
from tests.workflow.stage_play import check_counters, check_steps, check_waiting


def status_of(db: Database, item_id: int) -> ItemStatus:
    item = item_rows.item(db, item_id)
    assert item is not None
    return item.status


def test_a_paused_job_finishes_the_items_it_already_started_and_hands_out_none(db: Database) -> None:
    play = Driver(db)
    play.submit(3, SUBSET)
    play.query(3)
    running = play.claim()
    pause(db, JOB_ID, now=play.now)
    assert claim(db, now=play.now) is None
    play.report(running, good())
    assert (play.job.status, play.job.link_count) == (JobStatus.PAUSED, 1)
    assert resume(db, JOB_ID, now=play.now).ready_count == 2
    assert play.job.status is JobStatus.RUNNING


def test_a_paused_job_whose_last_item_ends_is_over(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    play.query(1)
    running = play.claim()
    pause(db, JOB_ID, now=play.now)
    play.report(running, good())
    assert play.job.status is JobStatus.SUCCESSFUL


@pytest.mark.parametrize(("by_admin", "text"), [(False, "Canceled by user."), (True, "Canceled by admin.")])
def test_cancel_ends_everything_and_names_what_must_be_killed(db: Database, by_admin: bool, text: str) -> None:
    play = Driver(db)
    play.submit(3, SUBSET)
    play.query(3)
    running = play.claim()
    advanced = cancel(db, JOB_ID, now=play.now, by_admin=by_admin)
    assert (play.job.status, play.job.message) == (JobStatus.CANCELED, text)
    assert advanced.canceled_items == (running.item.item_id,)
    assert not is_current(db, running.item.item_id, running.item.attempt)
    check_counters(db)
    check_steps(db, play.job)


def test_refusals_are_in_the_words_of_the_guide(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    with pytest.raises(ConflictError, match=r"^Job status is running - only paused jobs can be resumed\.$"):
        resume(db, JOB_ID, now=play.now)
    with pytest.raises(ConflictError, match=r"^Job status is running - only previewing jobs can skip preview\.$"):
        skip_preview(db, JOB_ID, now=play.now)
    pause(db, JOB_ID, now=play.now)
    with pytest.raises(ConflictError, match=r"^Job status cannot be updated from paused to paused\.$"):
        pause(db, JOB_ID, now=play.now)
    cancel(db, JOB_ID, now=play.now)
    with pytest.raises(ConflictError, match=r"^Job status cannot be updated from canceled to canceled\.$"):
        cancel(db, JOB_ID, now=play.now)
    with pytest.raises(NotFoundError, match="Unable to find job nobody"):
        cancel(db, "nobody", now=play.now)


def test_an_item_called_off_between_claim_and_launch_is_not_launched(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    claimed = claim(db, now=play.now)
    assert claimed is not None
    cancel(db, JOB_ID, now=play.now)
    assert not launched(db, claimed.item.item_id, claimed.item.attempt, now=play.now)


def test_a_failed_item_of_a_live_job_is_tried_again_and_its_error_taken_back(db: Database) -> None:
    play = Driver(db)
    play.submit(2, SUBSET, CONCAT, ignore_errors=True)
    play.query(2)
    failed = play.next(BROKEN)
    assert play.job.status is JobStatus.RUNNING_WITH_ERRORS
    retry_item(db, JOB_ID, failed.item.item_id, now=play.now)
    check_counters(db)
    check_steps(db, play.job)
    assert (play.job.status, play.texts()) == (JobStatus.RUNNING, [])
    play.next(passed("g000"))
    play.next(passed("g001"))
    gathered = play.next(good())
    names = [output.stac["name"] for output in item_rows.inputs(db, gathered.item.item_id)]
    assert names == ["g000/0", "g001/0"]  # in the order of granules, though the first came last
    assert play.job.status is JobStatus.SUCCESSFUL


def test_a_failed_item_whose_batch_was_handed_on_is_not_tried_again(db: Database) -> None:
    play = Driver(db)
    play.submit(3, SUBSET, replace(CONCAT, max_batch_inputs=1), ignore_errors=True)
    play.query(3)
    failed = play.next(BROKEN)
    play.next(passed("g001"))
    with pytest.raises(ConflictError, match="its batch has been handed on"):
        retry_item(db, JOB_ID, failed.item.item_id, now=play.now)
    check_counters(db)
    assert play.job.error_count == 1


def test_a_running_item_is_stopped_and_queued_again_without_counting_a_retry(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    play.query(1)
    running = play.claim()
    advanced = retry_item(db, JOB_ID, running.item.item_id, now=play.now)
    assert advanced.canceled_items == (running.item.item_id,)
    assert not is_current(db, running.item.item_id, running.item.attempt)
    again = play.claim()
    assert (again.item.item_id, again.item.retry_count) == (running.item.item_id, 0)
    assert not is_current(db, running.item.item_id, running.item.attempt)
    play.report(running, BROKEN)  # late, from the stopped child
    assert play.job.status is JobStatus.RUNNING
    play.report(again, good())
    assert play.job.status is JobStatus.SUCCESSFUL
    with pytest.raises(ConflictError, match=f"POST /jobs/{JOB_ID}/resubmit"):
        retry_item(db, JOB_ID, running.item.item_id, now=play.now)


def test_an_item_is_poisonous_after_six_deaths_while_it_was_running(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    play.query(1)
    for deaths in range(6):
        assert play.job.status is JobStatus.RUNNING
        claimed = play.claim()
        assert (claimed.item.retry_count, claimed.item.interrupt_count) == (0, deaths)
        recover(db, now=play.now, limits=play.limits)
    assert play.job.status is JobStatus.FAILED
    assert "died 6 times while this item was running" in play.job.message
    check_counters(db)


def test_deaths_while_an_item_was_only_queued_do_not_count(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    play.query(1)
    for _ in range(8):
        claimed = claim(db, now=play.now)
        assert claimed is not None
        assert claimed.item.interrupt_count == 0
        assert recover(db, now=play.now, limits=play.limits).ready_count == 1
    play.next(good())
    assert play.job.status is JobStatus.SUCCESSFUL


def test_an_item_that_takes_twice_as_long_as_the_longest_success_is_tried_again(db: Database) -> None:
    play = Driver(db)
    play.submit(2, SUBSET)
    play.query(2)
    first, second = play.claim(), play.claim()
    play.now += timedelta(seconds=399)
    play.report(first, good("a"))  # 401 s
    play.now += timedelta(seconds=400)
    assert release_stuck(db, now=play.now, limits=play.limits).canceled_items == ()
    play.now += timedelta(seconds=10)
    released = release_stuck(db, now=play.now, limits=play.limits)
    assert (released.canceled_items, released.ready_count) == ((second.item.item_id,), 1)
    again = play.claim()
    assert again.item.retry_count == 1
    item = item_rows.item(db, second.item.item_id)
    assert item is not None
    assert item.message == f"Work item {second.item.item_id} has exceeded the 802000 ms duration threshold."


@pytest.mark.parametrize(("image", "seconds"), [("podaac/concise:0.10.0", 900), ("podaac/other:1", 300)])
def test_before_any_success_the_threshold_is_that_of_the_service(db: Database, image: str, seconds: int) -> None:
    play = Driver(db)
    play.submit(1, replace(SUBSET, image=image))
    play.query(1)
    claimed = play.claim()
    at = play.now + timedelta(seconds=seconds)
    assert release_stuck(db, now=at, limits=play.limits).canceled_items == ()
    late = at + timedelta(seconds=1)
    assert release_stuck(db, now=late, limits=play.limits).canceled_items == (claimed.item.item_id,)


def test_items_of_a_paused_job_are_not_given_up(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    play.query(1)
    play.claim()
    pause(db, JOB_ID, now=play.now)
    assert release_stuck(db, now=play.now + timedelta(days=1), limits=play.limits).canceled_items == ()


def test_lost_outputs_are_made_again_without_a_retry_and_their_consumer_waits(db: Database) -> None:
    play = Driver(db)
    play.submit(2, SUBSET, CONCAT)
    play.query(2)
    first = play.next(passed("g000"))
    play.next(passed("g001"))
    consumer = play.claim()
    progress = play.job.progress
    lost = output_lost(db, [first.item.item_id], now=play.now)
    assert (lost.ready_count, lost.canceled_items) == (1, (consumer.item.item_id,))
    check_counters(db)
    again = play.claim()
    assert (again.item.item_id, again.item.retry_count) == (first.item.item_id, 0)
    assert claim(db, now=play.now) is None  # the consumer waits
    assert play.job.progress == progress
    assert play.report(again, passed("new")).ready_count == 1
    consumer = play.claim()
    names = [output.stac["name"] for output in item_rows.inputs(db, consumer.item.item_id)]
    assert names == ["new/0", "g001/0"]
    freed = play.report(consumer, good()).freed_items
    assert len(freed) == 2
    assert play.job.status is JobStatus.SUCCESSFUL
    assert [step.item_count for step in step_rows.steps(db, JOB_ID)] == [1, 2, 1]


def test_a_lost_output_that_cannot_be_made_again_leaves_its_consumer_with_the_others(db: Database) -> None:
    play = Driver(db)
    play.submit(2, SUBSET, CONCAT, ignore_errors=True)
    play.query(2)
    first = play.next(passed("g000"))
    play.next(passed("g001"))
    output_lost(db, [first.item.item_id], now=play.now)
    play.next(BROKEN)
    consumer = play.claim()
    assert [output.stac["name"] for output in item_rows.inputs(db, consumer.item.item_id)] == ["g001/0"]
    play.report(consumer, good())
    assert play.job.status is JobStatus.COMPLETE_WITH_ERRORS
    check_steps(db, play.job)


def test_a_consumer_left_without_any_input_is_canceled_and_the_job_ends(db: Database) -> None:
    play = Driver(db)
    play.submit(2, SUBSET, replace(SUBSET, image="second"), ignore_errors=True)
    play.query(2)
    first = play.next(passed("g000"))
    play.next(passed("g001"))
    output_lost(db, [first.item.item_id], now=play.now)
    play.next(BROKEN)
    play.next(good())
    assert play.job.status is JobStatus.COMPLETE_WITH_ERRORS
    assert step_rows.steps(db, JOB_ID)[2].canceled_count == 1
    check_steps(db, play.job)


def test_intermediate_files_are_freed_when_their_last_consumer_is_done(db: Database) -> None:
    play = Driver(db)
    play.submit(2, SUBSET, replace(CONCAT, max_batch_inputs=1))
    play.query(2)
    first = play.next(passed("g000"))
    play.next(passed("g001"))
    consumer = play.claim()
    assert play.report(consumer, Outcome("failed", "once")).freed_items == ()  # it is tried again
    assert play.report(play.claim(), good()).freed_items == (first.item.item_id,)


def test_what_a_job_did_not_deliver_is_known_by_its_granules(db: Database) -> None:
    play = Driver(db)
    play.submit(3, SUBSET, replace(SUBSET, image="second"), ignore_errors=True)
    page = [
        replace(o, stac={**o.stac, "properties": {"harmonium:granule": f"G{n}-X"}})
        for n, o in enumerate(good(results=3).outputs)
    ]
    outputs = tuple(replace(output, catalog_index=n) for n, output in enumerate(page))
    play.next(Outcome("successful", outputs=outputs, found_count=3))
    play.next(BROKEN)
    play.next(passed("g001"))
    play.next(passed("g002"))
    play.next(good())
    play.next(BROKEN)
    assert play.job.status is JobStatus.COMPLETE_WITH_ERRORS
    assert item_rows.undelivered_granules(db, JOB_ID) == ["G0-X", "G2-X"]
    assert status_of(db, 3) is ItemStatus.SUCCESSFUL
    assert job_rows.link_count(db, JOB_ID) == 1


def test_an_input_that_is_lost_for_good_takes_with_it_what_was_being_made_again_from_it(db: Database) -> None:
    play = Driver(db)
    second, third = replace(SUBSET, image="second"), replace(SUBSET, image="third")
    play.submit(2, SUBSET, second, third, ignore_errors=True)
    play.query(2)
    root = play.next(passed("g000"))
    play.next(passed("g001"))
    middle = play.next(passed("g000"))
    assert middle.step.step_index == 3
    assert output_lost(db, [middle.item.item_id], now=play.now).ready_count == 1
    assert output_lost(db, [root.item.item_id], now=play.now).ready_count == 1
    check_counters(db)
    check_waiting(db)
    again = play.next(BROKEN)  # the first step cannot make it again
    assert again.item.item_id == root.item.item_id
    check_counters(db)
    check_steps(db, play.job)
    assert [step.canceled_count for step in step_rows.steps(db, JOB_ID)] == [0, 0, 1, 1]
    play.next(passed("g001"))
    play.next(good())
    assert play.job.status is JobStatus.COMPLETE_WITH_ERRORS


def test_a_failed_item_waits_too_when_it_is_tried_again_while_its_input_is_made_again(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET, replace(SUBSET, image="second"), ignore_errors=True)
    play.query(1)
    root = play.next(
        replace(passed("g000"), outputs=(*passed("a").outputs, replace(passed("b").outputs[0], catalog_index=1)))
    )
    failed = play.next(BROKEN)
    output_lost(db, [root.item.item_id], now=play.now)  # for the sake of the other consumer
    assert retry_item(db, JOB_ID, failed.item.item_id, now=play.now).ready_count == 0
    check_counters(db)
    check_waiting(db)
    assert play.claim().item.item_id == root.item.item_id
    assert claim(db, now=play.now) is None


def test_outputs_that_no_live_item_needs_are_not_made_again(db: Database) -> None:
    play = Driver(db)
    play.submit(2, SUBSET, replace(SUBSET, image="second"), ignore_errors=True)
    play.query(2)
    root = play.next(passed("g000"))
    play.next(passed("g001"))
    play.next(BROKEN)
    assert output_lost(db, [root.item.item_id, 999], now=play.now).ready_count == 0
    assert status_of(db, root.item.item_id) is ItemStatus.SUCCESSFUL


def test_steering_an_unknown_item_or_one_that_waits_is_refused(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    with pytest.raises(NotFoundError, match="Unable to find item 99"):
        retry_item(db, JOB_ID, 99, now=play.now)
    with pytest.raises(ConflictError, match="a ready work item cannot operator_retry"):
        retry_item(db, JOB_ID, 1, now=play.now)
