"""Environments of one grid whose learners differ: what may be set where, and what is said of the rest."""

from __future__ import annotations

import re

import pytest

from benchmark.cli.show_plan import plan_text
from benchmark.errors import BadInput
from benchmark.spec import Plan
from benchmark.store import RunStore
from tests.toy import FILES, Toy

SLOW = "name: slow\nlr: 0.5\nupdates: 10\nrule: sgd\nsizes: [2, 3]\nbatches: 1\nmoments: {alpha: 0.5}\n"
CLIPPED = "name: clipped\nlr: 0.5\nupdates: 10\nrule: sgd\nsizes: [2, 3]\nclip: 0.2\n"


@pytest.fixture
def two(toy: Toy) -> Toy:
    """The toy, in which north has one learner, in two sizes, and far_south another."""
    toy.write("learner/slow", SLOW)
    toy.write("learner/quick", SLOW.replace("lr: 0.5", "lr: 0.9"))
    toy.write("learner/clipped", CLIPPED)
    toy.write("env/far_south", FILES["env/far_south"].replace("slow", "clipped"))
    return toy


def learners(plan: Plan) -> dict[str, dict[str, object]]:
    """Environment -> the settings of its learner."""
    return {c.environment: dict(plan.stages[c.stages["practise"]].params["learner"]) for c in plan.cells}


def test_files_of_a_group_have_the_keys_of_their_name(two: Toy) -> None:
    assert {name: set(found) for name, found in learners(two.plan("toy")).items()} == {
        "north": {"name", "lr", "updates", "rule", "sizes", "batches", "moments"},
        "far-south": {"name", "lr", "updates", "rule", "sizes", "clip"},
    }
    two.write("learner/quick", SLOW.replace("batches", "batchs"))
    with pytest.raises(BadInput, match=r"configs/learner/quick\.yaml: unknown key 'batchs'; did you mean 'batches'\?"):
        two.plan("toy")
    two.write("learner/quick", SLOW.replace("batches: 1\n", ""))
    with pytest.raises(BadInput, match=r"quick\.yaml: key 'batches' is missing; learner/slow\.yaml has it"):
        two.plan("toy")


def test_an_override_changes_the_environments_that_have_its_key_and_the_plan_says_which(two: Toy) -> None:
    plan, before = two.plan("toy", "learner.moments.alpha=0.75", "learner.lr=0.25"), two.plan("toy")
    found = learners(plan)
    assert found["north"]["moments"] == {"alpha": 0.75}
    assert found["far-south"] == {**learners(before)["far-south"], "lr": 0.25}
    assert plan.settings["only_in"] == {"learner.moments.alpha": ["north"]}
    assert plan.settings["changes"] == {
        "north": {"learner.lr": [0.5, 0.25], "learner.moments.alpha": [0.5, 0.75]},
        "far-south": {"learner.lr": [0.5, 0.25]},
    }
    lines = plan_text(plan, RunStore(two.root)).splitlines()
    assert "override learner.moments.alpha=0.75, only in north" in lines
    assert "override learner.lr=0.25" in lines


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["learner.clipp=1"], "the command line: unknown key 'learner.clipp'; did you mean 'learner.clip'?"),
        (["learner.moments.alfa=1"], "the command line: unknown key 'learner.moments.alfa'; did you mean 'learner.mo"),
        (["envs=[north]", "learner.clip=0.1"], "the command line: unknown key 'learner.clip'"),
        (["learner.moments=1"], "the command line: learner.moments is a section, expected one of its keys: learner.mo"),
        (["learner.clip=wide"], "the command line: learner.clip is 'wide', expected a number, such as 0.2"),
        (["learner=slow", "learner.clip=0.1"], "the command line: unknown key 'learner.clip'"),
        (["nothing=1"], "the command line: unknown key 'nothing'"),
    ],
)
def test_an_override_of_nothing_is_refused(two: Toy, words: list[str], message: str) -> None:
    with pytest.raises(BadInput, match="^" + re.escape(message)):
        two.plan("toy", *words)


def test_a_choice_holds_for_all_environments(two: Toy) -> None:
    assert {learner["name"] for learner in learners(two.plan("toy", "learner=clipped")).values()} == {"clipped"}


def test_a_preset_of_another_learner_s_keys_is_refused(two: Toy) -> None:
    two.write("preset/tiny/north", "# @package _global_\nlearner: {batches: 2}\n")
    with pytest.raises(
        BadInput, match=r"^configs/preset/tiny/north\.yaml, with learner=clipped: unknown key 'learner\.batches'"
    ):
        two.plan("small", "learner=clipped")


def test_a_searched_key_makes_no_variant_where_it_is_not_there(two: Toy) -> None:
    words = ("methods=[taught]", "seeds=1", "search={taught:{learner.clip:[0.1,0.3]}}")
    plan = two.plan("toy", *words)
    name = "taught@clip=0.1"
    assert {c.environment: c.unavailable for c in plan.cells if c.method == name} == {
        "north": f"learner.clip, which {name} sets, is no setting of north",
        "far-south": None,
    }
    with pytest.raises(BadInput, match=r"the command line: search\.taught: unknown key 'learner\.clip'"):
        two.plan("toy", *words, "envs=[north]")


def test_a_tuned_value_must_be_a_setting_of_its_own_environment(two: Toy) -> None:
    two.write("tuned/odd", "values: {north: {taught: {learner.clip: 0.1}}}\n")
    with pytest.raises(BadInput, match=r"^configs/tuned/odd\.yaml: values\.north\.taught: unknown key 'learner\.clip'"):
        two.plan("toy", "tuned=odd")


def test_rules_say_nothing_of_what_is_not_there_but_must_be_about_some_key(two: Toy) -> None:
    rule = "rules:\n  - {require: {learner.updates: {multiple_of: learner.batches}}, say: whole ones}\n"
    two.write("schema", FILES["schema"] + rule)
    assert two.plan("toy").cells
    with pytest.raises(BadInput, match=r"learner\.updates is 10, expected a multiple of learner\.batches \(3\): whole"):
        two.plan("toy", "learner.batches=3")
    for misspelt in (rule.replace("batches", "batchs"), "learner.batchs: {min: 1}\n"):
        two.write("schema", FILES["schema"] + misspelt)
        with pytest.raises(
            BadInput,
            match=r"^configs/schema\.yaml: a rule is about an unknown key 'learner\.batchs'; did you mean",
        ):
            two.plan("toy")


def test_environments_of_one_plan_have_ids_of_their_own(two: Toy) -> None:
    two.write("env/far_south", FILES["env/far_south"].replace("id: far-south", "id: north"))
    with pytest.raises(BadInput, match=r"env/far_south\.yaml: env\.id is north, as in configs/env/north\.yaml; cells"):
        two.plan("toy")
