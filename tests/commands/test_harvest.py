"""`harmonium harvest` as a command: what it refuses before it begins. Real processes and files."""

from pathlib import Path

from tests.running import RunningAppliance


def test_a_report_that_cannot_be_written_is_refused_before_the_work_and_without_a_traceback(tmp_path: Path):
    machine = RunningAppliance(tmp_path / "home")
    missing = tmp_path / "nowhere" / "report.json"
    answer = machine.command("harvest", str(tmp_path), "--report", str(missing), check=False)
    assert answer.returncode == 2
    assert (
        answer.stderr
        == f"harmonium harvest: --report {missing}: no such folder; allowed: a file in a folder that exists\n"
    )
    assert answer.stdout == ""
