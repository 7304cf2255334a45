"""Bells, the threads that answer them, and the file that may vanish."""

import signal
import threading
import time

import pytest

from appliance.runner.work_queue import WorkQueue


class Work:
    """Ready items as a number, taken one by one as the real claim does."""

    def __init__(self, seconds=0.0):
        self.ready = 0
        self.done = 0
        self.bells = 0
        self.seconds = seconds
        self.threads = set()
        self.lock = threading.Lock()

    def add(self, count):
        with self.lock:
            self.ready += count

    def answer(self):
        with self.lock:
            self.bells += 1
        while True:
            with self.lock:
                if not self.ready:
                    return
                self.ready -= 1
            time.sleep(self.seconds)
            with self.lock:
                self.done += 1
                self.threads.add(threading.current_thread().name)


def wait_until(condition, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


@pytest.fixture
def start(tmp_path):
    running = []

    def make(work, workers=2):
        one = WorkQueue(tmp_path / "queue.db", workers=workers, answer=work.answer)
        running.append(one)
        one.start()
        return one

    yield make
    for one in running:
        one.stop()


def test_one_bell_is_enough_for_everything_that_is_ready(start):
    work = Work()
    bells = start(work)
    work.add(50)
    bells.ring()
    wait_until(lambda: work.done == 50)
    assert work.bells == 1


def test_no_more_bells_than_workers_wait(start):
    work = Work(seconds=0.3)
    bells = start(work, workers=2)
    work.add(2)
    for _ in range(100):
        bells.ring(1000)
    wait_until(lambda: work.done == 2)
    time.sleep(0.3)
    assert work.bells <= 4  # two that were taken at once, two that waited


def test_several_bells_wake_several_threads(start):
    work = Work(seconds=0.05)
    bells = start(work, workers=3)
    work.add(30)
    bells.ring(30)
    wait_until(lambda: work.done == 30)
    assert len(work.threads) == 3


@pytest.mark.parametrize("also_the_log", [True, False])
def test_deleting_the_file_while_running_loses_nothing(start, tmp_path, also_the_log):
    work = Work(seconds=0.002)
    bells = start(work)
    for round_number in range(10):
        work.add(20)
        bells.ring(2)
        (tmp_path / "queue.db").unlink()
        if also_the_log:
            for suffix in ("-wal", "-shm"):
                (tmp_path / f"queue.db{suffix}").unlink(missing_ok=True)
        bells.look_after()
        bells.ring(2)  # as upkeep does for whatever is still ready
        wait_until(lambda total=20 * (round_number + 1): work.done == total)
        assert (tmp_path / "queue.db").exists()
    assert bells.health() is None


def test_a_file_that_is_no_database_is_made_anew(tmp_path, start):
    (tmp_path / "queue.db").write_bytes(b"not a database, whatever the name says" * 100)
    work = Work()
    work.add(1)
    start(work).ring()
    wait_until(lambda: work.done == 1)


def test_bells_of_an_earlier_life_do_no_harm(tmp_path):
    work = Work()
    dead = WorkQueue(tmp_path / "queue.db", workers=2, answer=work.answer)
    dead.ring(2)
    dead.stop()
    alive = WorkQueue(tmp_path / "queue.db", workers=2, answer=work.answer)
    alive.start()
    wait_until(lambda: work.bells == 2)
    work.add(1)
    alive.ring()
    wait_until(lambda: work.done == 1)
    alive.stop()


def test_an_answer_that_raises_leaves_the_thread_alive(start):
    work = Work()
    failed = []

    def answer_badly_once():
        if not failed:
            failed.append(True)
            raise RuntimeError("state.db is locked")
        Work.answer(work)

    work.answer = answer_badly_once
    bells = start(work, workers=1)
    bells.ring()
    wait_until(lambda: failed)
    work.add(1)
    bells.ring()
    wait_until(lambda: work.done == 1)
    assert bells.health() is None


def test_health_tells_of_threads_that_ended_and_look_after_replaces_them(start):
    work = Work()
    died = []

    def die_once():
        if not died:
            died.append(True)
            raise SystemExit  # not an Exception: it ends Huey's thread
        Work.answer(work)

    work.answer = die_once
    bells = start(work, workers=1)
    bells.ring()
    wait_until(lambda: bells.health() is not None)
    assert "1 of 1 worker threads" in bells.health()
    bells.look_after()
    work.add(1)
    bells.ring()
    wait_until(lambda: work.done == 1)
    assert bells.health() is None


def test_signals_stay_the_servers(start):
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    start(Work())
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
