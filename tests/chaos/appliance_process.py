"""The runner as a process of its own, to be killed: `python -m tests.chaos.appliance_process HOME`.

Writes `ready` to its standard output when workers run; ends with SIGTERM.
"""

import signal
import sys
import threading
from pathlib import Path

from tests.runner.archive import RunnerAlone


def main() -> None:
    """Run until told to end."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with RunnerAlone(Path(sys.argv[1])):
        print("ready", flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
