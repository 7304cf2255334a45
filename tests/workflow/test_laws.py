"""The laws of the workflow, on generated scenes and orders of events, over a real SQLite file."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.workflow.states import TERMINAL, JobStatus
from tests.workflow.pure_run import PureRun
from tests.workflow.scenes import Scene, Shape, new_database, scenes
from tests.workflow.stage_play import Ending, Play

CALM = ()
ROUGH = ("pausing", "interruption", "crash", "late_report", "loss", "operator")


def ending_of(scene: Scene, seed: int, disturbances: tuple[str, ...] = CALM) -> Ending:
    with tempfile.TemporaryDirectory() as folder:
        db = new_database(Path(folder) / "state.db")
        try:
            return Play(db, scene, seed, disturbances).run()
        finally:
            db.close()


def comparable(ending: Ending) -> dict[str, object]:
    job = ending.job
    return {
        "status": job.status,
        "message": job.message,
        "links": sorted(ending.links),
        "messages": ending.messages,
        "gathered": ending.gathered,
        "errors": job.error_count,
        "warnings": job.warning_count,
        "sizes": (job.original_size_bytes, job.output_size_bytes),
        "granules": job.input_granule_count,
    }


@given(scenes(), st.integers(0, 10**9), st.integers(0, 10**9))
def test_any_order_of_finishing_ends_in_the_same_status_links_messages_and_batches(
    scene: Scene, one: int, other: int
) -> None:
    first, second = ending_of(scene, one), ending_of(scene, other)
    assert first.job.status == second.job.status
    if first.job.status is JobStatus.FAILED and not scene.ignore_errors:
        return  # it ended early, with whatever was done by then
    assert comparable(first) == comparable(second)


@given(scenes(), st.integers(0, 10**9))
def test_pauses_restarts_late_reports_lost_files_and_operators_change_nothing_in_the_end(
    scene: Scene, seed: int
) -> None:
    calm, rough = ending_of(scene, 0), ending_of(scene, seed, ROUGH)
    assert calm.job.status == rough.job.status
    if calm.job.status is JobStatus.FAILED and not scene.ignore_errors:
        return
    assert comparable(calm) == comparable(rough)


@given(scenes(), st.integers(0, 10**9))
def test_the_pure_core_alone_ends_any_run_as_the_database_does(scene: Scene, seed: int) -> None:
    pure = PureRun(scene, seed)
    job = pure.run()
    played = ending_of(scene, 0)
    assert job.status == played.job.status
    if job.status is JobStatus.FAILED and not scene.ignore_errors:
        return
    assert sorted(pure.links) == sorted(played.links)
    assert sorted(pure.errors + pure.warnings) == sorted(text for _, _, text in played.messages)
    assert job.message == played.job.message


@settings(max_examples=30)
@given(scenes(trouble=st.just(0)), st.integers(0, 10**9))
def test_without_trouble_every_job_is_successful_and_has_a_result_of_every_granule(scene: Scene, seed: int) -> None:
    ending = ending_of(scene, seed)
    assert ending.job.status is JobStatus.SUCCESSFUL
    assert ending.links
    assert len(set(ending.links)) == len(ending.links)
    kinds = {shape.kind for shape in scene.shapes}
    if not kinds & {"gather", "batch"}:
        assert {link.rpartition("/g")[2][:3] for link in ending.links} == {f"{n:03d}" for n in range(scene.granules)}


@pytest.mark.parametrize("seed", range(5))
def test_a_rough_run_of_many_granules_through_batches_ends_like_a_calm_one(seed: int) -> None:
    shapes = (Shape("each"), Shape("batch", max_inputs=4), Shape("fan_out"), Shape("batch", max_bytes=60))
    scene = Scene(seed, granules=40, page=7, shapes=shapes, trouble=25)
    calm, rough = ending_of(scene, 0), ending_of(scene, seed + 1, ROUGH)
    assert calm.job.status in TERMINAL
    assert comparable(calm) == comparable(rough)
