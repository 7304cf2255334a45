"""How jobs end, in the words of the contract: harmony-api 6.5, 5.3 to 5.6, 6.3."""

from dataclasses import replace

import pytest

from appliance.database.connection import Database
from appliance.workflow import job_rows
from appliance.workflow.records import Limits, Outcome
from appliance.workflow.states import JobStatus
from tests.workflow.driving import BROKEN, CONCAT, NO_DATA, SUBSET, Driver, found, good, passed

BROKEN_TEXT = "WorkItem failed: podaac/l2ss-py:3.1.0: broken file"


def test_any_failure_fails_a_job_that_does_not_ignore_errors_with_the_item_s_text(db: Database) -> None:
    play = Driver(db)
    play.submit(3, SUBSET)
    play.query(3)
    play.next(good("a"))
    running = play.claim()
    claimed = play.claim()
    advanced = play.report(claimed, BROKEN)
    assert play.job.status is JobStatus.FAILED
    assert play.job.message == BROKEN_TEXT
    assert play.job.progress == 39  # (0.1 * 100 + 1 * 33) / 1.1: what it was before
    assert advanced.canceled_items == (running.item.item_id,)
    (message,) = job_rows.messages(db, play.job_id)
    assert (message.level, message.url) == ("error", "https://archive.example/g002")


def test_ignored_errors_leave_the_job_running_with_errors_and_end_it_complete_with_errors(db: Database) -> None:
    play = Driver(db)
    play.submit(2, SUBSET, ignore_errors=True)
    play.query(2)
    play.next(BROKEN)
    assert play.job.status is JobStatus.RUNNING_WITH_ERRORS
    play.next(good())
    assert play.job.status is JobStatus.COMPLETE_WITH_ERRORS
    assert play.job.message == "The job has completed with errors. See the errors field for more details"
    assert play.job.progress == 100


def test_a_single_granule_that_fails_fails_the_job_even_when_errors_are_ignored(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET, ignore_errors=True)
    play.query(1)
    play.next(BROKEN)
    assert (play.job.status, play.job.message) == (JobStatus.FAILED, BROKEN_TEXT)


def test_several_errors_without_a_result_are_counted_in_the_message(db: Database) -> None:
    play = Driver(db)
    play.submit(3, SUBSET, ignore_errors=True)
    play.query(3)
    for outcome in (BROKEN, NO_DATA, BROKEN):
        play.next(outcome)
    assert play.job.status is JobStatus.FAILED
    assert play.job.message == (
        "The job failed with 2 errors and 1 warnings. "
        "See the errors and warnings fields of the job status page for more details."
    )


@pytest.mark.parametrize(
    ("warnings", "message"),
    [
        (1, "WorkItem warned: podaac/l2ss-py:3.1.0: no data found"),
        (2, "The job succeeded with 2 warnings. See the warnings field of the job status page for more details."),
    ],
)
def test_warnings_never_fail_a_job_and_become_its_message(db: Database, warnings: int, message: str) -> None:
    play = Driver(db)
    play.submit(3, SUBSET, message="Limited to 3.")
    play.query(3)
    for _ in range(warnings):
        play.next(NO_DATA)
    for _ in range(3 - warnings):
        play.next(good(f"r{_}"))
    assert (play.job.status, play.job.message) == (JobStatus.SUCCESSFUL, message)


def test_no_granules_found_fails_the_job_with_the_fixed_text(db: Database) -> None:
    play = Driver(db)
    play.submit(2, SUBSET)
    play.next(found(0))
    assert (play.job.status, play.job.message) == (JobStatus.FAILED, "No matching granules found.")
    assert play.job.input_granule_count == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "Failed to query CMR for granule information"), ("the catalog is locked", "the catalog is locked")],
)
def test_a_query_that_fails_fails_the_job_though_errors_are_ignored(db: Database, text: str, message: str) -> None:
    play = Driver(db)
    play.submit(2, SUBSET, ignore_errors=True)
    play.next(Outcome("failed", text, retryable=False))
    assert (play.job.status, play.job.message) == (JobStatus.FAILED, message)


def test_more_errors_than_allowed_end_the_job(db: Database) -> None:
    play = Driver(db, Limits(max_errors=2, max_percent_errors=100))
    play.submit(5, SUBSET, ignore_errors=True)
    play.query(5)
    for _ in range(2):
        play.next(BROKEN)
    assert play.job.status is JobStatus.RUNNING_WITH_ERRORS
    play.next(BROKEN)
    assert play.job.status is JobStatus.FAILED
    assert play.job.message == "Maximum allowed errors 2 exceeded. See the errors fields for more details"


