"""`python -m tests.chaos.run [kills] [seed]`: the kill test in full, with its figures."""

import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.killing import kill_again_and_again


def main() -> None:
    """20 kills unless told otherwise; the seed is printed, so that a failure can be repeated."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="harmonium-chaos-") as folder:
        verdict = kill_again_and_again(Path(folder), kills=kills, granules=200, item_seconds=0.1, seed=seed)
    print(
        f"{verdict.kills} kills, {verdict.kills_while_working} of them while items were being carried out; "
        f"200 granules, {verdict.runs} runs, at most {verdict.most_runs} of one granule; nothing lost or doubled, "
        f"no process left behind; {verdict.seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
