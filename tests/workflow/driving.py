"""Moving one job along by hand: claim, launch, report. For examples; the laws have their own play."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from appliance.database.connection import Database
from appliance.services.plan import PlannedStep
from appliance.workflow import job_rows
from appliance.workflow.advance import advance
from appliance.workflow.claim import claim, launched
from appliance.workflow.records import Advanced, Claimed, Job, Limits, Link, Outcome, Output
from appliance.workflow.submit import submit
from tests.workflow.scenes import JOB_ID, START, link, make_plan, named, query_and

SUBSET = PlannedStep(2, "ghcr.io/podaac/l2ss-py:3.1.0", "subset_swath", {"subset": {}}, expected_items=1)
CONCAT = PlannedStep(
    3, "podaac/concise:0.10.0", "concatenate", {}, has_aggregated_output=True, is_batched=True, expected_items=1
)
BROKEN = Outcome("failed", "broken file", retryable=False)
NO_DATA = Outcome("warning", "no data found", "nodata")


@dataclass
class Driver:
    """One job on a database, with a clock that moves a second at each event."""

    db: Database
    limits: Limits = field(default_factory=Limits)
    job_id: str = JOB_ID
    now: datetime = START

    def submit(self, granules: int, *steps: PlannedStep, username: str = "ada", **plan: object) -> Job:
        """A job of the query and these steps."""
        made = make_plan(query_and(*steps), granules, **plan)  # type: ignore[arg-type]
        return submit(self.db, made, job_id=self.job_id, username=username, now=self.now, limits=self.limits)

    @property
    def job(self) -> Job:
        """As it stands."""
        job = job_rows.job(self.db, self.job_id)
        assert job is not None
        return job

    def claim(self) -> Claimed:
        """The next item, launched."""
        self.now += timedelta(seconds=1)
        claimed = claim(self.db, now=self.now)
        assert claimed is not None, "nothing can be claimed"
        assert launched(self.db, claimed.item.item_id, claimed.item.attempt, now=self.now)
        return claimed

    def report(self, claimed: Claimed, outcome: Outcome) -> Advanced:
        """What became of an attempt."""
        self.now += timedelta(seconds=1)
        item = claimed.item
        return advance(self.db, item.item_id, item.attempt, outcome, now=self.now, limits=self.limits)

    def next(self, outcome: Outcome) -> Claimed:
        """Claim and report at once."""
        claimed = self.claim()
        self.report(claimed, outcome)
        return claimed

    def query(self, granules: int) -> Claimed:
        """The query finds so many granules, on one page."""
        return self.next(found(granules))

    def texts(self) -> Sequence[str]:
        """Errors and warnings so far."""
        return [message.text for message in job_rows.messages(self.db, self.job_id)]


def found(granules: int, *, total: int | None = None, cursor: str | None = None, first: int = 0) -> Outcome:
    """A page of the query."""
    outputs = tuple(Output(n, named(f"g{first + n:03d}"), 1000) for n in range(granules))
    count = granules if total is None else total
    return Outcome("successful", outputs=outputs, found_count=count, next_cursor=cursor)


def good(name: str = "out", *, size: int = 100, results: int = 1) -> Outcome:
    """A success with one output and its link (which only the last step gives)."""
    outputs = tuple(Output(0, named(f"{name}/{n}"), size) for n in range(results))
    links: tuple[Link, ...] = tuple(link(f"{name}/{n}", size) for n in range(results))
    return Outcome("successful", outputs=outputs, links=links)


def passed(name: str = "mid") -> Outcome:
    """A success of a step that is not the last."""
    return Outcome("successful", outputs=(Output(0, named(f"{name}/0"), 100),))
