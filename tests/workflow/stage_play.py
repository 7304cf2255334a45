"""A run of a scene on a real database, with the laws that hold after every single event.

The order of events comes from a seed: which running item ends next, when the job is paused, when the appliance dies,
when outputs vanish, when a report comes late.
"""

import random
from dataclasses import dataclass
from datetime import timedelta

from appliance.database.connection import Database
from appliance.errors import ConflictError
from appliance.workflow import item_rows, job_rows, step_rows, work_counters
from appliance.workflow.advance import advance, output_lost, recover
from appliance.workflow.claim import claim, is_current, launched
from appliance.workflow.control import pause, resume, retry_item
from appliance.workflow.records import Claimed, Job, Outcome
from appliance.workflow.states import CLAIMABLE, COMPLETED, TERMINAL, JobEvent, JobStatus, can
from appliance.workflow.submit import submit
from tests.workflow.scenes import JOB_ID, START, Scene

MOST_EVENTS = 4000


@dataclass
class Ending:
    """How a run ended."""

    job: Job
    links: list[str]
    messages: list[tuple[str, str, str]]
    gathered: set[tuple[int, tuple[str, ...]]]  # for each item of a gathering step, what it was handed


class Play:
    """One run. `disturbances`: names of what may happen besides items ending."""

    def __init__(self, db: Database, scene: Scene, seed: int, disturbances: tuple[str, ...] = ()):
        self.db, self.scene, self.limits = db, scene, scene.limits
        self.rng = random.Random(seed)
        self.disturbances = disturbances
        self.now = START
        self.working: list[Claimed] = []
        self.stale: list[Claimed] = []
        self.links: list[str] = []
        self.progress = self.crashes = self.losses = self.retries = 0
        submit(db, scene.plan(), job_id=JOB_ID, username="ada", now=self.now, limits=self.limits)

    def run(self) -> Ending:
        """Play to the end; every event is followed by the laws."""
        for _ in range(MOST_EVENTS):
            self.check()
            if self.job.status in TERMINAL:
                return self.ending()
            self.step()
        raise AssertionError(f"the job did not end after {MOST_EVENTS} events: {self.job}")

    @property
    def job(self) -> Job:
        """The job as it stands."""
        job = job_rows.job(self.db, JOB_ID)
        assert job is not None
        return job

    def step(self) -> None:
        """One event."""
        self.now += timedelta(seconds=1)
        if self.disturbances and self.rng.randrange(4) == 0:
            getattr(self, self.rng.choice(self.disturbances))()
            return
        if self.job.status is JobStatus.PAUSED and not self.working:
            resume(self.db, JOB_ID, now=self.now)
            return
        room = len(self.working) < 4
        if room and (not self.working or self.rng.randrange(2)):
            claimed = claim(self.db, now=self.now)
            assert claimed is None or self.job.status in CLAIMABLE, "an item of a job that is not claimable"
            if claimed is not None:
                self.working.append(claimed)
                if self.rng.randrange(4):
                    assert launched(self.db, claimed.item.item_id, claimed.item.attempt, now=self.now)
                return
        assert self.working, "nothing runs, nothing can be claimed, and the job has not ended"
        self.end(self.working.pop(self.rng.randrange(len(self.working))))

    def end(self, claimed: Claimed) -> None:
        """An item that is being worked on ends as the scene says."""
        if not is_current(self.db, claimed.item.item_id, claimed.item.attempt):
            self.stale.append(claimed)
            return
        advance(
            self.db,
            claimed.item.item_id,
            claimed.item.attempt,
            self.outcome(claimed),
            now=self.now,
            limits=self.limits,
        )
        self.stale.append(claimed)

    def outcome(self, claimed: Claimed) -> Outcome:
        """What the scene has for this attempt."""
        item = claimed.item
        if claimed.step.transformer == "find_granules":
            return self.scene.page_outcome(int(item.cursor or 0))
        return self.scene.outcome(claimed.step, item_rows.inputs(self.db, item.item_id), item.retry_count)

    def late_report(self) -> None:
        """A report of an attempt that no longer counts changes nothing at all."""
        if self.stale:
            claimed = self.rng.choice(self.stale)
            before = list(self.db.connection.iterdump())
            ignored = advance(
                self.db,
                claimed.item.item_id,
                claimed.item.attempt,
                Outcome("failed", "late", retryable=False),
                now=self.now,
                limits=self.limits,
            )
            assert list(self.db.connection.iterdump()) == before
            assert ignored.ready_count == 0

    def pausing(self) -> None:
        """Somebody pauses; nothing is handed out any more."""
        if can(self.job.status, JobEvent.PAUSE):
            pause(self.db, JOB_ID, now=self.now)
            assert claim(self.db, now=self.now) is None

    def interruption(self) -> None:
        """The appliance is stopped in good order: nothing is counted."""
        if self.working:
            claimed = self.working.pop()
            item, attempt = claimed.item.item_id, claimed.item.attempt
            before = item_rows.item(self.db, item)
            advance(self.db, item, attempt, Outcome("interrupted"), now=self.now, limits=self.limits)
            after = item_rows.item(self.db, item)
            assert before is not None
            assert after is not None
            assert (after.retry_count, after.interrupt_count) == (before.retry_count, before.interrupt_count)
            self.stale.append(claimed)

    def crash(self) -> None:
        """The appliance dies and starts again, and no retry is counted; at most twice, so that nothing is poisonous."""
        self.crashes += 1
        if self.crashes <= 2:
            sql = "SELECT item_id, retry_count FROM work_items ORDER BY item_id"
            before = [tuple(row) for row in self.db.rows(sql)]
            recover(self.db, now=self.now, limits=self.limits)
            assert [tuple(row) for row in self.db.rows(sql)] == before
            self.stale += self.working
            self.working = []

    def loss(self) -> None:
        """Files of an earlier step vanish while a consumer needs them; at most three times."""
        self.losses += 1
        if self.losses > 3:
            return
        rows = self.db.rows("SELECT item_id FROM work_items WHERE step_index > 1 AND status = 'successful'")
        if rows:
            progress = self.job.progress
            output_lost(self.db, [self.rng.choice(rows)[0]], now=self.now)
            assert self.job.progress == progress

    def operator(self) -> None:
        """An operator has an item tried again, which may be refused; it ends as it must in any case."""
        self.retries += 1
        rows = self.db.rows("SELECT item_id FROM work_items WHERE status IN ('failed', 'queued', 'running')")
        if rows and self.retries <= 5:
            item_id = self.rng.choice(rows)[0]
            before = item_rows.item(self.db, item_id)
            try:
                retry_item(self.db, JOB_ID, item_id, now=self.now)
            except ConflictError:
                assert item_rows.item(self.db, item_id) == before

    def check(self) -> None:
        """The laws that hold at every moment."""
        job = self.job
        assert job.progress >= self.progress, "progress fell"
        assert (job.progress == 100) == (job.status in COMPLETED)
        self.progress = job.progress
        hrefs = [link.href for link in job_rows.links(self.db, JOB_ID, offset=0, limit=10_000)]
        assert hrefs[: len(self.links)] == self.links, "links were not appended"
        assert job.link_count == len(hrefs)
        self.links = hrefs
        check_counters(self.db)
        check_steps(self.db, job)
        check_waiting(self.db)

    def ending(self) -> Ending:
        """What is compared between runs."""
        gathered = set()
        for step in step_rows.steps(self.db, JOB_ID):
            if step.has_aggregated_output:
                sql = "SELECT item_id FROM work_items WHERE step_index = ? AND status != 'canceled'"
                for (item_id,) in self.db.rows(sql, (step.step_index,)):
                    names = tuple(str(o.stac["name"]) for o in item_rows.inputs(self.db, item_id))
                    gathered.add((step.step_index, names))
        messages = [(m.level, m.url, m.text) for m in job_rows.messages(self.db, JOB_ID)]
        return Ending(self.job, self.links, sorted(messages), gathered)


