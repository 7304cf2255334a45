"""The embedded store as a child: ports, keys, restarts, and its end with the parent's."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from appliance.errors import SettingsError
from appliance.store.child import FIRST_PORT, EmbeddedStore
from appliance.store.s3 import Store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Callable[..., EmbeddedStore]]:
    """Make stores over folders of this test; all are stopped at its end."""
    made: list[EmbeddedStore] = []

    def make(name: str = "objects", **more) -> EmbeddedStore:
        made.append(EmbeddedStore(tmp_path / name, fsync=False, **more))
        return made[-1]

    yield make
    for store in made:
        store.stop()


def port_of(access) -> int:
    return urlsplit(access.endpoint).port


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_two_stores_take_two_ports_from_9000_on(embedded):
    first, second = embedded("one").start(), embedded("two").start()
    assert port_of(first) >= FIRST_PORT
    assert port_of(second) != port_of(first)
    for access in (first, second):
        assert Store(access).is_up() is None


def test_stores_that_start_at_the_same_moment_do_not_mistake_each_other(embedded):
    stores = [embedded(f"s{n}") for n in range(4)]
    found: list = []
    threads = [threading.Thread(target=lambda s=s: found.append(s.start())) for s in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({port_of(a) for a in found}) == 4
    assert [Store(a).is_up() for a in found] == [None] * 4


def test_a_port_that_was_asked_for_and_is_taken_is_refused(embedded):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match="Address already in use; allowed: a free port"):
            embedded(port=taken.getsockname()[1]).start()


def test_a_root_that_cannot_be_a_folder_is_refused(embedded, tmp_path):
    (tmp_path / "objects").write_text("")
    with pytest.raises(SettingsError, match="allowed: a folder this user may write"):
        embedded().start()


def test_keys_are_made_once_and_readable_by_this_user_alone(embedded):
    store = embedded()
    first = store.start()
    store.stop()
    assert stat.S_IMODE(store.keys_path.stat().st_mode) == 0o600
    second = embedded().start()
    assert (second.access_key, second.secret_key) == (first.access_key, first.secret_key)
    assert len(first.secret_key) >= 40


def test_keys_that_cannot_be_read_are_named(embedded, tmp_path):
    (tmp_path / "objects.keys").write_text("{")
    with pytest.raises(SettingsError, match=r"objects\.keys"):
        embedded().start()


def test_no_secret_is_in_the_command_line_and_little_in_the_environment(embedded):
    store = embedded()
    access = store.start()
    assert access.secret_key.encode() not in Path(f"/proc/{store.pid}/cmdline").read_bytes()
    names = {pair.partition(b"=")[0] for pair in Path(f"/proc/{store.pid}/environ").read_bytes().split(b"\0") if pair}
    assert names <= {
        b"PATH",
        b"LANG",
        b"PYTHONPATH",
        b"MALLOC_ARENA_MAX",
        b"HARMONIUM_STORE_ACCESS_KEY",
        b"HARMONIUM_STORE_SECRET_KEY",
    }


def test_files_of_the_store_belong_to_this_user_alone(embedded):
    store = embedded()
    access = store.start()
    client = Store(access)
    client.ensure_bucket("harmony-x")
    client.put_bytes("harmony-x", "a/b", b"x", "a/b")
    root = store.keys_path.with_name("objects")
    for path in [root, *root.rglob("*"), store.log_path]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_store_that_died_comes_back_on_its_port_with_its_keys_and_objects(embedded):
    store = embedded()
    client = Store(store.start())
    client.ensure_bucket("harmony-x")
    client.put_bytes("harmony-x", "k", b"x", "a/b")
    store.watch()
    first = store.pid
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: store.pid is None)
    assert "does not answer" in (client.is_up() or "")
    watcher = threading.Thread(target=store.watch)
    watcher.start()
    watcher.join()
    assert store.pid not in (None, first)
    assert client.is_up() is None
    assert client.stat("harmony-x", "k").size_bytes == 1
    time.sleep(
        1.2
    )  # longer than the watch on the parent: the thread that restarted it is gone, and that must not matter
    assert client.is_up() is None


def test_a_store_that_dies_again_and_again_is_not_restarted_without_pause(embedded):
    store = embedded()
    store.start()
    for _ in range(2):
        os.kill(store.pid, signal.SIGKILL)
        wait_until(lambda: store.pid is None)
        store.watch()
    assert store.pid is None
    wait_until(lambda: store.watch() or store.pid is not None)


def test_a_stopped_store_stays_stopped_and_ends_cleanly(embedded):
    store = embedded()
    store.start()
    child = store._child
    store.stop()
    store.watch()
    assert (store.pid, child.returncode) == (None, 0)
    store.stop()


def test_stop_lets_a_request_in_flight_finish(embedded):
    store = embedded()
    access = store.start()
    client = Store(access)
    client.ensure_bucket("harmony-x")
    big = b"x" * (24 << 20)
    client.put_bytes("harmony-x", "big", big, "a/b")
    with client.open_range("harmony-x", "big") as pieces:
        received = len(next(pieces))
        stopper = threading.Thread(target=store.stop)
        stopper.start()
        time.sleep(0.3)
        received += sum(len(piece) for piece in pieces)
    stopper.join()
    assert received == len(big)
    assert store.pid is None


PARENT = """
import sys, time, json
from pathlib import Path
from appliance.store.child import EmbeddedStore
store = EmbeddedStore(Path(sys.argv[1]), fsync=False)
access = store.start()
print(json.dumps([store.pid, access.endpoint]), flush=True)
time.sleep(60)
"""


def test_kill_9_of_the_parent_ends_the_store_and_frees_its_root(embedded, tmp_path):
    command = [sys.executable, "-c", PARENT, str(tmp_path / "objects")]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    pid, _ = json.loads(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not is_alive(pid))
    assert Store(embedded().start()).is_up() is None
