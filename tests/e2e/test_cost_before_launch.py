"""Cost before launch, from the command line: the price in a plan, the probe behind it, and a budget that is kept."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest

from benchmark.cost.estimate import Basis
from benchmark.cost.price import price
from benchmark.cost.probe import probe
from benchmark.errors import BadInput
from benchmark.lease import Claim
from benchmark.spec import Plan
from benchmark.store import RunStore
from tests.priced import executor, finish
from tests.toy import PATIENCE_S, Toy, until


def bases(plan: Plan, store: RunStore) -> dict[str, Basis]:
    """Kind -> how the price of its stages is known."""
    found = price(plan, store, executor()).stages
    return {plan.stages[key].kind: one.estimate.basis for key, one in found.items()}


def left_behind(toy: Toy) -> set[str]:
    return {path.name for path in toy.root.iterdir()}


def test_a_probe_prices_what_was_never_computed_and_leaves_nothing_else(toy: Toy) -> None:
    done = toy.run("plan", "--grid", "three", "--probe")
    assert done.returncode == 0, done.stderr
    assert "probe 4 of 4, exam of north" in done.stderr
    assert re.search(r"core time +\S", done.stdout)
    assert "no price" not in done.stdout
    assert left_behind(toy) == {"probes.json"}
    ran = toy.computed()
    again = toy.run("plan", "--grid", "three", "--probe", "--json")
    assert "nothing to probe" in again.stderr
    assert toy.computed() == ran
    assert {one["basis"] for one in json.loads(again.stdout)["price"]["stages"].values()} <= {"exact", "rate"}


def test_a_probe_tells_starting_from_working(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of ours: 3 s for a start and 0.02 s for an update, so that what it sees of 2000 updates is 43 s."""
    measured: list[int] = []

    def run(key: str, scratch: RunStore, device: str) -> None:
        stage = scratch.stage(key)
        updates = stage.params["learner"]["updates"] if stage.kind == "practise" else 0
        measured.extend([updates] if updates else [])
        finish(scratch, stage, 3 + 0.02 * updates, device)

    monkeypatch.setattr("benchmark.cost.probe._run", run)
    store, plan = RunStore(toy.root), toy.plan("one", "learner.updates=2000")
    probe(plan, store, executor(), lambda text: None, measure_s=10.0)
    assert len(measured) > 1
    assert measured[-1] < 500, "half a minute of a stage is looked at, not all of it"
    seconds = price(plan, store, executor()).stages[plan.cells[0].stages["practise"]].seconds
    assert seconds == pytest.approx(43.0), "with its start in every update it would be hours"


def test_a_stage_that_cannot_be_probed_does_not_stop_the_others(toy: Toy) -> None:
    toy.arm("practise", "raise", times=9)
    store, plan, said = RunStore(toy.root), toy.plan("three"), []
    probe(plan, store, executor(), said.append, measure_s=0.1)
    assert "probe 3 of 4, practise of north: not measured, practise: RuntimeError: the toy was told to fail" in said
    assert {kind for kind, basis in bases(plan, store).items() if basis == "unknown"} == {"practise", "exam"}
    with pytest.raises(BadInput, match="--probe could not measure anything; probe 1 of 2, practise of north"):
        probe(plan, store, executor(), said.append, measure_s=0.1)


def test_an_interrupted_probe_keeps_what_it_has_and_cleans_up(toy: Toy) -> None:
    toy.arm("practise", "wait")
    process = toy.start("plan", "--grid", "three", "--probe")
    until(lambda: toy.computed("practise") == 1)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert left_behind(toy) == {"probes.json"}
    found = bases(toy.plan("three"), RunStore(toy.root))
    assert {kind for kind, basis in found.items() if basis == "unknown"} == {"practise", "exam"}


def test_one_probe_at_a_time(toy: Toy) -> None:
    store = RunStore(toy.root)
    assert Claim.acquire(store.probe_folder() / "claims") is not None
    with pytest.raises(BadInput, match=r"another process is probing in .*; wait for it, or stop it"):
        probe(toy.plan("one"), store, executor(), lambda text: None)


def test_a_budget_keeps_whole_seeds_and_the_report_compares(toy: Toy) -> None:
    small = ["--grid", "toy", "envs=[north]", "methods=[plain,taught]", "executor=inline", "--budget", "1h"]
    refused = toy.run(*small)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "add --probe" in refused.stderr
    toy.drive("toy", "envs=[north]", "methods=[plain,taught]", "seeds=1")
    kept = toy.run(*small, "seeds=2")
    assert kept.returncode == 0, kept.stderr
    assert "budget 1h: keeps 2 of 2 seeds (0, 1) with 4 of 4 cells" in kept.stderr
    assert "6 to compute, about " in kept.stdout
    store, plan = RunStore(toy.root), toy.plan("toy", "envs=[north]", "methods=[plain,taught]", "seeds=2")
    told = store.forecast("toy")
    assert told.keys() == {key for key, stage in plan.stages.items() if stage.params["seed"] == 1}
    assert {entry["basis"] for entry in told.values()} == {"exact"}
    report = (store.grid_folder("toy") / "report.md").read_text(encoding="utf-8")
    assert "of computing for 6 of 12 finished stages" in report
