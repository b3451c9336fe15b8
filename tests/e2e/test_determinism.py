"""The project's own cells, with tiny budgets: the same numbers twice, other numbers from another seed, and the same
numbers when every training stage is stopped again and again on its way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark import stages
from benchmark.configs import Configs
from benchmark.grid import make_plan
from benchmark.job import StageJob
from benchmark.request import read_request
from benchmark.spec import Plan, Resources
from benchmark.stages import run_stage
from benchmark.store import RunStore
from benchmark.validate import Schema
from tests.toy import PROJECT

TINY = [
    "methods=[ldd_rep]",
    "learner.frames=3840",
    "learner.log_every=960",
    "demonstrations.episodes=60",
    "pretraining.updates=30",
    "pretraining.validate_every=10",
    "evaluation.episodes=20",
    "evaluation.curve_episodes=10",
    "evaluation.curve_every=1920",
]


def tiny(environment: str, *words: str) -> Plan:
    configs = Configs(PROJECT / "configs")
    schema = Schema(configs.read("schema"), "schema")
    request = read_request(configs, schema, "demo", [f"envs=[{environment}]", *TINY, *words])
    return make_plan(configs, schema, request)


class ImpatientJob(StageJob):
    """Is asked to stop whenever it is about to offer its second checkpoint: after one update, on every machine."""

    offered = 0

    def checkpoint(self, state: Callable[[], dict[str, Any]]) -> None:
        self.offered += 1
        if self.offered == 2:
            self._stop.set()
        super().checkpoint(state)


def compute(plan: Plan, root: Path, checkpoint_s: float = 1e9) -> dict[str, bytes]:
    """Compute a plan, each stage in as many attempts as it takes. Key -> what they found."""
    store, found = RunStore(root), {}
    for key, stage in plan.stages.items():
        store.register(stage)
        for _ in range(100):
            ended = run_stage(key, root, Resources(checkpoint_s=checkpoint_s))
            if ended != "stopped":
                break
        assert ended == "done", f"{stage.kind} {ended}: {store.outcome(key).reason}"
        found[key] = json.dumps(store.outcome(key).metrics).encode() + store.curve_file(key).read_bytes()
    return found


@pytest.mark.parametrize("environment", ["messenger_s1", "rtfm_s1"])
def test_stopped_again_and_again_a_cell_gives_the_numbers_of_an_unbroken_run(
    environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tiny(environment, "seeds=1")
    unbroken = compute(plan, tmp_path / "unbroken")
    monkeypatch.setattr(stages, "StageJob", ImpatientJob)
    broken = compute(plan, tmp_path / "broken", checkpoint_s=0.0)
    store = RunStore(tmp_path / "broken")
    resumed = {stage.kind: store.outcome(key).resumed_from for key, stage in plan.stages.items()}
    assert resumed["policy"] == (960, 1920, 2880)
    assert resumed["pretrain"] == tuple(range(1, 30))
    assert broken == unbroken


def test_a_repeat_is_equal_bit_for_bit_and_another_seed_differs(tmp_path: Path) -> None:
    plan = tiny("messenger_s1", "seeds=2")
    found = compute(plan, tmp_path / "runs")
    again = compute(tiny("messenger_s1", "seeds=1"), tmp_path / "again")
    assert again == {key: found[key] for key in again}
    for kind in ("pretrain", "policy"):
        keys = [key for key, stage in plan.stages.items() if stage.kind == kind]
        assert len(keys) == 2
        assert found[keys[0]] != found[keys[1]]
