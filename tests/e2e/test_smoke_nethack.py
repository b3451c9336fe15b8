"""NetHack end to end: recorded games, pretraining, both engines, evaluation and report, by the real command."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmark.spec import Plan
from benchmark.store import RunStore
from tests.e2e.test_smoke import Done
from tests.toy import PROJECT

pytest.importorskip("nle", reason="the package nle is not installed (make test installs it)")
pytest.importorskip("sample_factory", reason="the package sample-factory is not installed (make test installs it)")

STAGES = 26


def nethack(root: Path, *words: str) -> Done:
    command = [sys.executable, "run_all.py", "--grid", "smoke_nethack", "executor=local", "executor.workers=2"]
    environ = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    command += ["--root", str(root), *words]
    return subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True)


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """The folder of runs, and what the command said that filled it with the nine methods by Sample Factory."""
    root = tmp_path_factory.mktemp("nethack")
    return root, nethack(root)


def cells(root: Path) -> tuple[RunStore, Plan, dict[str, dict[str, Any]]]:
    """Method -> stage -> its metrics."""
    store = RunStore(root)
    plan = store.plan("smoke_nethack")
    outcomes = store.outcomes(plan)
    found = {
        cell.method: {name: dict(outcomes[key].metrics) for name, key in cell.stages.items()} for cell in plan.cells
    }
    return store, plan, found


def rows(store: RunStore, key: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in store.curve_file(key).read_text(encoding="utf-8").splitlines()]


def test_the_nine_methods_run_to_their_report(computed: tuple[Path, Done]) -> None:
    root, first = computed
    assert first.returncode == 0, first.stdout + first.stderr
    store, plan, found = cells(root)
    outcomes = store.outcomes(plan)
    assert [outcome.state for outcome in outcomes.values()] == ["done"] * STAGES
    assert {outcome.attempts for outcome in outcomes.values()} == {1}, "no stage was computed twice"
    targets = Counter(stage.target.removeprefix("agents.") for stage in plan.stages.values())
    assert targets == {
        "recordings.record.record": 2,  # the bot's games and the random player's
        "pretraining.screens.dynamics.train": 3,  # with language, without, and of random play
        "pretraining.screens.vae.train": 1,
        "pretraining.screens.inverse.train": 1,
        "pretraining.screens.cloning.train": 1,
        "appo.train.train": 9,
        "evaluate.evaluate": 9,
    }
    assert all(outcome.deterministic for outcome in outcomes.values()), "in one process Sample Factory can be repeated"
    for method, stages in found.items():
        assert math.isfinite(stages["evaluate"]["episode_return"]), method
        assert stages["evaluate"]["policy_mode"] == "sampled"
        assert all(name in stages["evaluate"] for name in stages["evaluate"]["details"].split(", ")), method
    report = (store.grid_folder("smoke_nethack") / "report.md").read_text(encoding="utf-8")
    assert "NetHack score" in report


def test_what_a_method_gets_of_its_teacher_is_in_its_run(computed: tuple[Path, Done]) -> None:
    store, plan, found = cells(computed[0])
    keys = {cell.method: cell.stages["policy"] for cell in plan.cells}
    for method in ("ldd", "ldd_distill_only", "ldd_no_language", "ldd_nonexpert"):
        assert found[method]["policy"]["teacher_sha"] == found[method]["pretrain"]["trunk_sha"]
        distances = [row["loss/distill"] for row in rows(store, keys[method]) if "loss/distill" in row]
        assert distances, f"{method} is distilled"
        assert max(distances) > 0, f"{method} moves away from its teacher, and is drawn back"
    for method in ("tabula_rasa", "ldd_init_only", "vae", "inverse_rl"):
        assert not any("loss/distill" in row for row in rows(store, keys[method])), method
    assert any("reward/shaping" in row for row in rows(store, keys["reward_shaping"]))
    shas = {found[method]["pretrain"]["trunk_sha"] for method in ("ldd", "ldd_no_language", "ldd_nonexpert")}
    assert len(shas) == 3, "what was demonstrated is what was learnt"


def test_our_own_engine_goes_on_from_the_same_teachers(computed: tuple[Path, Done]) -> None:
    root, _ = computed
    done = nethack(root, "learner=vtrace", "methods=[tabula_rasa,ldd]", "learner.lr=1e-3")
    assert done.returncode == 0, done.stdout + done.stderr
    store, plan, found = cells(root)
    outcomes = store.outcomes(plan)
    assert {stage.target for stage in plan.stages.values() if stage.kind == "policy"} == {"agents.train.train"}
    assert len(plan.stages) == 6, "demonstrations, teacher, and two policies with their evaluations"
    assert [outcome.state for outcome in outcomes.values()] == ["done"] * 6
    ldd = next(cell for cell in plan.cells if cell.method == "ldd")
    assert found["ldd"]["policy"]["teacher_sha"] == found["ldd"]["pretrain"]["trunk_sha"]
    assert any(row.get("loss/distill", 0) > 0 for row in rows(store, ldd.stages["policy"]))


def test_a_repeat_computes_nothing(computed: tuple[Path, Done]) -> None:
    again = nethack(computed[0])
    assert again.returncode == 0
    assert {outcome.attempts for outcome in RunStore(computed[0]).outcomes(cells(computed[0])[1]).values()} == {1}
