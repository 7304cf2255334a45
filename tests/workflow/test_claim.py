"""Who is served next: harmony-api 6.6 and stack.md section 3."""

import itertools
import uuid

from hypothesis import given
from hypothesis import strategies as st

from appliance.database.connection import Database
from appliance.services.plan import PlannedStep
from appliance.workflow import step_rows
from appliance.workflow.claim import claim
from appliance.workflow.control import pause
from appliance.workflow.records import Claimed, Limits
from appliance.workflow.submit import submit
from tests.workflow.driving import SUBSET, Driver, good
from tests.workflow.scenes import START, make_plan, query_and

ALONE = PlannedStep(1, "work:1", "copy", {})


def give(db: Database, username: str, *, is_async: bool = True) -> str:
    job_id = str(uuid.uuid4())
    plan = make_plan([ALONE], 1, is_async=is_async)
    submit(db, plan, job_id=job_id, username=username, now=START, limits=Limits())
    return job_id


def served(db: Database, number: int) -> list[Claimed]:
    claims = [claim(db, now=START) for _ in range(number)]
    return [claimed for claimed in claims if claimed is not None]


def test_users_take_turns_whoever_came_first_and_with_however_many_jobs(db: Database) -> None:
    for _ in range(6):
        give(db, "ada")
    for _ in range(3):
        give(db, "bob")
    assert [c.job.username for c in served(db, 9)] == ["ada", "bob"] * 3 + ["ada"] * 3


def test_a_user_of_many_short_jobs_does_not_starve_one_of_a_long_job(db: Database) -> None:
    for name in ("ada", "bob"):
        for _ in range(4):
            give(db, name)
    play = Driver(db)
    order = [play.next(good(f"r{n}")).job.username for n in range(8)]  # each ends before the next is claimed
    assert all(order.count(name) == 4 for name in ("ada", "bob"))
    assert all(len(list(group)) == 1 for _, group in itertools.groupby(order))


def test_synchronous_jobs_of_a_user_go_first(db: Database) -> None:
    give(db, "ada")
    waiting = give(db, "ada", is_async=False)
    assert [c.job.job_id for c in served(db, 1)] == [waiting]


def test_jobs_of_a_user_take_turns_and_items_go_by_age(db: Database) -> None:
    first, second = Driver(db, job_id=str(uuid.uuid4())), Driver(db, job_id=str(uuid.uuid4()))
    for play in (first, second):
        play.submit(3, SUBSET)
    for _ in range(2):
        first.query(3)
    claims = served(db, 6)
    assert all(a.job.job_id != b.job.job_id for a, b in itertools.pairwise(claims))
    for job_id in (first.job_id, second.job_id):
        ids = [c.item.item_id for c in claims if c.job.job_id == job_id]
        assert ids == sorted(ids)


def test_a_lone_user_gets_everything_and_a_paused_job_nothing(db: Database) -> None:
    paused = give(db, "ada")
    give(db, "ada")
    pause(db, paused, now=START)
    assert len(served(db, 5)) == 1


@given(st.lists(st.tuples(st.sampled_from(["ada", "bob", "eve"]), st.booleans()), max_size=12))
def test_every_item_is_handed_out_exactly_once(jobs: list[tuple[str, bool]]) -> None:
    import tempfile
    from pathlib import Path

    from tests.workflow.scenes import new_database

    with tempfile.TemporaryDirectory() as folder:
        db = new_database(Path(folder) / "state.db")
        for username, is_async in jobs:
            give(db, username, is_async=is_async)
        ids = [c.item.item_id for c in served(db, len(jobs) + 2)]
        db.close()
    assert sorted(ids) == list(range(1, len(jobs) + 1))


def test_a_claim_brings_the_step_with_its_message_and_the_url_of_the_granule(db: Database) -> None:
    play = Driver(db)
    play.submit(1, SUBSET)
    query = play.query(1)
    assert (query.step.operation, query.item.input_url) == ({}, "unknown")
    claimed = play.claim()
    assert claimed.step.operation == {"subset": {}}
    assert (claimed.item.input_url, claimed.item.attempt) == ("https://archive.example/g000", 1)
    assert claimed.item.transformer == "subset_swath"


def test_a_step_that_waits_for_the_one_before_is_handed_out_only_then(db: Database) -> None:
    from dataclasses import replace

    from tests.workflow.driving import passed

    play = Driver(db)
    waiting = replace(SUBSET, image="second", always_wait_for_prior_step=True)
    play.submit(2, *query_and(SUBSET, waiting)[1:])
    play.query(2)
    play.next(passed("g000"))
    last = play.claim()
    assert last.step.step_index == 2
    assert claim(db, now=play.now) is None
    assert play.report(last, passed("g001")).ready_count == 2
    assert play.claim().step.step_index == 3
    assert [step.created_count for step in step_rows.steps(db, play.job_id)] == [1, 2, 2]
