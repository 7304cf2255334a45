"""The kill test in its short form; the long one is `just chaos`."""

import pytest

from tests.chaos.killing import kill_again_and_again


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_kill_nine_in_the_middle_of_a_job_loses_and_doubles_nothing(tmp_path):
    verdict = kill_again_and_again(tmp_path, kills=4, granules=200, longest_life_s=1.5, seed=4)
    assert verdict.kills_in_the_middle == 4
