"""Ctrl-C, kill -9 and two commands at once: nothing is lost, nothing is left behind, nothing is computed twice."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from benchmark.store import RunStore
from tests.toy import Toy, until


def processes_of(toy: Toy) -> list[int]:
    """Processes whose command line names the toy's folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(toy.folder).encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def saved(toy: Toy) -> int:
    """How many updates have been logged so far."""
    return sum(len(path.read_text().splitlines()) for path in toy.root.glob("*/metrics.jsonl"))


def finish(toy: Toy, *words: str) -> int:
    """Run the grid `one` with two seeds to its end; the exit code."""
    running = toy.start_driver("one", "seeds=2", *words)
    running.communicate(timeout=60)
    return running.returncode


@pytest.fixture
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of the grid `one` with two seeds, computed without a break."""
    toy = Toy.build(tmp_path_factory.mktemp("unbroken"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in toy.environ.items():
            patch.setenv(name, value)
        toy.drive("one", "seeds=2", "executor=inline")
    return toy.results()


def test_after_ctrl_c_the_same_command_continues(toy: Toy, unbroken: dict[str, bytes]) -> None:
    toy.slow(0.3)
    running = toy.start("--grid", "one", "seeds=2")
    until(lambda: saved(toy) >= 4)
    os.killpg(running.pid, signal.SIGINT)  # as the terminal does: to every process of the foreground
    out, _ = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "stopping: 2 jobs save a checkpoint" in out
    assert "stopped; the same command continues" in out
    assert processes_of(toy) == []
    store = RunStore(toy.root)
    assert {store.outcome(key).state for key in toy.plan("one", "seeds=2").stages} == {"stopped", "missing"}

    toy.slow(0.0)
    assert toy.run("--grid", "one", "seeds=2").returncode == 0
    assert toy.results() == unbroken
    assert toy.computed("practise") == 4, "two were stopped, two continued"


def test_an_impatient_second_ctrl_c_loses_only_what_was_not_saved(toy: Toy) -> None:
    toy.arm("play", "wait", at=1)
    running = toy.start_driver("three")
    until(lambda: toy.computed("play") == 1)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    time.sleep(1.0)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    assert processes_of(toy) == []


def test_after_kill_minus_9_of_the_driver_its_jobs_end_and_the_same_command_continues(
    toy: Toy, unbroken: dict[str, bytes]
) -> None:
    toy.slow(0.3)
    running = toy.start_driver("one", "seeds=2")
    until(lambda: saved(toy) >= 4)
    running.kill()
    running.communicate()
    toy.slow(0.0)
    assert finish(toy) == 0, "also while the old jobs are still ending"
    assert toy.results() == unbroken
    assert toy.computed("practise") == 4, "two were stopped, two continued"
    until(lambda: processes_of(toy) == [])


def test_a_job_that_outlives_its_controller_is_not_computed_twice(toy: Toy, unbroken: dict[str, bytes]) -> None:
    toy.arm("practise", "wait", at=5, seed=1)
    running = toy.start_driver("one", "seeds=2")
    until(lambda: saved(toy) == 15)
    controllers = [p for p in processes_of(toy) if b"submitit.local._local" in Path(f"/proc/{p}/cmdline").read_bytes()]
    for process in controllers:
        os.kill(process, signal.SIGKILL)
    time.sleep(0.5)
    toy.disarm()
    running.communicate(timeout=30)
    assert controllers
    assert running.returncode == 0
    assert toy.results() == unbroken
    assert toy.computed() == 4


def test_two_commands_at_once_share_the_work(toy: Toy, unbroken: dict[str, bytes]) -> None:
    toy.slow(0.05)
    both = [toy.start_driver("one", "seeds=2") for _ in range(2)]
    codes = []
    for running in both:
        running.communicate(timeout=60)
        codes.append(running.returncode)
    assert codes == [0, 0]
    assert toy.results() == unbroken
    assert toy.computed() == 4


def test_ctrl_c_of_an_inline_run_saves_too(toy: Toy, unbroken: dict[str, bytes]) -> None:
    toy.slow(0.2)
    running = toy.start_driver("one", "seeds=2", "executor=inline")
    until(lambda: saved(toy) >= 2)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    toy.slow(0.0)
    assert finish(toy, "executor=inline") == 0
    assert toy.results() == unbroken
