"""Each status of the appliance has sign, word and role; an unknown one breaks nothing."""

import pytest

from appliance.workflow.states import ItemStatus, JobStatus
from tui.refresh import LONGEST_S, pause_s
from tui.vocabulary import ENDED, ITEM_SIGNS, JOB_SIGNS, bar, item_sign, job_sign


def test_every_status_of_the_appliance_is_known():
    assert set(JOB_SIGNS) == set(JobStatus)
    assert set(ITEM_SIGNS) == set(ItemStatus)
    assert {s for s in JobStatus if s.value in ENDED} == {
        JobStatus.SUCCESSFUL,
        JobStatus.COMPLETE_WITH_ERRORS,
        JobStatus.FAILED,
        JobStatus.CANCELED,
    }


@pytest.mark.parametrize("signs", [JOB_SIGNS, ITEM_SIGNS])
def test_signs_tell_statuses_apart_without_colour(signs):
    for ascii_only in (False, True):
        assert len({sign.text(ascii_only=ascii_only) for sign in signs.values()}) == len(signs)
    assert all(sign.ascii.isascii() for sign in signs.values())


def test_an_unknown_status_shows_its_name():
    assert job_sign("dreaming").text(ascii_only=False) == "? dreaming"
    assert item_sign("dreaming").text(ascii_only=True) == "? dreaming"


@pytest.mark.parametrize(
    ("progress", "shown"), [(0, "..........   0%"), (33, "###.......  33%"), (100, "########## 100%")]
)
def test_bars_are_always_as_wide(progress: int, shown: str):
    assert bar(progress, ascii_only=True) == shown


def test_the_pause_doubles_while_the_server_is_away():
    waits = [pause_s(has_live=True, failures=n) for n in range(1, 8)]
    assert waits == sorted(waits) and waits[0] == 10 and waits[-1] == LONGEST_S