def test_too_large_a_share_of_failed_items_ends_the_job_once_ten_are_finished(db: Database) -> None:
    play = Driver(db)
    play.submit(20, SUBSET, ignore_errors=True)
    play.query(20)
    for outcome in [good(f"r{n}") for n in range(2)] + [BROKEN] * 7:
        play.next(outcome)
    assert play.job.status is JobStatus.RUNNING_WITH_ERRORS
    play.next(BROKEN)  # 8 of 10
    assert play.job.status is JobStatus.FAILED
    assert play.job.message == "75 percent maximum errors exceeded. See the errors fields for more details"


def test_an_item_is_tried_six_times_and_one_that_says_noretry_once(db: Database) -> None:
    play = Driver(db)
    play.submit(2, SUBSET, ignore_errors=True)
    play.query(2)
    for retries in range(6):
        claimed = play.next(Outcome("failed", "flaky"))
        assert claimed.item.retry_count == retries
    assert play.texts() == ["WorkItem failed: podaac/l2ss-py:3.1.0: flaky"]
    play.next(Outcome("failed", "hopeless", "NoRetry"))
    assert play.job.status is JobStatus.FAILED
    assert play.job.error_count == 2


def test_success_without_results_is_a_failure(db: Database) -> None:
    play = Driver(db, Limits(retry_limit=0))
    play.submit(1, SUBSET)
    play.query(1)
    play.next(Outcome("successful"))
    assert play.job.message == "WorkItem failed: podaac/l2ss-py:3.1.0: Service did not return any outputs."


def test_a_preview_pauses_the_job_at_its_first_result_and_skipping_it_does_not(db: Database) -> None:
    from appliance.workflow.control import skip_preview

    play = Driver(db)
    job = play.submit(3, SUBSET, with_preview=True, message="Limited.")
    assert job.status is JobStatus.PREVIEWING
    assert job.message == "The job is generating a preview before auto-pausing. Limited."
    play.query(3)
    play.next(good("a"))
    assert play.job.status is JobStatus.PAUSED
    assert play.job.link_count == 1
    advanced = skip_preview(db, play.job_id, now=play.now)
    assert advanced.ready_count == 2
    play.next(good("b"))
    assert play.job.status is JobStatus.RUNNING


def test_a_preview_hands_out_the_item_nearest_to_a_result(db: Database) -> None:
    play = Driver(db)
    play.submit(3, SUBSET, replace(SUBSET, image="second"), with_preview=True)
    play.query(3)
    assert play.next(passed("g000")).step.step_index == 2
    assert play.next(good()).step.step_index == 3
    assert play.job.status is JobStatus.PAUSED


def test_progress_is_the_weighted_share_of_the_contract_s_example(db: Database) -> None:
    play = Driver(db)
    play.submit(4, SUBSET, CONCAT)
    play.query(4)
    play.next(passed("g000"))
    play.next(passed("g001"))
    assert play.job.progress == 28  # (0.1 * 100 + 1 * 50 + 1 * 0) / 2.1


def test_nothing_to_gather_ends_the_job_without_an_item(db: Database) -> None:
    play = Driver(db)
    play.submit(2, SUBSET, CONCAT)
    play.query(2)
    play.next(NO_DATA)
    play.next(NO_DATA)
    assert play.job.status is JobStatus.SUCCESSFUL
    assert db.rows("SELECT * FROM work_items WHERE step_index = 3") == []


def test_sizes_are_those_of_the_originals_and_of_the_results(db: Database) -> None:
    play = Driver(db)
    play.submit(2, SUBSET)
    play.query(2)
    play.next(good("a", size=30))
    play.next(replace(good("b", size=40), input_size_bytes=1500))
    assert (play.job.original_size_bytes, play.job.output_size_bytes) == (2500, 70)


def test_long_texts_are_cut_at_what_the_contract_allows(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    play.query(1)
    play.next(replace(BROKEN, message="x" * 9000))
    assert len(play.job.message) == 3096
    (message,) = job_rows.messages(db, play.job_id)
    assert len(message.text) == 4096


@pytest.mark.parametrize(
    ("most", "files", "note"),
    [
        (None, 1, "4 granules were concatenated into 1 file."),
        (2, 2, "4 granules were concatenated into 2 files because one batch holds at most 2 granules."),
    ],
)
def test_a_concatenation_says_how_many_files_it_became_and_why(
    db: Database, most: int | None, files: int, note: str
) -> None:
    play = Driver(db)
    play.submit(4, SUBSET, replace(CONCAT, max_batch_inputs=most))
    play.query(4)
    for n in range(4):
        play.next(passed(f"s{n}"))
    for n in range(files):
        play.next(good(f"c{n}"))
    assert play.job.message == f"The job has completed successfully. {note}"
