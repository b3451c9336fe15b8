"""Ctrl-C, kill -9 and two commands at once: nothing is lost, nothing is left behind, nothing is computed twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from benchmark.store import RunStore
from tests.toy import PATIENCE_S, Toy, until


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
    running.communicate(timeout=PATIENCE_S)
    return running.returncode


def asked_to_stop(toy: Toy) -> bool:
    """Whether a driver has told its jobs."""
    return bool(list(toy.root.glob(".jobs/*/stop")))


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
    toy.arm("practise", "hold", at=5, times=2)
    running = toy.start("--grid", "one", "seeds=2")
    until(lambda: toy.work().total() == 12)  # six of each have begun, five are saved
    os.killpg(running.pid, signal.SIGINT)  # as the terminal does: to every process of the foreground
    out, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130
    assert "stopping: 2 jobs save a checkpoint" in out
    assert "stopped; the same command continues" in out
    store = RunStore(toy.root)
    states = {store.outcome(key).state for key in toy.plan("one", "seeds=2").stages}
    assert states == {"stopped", "missing"}, "it has waited for its jobs"
    until(lambda: processes_of(toy) == [])

    assert toy.run("--grid", "one", "seeds=2").returncode == 0
    assert toy.results() == unbroken
    assert toy.computed("practise") == 4, "two were stopped, two continued"
    assert set(toy.work().values()) == {1}, "both had saved"


def test_an_impatient_second_ctrl_c_loses_only_what_was_not_saved(toy: Toy) -> None:
    toy.arm("play", "wait", at=1)
    running = toy.start_driver("three", "executor.grace_s=86400")
    until(lambda: toy.computed("play") == 1)
    running.send_signal(signal.SIGINT)
    until(lambda: asked_to_stop(toy))
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=PATIENCE_S)
    until(lambda: processes_of(toy) == [])


def test_after_kill_minus_9_of_the_driver_its_jobs_end_and_the_same_command_continues(
    toy: Toy, unbroken: dict[str, bytes]
) -> None:
    toy.arm("practise", "hold", at=5, times=2)
    running = toy.start_driver("one", "seeds=2")
    until(lambda: toy.work().total() == 12)  # six of each have begun, five are saved
    running.kill()
    running.communicate()
    assert finish(toy) == 0, "also while the old jobs are still ending"
    assert toy.results() == unbroken
    assert toy.computed("practise") == 4, "two were stopped, two continued"
    until(lambda: processes_of(toy) == [])


def test_a_job_that_outlives_its_controller_is_not_computed_twice(toy: Toy, unbroken: dict[str, bytes]) -> None:
    toy.arm("practise", "wait", at=5, seed=1)
    driver, _ = toy.driver("one", "seeds=2")
    driver.begin()
    try:
        until(lambda: driver.step() and saved(toy) == 15 and driver.jobs() == 1)
        (controller,) = (int(job.handle.job_id) for job in driver._running)
        os.kill(controller, signal.SIGKILL)
        until(lambda: driver.step() and driver.jobs() == 0)
        assert driver.active() == (toy.plan("one", "seeds=2").cells[1].stages["practise"],), "it is seen to live"
        toy.disarm()
        until(lambda: not driver.step())
    finally:
        driver.end()
    assert toy.results() == unbroken
    assert toy.computed() == 4


def test_two_commands_at_once_share_the_work(toy: Toy, unbroken: dict[str, bytes]) -> None:
    toy.slow(0.05)
    both = [toy.start_driver("one", "seeds=2") for _ in range(2)]
    codes = []
    for running in both:
        running.communicate(timeout=PATIENCE_S)
        codes.append(running.returncode)
    assert codes == [0, 0]
    assert toy.results() == unbroken
    assert toy.computed() == 4


def test_ctrl_c_of_an_inline_run_saves_too(toy: Toy, unbroken: dict[str, bytes]) -> None:
    toy.arm("practise", "hold", at=5)
    running = toy.start_driver("one", "seeds=2", "executor=inline")
    until(lambda: toy.work().total() == 6)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=PATIENCE_S)
    assert toy.computed("practise") == 1, "the other was not begun"
    assert finish(toy, "executor=inline") == 0
    assert toy.results() == unbroken
    assert set(toy.work().values()) == {1}, "it had saved"
