"""What a job does with its stages, and when it goes back into the queue."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from benchmark import stint
from benchmark.execute import prepare
from benchmark.spec import Resources
from benchmark.stint import LEAVE, Stint
from benchmark.store import RunStore
from tests import toy as toys
from tests.toy import Toy


@pytest.fixture
def requeued(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The signals that were handed on to submitit's handler, which requeues a job of Slurm."""
    heard: list[int] = []
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    before = signal.signal(LEAVE, lambda number, frame: heard.append(number))
    yield heard
    signal.signal(LEAVE, before)


def job(toy: Toy) -> tuple[Stint, dict[str, str]]:
    """The two stages of a plain cell, in one job that saves at every chance."""
    plan, store = toy.plan("one"), RunStore(toy.root)
    prepare(plan, store, "cached")
    stages = dict(plan.cells[0].stages)
    return Stint(tuple(stages.values()), toy.root, Resources(checkpoint_s=0.0)), stages


def test_stages_are_computed_in_turn(toy: Toy) -> None:
    work, stages = job(toy)
    assert work() == dict.fromkeys(stages.values(), "done")


def test_told_to_leave_it_saves_goes_back_into_the_queue_and_ends_as_if_unbroken(toy: Toy, requeued: list[int]) -> None:
    work, stages = job(toy)
    work()
    unbroken = toy.results()
    toy.arm("practise", "expire", at=4)
    store = RunStore(toy.root)
    for key in stages.values():
        store.discard(key)
    work, _ = job(toy)
    assert work() == {stages["practise"]: "stopped"}
    assert requeued == [LEAVE]
    assert work() == dict.fromkeys(stages.values(), "done"), "the next start of the same pickle"
    assert toy.results() == unbroken


def test_a_job_that_got_no_further_is_left_to_its_limit(
    toy: Toy, requeued: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    work, _ = job(toy)
    waited: list[str] = []

    def wait() -> None:
        waited.append("until Slurm ends it")
        raise SystemExit

    monkeypatch.setattr(stint, "_wait_for_slurm", wait)
    monkeypatch.setattr(toys, "practise", lambda job: leave_without_saving(job))
    with pytest.raises(SystemExit):
        work()
    assert (waited, requeued) == (["until Slurm ends it"], [])


def leave_without_saving(job: Any) -> dict[str, float]:
    os.kill(os.getpid(), LEAVE)
    job.progress(1, 2)
    raise AssertionError("a stage without checkpoints stops at its next word")


def test_elsewhere_the_driver_repeats(toy: Toy, requeued: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "local")
    toy.arm("practise", "expire", at=4)
    work, stages = job(toy)
    assert work() == {stages["practise"]: "stopped"}
    assert requeued == []


def test_what_has_failed_for_good_is_not_tried_by_a_job_that_is_started_again(toy: Toy) -> None:
    toy.arm("practise", "raise", times=9)
    work, stages = job(toy)
    assert work() == {stages["practise"]: "failed"}
    assert work() == {stages["practise"]: "failed"}
    assert toy.computed("practise") == 1
    RunStore(toy.root).forgive(stages["practise"])
    toy.disarm()
    assert work() == dict.fromkeys(stages.values(), "done")


def test_submitit_finds_what_it_needs_to_start_it_again(toy: Toy) -> None:
    work, _ = job(toy)
    assert work.checkpoint().function == work
