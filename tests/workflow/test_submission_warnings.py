"""What will not be done though it was asked for stands among the warnings of the job from its first moment."""

from dataclasses import replace

from appliance.database.connection import Database
from appliance.workflow import job_rows
from appliance.workflow.records import Limits, Message
from appliance.workflow.submit import submit
from tests.workflow.scenes import JOB_ID, START, Scene


def test_warnings_of_the_plan_are_warnings_of_the_job_but_no_failures(db: Database) -> None:
    plan = replace(Scene(1, 3, 2000, ()).plan(), warnings=("It is not cut.",), request_url="http://h/x")
    job = submit(db, plan, job_id=JOB_ID, username="ada", now=START, limits=Limits())
    assert job_rows.messages(db, JOB_ID) == [Message("warning", "http://h/x", "It is not cut.")]
    assert (job.warning_count, job.error_count) == (0, 0)
