"""What is stored is what is read: submission, first look, labels, listings, expiry, reaping."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.database.connection import Database
from appliance.request.job_filter import Choice, JobFilter
from appliance.services.plan import GranuleQuery
from appliance.workflow import housekeeping, item_rows, job_rows, label_rows, listing, step_rows
from appliance.workflow.control import cancel
from appliance.workflow.instants import from_ms, to_ms
from appliance.workflow.listing import ItemFilter
from appliance.workflow.records import Limits, Link
from appliance.workflow.states import ItemStatus, JobStatus
from appliance.workflow.submit import submit
from tests.workflow.driving import BROKEN, NO_DATA, SUBSET, Driver, found, good
from tests.workflow.scenes import JOB_ID, START, make_plan, query_and


def some_job(db: Database, number: int, username: str = "ada", **changes: object) -> str:
    job_id = str(uuid.UUID(int=number))
    plan = replace(make_plan(query_and(SUBSET), 1), **changes)  # type: ignore[arg-type]
    submit(db, plan, job_id=job_id, username=username, now=START + timedelta(hours=number), limits=Limits())
    return job_id


def listed(db: Database, job_filter: JobFilter, *, page: int = 1, limit: int = 10) -> list[int]:
    jobs, _ = listing.list_jobs(db, job_filter, page=page, limit=limit)
    return [uuid.UUID(job.job_id).int for job in jobs]


def test_a_submitted_job_is_stored_with_everything_the_plan_says(db: Database) -> None:
    job = Driver(db).submit(5, SUBSET, message="Limited to 5.", labels=("b", "a"), ignore_errors=True)
    assert job == job_rows.job(db, JOB_ID)
    assert (job.status, job.message, job.progress) == (JobStatus.RUNNING, "Limited to 5.", 0)
    assert job.collection_ids == ("C100-DEMO", "C2-DEMO")
    assert job.data_expires_at == START + timedelta(days=30)
    assert label_rows.labels_of(db, JOB_ID) == ["a", "b"]
    query = make_plan(query_and(SUBSET), 5).query
    assert item_rows.granule_query(db, JOB_ID) == query
    assert isinstance(query, GranuleQuery)
    steps = step_rows.steps(db, JOB_ID)
    assert [(s.service_id, s.item_count, s.is_last) for s in steps] == [
        ("harmonyservices/query-cmr:stable", 1, False),
        ("ghcr.io/podaac/l2ss-py:3.1.0", 1, True),
    ]


def test_results_at_a_destination_of_the_user_s_own_never_expire(db: Database) -> None:
    job = Driver(db).submit(1, SUBSET, destination_url="s3://mine/here")
    assert job.data_expires_at is None


def test_the_expected_items_of_the_query_are_its_pages(db: Database) -> None:
    Driver(db).submit(4001, SUBSET)
    assert step_rows.steps(db, JOB_ID)[0].item_count == 3


def test_what_the_query_finds_corrects_what_was_expected(db: Database) -> None:
    play = Driver(db, Limits(granule_page=2))
    play.submit(9, SUBSET)
    play.next(found(2, total=3, cursor="2"))
    assert play.job.input_granule_count == 3
    assert [step.item_count for step in step_rows.steps(db, JOB_ID)] == [2, 3]
    pages, _ = listing.list_items(db, JOB_ID, ItemFilter(step_index=1), page=1, limit=9)
    assert [(item.sort_index, item.cursor, item.status) for item in pages] == [
        (0, None, ItemStatus.SUCCESSFUL),
        (2, "2", ItemStatus.READY),
    ]


def test_the_owner_s_first_look_shows_the_job_as_submitted_and_only_that_one(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    play.query(1)
    play.next(good())
    assert play.job.status is JobStatus.SUCCESSFUL
    assert not job_rows.take_first_look(db, JOB_ID, "bob")
    first = job_rows.first_look(db, play.job)
    assert (first.status, first.progress, first.message) == (JobStatus.RUNNING, 0, "The job is being processed")
    assert job_rows.first_look(db, play.job) == play.job
    assert not job_rows.take_first_look(db, JOB_ID, "ada")


def test_labels_are_put_on_once_and_taken_off_all_or_nothing(db: Database) -> None:
    one, two = some_job(db, 1), some_job(db, 2, "bob")
    label_rows.put_labels(db, [one, two], ["x", "y"], now=START)
    label_rows.put_labels(db, [one], ["x"], now=START + timedelta(days=1))
    assert label_rows.labels_of_many(db, [one, two]) == {one: ["x", "y"], two: ["x", "y"]}
    with pytest.raises(Exception, match="FOREIGN KEY"):
        label_rows.put_labels(db, [one, "nobody"], ["z"], now=START)
    assert label_rows.labels_of(db, one) == ["x", "y"]
    label_rows.remove_labels(db, [one, two], ["y", "absent"])
    assert label_rows.labels_of(db, two) == ["x"]
    assert label_rows.recent_labels(db, "ada", limit=1) == ["x"]


def test_jobs_are_listed_newest_first_page_by_page_for_their_owner(db: Database) -> None:
    for number in range(1, 6):
        some_job(db, number, "ada" if number != 3 else "bob")
    assert listed(db, JobFilter(username="ada"), limit=2) == [5, 4]
    assert listed(db, JobFilter(username="ada"), page=2, limit=2) == [2, 1]
    assert listed(db, JobFilter(username="ada"), page=3, limit=2) == []
    assert listing.list_jobs(db, JobFilter(username="ada"), page=1, limit=0) == ([], 4)
    assert listed(db, JobFilter()) == [5, 4, 3, 2, 1]


def test_jobs_are_found_by_their_ids_and_unknown_ones_left_out(db: Database) -> None:
    ids = [some_job(db, number) for number in (1, 2)]
    assert {job.job_id for job in job_rows.jobs(db, [*ids, "nobody", *["none"] * 1000])} == set(ids)
    assert job_rows.job(db, "nobody") is None
    with pytest.raises(LookupError, match="job nobody"):
        item_rows.granule_query(db, "nobody")
    with pytest.raises(ValueError, match="a plan without steps"):
        submit(db, make_plan([], 0), job_id="x", username="ada", now=START, limits=Limits())


def test_what_an_item_read_and_gave_is_read_page_by_page(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    query = play.query(3)
    assert item_rows.output_count(db, query.item.item_id) == 3
    shown = item_rows.outputs(db, query.item.item_id, limit=2, offset=1)
    assert [output.stac["name"] for output in shown] == ["g001", "g002"]
    assert [output.stac["name"] for output in item_rows.inputs(db, 3)] == ["g001"]


def test_filters_of_jobs_hold_together_and_can_be_negated(db: Database) -> None:
    some_job(db, 1, "ada", chain_name="a/one", labels=("x",), input_granule_count=5)
    some_job(db, 2, "bob", chain_name="a/two", labels=("y",), provider="POCLOUD", input_granule_count=9)
    some_job(db, 3, "ada", chain_name="a/one", input_granule_count=7)
    cancel(db, str(uuid.UUID(int=3)), now=START + timedelta(days=9))
    cases = {
        JobFilter(labels=("x", "y")): [2, 1],
        JobFilter(statuses=("canceled",)): [3],
        JobFilter(statuses=("canceled",), not_statuses=True): [2, 1],
        JobFilter(services=Choice(("a/one",))): [3, 1],
        JobFilter(services=Choice(("a/one",), negated=True)): [2],
        JobFilter(users=Choice(("bob",)), labels=("x",)): [],
        JobFilter(providers=Choice(("pocloud",))): [2],
        JobFilter(providers=Choice(("pocloud",), negated=True)): [3, 1],
        JobFilter(since=START + timedelta(hours=2)): [3, 2],
        JobFilter(until=START + timedelta(hours=2)): [2, 1],
        JobFilter(date_column="updatedAt", since=START + timedelta(days=1)): [3],
        JobFilter(sort_by_granules="asc"): [1, 3, 2],
        JobFilter(sort_by_granules="desc"): [2, 3, 1],
    }
    for job_filter, numbers in cases.items():
        assert listed(db, job_filter) == numbers, job_filter


def test_items_are_listed_by_step_status_number_and_category(db: Database) -> None:
    play = Driver(db)
    play.submit(4, SUBSET, ignore_errors=True)
    play.query(4)
    for outcome in (good(), NO_DATA, BROKEN):
        play.next(outcome)
    assert listing.status_counts(db, JOB_ID) == {
        1: {"successful": 1},
        2: {"successful": 1, "warning": 1, "failed": 1, "ready": 1},
    }
    cases = {
        ItemFilter(): [1, 2, 3, 4, 5],
        ItemFilter(step_index=2): [2, 3, 4, 5],
        ItemFilter(statuses=("failed", "warning")): [3, 4],
        ItemFilter(step_index=2, statuses=("failed",), not_statuses=True): [2, 3, 5],
        ItemFilter(item_ids=(5, 1)): [1, 5],
        ItemFilter(message_categories=("NoData",)): [3],
        ItemFilter(message_categories=("nodata",), not_message_categories=True): [1, 2, 4, 5],
        ItemFilter(step_index=9): [],
    }
    for item_filter, numbers in cases.items():
        items, total = listing.list_items(db, JOB_ID, item_filter, page=1, limit=50)
        assert ([item.item_id for item in items], total) == (numbers, len(numbers)), item_filter
    second, total = listing.list_items(db, JOB_ID, ItemFilter(), page=2, limit=3)
    assert ([item.item_id for item in second], total) == ([4, 5], 5)
    assert listing.item_of_job(db, "other", 1) is None


def test_only_results_with_box_and_times_are_stac_items(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    play.query(1)
    bare = Link("s3://b/bare", "bare", None, None, None, None)
    outcome = good("full")
    play.next(replace(outcome, links=(bare, *outcome.links)))
    assert [link.title for link in job_rows.links(db, JOB_ID, offset=0, limit=9)] == ["bare", "full/0"]
    assert [link.title for link in job_rows.links(db, JOB_ID, offset=1, limit=1)] == ["full/0"]
    (located,) = job_rows.stac_links(db, JOB_ID, offset=0, limit=9)
    assert replace(located, link_id=0, item_id=0) == outcome.links[0]
    assert (job_rows.link_count(db, JOB_ID), job_rows.stac_count(db, JOB_ID)) == (2, 1)
    by_href = job_rows.link_by_href(db, JOB_ID, "s3://b/bare")
    assert by_href is not None
    assert by_href.item_id == 2
    assert job_rows.link_by_href(db, "other", "s3://b/bare") is None


def test_results_expire_only_of_jobs_that_are_over_and_once(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    late = START + timedelta(days=31)
    assert housekeeping.expire(db, now=late) == []
    cancel(db, JOB_ID, now=play.now)
    assert housekeeping.expire(db, now=START + timedelta(days=29)) == []
    assert housekeeping.expire(db, now=late) == [JOB_ID]
    housekeeping.mark_expired(db, JOB_ID, late)
    housekeeping.mark_expired(db, JOB_ID, late + timedelta(days=1))
    assert housekeeping.expire(db, now=late) == []
    assert play.job.expired_at == late


def test_reaping_takes_items_and_steps_of_old_ended_jobs_and_nothing_else(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    play.query(1)
    play.next(good())
    other = some_job(db, 1)
    later = play.now + timedelta(days=14)
    assert housekeeping.reap(db, now=later - timedelta(seconds=2), older_than=timedelta(days=14)) == 0
    assert housekeeping.reap(db, now=later, older_than=timedelta(days=14)) == 2
    assert housekeeping.reap(db, now=later, older_than=timedelta(days=14)) == 0
    assert listing.steps(db, JOB_ID) == []
    assert [table for table in ("outputs", "item_inputs", "step_operations") if db.rows(f"SELECT * FROM {table}")] == [
        "step_operations"
    ]
    assert play.job.status is JobStatus.SUCCESSFUL
    assert job_rows.link_count(db, JOB_ID) == 1
    assert len(listing.steps(db, other)) == 2


def test_a_number_of_a_reaped_item_is_never_used_again(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    cancel(db, JOB_ID, now=play.now)
    assert housekeeping.reap(db, now=play.now, older_than=timedelta(0)) == 1
    again = Driver(db, job_id=str(uuid.uuid4()))
    again.submit(1, SUBSET)
    assert again.claim().item.item_id == 2


@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_come_back_from_the_database_to_the_millisecond(instant: datetime) -> None:
    assert from_ms(to_ms(instant)) == instant.replace(microsecond=instant.microsecond // 1000 * 1000)
