"""A stage is what its content says: equal content is one stage, and nothing else has its key."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest

from benchmark.recipes import packed, unpacked
from benchmark.spec import Cell, Outcome, Plan, Stage, blocked, canonical, cell_outcome, provenance_of

POLICY = Stage(
    kind="policy",
    target="agents.train.train",
    params={"env": {"id": "rtfm-s1", "options": {"max_steps": 80}}, "lr": 5e-4, "seed": 0, "initialise": True},
    parents={"pretrain": "0123456789abcdef"},
    version=1,
)


def test_the_key_of_a_stage_is_stable_over_releases() -> None:
    """Stored results are found by this key: if this fails, an upgrade has orphaned everybody's runs."""
    assert POLICY.key == "9498550c332b7899"


def test_canonical_text_is_sorted_and_has_no_spaces() -> None:
    assert canonical({"b": [1, 2.5, None], "a": {"ü": True}}) == '{"a":{"\\u00fc":true},"b":[1,2.5,null]}'


def test_the_order_of_parameters_does_not_matter() -> None:
    turned = dataclasses.replace(POLICY, params=dict(reversed(list(POLICY.params.items()))))
    assert turned.key == POLICY.key


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"target": "agents.train.other"},
        {"params": {**POLICY.params, "seed": 1}},
        {"params": {**POLICY.params, "lr": 1}},
        {"parents": {"pretrain": "fedcba9876543210"}},
        {"parents": {"teacher": "0123456789abcdef"}},
        {"version": 2},
    ],
)
def test_whatever_can_change_the_result_changes_the_key(change: dict[str, Any]) -> None:
    assert dataclasses.replace(POLICY, **change).key != POLICY.key


def test_whole_numbers_and_floats_are_distinct() -> None:
    assert canonical(1) != canonical(1.0)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"lr": math.nan}, "value.lr: nan"),
        ({"a": [0.0, math.inf]}, r"value.a\[1\]: inf"),
        ({"a": {1: 2}}, "value.a: key 1"),
        ({"a": (1, 2)}, "value.a: tuple"),
        ({"a": {1, 2}}, "value.a: set"),
    ],
)
def test_what_has_no_json_text_is_refused_by_its_place(value: Any, place: str) -> None:
    with pytest.raises(ValueError, match=place):
        canonical(value)


def test_a_stage_survives_its_json() -> None:
    assert Stage.from_json(json.loads(json.dumps(POLICY.to_json()))) == POLICY


def test_an_edited_specification_is_noticed() -> None:
    edited = {**POLICY.to_json(), "version": 2}
    with pytest.raises(ValueError, match="was edited"):
        Stage.from_json(edited)


def two_cells() -> tuple[Plan, Stage, Stage, Stage]:
    """Two seeds that share a teacher."""
    teacher = Stage("teacher", "t", {"seed": 0})
    first, second = (Stage("policy", "p", {"seed": seed}, {"teacher": teacher.key}) for seed in (0, 1))
    cells = tuple(
        Cell("rtfm-s1", "ldd", seed, {"teacher": teacher.key, "policy": stage.key})
        for seed, stage in ((0, first), (1, second))
    )
    stages = {stage.key: stage for stage in (teacher, first, second)}
    return Plan("g", "", cells, stages, result="policy", headline="win_rate"), teacher, first, second


def test_a_plan_survives_its_json() -> None:
    plan = two_cells()[0]
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))).to_json() == plan.to_json()


def test_a_plan_survives_its_packed_json_which_tells_once_what_seeds_have_in_common() -> None:
    plan = two_cells()[0]
    data = json.loads(json.dumps(packed(plan)))
    assert unpacked(data).to_json() == plan.to_json()
    assert [recipe["kind"] for recipe in data["recipes"]] == ["teacher", "policy"]
    assert packed(unpacked(data)) == data
    assert unpacked(plan.to_json()).to_json() == plan.to_json()
    data["recipes"][1]["version"] = 7
    with pytest.raises(ValueError, match="the plan was edited"):
        unpacked(data)


def test_a_plan_knows_who_shares_a_stage() -> None:
    plan, teacher, first, _ = two_cells()
    assert [cell.name for cell in plan.users[teacher.key]] == ["rtfm-s1/ldd/0", "rtfm-s1/ldd/1"]
    assert len(plan.users[first.key]) == 1
    assert set(plan.children[teacher.key]) == {stage for stage in plan.stages if stage != teacher.key}


def test_stages_below_a_failed_one_are_blocked_and_say_by_what() -> None:
    plan, teacher, first, second = two_cells()
    outcomes = {key: Outcome(key, "missing") for key in plan.stages}
    outcomes[teacher.key] = Outcome(teacher.key, "failed", reason="ValueError: no data")
    after = blocked(plan, outcomes)
    assert [after[stage.key].state for stage in (teacher, first, second)] == ["failed", "blocked", "blocked"]
    assert after[first.key].reason == "teacher rtfm-s1/ldd/2 seeds failed: ValueError: no data"


def test_a_cell_is_failed_by_its_own_stage_and_blocked_by_a_shared_one() -> None:
    plan, teacher, first, _ = two_cells()
    missing = {key: Outcome(key, "missing") for key in plan.stages}
    own = missing | {first.key: Outcome(first.key, "failed", reason="X")}
    assert [cell_outcome(plan, cell, own).state for cell in plan.cells] == ["failed", "missing"]
    shared = blocked(plan, missing | {teacher.key: Outcome(teacher.key, "failed", reason="X")})
    assert [cell_outcome(plan, cell, shared).state for cell in plan.cells] == ["blocked", "blocked"]


def test_a_finished_result_counts_whatever_became_of_its_parents() -> None:
    plan, _, first, _ = two_cells()
    outcomes = {key: Outcome(key, "missing") for key in plan.stages}
    outcomes[first.key] = Outcome(first.key, "done", metrics={"win_rate": 0.5})
    assert cell_outcome(plan, plan.cells[0], blocked(plan, outcomes)).metrics == {"win_rate": 0.5}


def test_a_plan_knows_what_a_result_rests_on() -> None:
    plan, teacher, first, _ = two_cells()
    probe = Stage("probe", "q", {"seed": 0}, {"teacher": teacher.key})
    cell = dataclasses.replace(plan.cells[0], stages={**plan.cells[0].stages, "probe": probe.key})
    wider = dataclasses.replace(plan, cells=(cell,), stages={**plan.stages, probe.key: probe})
    assert wider.required(cell) == {teacher.key, first.key}
    assert wider.required(Cell("rtfm-s1", "vae", 0, unavailable="later")) == frozenset()


@pytest.mark.parametrize(
    ("provenance", "here", "there", "everywhere"),
    [
        ("released", "released", "released", "released"),
        ({"default": "ours", "there": "reimplemented"}, "ours", "reimplemented", "ours / reimplemented"),
        ({"default": "ours", "elsewhere": "released"}, "ours", "ours", "ours"),
        (None, "unknown", "unknown", "unknown"),
    ],
)
def test_a_method_says_where_it_comes_from(provenance: Any, here: str, there: str, everywhere: str) -> None:
    about = {} if provenance is None else {"provenance": provenance}
    plan = Plan("g", "", (), {}, "r", "h", environments={"here": {}, "there": {}}, methods={"m": about})
    assert [provenance_of(plan, "m", name) for name in ("here", "there", None)] == [here, there, everywhere]