def check_counters(db: Database) -> None:
    """The counters of the fair claim equal the rows, and terminal jobs have neither counters nor live items."""
    counted = {tuple(row) for row in db.rows(work_counters.COUNTED)}
    sql = "SELECT username, job_id, service_id, is_async, is_claimable, ready, running FROM user_work"
    assert {tuple(row) for row in db.rows(sql + " WHERE ready != 0 OR running != 0")} == {
        row for row in counted if row[5] or row[6]
    }
    terminal = "SELECT job_id FROM jobs WHERE status IN ('successful', 'complete_with_errors', 'failed', 'canceled')"
    live = f"SELECT item_id FROM work_items WHERE status IN ('ready', 'queued', 'running') AND job_id IN ({terminal})"
    assert db.rows(live) == []
    assert db.rows(f"SELECT job_id FROM user_work WHERE job_id IN ({terminal})") == []


def check_steps(db: Database, job: Job) -> None:
    """The counts of each step equal its items; an item that is made again counts as the success that it was."""
    sql = """
        SELECT step_index, count(*) AS created, sum(status = 'successful' OR is_remake) AS successful,
               sum(status = 'warning') AS warning, sum(status = 'failed') AS failed,
               sum(status = 'canceled' AND NOT is_remake) AS canceled
        FROM work_items WHERE job_id = ? GROUP BY step_index"""
    rows = {row["step_index"]: tuple(row)[1:] for row in db.rows(sql, (job.job_id,))}
    for step in step_rows.steps(db, job.job_id):
        counts = (
            step.created_count,
            step.successful_count,
            step.warning_count,
            step.failed_count,
            step.canceled_count,
        )
        assert counts == rows.get(step.step_index, (0, 0, 0, 0, 0))


def check_waiting(db: Database) -> None:
    """An item of a live job waits for the end of the step before, where its step does, and for each producer that is
    being made again; and files that somebody needs are not free."""
    sql = """
        SELECT i.item_id, i.awaits, (s.always_wait_for_prior_step AND NOT s.is_fed AND NOT s.has_aggregated_output) + (
            SELECT count(DISTINCT p.item_id) FROM item_inputs AS n JOIN outputs AS o USING (output_id)
            JOIN work_items AS p ON p.item_id = o.item_id
            WHERE n.item_id = i.item_id AND p.is_remake AND p.status IN ('ready', 'queued', 'running')) AS expected
        FROM work_items AS i JOIN workflow_steps AS s USING (job_id, step_index) JOIN jobs AS j USING (job_id)
        WHERE i.status IN ('ready', 'queued', 'running') AND j.status NOT IN ('failed', 'canceled')"""
    assert [tuple(row) for row in db.rows(sql) if row["awaits"] != row["expected"]] == []
    sql = """
        SELECT p.item_id FROM work_items AS c JOIN item_inputs AS n ON n.item_id = c.item_id
        JOIN outputs AS o USING (output_id) JOIN work_items AS p ON p.item_id = o.item_id
        WHERE c.status IN ('ready', 'queued', 'running') AND p.step_index > 1 AND p.open_outputs <= 0"""
    assert db.rows(sql) == []
