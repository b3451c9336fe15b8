"""Why a cell will be computed or will not: every reason, and where to look for it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from benchmark.cli.why import Explainer, Why
from benchmark.jobs import Work
from benchmark.lease import Claim
from benchmark.request import read_request
from benchmark.slurm.batches import Ledger
from benchmark.spec import Cell, Plan, Resources
from benchmark.store import UNBEGUN, RunStore
from tests.toy import Toy
from tests.unit.test_status import squeue


def explain(toy: Toy, *words: str, grid: str = "three") -> tuple[Explainer, Cell]:
    """An explainer of a grid, and the grid's first cell."""
    from benchmark.configs import Configs
    from benchmark.validate import Schema

    executor = read_request(Configs(toy.configs), Schema({}, ""), grid, []).executor
    plan = toy.plan(grid, *words)
    return Explainer(plan, RunStore(toy.root), executor), plan.cells[0]


def why(toy: Toy, *words: str, grid: str = "three") -> dict[str, Why]:
    explainer, cell = explain(toy, *words, grid=grid)
    return {one.stage: one for one in explainer.stages(cell)}


def computed(toy: Toy, *words: str, grid: str = "three") -> Plan:
    """Compute a grid and remember its plan, as `run` does."""
    toy.drive(grid, *words)
    plan = toy.plan(grid, *words)
    RunStore(toy.root).write_plan(plan)
    return plan


def test_what_is_done_says_when_and_by_which_commit(toy: Toy) -> None:
    computed(toy)
    found = why(toy)
    assert {one.reasons for one in found.values()} == {("done",)}
    assert re.search(r" in \d.* on cpu, commit ", found["exam"].words)
    explainer, cell = explain(toy)
    assert explainer.verdict(cell).startswith("is done, and will not be computed again: score 0.")


def test_nothing_of_its_kind_has_been_computed(toy: Toy) -> None:
    assert {one.reasons for one in why(toy).values()} == {("new",)}
    explainer, cell = explain(toy)
    assert explainer.verdict(cell) == "will be computed by the next run: 4 of the 4 stages it rests on have no result"


def test_a_new_seed_is_no_change(toy: Toy) -> None:
    computed(toy)
    found = why(toy, "seeds=[7]")
    assert {one.reasons for one in found.values()} == {("seed",)}
    assert found["exam"].words.startswith("no result for seed 7; seed 0 has one: stage ")


def test_a_changed_setting_is_named_with_both_values_and_its_children_point_to_it(toy: Toy) -> None:
    old = computed(toy)
    found = why(toy, "study.lr=0.3")
    assert found["play"].reasons == ("done",)
    study = found["study"]
    assert study.reasons == ("config",)
    assert study.difference is not None
    assert study.difference.stored == old.cells[0].stages["study"]
    assert list(study.difference.lines()) == ["lr: 0.1 → 0.3"]
    practise = found["practise"]
    assert practise.reasons == ("parent",)
    assert practise.difference is not None
    assert list(practise.difference.lines()) == ["parent study: lr: 0.1 → 0.3"]
    assert list(found["exam"].difference.lines()) == ["parent practise: parent study: lr: 0.1 → 0.3"]  # type: ignore[union-attr]


def test_the_text_says_a_common_cause_once(toy: Toy) -> None:
    old = computed(toy)
    explainer, cell = explain(toy, "study.lr=0.3")
    at = "UTC)"
    lines = [line.split(" (2")[0] + at if at in line else line for line in explainer.text(cell).splitlines()]
    keys = old.cells[0].stages
    assert lines[0] == "north/taught/0 will be computed by the next run: 3 of the 4 stages it rests on have no result"
    assert lines[2:] == [
        f"  study     no result: settings changed since stage {keys['study']}{at}",
        "              lr: 0.1 → 0.3",
        f"  practise  no result: a parent changed since stage {keys['practise']}{at}",
        "              parent study: changed, see above",
        f"  exam      no result: a parent changed since stage {keys['exam']}{at}",
        "              parent practise: changed, see above",
    ]


def test_a_parent_that_is_done_is_explained_in_turn(toy: Toy) -> None:
    computed(toy)
    toy.arm("practise", "raise", times=9)
    toy.drive("three", "study.lr=0.3")
    toy.disarm()
    explainer, cell = explain(toy, "study.lr=0.3", "learner.updates=5")
    lines = [line.strip() for line in explainer.text(cell).splitlines()]
    assert "learner.updates: 10 → 5" in lines
    assert "parent study: lr: 0.1 → 0.3" in lines


def test_a_new_code_version_is_the_reason(toy: Toy) -> None:
    computed(toy)
    config = (toy.configs / "config.yaml").read_text(encoding="utf-8")
    toy.write(
        "config", config.replace("target: tests.toy.exam\n    version: 1", "target: tests.toy.exam\n    version: 2")
    )
    exam = why(toy)["exam"]
    assert exam.reasons == ("code",)
    assert exam.words.startswith("no result: code changed since stage ")
    assert exam.difference is not None
    assert list(exam.difference.lines()) == ["code version: 1 → 2"]


