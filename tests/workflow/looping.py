"""A process that works through a scene with several threads until it is killed or nothing is left.

Run as `python -m tests.workflow.looping DATABASE SEED GRANULES`; says `ready` once it has recovered.
"""

import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from appliance.database.connection import Database
from appliance.workflow import item_rows, job_rows
from appliance.workflow.advance import advance, recover
from appliance.workflow.claim import claim, launched
from appliance.workflow.records import Limits
from appliance.workflow.states import TERMINAL
from tests.workflow.scenes import JOB_ID, Scene, Shape

LIMITS = Limits(poison_limit=10_000, granule_page=50, max_percent_errors=100, retry_limit=2)
THREADS = 4


def scene(seed: int, granules: int) -> Scene:
    """Two steps one by one, then batches of ten; some items fail or have no data."""
    shapes = (Shape("each"), Shape("each"), Shape("batch", max_inputs=10))
    return Scene(seed, granules=granules, page=50, shapes=shapes, trouble=20)


def work(db: Database, played: Scene) -> None:
    """Claim, launch and report until the job is over."""
    while True:
        now = datetime.now(UTC)
        claimed = claim(db, now=now)
        if claimed is None:
            job = job_rows.job(db, JOB_ID)
            if job is None or job.status in TERMINAL:
                return
            continue
        item = claimed.item
        if not launched(db, item.item_id, item.attempt, now=now):
            continue
        if claimed.step.transformer == "find_granules":
            outcome = played.page_outcome(int(item.cursor or 0))
        else:
            outcome = played.outcome(claimed.step, item_rows.inputs(db, item.item_id), item.retry_count)
        advance(db, item.item_id, item.attempt, outcome, now=datetime.now(UTC), limits=LIMITS)


def work_in_threads(db: Database, played: Scene) -> list[BaseException]:
    """The same in several threads; what they raised."""
    raised: list[BaseException] = []

    def guarded() -> None:
        try:
            work(db, played)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def main(path: str, seed: str, granules: str) -> int:
    """Recover, say so, work; exit status 1 when a thread raised."""
    db = Database(Path(path))
    recover(db, now=datetime.now(UTC), limits=LIMITS)
    print("ready", flush=True)
    return 1 if work_in_threads(db, scene(int(seed), int(granules))) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
