"""Stages that a result does not rest on, and equal work under several names."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from benchmark.cli.show import failure_lines, result_table, results_asked_for
from benchmark.cli.status import look
from benchmark.errors import BadInput
from benchmark.spec import Outcome, cell_outcome
from benchmark.store import RunStore
from tests.toy import Toy


def test_a_diagnostic_comes_after_the_result_and_only_where_it_has_a_target(toy: Toy) -> None:
    plan = toy.plan("inspected")
    stages = {cell.method: list(cell.stages) for cell in plan.cells}
    assert stages["plain"] == ["practise", "exam"]
    assert stages["taught"] == stages["taught_less"] == ["play", "study", "practise", "exam", "inspect"]
    assert len({cell.stages["inspect"] for cell in plan.cells[1:]}) == 1, "one for the study that both share"
    assert Counter(stage.kind for stage in plan.stages.values())["inspect"] == 1


def test_a_diagnostic_changes_no_other_key(toy: Toy) -> None:
    with_it, without = toy.plan("inspected"), toy.plan("inspected", "diagnostics=[]")
    assert set(without.stages) < set(with_it.stages)
    assert {with_it.stages[key].kind for key in set(with_it.stages) - set(without.stages)} == {"inspect"}


@pytest.mark.parametrize("line", ["", "diagnostics: null\n"])
def test_a_pipeline_need_not_have_diagnostics(toy: Toy, line: str) -> None:
    config = (toy.configs / "config.yaml").read_text().replace("diagnostics: []\n", line)
    toy.write("config", config)
    assert list(toy.plan("three").cells[0].stages) == ["play", "study", "practise", "exam"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("diagnostics: [inspct]", "configs/config.yaml: diagnostics: unknown stage 'inspct'; did you mean 'inspect'?"),
        ("diagnostics: inspect", "configs/config.yaml: diagnostics is 'inspect', expected a list of stages"),
    ],
)
def test_diagnostics_that_do_not_exist_are_one_line(toy: Toy, line: str, message: str) -> None:
    toy.write("config", (toy.configs / "config.yaml").read_text().replace("diagnostics: []", line))
    with pytest.raises(BadInput, match=re.escape(message)):
        toy.plan("three")


def test_the_parents_of_a_diagnostic_alone_are_planned_before_it(toy: Toy) -> None:
    """A plain cell needs neither play nor study for its result."""
    config = (toy.configs / "config.yaml").read_text()
    config = config.replace("{none: null, dynamics: tests.toy.", "{none: tests.toy.look, dynamics: tests.toy.")
    earlier, practise = config.split("  practise:")
    toy.write("config", earlier + "  practise:" + practise.replace("[study]", "[]"))
    plan = toy.plan("inspected", "methods=[plain]")
    assert list(plan.cells[0].stages) == ["practise", "exam", "play", "study", "inspect"]
    required = {plan.cells[0].stages[name] for name in ("practise", "exam")}
    assert plan.required(plan.cells[0]) == required


@pytest.mark.parametrize("state", ["failed", "blocked", "running", "stopped"])
def test_what_becomes_of_a_diagnostic_does_not_become_of_the_cell(toy: Toy, state: str) -> None:
    plan = toy.plan("inspected", "methods=[taught]")
    (cell,) = plan.cells
    outcomes = {key: Outcome(key, "done", metrics={"score": 0.5}) for key in plan.stages}
    outcomes[cell.stages["inspect"]] = Outcome(cell.stages["inspect"], state, reason="X")  # type: ignore[arg-type]
    assert cell_outcome(plan, cell, outcomes).state == "done"
    outcomes[cell.stages["exam"]] = Outcome(cell.stages["exam"], "missing")
    assert cell_outcome(plan, cell, outcomes).state == "missing", "nobody has stopped what has not begun"
    only_it = {key: Outcome(key, "missing") for key in plan.stages}
    only_it[cell.stages["inspect"]] = outcomes[cell.stages["inspect"]]
    assert cell_outcome(plan, cell, only_it).state == "missing"


def test_a_failed_diagnostic_is_told_once_and_takes_no_number_away(toy: Toy) -> None:
    toy.arm("inspect", "raise", times=9)
    outcomes, said = toy.drive("inspected", "executor=inline")
    assert Counter(outcome.state for outcome in outcomes.values()) == {"done": 8, "failed": 1}
    assert said.count("failed") == 1
    plan, store = toy.plan("inspected"), RunStore(toy.root)
    cells = {cell.name: cell_outcome(plan, cell, outcomes) for cell in plan.cells}
    assert {outcome.state for outcome in cells.values()} == {"done"}
    assert [line.count("(1/1)") for line in result_table(plan, cells).splitlines()[2:]] == [1, 1, 1]
    log = toy.root / plan.cells[1].stages["inspect"] / "log.txt"
    assert failure_lines(plan, cells, outcomes, store) == [
        f"inspect north/2 methods/0 failed; no result needs it: RuntimeError: the toy was told to fail (log: {log})"
    ]
    shown = look(plan, store, toy.request().executor).to_json()["north/taught/0"]
    assert (shown["state"], shown["stages"]["inspect"]["state"]) == ("done", "failed")


def test_a_failed_parent_is_told_once_with_the_cells_that_it_blocks(toy: Toy) -> None:
    toy.arm("study", "raise", times=9)
    outcomes, _ = toy.drive("inspected", "executor=inline")
    plan = toy.plan("inspected")
    cells = {cell.name: cell_outcome(plan, cell, outcomes) for cell in plan.cells}
    lines = failure_lines(plan, cells, outcomes, RunStore(toy.root))
    log = toy.root / plan.cells[1].stages["study"] / "log.txt"
    why = f"RuntimeError: the toy was told to fail (log: {log})"
    assert lines == [f"study north/2 methods/0 failed; it blocks 2 cells, such as north/taught/0: {why}"]
    one = plan.only(plan.cells[1:2])
    alone = failure_lines(one, {cell.name: cells[cell.name] for cell in one.cells}, outcomes, RunStore(toy.root))
    assert alone == [f"study north/taught/0 failed; it blocks north/taught/0: {why}"]
    assert outcomes[plan.cells[1].stages["inspect"]].state == "blocked"


def test_a_run_of_some_cells_ends_with_the_methods_and_environments_that_were_asked_for(toy: Toy) -> None:
    plan = toy.plan("toy")
    cells = {cell.name: Outcome("", "done", metrics={"score": 0.5}) for cell in plan.cells}
    cells["north/taught/1"] = Outcome("", "missing")
    (one,) = (cell for cell in plan.cells if cell.name == "north/taught/0")
    title = "score, mean over seeds (seeds done / planned)"
    assert [line.split() for line in results_asked_for(plan, plan.only((one,)), cells).splitlines()] == [
        title.split(),
        ["north"],
        ["taught", "released", "/", "ours", "0.500", "(1/2)"],
        ["not", "asked", "for:", "10", "cells", "of", "other", "methods", "and", "environments;", "see", "`status`"],
    ]
    assert results_asked_for(plan, plan, cells) == result_table(plan, cells)


def rehearsed(toy: Toy, target: str) -> str:
    """The toy's configuration with a stage `rehearse` that is the same work as `play`."""
    config = (toy.configs / "config.yaml").read_text()
    play = config[config.index("  play:") : config.index("  study:")]
    rehearse = play.replace("  play:\n", "  rehearse:\n    kind: play\n").replace("tests.toy.play", target)
    return config.replace("  study:", f"{rehearse}  study:")


