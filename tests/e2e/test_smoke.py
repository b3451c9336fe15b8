"""The real thing, end to end: `python run_all.py --grid smoke` from nothing to the report, and once more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.store import RunStore
from tests.toy import PROJECT


def smoke(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "run_all.py", "--grid", "smoke", "executor=local", "executor.workers=2"]
    environ = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    command += ["--root", str(root)]
    return subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=400)


@pytest.mark.xdist_group("smoke")
def test_the_smoke_grid_runs_to_its_report_and_then_computes_nothing(tmp_path: Path) -> None:
    first = smoke(tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    store = RunStore(tmp_path)
    plan = store.plan("smoke")
    outcomes = store.outcomes(plan)
    assert [outcome.state for outcome in outcomes.values()] == ["done"] * 18
    for cell in plan.cells:
        assert 0 <= outcomes[cell.stages[plan.result]].metrics["win_rate"] <= 1, cell.name
    report = (store.grid_folder("smoke") / "report.md").read_text(encoding="utf-8")
    assert "RTFM S1" in report
    assert "Messenger S1" in report

    again = smoke(tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert "18 done before, 0 to compute" in again.stdout
    assert store.outcomes(plan) == outcomes
