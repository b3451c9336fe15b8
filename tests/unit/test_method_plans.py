"""The real grids, planned: what a method changes in a run and what all methods share; which games a search may see."""

from __future__ import annotations

from typing import Any

import pytest

from benchmark.configs import Configs
from benchmark.errors import BadInput
from benchmark.grid import make_plan
from benchmark.request import read_request
from benchmark.spec import Plan
from benchmark.validate import Schema
from tests.toy import PROJECT

METHODS_SWITCHES = {"initialise", "distill", "shaping"}
"""All that a method may say to its policy's run, beside whose teacher it is given."""


def plan(grid: str, *words: str) -> Plan:
    configs = Configs(PROJECT / "configs")
    schema = Schema(configs.read("schema"), "configs/schema.yaml")
    return make_plan(configs, schema, read_request(configs, schema, grid, words))


@pytest.fixture(scope="module")
def mini() -> Plan:
    return plan("mini")


def of(plan: Plan, stage: str) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """(environment, seed) -> the parameters of a stage, method by method."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for cell in plan.cells:
        if stage in cell.stages:
            found.setdefault((cell.environment, cell.seed), []).append(dict(plan.stages[cell.stages[stage]].params))
    return found


def test_policies_differ_between_methods_in_the_switches_alone(mini: Plan) -> None:
    """Same games, network, learner and seed: so the random streams are the same, and cells can be paired."""
    for params in of(mini, "policy").values():
        assert len(params) == 10
        common = [{name: value for name, value in one.items() if name not in METHODS_SWITCHES} for one in params]
        assert all(one == common[0] for one in common)


def test_all_methods_of_a_seed_play_the_same_evaluation_games(mini: Plan) -> None:
    for params in of(mini, "evaluate").values():
        assert all(one == params[0] for one in params)


def test_every_kind_of_pretraining_has_the_same_budget(mini: Plan) -> None:
    for params in of(mini, "pretrain").values():
        assert len(params) == 9
        assert all(one["training"] == params[0]["training"] for one in params)


def test_every_method_goes_on_from_the_easier_stages_tabula_rasa_policy() -> None:
    """The very stage of that environment's own cell, for policies and for pretraining."""
    both = plan("messenger", "envs=[messenger_s1_emma,messenger_s2]", "seeds=[0,1]")
    easier = {
        cell.seed: cell.stages["policy"]
        for cell in both.cells
        if (cell.environment, cell.method) == ("messenger-s1-emma", "tabula_rasa")
    }
    for cell in both.cells:
        if cell.environment == "messenger-s2":
            assert cell.stages["curriculum"] == easier[cell.seed]
            for stage in {"policy", "pretrain"} & set(cell.stages):
                assert both.stages[cell.stages[stage]].parents["curriculum"] == easier[cell.seed]


def test_policies_of_moving_messenger_differ_between_methods_in_the_switches_alone() -> None:
    for params in of(plan("messenger"), "policy").values():
        assert len(params) == 9
        common = [{name: value for name, value in one.items() if name not in METHODS_SWITCHES} for one in params]
        assert all(one == common[0] for one in common)


def test_the_papers_grid_has_messenger_at_its_own_sizes() -> None:
    policy = next(iter(of(plan("paper", "envs=[messenger_s2]", "methods=[ldd]"), "policy").values()))[0]
    assert (policy["network"]["name"], policy["network"]["width"], policy["network"]["filters"]) == ("emma", 256, 64)
    learner = {key: policy["learner"][key] for key in ("num_envs", "unroll", "epochs", "clip", "lr", "entropy_cost")}
    assert learner == {"num_envs": 1, "unroll": 64, "epochs": 4, "clip": 0.1, "lr": 5e-5, "entropy_cost": 0.01}
    assert policy["learner"]["discount"] == 0.8 and policy["learner"]["distill_cost"] * policy["distill"] == 0.01
    assert (policy["env"]["options"]["board"], policy["env"]["options"]["max_steps"]) == (10, 64)
    pretrain = of(plan("paper", "envs=[messenger_s2]", "methods=[ldd]"), "pretrain")["messenger-s2", 0][0]
    assert {key: pretrain["training"][key] for key in ("lr", "batch", "grad_norm")} == {
        "lr": 1e-5, "batch": 32, "grad_norm": 10.0,
    }  # fmt: skip


@pytest.mark.parametrize(("teacher_seeds", "teachers"), [(None, 5), (1, 1)])
def test_a_seed_is_a_full_replicate_unless_teachers_are_shared(teacher_seeds: int | None, teachers: int) -> None:
    words = () if teacher_seeds is None else (f"teacher_seeds={teacher_seeds}",)
    keys = {cell.stages["pretrain"] for cell in plan("mini", "methods=[ldd]", "envs=[rtfm_s1]", *words).cells}
    assert len(keys) == teachers


def test_a_search_learns_from_fit_and_is_scored_on_dev() -> None:
    searched = plan("tune")
    names = {stage.params["env"]["name"] for stage in searched.stages.values()}
    assert names == {"messenger-s1-fit", "messenger-s1-dev", "rtfm-s1-fit", "rtfm-s1-dev"}
    for cell in searched.cells:
        assert searched.stages[cell.stages["evaluate"]].params["env"]["name"].endswith("-dev")
        assert searched.stages[cell.stages["policy"]].params["env"]["name"].endswith("-fit")


def test_every_searched_method_has_as_many_candidates() -> None:
    counts: dict[str, int] = {}
    for about in plan("tune").settings["search"].values():
        counts[about["method"]] = counts.get(about["method"], 0) + 1
    assert set(counts.values()) == {3}


def test_seeds_that_chose_a_value_do_not_test_it() -> None:
    with pytest.raises(BadInput, match=r"seed 100 has chosen the values of configs/tuned/demo\.yaml; take other seeds"):
        plan("mini", "seeds=[0,100]")


def test_values_are_used_at_the_size_at_which_they_were_chosen() -> None:
    with pytest.raises(BadInput, match=r"tuned=demo was chosen at preset demo, and preset is smoke"):
        plan("mini", "preset=smoke")