def test_other_content_of_a_data_file_is_a_change(toy: Toy) -> None:
    computed(toy)
    (toy.folder / "data" / "north.json").write_text("[4]", encoding="utf-8")
    play = why(toy)["play"]
    assert play.difference is not None
    (line,) = play.difference.lines()
    assert line.startswith("data file data/north.json: content a")


def test_without_a_last_run_the_stage_that_differs_least_is_compared(toy: Toy) -> None:
    toy.drive("three", "learner.updates=3", "learner.lr=0.1")
    toy.drive("three", "learner.updates=3")
    practise = why(toy)["practise"]
    assert practise.difference is not None
    assert list(practise.difference.own_lines()) == ["learner.updates: 3 → 10"]


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (
            {"transient": False, "failures": 1},
            "failed",
            "does not go away by itself: correct the cause, then `retry`; "
            "or run with other settings, which make another stage",
        ),
        ({"transient": True, "failures": 1}, "repeated", "this can go away, so the next run tries again"),
        ({"transient": True, "failures": 2}, "failed", "this can go away: when it has, `retry`"),
    ],
)
def test_a_failure_says_with_what_where_and_what_to_do(
    toy: Toy, status: dict[str, Any], reason: str, words: str
) -> None:
    plan, store = toy.plan("three"), RunStore(toy.root)
    study = plan.cells[0].stages["study"]
    store.register(plan.stages[study])
    store.log_file(study).write_text("…", encoding="utf-8")
    store.write_status(study, {**UNBEGUN, "state": "failed", "reason": "OSError: full", "attempt": 2, **status})
    found = why(toy)
    assert found["study"].reasons == (reason,)
    assert found["study"].log == str(store.log_file(study))
    start = f"failed in 2 attempts with OSError: full (log: {store.log_file(study)}); "
    assert found["study"].words.startswith(start)
    assert found["study"].words.endswith(words)
    assert found["exam"].reasons == ("blocked",)
    assert "blocked: study north/taught/0 failed: OSError: full (log: " in found["exam"].words
    explainer, cell = explain(toy)
    again = reason == "repeated"
    assert ("will be computed" in explainer.verdict(cell)) == again
    assert ("`retry north/taught/0`" in explainer.verdict(cell)) != again


def test_running_stopped_and_queued_stages_say_where(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, store = toy.plan("three"), RunStore(toy.root)
    play, study, practise = (plan.cells[0].stages[name] for name in ("play", "study", "practise"))
    for key in (play, study):
        store.register(plan.stages[key])
        store.write_status(key, {**UNBEGUN, "done": 1, "total": 4, "attempt": 1})
    claim = Claim.acquire(store.claims(play))
    store.note_interruption(study, {"why": "timeout", "at": "", "checkpoint": 0, "job": "one", "in_a_row": 1})
    ledger = Ledger(store.launches() / "slurm")
    batch = ledger.new("three", [Work((practise,), Resources())], [(0,)])
    ledger.write(batch)
    squeue(toy.folder, monkeypatch, f"echo '7|PENDING|Priority|{batch.name}'")
    found = why(toy)
    assert claim is not None
    assert found["play"].words.startswith("is being computed by process ")
    assert found["play"].words.endswith(", 25% of it done")
    assert found["study"].words == (
        "stopped after 1 attempt; its last job ended by its time limit; the next run continues from its beginning"
    )
    assert found["practise"].words == f"in Slurm's queue, in job {batch.name}"
    explainer, cell = explain(toy)
    assert explainer.verdict(cell) == "is being computed: play; 4 of the 4 stages it rests on are not done"


def test_a_job_that_has_left_the_queue_is_not_said_to_wait_in_it(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, store = toy.plan("three"), RunStore(toy.root)
    ledger = Ledger(store.launches() / "slurm")
    batch = ledger.new("three", [Work((plan.cells[0].stages["play"],), Resources())], [(0,)])
    ledger.write(batch)
    squeue(toy.folder, monkeypatch, "exit 0")
    play = why(toy)["play"]
    assert play.reasons == ("gone",)
    assert play.words == (
        f"submitted in job {batch.name}, no longer in the queue; its driver or the next run sees to it"
    )
    explainer, cell = explain(toy)
    assert explainer.verdict(cell).startswith("will be computed by the next run: ")


def test_a_cell_that_is_not_available_says_why(toy: Toy) -> None:
    explainer, _ = explain(toy, grid="wide")
    west = next(cell for cell in explainer.plan.cells if cell.environment == "west")
    assert explainer.text(west) == "west/plain/0 cannot be computed: nobody has been there yet"
    assert explainer.to_json(west)["stages"] == {}
