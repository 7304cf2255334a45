"""The work folder of a work item: where its message, inputs, outputs and log are, and when each of them goes.

`<work>/<job>/<item>/` with `message.json`, `catalog.json` and `items/` (STAC of the inputs), `in/` (what had to be
brought here), `out/` (what the transformer wrote) and `log.txt`. The log stays until the work is reaped; outputs of
earlier steps until their last consumer is done; everything else until the attempt ends. What is in the files is
`stage.py`'s business.
"""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ItemFolder:
    """Paths below one item's folder; nothing need exist."""

    path: Path

    @property
    def message_path(self) -> Path:
        """The operation, as the step may see it."""
        return self.path / "message.json"

    @property
    def catalog_path(self) -> Path:
        """The STAC catalog of the inputs."""
        return self.path / "catalog.json"

    @property
    def items(self) -> Path:
        """The STAC items of the inputs."""
        return self.path / "items"

    @property
    def inputs(self) -> Path:
        """Fetched files, and hard links to outputs of earlier steps."""
        return self.path / "in"

    @property
    def outputs(self) -> Path:
        """What the transformer writes."""
        return self.path / "out"

    @property
    def log_path(self) -> Path:
        """What the transformer, and libraries below it, said."""
        return self.path / "log.txt"

    def prepare(self) -> None:
        """Empty but for the log: whatever an earlier attempt left behind must not be taken for this one's."""
        self.clear()
        for folder in (self.items, self.inputs, self.outputs):
            folder.mkdir(parents=True, mode=0o700)

    def keep_outputs(self) -> None:
        """After a success of an earlier step: the inputs go, the outputs stay."""
        for folder in (self.items, self.inputs):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.message_path, self.catalog_path):
            file.unlink(missing_ok=True)

    def clear(self) -> None:
        """Everything but the log goes."""
        self.keep_outputs()
        shutil.rmtree(self.outputs, ignore_errors=True)


def item_folder(work: Path, job_id: str, item_id: int) -> ItemFolder:
    """The folder of an item; `work` is the folder of all jobs."""
    return ItemFolder(work / job_id / str(item_id))


def producer_of(work: Path, job_id: str, path: Path) -> int | None:
    """The item whose output this path is, or None when it is no output of an item of this job."""
    try:
        parts = path.relative_to(work / job_id).parts
    except ValueError:
        return None
    return int(parts[0]) if len(parts) > 2 and parts[0].isdecimal() and parts[1] == "out" else None


def tidy_job(work: Path, job_id: str) -> None:
    """After the end of a job: only logs remain."""
    for one in _items(work / job_id):
        one.clear()


def remove_job(work: Path, job_id: str) -> None:
    """After its work was reaped, or when nobody knows it: nothing remains."""
    shutil.rmtree(work / job_id, ignore_errors=True)


def job_ids(work: Path, *, older_than_s: float) -> list[str]:
    """The jobs whose folders were not changed for a while: a new one may belong to a job about to be submitted."""
    if not work.is_dir():
        return []
    before = time.time() - older_than_s
    return [entry.name for entry in work.iterdir() if entry.is_dir() and entry.stat().st_mtime < before]


def item_ids(work: Path, job_id: str) -> list[int]:
    """The items of a job that have folders."""
    return [int(one.path.name) for one in _items(work / job_id)]


def _items(job: Path) -> Iterator[ItemFolder]:
    if job.is_dir():
        for entry in job.iterdir():
            if entry.name.isdecimal():
                yield ItemFolder(entry)
