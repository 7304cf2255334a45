"""How fast the embedded store starts, stores and gives back, and what it weighs.

Run it with `python -m tests.bench.bench_store`; prints one line per figure. No test: figures depend on the machine.
"""

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from appliance.store.child import EmbeddedStore
from appliance.store.s3 import Store

BUCKET = "harmony-bench"
MIB = 1 << 20


def weight_mb(pid: int) -> float:
    """Memory of a process, shared pages divided among those who share them (MiB)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def read_all(store: Store, key: str) -> None:
    """A whole object, thrown away."""
    with store.open_range(BUCKET, key) as pieces:
        for _ in pieces:
            pass


def read_ranges(store: Store, count: int) -> None:
    """`count` ranges of 16 KiB, spread over the large object."""
    for index in range(count):
        with store.open_range(BUCKET, "large/l", index * 7919 * 1024 % (500 * MIB), 16 << 10) as pieces:
            list(pieces)


def from_eight(work: Callable[[], None]) -> None:
    """The same from eight threads."""
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        embedded = EmbeddedStore(Path(folder) / "objects")
        began = time.perf_counter()
        store = Store(embedded.start())
        print(f"start to ready: {time.perf_counter() - began:.2f} s")
        store.ensure_bucket(BUCKET)
        print(f"idle: {weight_mb(embedded.pid or 0):.0f} MiB")
        puts = seconds(lambda: [store.put_bytes(BUCKET, f"small/{n}", b"x" * 1000, "a/b") for n in range(200)])
        print(f"1 kB objects, each flushed to disk: {200 / puts:.0f}/s")
        large = Path(folder) / "large"
        large.write_bytes(b"\0" * 512 * MIB)
        print(f"512 MiB up: {seconds(lambda: store.put_file(BUCKET, 'large/l', large, 'a/b')):.2f} s")
        print(f"512 MiB down: {seconds(lambda: read_all(store, 'large/l')):.2f} s")
        ranges = seconds(lambda: from_eight(lambda: read_ranges(store, 100)))
        print(f"16 KiB ranges, 8 clients in one process: {800 / ranges:.0f}/s")
        print(f"after that: {weight_mb(embedded.pid or 0):.0f} MiB")
        embedded.stop()


if __name__ == "__main__":
    main()
