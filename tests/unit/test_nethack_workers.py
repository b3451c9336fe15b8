"""Processes that play: they obey, they say what went wrong, and they never outlive whom they play for."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from envs.base import EnvError
from envs.nethack import workers
from envs.nethack.board import new_board
from envs.nethack.workers import Workers

PROJECT = Path(__file__).resolve().parents[2]
PARTS = [range(2), range(2, 3)]


class Abacus:
    """Plays nothing: counts its copies' steps on the board."""

    def __init__(self, board: dict[str, np.ndarray], part: range) -> None:
        self.board, self.part = board, part

    def step(self) -> None:
        self.board["length"][self.part] += 1

    def refuse(self) -> None:
        if 2 in self.part:
            raise EnvError("copy 2 has had enough")

    def fail(self) -> None:
        raise ZeroDivisionError("one\nby zero")

    def compute(self) -> None:
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass

    def spin(self) -> None:
        while True:
            pass

    def close(self) -> None:
        self.board["done"][self.part] = True


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_PATIENCE_S", 600.0)


@pytest.fixture
def board() -> dict[str, np.ndarray]:
    return new_board(3)


@pytest.fixture
def pair(board: dict[str, np.ndarray]) -> Iterator[Workers]:
    pair = Workers("nethack-score", PARTS, lambda part: Abacus(board, part))
    yield pair
    pair.close()


def pids_of(workers: Workers) -> list[int]:
    return [process.pid or 0 for process, _ in workers._workers]


def alive(pid: int) -> bool:
    """Is it a process that still runs? One that ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(what: Callable[[], bool]) -> None:
    while not what():
        time.sleep(0.02)


def test_all_workers_obey_before_the_call_returns(pair: Workers, board: dict[str, np.ndarray]) -> None:
    for _ in range(200):
        pair.call("step")
    assert board["length"].tolist() == [200, 200, 200] and len({os.getpid(), *pids_of(pair)}) == 3


def test_closing_lets_every_worker_finish_its_work(pair: Workers, board: dict[str, np.ndarray]) -> None:
    pids = pids_of(pair)
    pair.close()
    pair.close()
    assert board["done"].all() and not any(map(alive, pids))
    with pytest.raises(EnvError, match="its worker processes have ended; make the environment anew"):
        pair.call("step")


def test_workers_end_with_the_object_that_they_belong_to(board: dict[str, np.ndarray]) -> None:
    pair = Workers("nethack-score", PARTS, lambda part: Abacus(board, part))
    pids = pids_of(pair)
    del pair
    gc.collect()
    assert board["done"].all() and not any(map(alive, pids))


def test_what_a_worker_refuses_is_said_in_its_own_words(pair: Workers) -> None:
    pids = pids_of(pair)
    with pytest.raises(EnvError, match=r"^nethack-score: worker process 1 \(copy 2\) says: copy 2 has had enough$"):
        pair.call("refuse")
    assert not any(map(alive, pids))  # the other one, too


def test_an_error_that_nobody_expected_comes_with_its_trace(pair: Workers) -> None:
    with pytest.raises(
        EnvError, match=r"worker process 0 \(copies 0 to 1\) failed with ZeroDivisionError: one by zero$"
    ) as caught:
        pair.call("fail")
    assert "def fail" not in str(caught.value) and "in fail" in str(caught.value.__cause__)


def test_a_worker_that_was_killed_is_named(pair: Workers) -> None:
    first, second = pids_of(pair)
    os.kill(second, signal.SIGKILL)
    with pytest.raises(EnvError, match=r"worker process 1 \(copy 2\) was killed by SIGKILL; a lack of memory"):
        for _ in range(1000):
            pair.call("step")
    assert not alive(first)


def test_a_worker_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, board: dict[str, np.ndarray]) -> None:
    monkeypatch.setattr(workers, "_HANGS_S", 0.5)
    hanging = Workers("nethack-score", [range(3)], lambda part: Abacus(board, part))
    for _ in range(3):
        hanging.call("compute")  # what counts is the computing of one command
    with pytest.raises(EnvError, match=r"worker process 0 \(copies 0 to 2\) was killed by SIGPROF: its games hang"):
        hanging.call("spin")


def test_signals_to_stop_are_for_the_parent_who_may_want_to_save_its_work(pair: Workers) -> None:
    pair.call("step")
    for pid in pids_of(pair):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
            os.kill(pid, number)
    pair.call("step")


def test_workers_outlive_the_thread_that_made_them(board: dict[str, np.ndarray]) -> None:
    """The kernel tells a process when the thread that made it ends."""
    made: list[Workers] = []
    thread = threading.Thread(
        target=lambda: made.append(Workers("nethack-score", PARTS, lambda part: Abacus(board, part)))
    )
    thread.start()
    thread.join()
    until(lambda: not Path(f"/proc/self/task/{thread.native_id}").exists())
    made[0].call("step")
    made[0].close()


def test_a_child_of_ours_that_ends_takes_no_workers_with_it(pair: Workers) -> None:
    child = os.fork()
    if child == 0:
        del pair
        gc.collect()
        os._exit(0)
    os.waitpid(child, 0)
    pair.call("step")


PARENT = """
import os, signal, sys, time, torch, envs
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs ignore
made = [envs.make("nethack-score", 3, processes=2, seed=seed) for seed in (0, 1)]
for env in made:
    env.reset()
sleeper = os.fork()  # holds all that we had open
if sleeper == 0:
    time.sleep(600)
print(sleeper, *(process.pid for env in made for process, _ in env._playing._workers), flush=True)
if sys.argv[1] == "leave":
    sys.exit()
while True:
    for env in made:
        env.step(torch.zeros(3, dtype=torch.int64))
"""


@pytest.mark.parametrize("end", ["leave", "SIGTERM", "SIGKILL", "SIGINT"])
def test_no_worker_and_no_file_outlives_the_parent(end: str, tmp_path: Path) -> None:
    """NLE keeps a temporary folder for each game."""
    pytest.importorskip("nle", reason="needs the extra `nle`")
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, end],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    sleeper, *pids = map(int, parent.stdout.readline().split())
    try:
        assert len(pids) == 4
        if end != "leave":
            assert all(map(alive, pids)) and len(list(tmp_path.iterdir())) == 6
            parent.send_signal(getattr(signal, end))
        assert parent.wait() == {"leave": 0, "SIGINT": -2, "SIGTERM": -15, "SIGKILL": -9}[end]
        until(lambda: not any(map(alive, pids)))
        until(lambda: not list(tmp_path.iterdir()))
    finally:
        os.kill(sleeper, signal.SIGKILL)
