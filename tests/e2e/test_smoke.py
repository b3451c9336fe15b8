"""The real thing, end to end: `python run_all.py --grid smoke` from nothing to the report, and once more.

Two methods are computed by worker processes, whose starts take most of the time of so small stages; the driver goes on
with the others by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmark.store import RunStore
from tests.toy import PROJECT

STAGES = 105
"""Of 29 cells; counted once where they are shared."""
BY_WORKERS, OF_THEM = ("envs=[rtfm_s1]", "methods=[ldd,inverse_rl]"), 11

Done = subprocess.CompletedProcess[str]

WORKERS = ("executor=local", "executor.workers=2")


def smoke(root: Path, *words: str) -> Done:
    command = [sys.executable, "run_all.py", "--grid", "smoke", "--root", str(root), *words]
    environ = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    return subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True)


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """The folder of runs, and what the command said that computed the whole grid."""
    root = tmp_path_factory.mktemp("smoke")
    some = smoke(root, *WORKERS, *BY_WORKERS)
    assert some.returncode == 0, some.stdout + some.stderr
    return root, smoke(root, "executor=inline")


def finished(store: RunStore) -> dict[tuple[str, str], int]:
    """What was computed, counted from the results on disk: (kind of stage, its player or model) -> how many."""
    counts: Counter[tuple[str, str]] = Counter()
    for result in store.root.glob("*/result.json"):
        spec = json.loads(result.with_name("spec.json").read_text(encoding="utf-8"))
        what = spec["params"].get("source", spec["target"] if spec["kind"] == "pretrain" else "")
        counts[spec["kind"], what] += 1
    return dict(counts)


def test_the_smoke_grid_runs_to_its_report_and_then_computes_nothing(computed: tuple[Path, Done]) -> None:
    root, first = computed
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"{OF_THEM} done before, {STAGES - OF_THEM} to compute" in first.stdout
    store = RunStore(root)
    plan = store.plan("smoke")
    outcomes = store.outcomes(plan)
    assert [outcome.state for outcome in outcomes.values()] == ["done"] * STAGES
    assert {outcome.attempts for outcome in outcomes.values()} == {1}, "no stage was computed twice"
    assert finished(store) == {
        ("demonstrations", "expert"): 3,  # an environment's own, for eight methods
        ("demonstrations", "random"): 3,  # the interaction of inverse RL, and what ldd_nonexpert learns from
        ("inverse", ""): 3,
        ("pretrain", "agents.pretraining.dynamics.train"): 11,  # expert, no language, non-expert; head rep but for EMMA
        ("pretrain", "agents.pretraining.vae.train"): 3,
        ("pretrain", "agents.pretraining.cloning.train"): 3,
        ("probe", ""): 20,  # one per pretraining, and the untrained trunk
        ("policy", ""): 30,  # 29 cells, and the policy of Messenger's stage 1 that stage 2 goes on from
        ("evaluate", ""): 29,
    }
    for environment in ("rtfm-s1", "messenger-s1", "messenger-s2"):
        taught = {cell.method: cell.stages.get("pretrain") for cell in plan.cells if cell.environment == environment}
        teacher = taught.pop("ldd")
        assert teacher is not None
        assert {method for method, key in taught.items() if key == teacher} == {
            "ldd_init_only", "ldd_distill_only", "reward_shaping",
        }  # fmt: skip
    for cell in (cell for cell in plan.cells if cell.unavailable is None):
        assert 0 <= outcomes[cell.stages[plan.result]].metrics["win_rate"] <= 1, cell.name
    report = (store.grid_folder("smoke") / "report.md").read_text(encoding="utf-8")
    assert "RTFM S1" in report
    assert "Messenger S1" in report
    assert "Messenger S2" in report
    cost = report.split(". Cost\n")[1]
    assert "an error of " in cost, "of the stages that one like them had been computed before"

    again = smoke(root, *WORKERS)
    assert (again.returncode, again.stderr) == (0, "")
    assert f"{STAGES} done before, 0 to compute" in again.stdout
    assert store.outcomes(plan) == outcomes


def test_the_notebooks_run_on_its_results(computed: tuple[Path, Done]) -> None:
    pytest.importorskip("nbclient", reason="the extra `report` is not installed (make report)")
    root, _ = computed
    command = [sys.executable, "-m", "reports.notebooks.render", "--grid", "smoke", "--root", str(root)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    pages = [Path(line).read_text(encoding="utf-8") for line in done.stdout.splitlines()]
    assert len(pages) == len(list((PROJECT / "reports" / "notebooks").glob("*.ipynb")))
    assert "29 of 30 cells done, 1 unavailable" in pages[0]
    for page in pages:
        assert "<table" in page
        assert 'src="http' not in page, "a page needs nothing but itself"
