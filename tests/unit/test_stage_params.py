"""What is among a stage's params, and what is in its key: not what an environment never reads, nor where inputs lie."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from benchmark.cost.history import Workload
from benchmark.errors import BadInput
from benchmark.spec import Plan, Stage
from benchmark.store import RunStore
from tests.toy import FILES, Toy
from tests.unit.test_store import RESULT

WITHOUT = "stages: {practise: {without: %s}}\n"
HERE = Stage("demonstrations", "t", {"@index": "/data/nld", "data_sha256": {"games.json": "0123"}, "seed": 0})
THERE = dataclasses.replace(HERE, params={**HERE.params, "@index": "/scratch/nld"})


def taken_away(toy: Toy, text: str) -> Toy:
    toy.write("env/north", FILES["env/north"] + WITHOUT % text)
    return toy


def test_an_environment_takes_away_what_its_code_does_not_read(toy: Toy) -> None:
    before = toy.plan()
    after = taken_away(toy, "[distill, learner.rule, learner.sizes]").plan()
    given = {env: after.stages[_cell(after, env)].params for env in ("north", "far-south")}
    assert given["north"]["learner"] == {"lr": 0.5, "updates": 10}
    assert "distill" not in given["north"]
    assert given["north"].keys() | {"distill"} == before.stages[_cell(before, "north")].params.keys()
    assert _cell(after, "far-south") == _cell(before, "far-south")
    sgd, adam = (toy.plan("toy", f"learner.rule={rule}") for rule in ("sgd", "adam"))
    assert _cell(sgd, "north") == _cell(adam, "north")
    assert _cell(sgd, "far-south") != _cell(adam, "far-south")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[learner.rul]", "stages.practise.without: unknown param 'learner.rul'; did you mean 'learner.rule'?"),
        ("[distill.rate]", "stages.practise.without: unknown param 'distill.rate'"),
        ("[learner.sizes.first]", "stages.practise.without: unknown param 'learner.sizes.first'"),
        ("distill", "stages.practise.without is 'distill', expected a list of its params"),
    ],
)
def test_what_is_not_there_cannot_be_taken_away(toy: Toy, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=re.escape(message)):
        taken_away(toy, text).plan()


def test_where_an_input_lies_is_in_no_key_and_what_is_in_it_is() -> None:
    assert HERE.key == THERE.key
    assert dataclasses.replace(HERE, params={**HERE.params, "data_sha256": {"games.json": "4567"}}).key != HERE.key
    assert Workload.of(HERE).id == Workload.of(THERE).id, "and takes as long"
    assert Stage.from_json(THERE.to_json()).params["@index"] == "/scratch/nld"


def test_a_stage_whose_input_was_moved_is_registered_with_the_new_place(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    for stage in (HERE, THERE):
        store.register(stage)
        assert store.stage(HERE.key).params == stage.params
    store.publish_result(HERE.key, RESULT)
    store.register(HERE)
    assert store.stage(HERE.key).params == THERE.params, "where it was when it was read"


def test_a_plan_keys_the_same_wherever_an_input_lies(toy: Toy) -> None:
    declared = 'stages: {play: {params: {"@atlas": %s}}}\ndata: {"@atlas": [data/north.json]}\n'
    plans = []
    for place in ("/data/atlas", "/scratch/atlas"):
        toy.write("env/north", FILES["env/north"] + declared % place)
        plans.append(toy.plan("three"))
    keys = [plan.cells[0].stages for plan in plans]
    assert keys[0] == keys[1]
    here, there = (plan.stages[keys[0]["play"]].params for plan in plans)
    assert (here["@atlas"], there["@atlas"]) == ("/data/atlas", "/scratch/atlas")
    assert "data/north.json" in here["data_sha256"]


def _cell(plan: Plan, env: str) -> str:
    """The key of an environment's practise, of the method that is taught."""
    return next(cell.stages["practise"] for cell in plan.cells if cell.name == f"{env}/taught/0")
