"""Claims through the real command line, on the toy: registered, run, checked, made worse, accepted, edited."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

import run_all
from benchmark.store import RunStore
from reports.claims import evaluate
from reports.frame import load
from tests.toy import Toy

CLAIMS = """\
about: A toy.
metrics: {score: {low: 0, high: 1, margin: 0.05}}
environments: {north: score, far-south: score}
families: {main: 0.05, far: 0.05}
seeds: 5
claims:
  taught-helps: {text: Who is taught scores higher., source: The toy's own., family: main, exploratory: false,
                 direction: greater, method: taught, against: [plain], environments: [north]}
  taught-helps-far: {text: Also far away., source: The toy's own., family: far, exploratory: true,
                     direction: greater, method: taught, against: [plain], environments: [far-south]}
"""
HIGH, LOW = (0.80, 0.81, 0.82, 0.80, 0.81), (0.50, 0.51, 0.52, 0.50, 0.51)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Toy, subprocess.CompletedProcess[str]]:
    """A grid that names claims, computed once for this file."""
    toy = Toy.build(tmp_path_factory.mktemp("claims"))
    write_claims(toy)
    return toy, toy.run("--grid", "claimed", "executor=inline")


@pytest.fixture
def scored(finished: tuple[Toy, subprocess.CompletedProcess[str]]) -> Toy:
    """The same, as if who is taught had done well, and nothing had been checked yet."""
    toy, _ = finished
    score(toy, "taught", HIGH)
    score(toy, "plain", LOW)
    (RunStore(toy.root).grid_folder("claimed") / "claims.json").unlink(missing_ok=True)
    return toy


def write_claims(toy: Toy, text: str = CLAIMS) -> None:
    toy.write("claims/ours", text)
    toy.write("grid/claimed", "envs: [north]\nmethods: [plain, taught]\nseeds: 5\nclaims: ours\n")


def here(toy: Toy, *words: str) -> int:
    """Run the command line in this process."""
    return run_all.main([*words, "--grid", "claimed", "--configs", str(toy.configs), "--root", str(toy.root)])


def score(toy: Toy, method: str, scores: Sequence[float]) -> None:
    """As if the runs of a method had ended with these scores."""
    for cell in RunStore(toy.root).plan("claimed").cells:
        if cell.method == method:
            path = toy.root / cell.stages["exam"] / "result.json"
            result = json.loads(path.read_text())
            result["metrics"]["score"] = scores[cell.seed]
            path.write_text(json.dumps(result))


def record(toy: Toy) -> dict[str, Any]:
    return RunStore(toy.root).claim_record("claimed")


def status(toy: Toy) -> str:
    """What is recorded of the claim."""
    return str(record(toy)["taught-helps"]["status"])


def test_before_a_run_the_plan_has_the_digest_and_the_power(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    write_claims(toy)
    assert here(toy, "plan") == 0
    shown = capsys.readouterr().out
    digest = toy.plan("claimed").settings["claims"]["sha256"]
    assert f"claims ours: configs/claims/ours.yaml, SHA-256 {digest[:12]}" in shown
    (row,) = (line.split() for line in shown.splitlines() if line.startswith("  taught-helps  "))
    assert row == ["taught-helps", "1", "1", "5", "2.08", "(0.05)", "2.08", "≥", "0.0079", "≤", "0.024", "score"]
    assert "taught-helps-far: stays INCOMPLETE here: the grid has no runs for it on far-south" in shown
    assert here(toy, "plan", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["settings"]["claims"]["sha256"] == digest
    assert [one["claim"] for one in plan["claims"]] == ["taught-helps", "taught-helps-far"]
    assert not toy.root.exists(), "a plan writes nothing"
    assert here(toy, "check") == 2
    assert "grid 'claimed' has not been run" in capsys.readouterr().err


def test_the_run_registers_the_claims_before_its_first_result(
    finished: tuple[Toy, subprocess.CompletedProcess[str]],
) -> None:
    toy, done = finished
    assert done.returncode == 0, done.stdout + done.stderr
    assert "claims that this grid cannot support: taught-helps-far; `plan` says why" in done.stdout
    (entry,) = RunStore(toy.root).registrations("claimed")
    assert (entry["results"], entry["sha256"]) == (0, toy.plan("claimed").settings["claims"]["sha256"])
    report = evaluate(load(toy.root, "claimed"))
    assert report is not None
    assert report.preregistered


def test_the_first_check_records(scored: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert here(scored, "check") == 0
    shown = capsys.readouterr().out.splitlines()
    assert "SUPPORTED     taught-helps: Who is taught scores higher." in shown
    assert "INCOMPLETE    taught-helps-far (exploratory): Also far away." in shown
    assert any("1 of 1 comparison holds, the gate's p is 0.0040" in line for line in shown), "1 of 252 arrangements"
    (entry,) = RunStore(scored.root).registrations("claimed")
    assert shown[1].startswith(f"The claims were registered {entry['at'][:10]}")
    before = record(scored)
    assert {name: entry["status"] for name, entry in before.items()} == {
        "taught-helps": "SUPPORTED",
        "taught-helps-far": "INCOMPLETE",
    }
    assert here(scored, "check") == 0
    assert record(scored) == before, "nothing has changed"


def test_a_regress_is_an_exit_code_until_somebody_accepts_it(scored: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert here(scored, "check") == 0
    before = record(scored)
    score(scored, "taught", LOW)
    capsys.readouterr()
    assert here(scored, "check") == 3
    shown = capsys.readouterr().out
    assert "REFUTED       taught-helps: " in shown
    assert f"regressed: taught-helps was SUPPORTED ({before['taught-helps']['at'][:10]}), is REFUTED" in shown
    assert record(scored) == before
    assert here(scored, "check", "--json") == 3
    plain = json.loads(capsys.readouterr().out)
    assert (plain["regressed"], plain["claims"][0]["status"]) == (["taught-helps"], "REFUTED")
    assert here(scored, "check", "--record") == 0
    assert status(scored) == "REFUTED"
    assert here(scored, "check") == 0
    score(scored, "taught", HIGH)
    assert here(scored, "check") == 0
    assert status(scored) == "SUPPORTED", "what is more raises the record"


def test_a_run_that_is_gone_can_take_a_status_away(scored: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert here(scored, "check") == 0
    cell = next(cell for cell in scored.plan("claimed").cells if cell.method == "taught")
    path = scored.root / cell.stages["exam"] / "result.json"
    kept = path.read_text()
    path.unlink()
    assert here(scored, "check") == 3
    path.write_text(kept)
    shown = capsys.readouterr().out
    assert "INCONCLUSIVE  taught-helps: " in shown
    assert "but not whatever the missing runs of the family had shown" in shown


def test_an_edit_after_the_scores_shows(scored: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    store, words = RunStore(scored.root), ("name=edited",)
    store.write_plan(scored.plan("claimed", *words))
    assert here(scored, "check", *words) == 0
    write_claims(scored, CLAIMS.replace("margin: 0.05", "margin: 0.5"))
    capsys.readouterr()
    assert here(scored, "check", *words) == 0, "the claims are those that were registered"
    error = capsys.readouterr().err
    assert "these are the claims as edited was planned with; configs/claims/ says otherwise" in error
    assert "`report` with the same arguments takes it over" in error, "name=edited is one of them"
    store.write_plan(scored.plan("claimed", *words))  # as `report` and `run` do
    write_claims(scored)
    report = evaluate(load(scored.root, "edited"))
    assert report is not None
    assert not report.preregistered
    (edit,) = report.edits
    assert (edit.results, edit.changes) == (10, ("`metrics.score.margin`: 0.05 → 0.5",))
    assert here(scored, "check", *words) == 3, "an advantage of .3 is none of .5"
    assert "after 10 results: `metrics.score.margin`: 0.05 → 0.5" in capsys.readouterr().out


def test_a_claim_that_is_dropped_is_a_regress(scored: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert here(scored, "check") == 0
    RunStore(scored.root).write_claim_record("claimed", {**record(scored), "old": record(scored)["taught-helps"]})
    assert here(scored, "check") == 3
    assert "regressed: old was SUPPORTED" in capsys.readouterr().out


def test_a_grid_without_claims_says_how_to_get_some(scored: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    RunStore(scored.root).write_plan(scored.plan("claimed", "claims=null", "name=bare"))
    assert here(scored, "check", "name=bare") == 2
    error = capsys.readouterr().err
    assert (
        error == "run_all: grid 'bare' was planned without claims; `report` with the same arguments takes them over\n"
    )
    assert here(scored, "check", "name=bare", "claims=null") == 2
    assert "grid 'bare' was planned without claims; name a file of configs/claims/" in capsys.readouterr().err


def test_a_damaged_record_is_one_line(scored: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    path = RunStore(scored.root).grid_folder("claimed") / "claims.json"
    path.write_text("[]")
    assert here(scored, "check") == 2
    assert f"{path} is damaged" in capsys.readouterr().err
