"""A child process in which steps run under guard: no sockets, no databases, no children, no write outside the outputs.

Started by the fixture `run_guarded` (conftest.py) as `python -m tests.transformers.guarded`; one request per line.
HDF5 opens files below Python, where no audit hook sees it; the tests that hash the inputs watch that side.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from transformers.run import run_step

REFUSED = (
    "socket.",
    "sqlite3.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "ftplib.",
    "urllib.",
)
WRITES = {"os.rename": 2, "os.remove": 1, "os.mkdir": 1, "os.rmdir": 1, "os.link": 2, "os.symlink": 2,
          "os.truncate": 1, "os.chmod": 1, "os.chown": 1, "os.utime": 1}  # fmt: skip
allowed: Path | None = None  # where the running step may write; None while none runs


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook (PEP 578): raises for what a transformer must never do."""
    if allowed is None:
        return
    if event.startswith(REFUSED):
        raise PermissionError(f"audit: {event} {arguments!r:.200}")
    paths = arguments[: WRITES.get(event, 0)]
    if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
        paths = arguments[:1]
    for path in paths:
        if not isinstance(path, int) and not Path(os.fsdecode(path)).resolve().is_relative_to(allowed):
            raise PermissionError(f"audit: {event} {os.fsdecode(path)} is outside {allowed}")


def main() -> None:
    """Run the steps named on stdin, a JSON list (name, message, catalog, outdir) each; answer each with a line."""
    global allowed
    sys.addaudithook(watch)
    for line in sys.stdin:
        name, message, catalog, outdir = json.loads(line)
        allowed = Path(outdir).resolve()
        try:
            run_step(name, Path(message), Path(catalog), Path(outdir))
            answer = "done"
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        finally:
            allowed = None
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
