"""Every stage can say which of its params is its amount of work; it is no part of what the stage is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import BadInput
from benchmark.spec import Budget
from tests.toy import CONFIG, PROJECT, Toy

DECLARED = "budget: {key: learner.updates, small: 2}"


def with_budget(toy: Toy, text: str) -> Toy:
    """The toy with another declaration for `practise`."""
    assert DECLARED in CONFIG
    toy.write("config", CONFIG.replace(DECLARED, text))
    return toy


def test_it_is_in_no_key(tmp_path: Path) -> None:
    toy = Toy.build(tmp_path)
    before = toy.plan()
    other = with_budget(toy, "budget: {key: learner.updates, small: 9}").plan()
    none = with_budget(toy, "budget: null").plan()
    assert before.to_json() == other.to_json() == none.to_json()
    key = before.cells[0].stages["practise"]
    assert before.stages[key].budget == Budget("learner.updates", 2)
    assert none.stages[key].budget is None


def test_every_stage_of_the_project_declares_it() -> None:
    from benchmark.configs import Configs
    from benchmark.grid import make_plan
    from benchmark.request import read_request
    from benchmark.validate import Schema

    configs = Configs(PROJECT / "configs")
    schema = Schema(configs.read("schema"), "configs/schema.yaml")
    words = ["seeds=1", "envs=[rtfm_s1,messenger_s2]", "methods=[ldd,inverse_rl,ldd_nonexpert]"]
    plan = make_plan(configs, schema, read_request(configs, schema, "paper", [*words, "method.demos=checkpoint"]))
    assert {stage.kind for stage in plan.stages.values()} >= {
        "policy",
        "demonstrations",
        "inverse",
        "pretrain",
        "probe",
    }
    for stage in plan.stages.values():
        assert stage.budget is not None, stage.kind
        assert stage.budget.amount(stage.params) >= stage.budget.small, stage.kind


def test_less_work_is_the_same_stage_with_one_other_number() -> None:
    budget = Budget("learner.frames", 10, times="until")
    params: dict[str, Any] = {"learner": {"frames": 1000, "lr": 0.1}, "until": 0.5, "seed": 3}
    assert budget.amount(params) == 500
    less = budget.set(params, 20)
    assert less == {"learner": {"frames": 40, "lr": 0.1}, "until": 0.5, "seed": 3}
    assert params["learner"]["frames"] == 1000, "the params themselves are not changed"
    assert budget.set(params, 0.1)["learner"]["frames"] == 1, "one unit at least"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budget: 7", r"stages\.practise\.budget is 7, expected \{key: one of its params, small: a whole number\}"),
        ("budget: {key: learner.updates}", r"stages\.practise\.budget is .*, expected \{key"),
        ("budget: {key: learner.updates, small: 2, big: 3}", r"stages\.practise\.budget is .*, expected \{key"),
        ("budget: {key: learner.updates, small: 0}", r"budget\.small is 0, expected a whole number, at least 1"),
        (
            "budget: {key: learner.update, small: 2}",
            r"unknown number among its params 'learner\.update'; did you mean ",
        ),
        ("budget: {key: learner.rule, small: 2}", r"unknown number among its params 'learner\.rule'"),
        ("budget: {key: learner.updates, small: 2, times: untl}", "unknown number among its params 'untl'"),
        ("budgt: {key: learner.updates, small: 2}", r"unknown key of stages\.practise 'budgt'; did you mean 'budget'"),
    ],
)
def test_a_wrong_declaration_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    toy = with_budget(Toy.build(tmp_path), text)
    with pytest.raises(BadInput, match=message) as caught:
        toy.plan()
    assert str(caught.value).startswith("configs/config.yaml: ")
    assert "\n" not in str(caught.value)
