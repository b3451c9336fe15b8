"""From configurations to a plan: what is shared, what is left out and why, and what is part of a key."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from benchmark.configs import Configs
from benchmark.errors import BadInput
from benchmark.grid import make_plan, select
from benchmark.request import read_request
from benchmark.spec import Plan
from benchmark.validate import Schema
from tests.toy import PROJECT, Toy


def kinds(plan: Plan) -> dict[str, int]:
    return dict(Counter(stage.kind for stage in plan.stages.values()))


def test_methods_share_demonstrations_and_equal_teachers(toy: Toy) -> None:
    """2 environments × 3 methods × 2 seeds; both taught methods need the same study of the same play."""
    plan = toy.plan("toy")
    assert len(plan.cells) == 12
    assert kinds(plan) == {"play": 4, "study": 4, "practise": 12, "exam": 12}
    study = next(key for key, stage in plan.stages.items() if stage.kind == "study")
    assert {cell.method for cell in plan.users[study]} == {"taught", "taught_less"}


def test_composed_keys_are_stable_over_releases(toy: Toy) -> None:
    """If this fails while nothing was meant to change, every stored result has been orphaned."""
    assert list(toy.plan("three").stages) == [
        "18043b17adba34eb",
        "b4fa5db0eb86667a",
        "9339d859d473df13",
        "da53c2414cb6a0ab",
    ]


def test_parents_stand_before_children(toy: Toy) -> None:
    plan = toy.plan("toy")
    seen: set[str] = set()
    for key, stage in plan.stages.items():
        assert set(stage.parents.values()) <= seen
        seen.add(key)


def test_one_teacher_can_serve_all_seeds(toy: Toy) -> None:
    plan = toy.plan("toy", "seeds=[3,5,8]", "teacher_seeds=1")
    assert kinds(plan) == {"play": 2, "study": 2, "practise": 18, "exam": 18}
    assert {stage.params["seed"] for stage in plan.stages.values() if stage.kind == "study"} == {3}


def test_teachers_can_be_shared_in_turn(toy: Toy) -> None:
    plan = toy.plan("three", "seeds=4", "teacher_seeds=2")
    study = [plan.stages[cell.stages["study"]].params["seed"] for cell in plan.cells]
    assert study == [0, 1, 0, 1]


def shared(plan: Plan) -> dict[str, set[tuple[int, ...]]]:
    """Stage -> which seeds of cells each of its runs serves."""
    found: dict[str, set[tuple[int, ...]]] = {}
    for key, users in plan.users.items():
        found.setdefault(plan.names(key)[0], set()).add(tuple(dict.fromkeys(cell.seed for cell in users)))
    return found


def test_every_seed_is_a_full_replicate_unless_teachers_are_shared(toy: Toy) -> None:
    """Two taught methods share play and study within a seed; `teacher_seeds` lets seeds share them, too."""
    words = ("seeds=5", "envs=[north]", "diagnostics=[inspect]")
    own, one, two = (toy.plan("toy", *words, *more) for more in ((), ("teacher_seeds=1",), ("teacher_seeds=2",)))
    replicate, everybody = {(seed,) for seed in range(5)}, {(0, 1, 2, 3, 4)}
    assert kinds(own) == {"play": 5, "study": 5, "inspect": 5, "practise": 15, "exam": 15}
    assert shared(own) == dict.fromkeys(kinds(own), replicate)
    assert kinds(one) == {"play": 1, "study": 1, "inspect": 1, "practise": 15, "exam": 15}
    assert kinds(two) == {"play": 2, "study": 2, "inspect": 2, "practise": 15, "exam": 15}
    teachers = ("play", "study", "inspect")
    assert {name: shared(one)[name] for name in teachers} == dict.fromkeys(teachers, everybody)
    assert {name: shared(two)[name] for name in teachers} == {name: {(0, 2, 4), (1, 3)} for name in teachers}
    assert shared(two)["practise"] == replicate


def test_a_stage_without_target_is_left_out_with_every_mention(toy: Toy) -> None:
    plan = toy.plan("one")
    assert list(plan.cells[0].stages) == ["practise", "exam"]
    assert plan.stages[plan.cells[0].stages["practise"]].parents == {}


def test_what_is_not_available_is_listed_with_its_reason(toy: Toy) -> None:
    plan = toy.plan("wide")
    reasons = {(cell.environment, cell.method): cell.unavailable for cell in plan.cells}
    assert reasons == {
        ("north", "plain"): None,
        ("north", "dreamt"): "dreaming is not built yet",
        ("west", "plain"): "nobody has been there yet",
        ("west", "dreamt"): "nobody has been there yet; dreaming is not built yet",
    }
    assert len(plan.cells) == 8


def test_a_method_can_be_unavailable_on_some_environments(toy: Toy) -> None:
    toy.write(
        "method/taught",
        "label: Taught\nprovenance: ours\npretrain: dynamics\ndistill: 1.0\nunavailable_on: {far-south: too hot}\n",
    )
    plan = toy.plan("toy", "methods=[taught]", "seeds=1")
    assert [cell.unavailable for cell in plan.cells] == [None, "too hot"]


def test_a_new_learning_rate_plans_no_new_teacher(toy: Toy) -> None:
    before, after = toy.plan("toy"), toy.plan("toy", "learner.lr=0.25")
    new = {stage.kind for key, stage in after.stages.items() if key not in before.stages}
    assert new == {"practise", "exam"}


def test_the_content_of_data_files_is_part_of_the_key(toy: Toy) -> None:
    before = toy.plan("one")
    (toy.folder / "data" / "north.json").write_text("[3, 2, 1]")
    assert not set(before.stages) & set(toy.plan("one").stages)


def test_the_executor_is_not_part_of_any_key(toy: Toy) -> None:
    assert toy.plan("toy").stages.keys() == toy.plan("toy", "executor=inline").stages.keys()
    assert toy.plan("toy").stages.keys() == toy.plan("toy", "executor.workers=7").stages.keys()


def test_a_whole_number_for_a_float_names_the_same_stage(toy: Toy) -> None:
    assert toy.plan("one", "learner.lr=1").stages.keys() == toy.plan("one", "learner.lr=1.0").stages.keys()


def test_presets_overrides_and_groups_are_applied_in_this_order(toy: Toy) -> None:
    def learner(*words: str) -> object:
        plan = toy.plan("small", *words)
        return plan.stages[plan.cells[0].stages["practise"]].params["learner"]

    assert learner() == {"lr": 0.5, "updates": 4, "rule": "sgd", "sizes": [2, 3]}
    assert learner("learner=quick") == {"lr": 0.9, "updates": 4, "rule": "adam", "sizes": [2]}
    assert learner("learner=quick", "learner.updates=7") == {"lr": 0.9, "updates": 7, "rule": "adam", "sizes": [2]}


def test_grid_files_may_hold_overrides(toy: Toy) -> None:
    toy.write("grid/warm", "envs: [north]\nmethods: [plain]\nseeds: [0]\noverrides: [learner.lr=0.125]\n")
    plan = toy.plan("warm")
    assert plan.stages[plan.cells[0].stages["practise"]].params["learner"]["lr"] == 0.125
    assert plan.settings["overrides"] == {"learner.lr": 0.125}
    assert toy.plan("warm", "learner.lr=0.0625").settings["overrides"] == {"learner.lr": 0.0625}


def test_a_plan_shows_what_is_composed_and_what_differs_from_the_defaults(toy: Toy) -> None:
    plan = toy.plan("small", "methods=[taught]", "method.distill=0.125", "env.size=6")
    assert plan.methods["taught"] == {
        "label": "Taught",
        "provenance": {"default": "ours", "north": "released"},
        "pretrain": "dynamics",
        "distill": 0.125,
    }
    assert plan.environments["north"]["size"] == 6
    changes = {"env.size": [4, 6], "learner.updates": [10, 4], "method.distill": [1.0, 0.125]}
    assert plan.settings["changes"] == {"north": changes}
    assert toy.plan("one").settings["changes"] == {}


def test_contradictions_are_refused_with_the_reason(toy: Toy) -> None:
    rule = "rules:\n  - {when: {method.pretrain: none}, require: {method.distill: 0}, say: nobody teaches}\n"
    toy.write("schema", (toy.configs / "schema.yaml").read_text() + rule)
    toy.plan("toy")
    with pytest.raises(BadInput, match=r"method.distill is 0.5, expected 0 where method.pretrain is none: nobody"):
        toy.plan("one", "method.distill=0.5")


def test_demonstrations_of_a_checkpoint_come_from_the_very_run_of_tabula_rasa() -> None:
    configs = Configs(PROJECT / "configs")
    schema = Schema(configs.read("schema"), "schema.yaml")
    words = ["methods=[tabula_rasa,ldd]", "method.demos=checkpoint"]
    plan = make_plan(configs, schema, read_request(configs, schema, "demo", words))
    policy = {(c.environment, c.seed): c.stages["policy"] for c in plan.cells if c.method == "tabula_rasa"}
    teachers = {(c.environment, c.seed): c.stages["demonstrator"] for c in plan.cells if c.method == "ldd"}
    assert teachers == policy
    assert len(set(policy.values())) == 6


@pytest.mark.parametrize("stage", [2, 3, 4])
def test_the_later_stages_of_rtfm_can_be_planned(stage: int) -> None:
    configs = Configs(PROJECT / "configs")
    schema = Schema(configs.read("schema"), "schema.yaml")
    words = [f"envs=[rtfm_s{stage}]", "preset=null"]
    plan = make_plan(configs, schema, read_request(configs, schema, "demo", words))
    names = {s.params["env"]["name"] for s in plan.stages.values() if s.kind in ("policy", "evaluate")}
    assert names == {f"rtfm-s{stage}-train", f"rtfm-s{stage}-test"}
    assert all("data_sha256" in s.params for s in plan.stages.values())
    assert plan.environments[f"rtfm-s{stage}"]["label"] == f"RTFM S{stage}"


def test_dashes_and_underscores_are_one(toy: Toy) -> None:
    assert toy.plan("toy", "envs=[far-south]").stages.keys() == toy.plan("toy", "envs=[far_south]").stages.keys()


@pytest.mark.parametrize(
    ("patterns", "count"),
    [([], 12), (["north"], 6), (["*/taught*/0"], 4), (["far_south/plain"], 2), (["north/plain/0", "north/plain/*"], 2)],
)
def test_cells_are_selected_by_pattern(toy: Toy, patterns: list[str], count: int) -> None:
    assert len(select(toy.plan("toy"), patterns)) == count


def test_a_selection_needs_only_its_own_stages(toy: Toy) -> None:
    plan = toy.plan("toy")
    assert kinds(plan.only(select(plan, ["north/taught/1"]))) == {"play": 1, "study": 1, "practise": 1, "exam": 1}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "preset/tiny/north",
            "# @package _global_\nlearner: {updats: 4}\n",
            "configs/preset/tiny/north.yaml: unknown key 'learner.updats'; did you mean 'learner.updates'?",
        ),
        (
            "preset/tiny/north",
            "# @package _global_\nlearner: {updates: many}\n",
            "configs/preset/tiny/north.yaml: learner.updates is 'many', expected a whole number, such as 10",
        ),
        (
            "method/plain",
            "label: Plain\npretrain: none\ndistil: 0.0\n",
            "configs/method/plain.yaml: unknown key 'distil'; did you mean 'distill'?",
        ),
        (
            "method/plain",
            "label: Plain\nprovenance: {north: ours}\npretrain: none\ndistill: 0.0\n",
            "configs/method/plain.yaml: provenance.default is missing, expected the word for all other environments",
        ),
        (
            "method/plain",
            "label: Plain\nprovenance: {default: ours, nort: released}\npretrain: none\ndistill: 0.0\n",
            "configs/method/plain.yaml: provenance: unknown environment 'nort'; did you mean 'north'?",
        ),
        (
            "method/plain",
            "label: Plain\nprovenance: {default: ours, north: 3}\npretrain: none\ndistill: 0.0\n",
            "configs/method/plain.yaml: provenance.north is 3, expected a word",
        ),
        (
            "method/plain",
            "label: Plain\npretrain: none\ndistill: 0.0\n",
            "configs/method/plain.yaml: key 'provenance' is missing; method/taught.yaml has it",
        ),
        (
            "grid/small",
            "envs: [north]\nmethods: [plain]\nseed: [0]\n",
            "configs/grid/small.yaml: unknown key 'seed'; did you mean 'seeds'?",
        ),
        (
            "grid/small",
            "envs: north\nmethods: [plain]\nseeds: [0]\n",
            "configs/grid/small.yaml: envs is 'north', expected a list",
        ),
        ("grid/small", "envs: [north]\nmethods: [plain]\n", "configs/grid/small.yaml: seeds is missing"),
        (
            "grid/small",
            "envs: [north\nmethods: [plain]\n",
            "configs/grid/small.yaml is not valid YAML: line 2, column 8: ",
        ),
        (
            "learner/slow",
            "lr: -0.5\nupdates: 10\nrule: sgd\nsizes: [2]\n",
            "env=north method=plain: learner.lr is -0.5, expected more than 0",
        ),
        (
            "learner/slow",
            "lr: abc\nupdates: 10\nrule: sgd\nsizes: [2]\n",
            "env=north method=plain: learner.lr is 'abc', expected a number",
        ),
        (
            "learner/quick",
            "lr: 0.9\nupdats: 5\nrule: adam\nsizes: [2]\n",
            "configs/learner/quick.yaml: unknown key 'updats'; did you mean 'updates'?",
        ),
        (
            "learner/quick",
            "lr: 0.9\nupdates: 5\nsizes: [2]\n",
            "configs/learner/quick.yaml: key 'rule' is missing; learner/slow.yaml has it",
        ),
        (
            "env/north",
            "# @package _global_\ndefaults: [/learner: slow]\nenv: {id: north, size: 4, data: [data/none.json]}\n",
            "env=north method=plain: env.data names data/none.json, which is not in ",
        ),
        (
            "env/north",
            "# @package _global_\ndefaults: [/learner: slo]\nenv: {id: north, size: 4}\n",
            "env=north method=plain: ",
        ),
    ],
)
def test_a_mistake_in_a_file_is_one_line_that_names_it(toy: Toy, file: str, text: str, message: str) -> None:
    toy.write(file, text)
    with pytest.raises(BadInput, match=re.escape(message)) as error:
        toy.plan("small")
    assert "\n" not in str(error.value)


def test_a_circle_of_stages_is_refused(toy: Toy) -> None:
    config = (toy.configs / "config.yaml").read_text().replace("parents: []", "parents: [exam]")
    toy.write("config", config)
    with pytest.raises(BadInput, match="in a circle: exam -> practise -> study -> play -> exam"):
        toy.plan("three")
