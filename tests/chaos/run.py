"""`python -m tests.chaos.run [kills] [seed]`: the kill test in full, with its figures."""

import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.killing import kill_again_and_again

GRANULES = 200


def main() -> None:
    """20 kills unless told otherwise; the seed is printed, so that a failure can be repeated."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="harmonium-chaos-") as folder:
        verdict = kill_again_and_again(Path(folder), kills=kills, granules=GRANULES, longest_life_s=0.6, seed=seed)
    print(
        f"{verdict.kills} kills, {verdict.kills_in_the_middle} of them in the middle of the job, at "
        f"{', '.join(map(str, verdict.progress))} per cent; {GRANULES} granules, {verdict.interrupted_items} items "
        f"interrupted, one of them at most {verdict.most_interrupts} times; nothing lost or doubled, no process left "
        f"behind; {verdict.seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
