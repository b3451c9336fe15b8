"""Kill -9 at every single step: a process that dies before any of its file operations leaves nothing half done.

A forked child computes, and kills itself before the n-th operation below the store, each of which Python announces.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark import provenance, stages
from benchmark.job import StageJob
from benchmark.spec import Resources, Stage
from benchmark.store import RunStore
from tests.toy import Toy

OFTEN = Resources(checkpoint_s=0.0)
OPERATIONS = ("open", "os.link", "os.rename", "os.remove", "os.mkdir", "os.utime", "os.truncate")


def killed_at(step: int, below: Path, compute: Callable[[], Any]) -> bool:
    """Compute in a child that kills itself before its operation number `step`; False when it has fewer."""
    child = os.fork()
    if child == 0:
        _die_at(step, below)
        try:
            compute()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _die_at(step: int, below: Path) -> None:
    seen, here, mine = 0, str(below), os.getpid()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in OPERATIONS and os.getpid() == mine and str(arguments[0]).startswith(here):
            seen += 1
            if seen == step:
                os.kill(mine, signal.SIGKILL)

    sys.addaudithook(hook)


def count_to_three(job: StageJob) -> dict[str, int]:
    """Adds up in three steps, with a checkpoint after each, and publishes the sum."""
    state = job.resume() or {"step": 0, "total": 0}
    while state["step"] < 3:
        state = {"step": state["step"] + 1, "total": state["total"] + 10 * state["step"]}
        job.log(state["step"], total=state["total"])
        job.progress(state["step"], 3)
        job.checkpoint(state.copy)
    job.publish("total.json", lambda path: path.write_text(json.dumps(state["total"]), encoding="utf-8"))
    return {"total": state["total"]}


def contents(store: RunStore, key: str) -> tuple[Any, ...]:
    """What a repeat must reproduce, and that no litter is left."""
    result = store.result(key)
    assert result is not None
    assert not list(store.folder(key).rglob(".*")), "no litter"
    assert store.checkpoints(key).number() == 0
    return result["metrics"], store.curve(key), store.artefact(key, "total.json").read_text(encoding="utf-8")


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asking git about this very project in every child."""
    source = {"commit": None, "dirty": False, "diff_sha256": None, "created": 0.0}
    monkeypatch.setattr(provenance, "collect", lambda: source)


@pytest.mark.usefixtures("light")
def test_a_worker_can_be_killed_before_any_operation(tmp_path: Path) -> None:
    name = f"{__name__}.{count_to_three.__name__}"

    def planned(seed: int) -> tuple[RunStore, str]:
        store, stage = RunStore(tmp_path / str(seed)), Stage("policy", name, {"env": {"id": "e"}, "seed": 0})
        store.register(stage)
        return store, stage.key

    store, key = planned(0)
    assert stages.run_stage(key, store.root, OFTEN) == "done"
    expected = contents(store, key)

    ends = set()
    for step in range(1, 1000):
        store, key = planned(step)
        died = killed_at(step, store.root, lambda store=store, key=key: stages.run_stage(key, store.root, OFTEN))
        assert store.is_done(key) or not (store.folder(key) / "result.json").exists(), "done is whole, or not there"
        ends.add(store.outcome(key).state)
        begun = store.checkpoints(key).number()
        assert stages.run_stage(key, store.root, OFTEN) == "done"
        stages.run_stage(key, store.root, OFTEN)  # tidies up where the first was killed after its result
        assert contents(store, key) == expected, f"killed before operation {step}"
        if begun and died and store.outcome(key).attempts == 2:
            assert store.outcome(key).resumed_from == (begun,), "continued from the newest whole checkpoint"
        if not died:
            break
    assert ends == {"missing", "stopped", "done"}


def test_driver_and_worker_can_be_killed_together_again_and_again(toy: Toy) -> None:
    """The inline executor: one process is both. Each start is killed a little later in its own course than the last."""
    whole = Toy.build(toy.folder / "whole")
    whole.drive("three", "executor=inline", "executor.checkpoint_s=0")
    deaths = 0
    for step in range(20, 2000, 23):
        if not killed_at(step, toy.root, lambda: toy.drive("three", "executor=inline", "executor.checkpoint_s=0")):
            break
        deaths += 1
        for result in toy.root.glob("*/result.json"):
            assert RunStore(toy.root).is_done(result.parent.name)
    assert deaths > 3
    outcomes, _ = toy.drive("three", "executor=inline")
    assert {outcome.state for outcome in outcomes.values()} == {"done"}
    assert toy.results() == whole.results()
