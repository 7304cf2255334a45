"""`just test`: linter, types, import contracts, then all tests with coverage; ends with what is missing and skipped.

Arguments go to pytest; with any, only pytest runs. Exit code: that of the first part that failed, else 0.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.outside_programs import PACKAGES, missing  # noqa: E402

GATES = {
    "formatter": ["ruff", "format", "--check", "--quiet", "."],
    "linter": ["ruff", "check", "--quiet", "."],
    "types": ["mypy"],
    "import contracts": ["lint-imports"],
}
REPORT = ROOT / ".skipped-tests"


def main(arguments: list[str]) -> int:
    """Run everything, or only pytest with the given arguments."""
    if arguments:
        return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode
    failed = [name for name, command in GATES.items() if not _gate(name, command)]
    code = _tests()
    _closing(failed)
    return code or (1 if failed else 0)


def _gate(name: str, command: list[str]) -> bool:
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'} ({time.monotonic() - started:.0f} s)", flush=True)
    if done.returncode:
        print(done.stdout + done.stderr, flush=True)
    return done.returncode == 0


def _tests() -> int:
    """Two workers, one per core; what children execute counts for coverage too."""
    for old in ROOT.glob(".coverage.*"):
        old.unlink()
    environment = {**os.environ, "HARMONIUM_SKIP_REPORT": str(REPORT), "COVERAGE_CORE": "ctrace"}
    REPORT.unlink(missing_ok=True)
    command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    # Killed processes leave broken data files behind, which combining complains about and passes over.
    combine = [sys.executable, "-m", "coverage", "combine", "--quiet"]
    subprocess.run(combine, cwd=ROOT, check=False, stderr=subprocess.DEVNULL)
    report = [sys.executable, "-m", "coverage", "report", "--skip-covered", "--skip-empty", "--sort=cover"]
    done = subprocess.run(report, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    print("\n".join(["coverage, least covered first:", *lines[:14], *lines[-1:]]), flush=True)
    return code


def _closing(failed: list[str]) -> None:
    """One line for each outside program that is missing and each test skipped."""
    for program in missing():
        print(f"missing program: {program} (Debian package {PACKAGES[program]}; `just tools` installs it)")
    skipped = REPORT.read_text().splitlines() if REPORT.exists() else []
    for line in sorted(set(skipped)):
        print(f"skipped: {line}")
    print(f"outside programs missing: {len(missing())}; tests skipped: {len(skipped)}")
    for name in failed:
        print(f"FAILED: {name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