def test_equal_work_under_two_names_of_one_cell_is_done_once(toy: Toy) -> None:
    toy.write("config", rehearsed(toy, "tests.toy.play").replace("[play]", "[play, rehearse]"))
    plan, store = toy.plan("three"), RunStore(toy.root)
    (cell,) = plan.cells
    assert list(cell.stages) == ["play", "rehearse", "study", "practise", "exam"]
    assert cell.stages["play"] == cell.stages["rehearse"]
    assert len(plan.stages) == 4
    assert plan.names(cell.stages["play"]) == ("play", "rehearse")
    assert plan.label(cell.stages["play"]) == "play+rehearse north/taught/0"
    assert dict(plan.stages[cell.stages["study"]].parents) == dict.fromkeys(("play", "rehearse"), cell.stages["play"])
    outcomes, _ = toy.drive("three", "executor=inline")
    assert {outcome.state for outcome in outcomes.values()} == {"done"}
    assert toy.computed("play") == 1
    assert set(look(plan, store, toy.request().executor).to_json()["north/taught/0"]["stages"]) == set(cell.stages)


def test_equal_work_under_different_names_of_two_cells_is_shared(toy: Toy) -> None:
    """A plain cell's diagnostic of the kind play is the very play of the taught ones."""
    config = rehearsed(toy, "${rehearse_targets.${method.pretrain}}") + "rehearse_targets: "
    config = config.replace("diagnostics: []", "diagnostics: [rehearse]")
    toy.write("config", config + "{none: tests.toy.play, dynamics: null}\n")
    plan = toy.plan("toy", "seeds=1", "envs=[north]")
    plain, taught, _ = plan.cells
    assert plain.stages["rehearse"] == taught.stages["play"]
    assert plan.names(taught.stages["play"]) == ("rehearse", "play")
    assert plan.label(taught.stages["play"]) == "rehearse+play north/3 methods/0"
    toy.arm("play", "raise", times=9)
    outcomes, _ = toy.drive("toy", "seeds=1", "envs=[north]", "executor=inline")
    cells = {cell.method: cell_outcome(plan, cell, outcomes) for cell in plan.cells}
    assert (cells["plain"].state, cells["taught"].state) == ("done", "blocked")
    assert cells["taught"].reason == "play: RuntimeError: the toy was told to fail", "by its name in this cell"
