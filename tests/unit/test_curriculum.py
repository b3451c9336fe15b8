"""A stage can be another environment's: it is planned as there, has the key that it has there, and says whose it is."""

from __future__ import annotations

import re

import pytest

from benchmark.cli.show_plan import plan_text
from benchmark.errors import BadInput
from benchmark.grid import select
from benchmark.pipeline import Pipeline, Planned
from benchmark.spec import Cell, Plan
from benchmark.store import RunStore
from tests.toy import CONFIG, FILES, Toy

HEAD = "# @package _global_\ndefaults: [/learner: slow]\n"
NORTH = HEAD + "env: {id: north, label: North, size: 4, data: [data/north.json]}\n"
EAST = HEAD + "env: {id: east, label: East, size: 6, curriculum: north}\n"
FAR_EAST = HEAD + "env: {id: far-east, label: Far, size: 7, curriculum: east}\n"


@pytest.fixture
def lessons(toy: Toy) -> Toy:
    """The toy, in which far_east builds on east and east on north: their play and practise go on from `plain` there."""
    config = CONFIG.replace(
        "stages:\n",
        'stages:\n  curriculum:\n    of: {env: "${env.curriculum}", method: plain, stage: practise}\n',
    )
    config = config.replace("parents: []", "parents: [curriculum]").replace(
        "seed: policy\n    parents: [study]", "seed: policy\n    parents: [study, curriculum]"
    )
    assert config.count("curriculum]") == 2
    toy.write("config", config)
    for name, text in {"north": NORTH, "east": EAST, "far_east": FAR_EAST}.items():
        toy.write(f"env/{name}", text)
    toy.write("schema", FILES["schema"] + "env.curriculum: {type: str, optional: true}\n")
    toy.write("preset/tiny/east", "# @package _global_\nlearner: {updates: 2}\n")
    toy.write("grid/lessons", "envs: [north, east, far_east]\nmethods: [plain, taught]\nseeds: [0, 1]\n")
    return toy


def cell(plan: Plan, name: str) -> Cell:
    return next(cell for cell in plan.cells if cell.name == name)


def about(plan: Plan, name: str) -> dict[str, tuple[str, int]]:
    """What a cell calls its stages -> the environment and the seed of each."""
    return {
        stage: (plan.environment(key), plan.stages[key].params["seed"])
        for stage, key in cell(plan, name).stages.items()
    }


def test_a_borrowed_stage_is_the_very_stage_of_its_own_environment(lessons: Toy) -> None:
    plan = lessons.plan("lessons")
    for seed in (0, 1):
        north, east = cell(plan, f"north/plain/{seed}"), cell(plan, f"east/plain/{seed}")
        for method in ("plain", "taught"):
            assert cell(plan, f"east/{method}/{seed}").stages["curriculum"] == north.stages["practise"]
            far = cell(plan, f"far-east/{method}/{seed}").stages
            assert (far["curriculum"], far["curriculum.curriculum"]) == (
                east.stages["practise"],
                north.stages["practise"],
            )


def test_it_is_planned_as_well_where_its_environment_is_not_in_the_grid(lessons: Toy) -> None:
    whole = lessons.plan("lessons")
    alone = lessons.plan("lessons", "envs=[far_east]")
    assert set(alone.stages) == {key for c in select(whole, ["far-east"]) for key in c.stages.values()}
    assert [cell.stages for cell in alone.cells] == [cell.stages for cell in select(whole, ["far-east"])]
    assert list(alone.environments) == ["far-east"]
    assert alone.settings["labels"]["environments"] == {"far-east": "Far", "east": "East", "north": "North"}
    assert about(alone, "far-east/taught/1") == {
        "curriculum.curriculum": ("north", 1),
        "curriculum": ("east", 1),
        "play": ("far-east", 1),
        "study": ("far-east", 1),
        "practise": ("far-east", 1),
        "exam": ("far-east", 1),
    }
    assert Plan.from_json(alone.to_json()).stages.keys() == alone.stages.keys()


def test_its_children_know_it_by_its_name_in_the_pipeline_and_its_parents_stand_before_it(lessons: Toy) -> None:
    plan = lessons.plan("lessons", "envs=[far_east]", "teacher_seeds=1")
    for cell in plan.cells:
        stages = {name: plan.stages[key] for name, key in cell.stages.items()}
        assert set(stages["practise"].parents) - {"study"} == {"curriculum"}
        assert stages["practise"].parents["curriculum"] == cell.stages["curriculum"]
        assert stages["curriculum"].parents == {"curriculum": cell.stages["curriculum.curriculum"]}
    seen: set[str] = set()
    for key, stage in plan.stages.items():
        assert set(stage.parents.values()) <= seen
        seen.add(key)


def test_a_stage_of_the_teacher_s_seed_goes_on_from_the_teacher_s_seed(lessons: Toy) -> None:
    plan = lessons.plan("lessons", "seeds=[3,5]", "teacher_seeds=1")
    assert about(plan, "far-east/taught/5") == {
        "teacher_curriculum.curriculum": ("north", 3),
        "teacher_curriculum": ("east", 3),
        "play": ("far-east", 3),
        "study": ("far-east", 3),
        "curriculum.curriculum": ("north", 5),
        "curriculum": ("east", 5),
        "practise": ("far-east", 5),
        "exam": ("far-east", 5),
    }
    other, first = cell(plan, "far-east/taught/5").stages, cell(plan, "far-east/taught/3").stages
    assert "teacher_curriculum" not in first, "one stage where both seeds are one"
    assert other["teacher_curriculum"] == first["curriculum"] == cell(plan, "east/plain/3").stages["practise"]
    assert plan.stages[other["play"]].parents == {"curriculum": first["curriculum"]}
    assert other["curriculum"] == cell(plan, "east/plain/5").stages["practise"]


def test_a_lent_stage_that_has_several_versions_itself_has_one_for_a_teacher() -> None:
    """A stage whose parents differ in seed, lent to a stage of the teacher: all of it has the teacher's seed."""

    def stage(seed: str, parents: dict[str, str], merged: str) -> Planned:
        return Planned("kind", "target", 1, seed, {}, parents, merged)

    lender = Pipeline(
        {
            "teacher_first": stage("teacher", {}, "first"),
            "first": stage("policy", {}, "first"),
            "study": stage("teacher", {"first": "teacher_first"}, "study"),
            "practise": stage("policy", {"study": "study", "first": "first"}, "practise"),
            "exam": stage("policy", {"practise": "practise"}, "exam"),
        }
    )
    lent = lender.lent("practise", "basis", "policy")
    assert list(lent) == ["basis.teacher_first", "basis.first", "basis.study", "basis"]
    assert [one.merged for one in lent.values()] == ["basis.first", "basis.first", "basis.study", "basis"]
    lent = lender.lent("practise", "basis", "teacher")
    assert list(lent) == ["teacher_basis.first", "teacher_basis.study", "teacher_basis"]
    assert {one.seed for one in lent.values()} == {"teacher"}
    assert lent["teacher_basis"].parents == {"study": "teacher_basis.study", "first": "teacher_basis.first"}


def test_without_a_curriculum_keys_are_those_of_a_configuration_that_knows_none(lessons: Toy) -> None:
    plan, null = lessons.plan("three"), lessons.plan("lessons", "envs=[east]", "env.curriculum=null")
    lessons.write("config", CONFIG)
    assert list(plan.stages) == list(lessons.plan("three").stages)
    assert list(null.stages) == list(lessons.plan("lessons", "envs=[east]").stages)


def test_the_request_holds_for_the_borrowed_stage_and_its_changes_are_recorded(lessons: Toy) -> None:
    words = ("envs=[east]", "methods=[taught]", "preset=tiny", "learner=quick", "learner.lr=0.25")
    plan = lessons.plan("lessons", *words)
    learner = plan.stages[plan.cells[0].stages["curriculum"]].params["learner"]
    assert learner == {"lr": 0.25, "updates": 4, "rule": "adam", "sizes": [2]}
    assert {name: changes["learner.updates"] for name, changes in plan.settings["changes"].items()} == {
        "east": [10, 2],
        "north": [10, 4],
    }
    assert plan.settings["only_in"] == {}
    north = lessons.plan("lessons", "envs=[north]", "methods=[plain]", *words[2:])
    assert north.cells[0].stages["practise"] == plan.cells[0].stages["curriculum"]


def test_another_curriculum_is_for_the_environments_of_the_grid_alone(lessons: Toy) -> None:
    plan = lessons.plan("lessons", "envs=[far_east]", "methods=[plain]", "env.curriculum=north")
    assert set(plan.cells[0].stages) == {"curriculum", "practise", "exam"}
    assert plan.environment(plan.cells[0].stages["curriculum"]) == "north"
    plan = lessons.plan("lessons", "envs=[far_east]", "methods=[plain]", "env.curriculum=east")
    assert list(plan.cells[0].stages) == ["curriculum.curriculum", "curriculum", "practise", "exam"]
    assert plan.settings["only_in"] == {"env.curriculum": ["far-east"]}
    with pytest.raises(BadInput, match=r"^environments need each other's stages in a circle: east -> east; set env"):
        lessons.plan("lessons", "envs=[east,far_east]", "env.curriculum=east")


def test_the_plan_says_which_overrides_reached_an_environment_that_only_lends(lessons: Toy) -> None:
    words = ("learner=quick", "learner.lr=0.25", "env.size=9", "env.curriculum=east")
    plan = lessons.plan("lessons", "envs=[far_east]", *words)
    lines = plan_text(plan, RunStore(lessons.root)).splitlines()
    reached = "whose policy others go on from: learner, learner.lr, env.size"
    assert [line for line in lines if line.startswith("overrides")] == [
        f"overrides also change {name}, {reached}" for name in ("east", "north")
    ]
    for words in (("preset=tiny", "envs=[east]"), ("learner.lr=0.25",)):
        text = plan_text(lessons.plan("lessons", *words), RunStore(lessons.root))
        assert "overrides also" not in text


def test_tuned_values_of_the_borrowed_stage_s_own_pair_hold_for_it(lessons: Toy) -> None:
    lessons.write("tuned/first", "values: {north: {plain: {learner.lr: 0.125}}}\n")
    plan = lessons.plan("lessons", "tuned=first")
    assert plan.stages[cell(plan, "east/taught/0").stages["curriculum"]].params["learner"]["lr"] == 0.125
    assert cell(plan, "east/taught/0").stages["curriculum"] == cell(plan, "north/plain/0").stages["practise"]


def test_data_of_the_borrowed_stage_s_environment_are_in_its_key_alone(lessons: Toy) -> None:
    plan = lessons.plan("lessons", "envs=[east]")
    stages = {name: plan.stages[key] for name, key in plan.cells[0].stages.items()}
    assert list(stages["curriculum"].params["data_sha256"]) == ["data/north.json"]
    assert "data_sha256" not in stages["practise"].params


def test_an_environment_is_not_available_where_its_curriculum_is_not(lessons: Toy) -> None:
    lessons.write("env/north", "# @package _global_\nenv: {id: north, label: North, unavailable: it snows}\n")
    plan = lessons.plan("lessons", "envs=[east,far_east]", "methods=[plain]", "seeds=1")
    assert [cell.unavailable for cell in plan.cells] == [
        "its curriculum north is not available: it snows",
        "its curriculum east is not available: its curriculum north is not available: it snows",
    ]
    lessons.write("env/north", NORTH)
    lessons.write("method/plain", "label: P\nprovenance: ours\npretrain: none\ndistill: 0.0\nunavailable: never\n")
    plan = lessons.plan("lessons", "envs=[east]", "methods=[taught]", "seeds=1")
    assert plan.cells[0].unavailable == "its curriculum north is not available: never"


def with_of(text: str) -> str:
    return CONFIG.replace("stages:\n", f"stages:\n  curriculum:\n    {text}\n").replace(
        "[study]", "[study, curriculum]"
    )


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "env/north",
            NORTH.replace("size: 4", "size: 4, curriculum: far_east"),
            "environments need each other's stages in a circle: far_east -> east -> north -> far_east; set env.curr",
        ),
        (
            "env/east",
            EAST.replace("curriculum: north", "curriculum: nort"),
            "env=east method=plain: stages.curriculum.of: unknown env 'nort'; did you mean 'north'? (valid: ",
        ),
        (
            "config",
            with_of("of: {env: north, method: plane, stage: practise}"),
            "env=far_east method=plain: stages.curriculum.of: unknown method 'plane'; did you mean 'plain'? (valid: ",
        ),
        (
            "config",
            with_of('of: {env: "${env.curriculum}", method: plain, stage: practice}'),
            "configs/config.yaml: stages.curriculum.of: unknown stage 'practice'; did you mean 'practise'? (valid: ",
        ),
        (
            "config",
            with_of('of: {env: "${env.curiculum}", method: plain, stage: practise}'),
            "env=far_east method=plain: Interpolation key 'env.curiculum' not found",
        ),
        (
            "config",
            with_of("of: north"),
            "configs/config.yaml: stages.curriculum.of is 'north', expected {env: …, method: …, stage: …}",
        ),
        (
            "config",
            with_of("of: {env: north, method: plain, stage: practise}\n    seed: policy"),
            "configs/config.yaml: stages.curriculum has `of` and seed; another environment's stage is `of` alone",
        ),
        (
            "config",
            with_of("of: {env: null, method: plain, stage: practise}").replace("result: exam", "result: curriculum"),
            "configs/config.yaml: result: unknown stage 'curriculum'",
        ),
    ],
)
def test_a_mistake_about_a_borrowed_stage_is_one_line(lessons: Toy, file: str, text: str, message: str) -> None:
    lessons.write(file, text)
    with pytest.raises(BadInput, match="^" + re.escape(message)) as error:
        lessons.plan("lessons", "envs=[far_east]")
    assert "\n" not in str(error.value)


def test_a_preset_needs_a_file_for_the_borrowed_stage_s_environment(lessons: Toy) -> None:
    (lessons.configs / "preset" / "tiny" / "north.yaml").unlink()
    with pytest.raises(
        BadInput, match=r"^preset 'tiny' lacks environment north, a stage of which east needs; expected"
    ):
        lessons.plan("lessons", "envs=[east]", "preset=tiny")


def test_the_plan_shows_whose_a_borrowed_stage_is_and_for_whom(lessons: Toy) -> None:
    plan = lessons.plan("lessons", "envs=[east]", "seeds=3")
    lines = plan_text(plan, RunStore(lessons.root)).splitlines()
    rows = [re.split(" {2,}", line.strip()) for line in lines]
    assert ["east", "plain", "released", "0-2", "curriculum → practise → exam"] in rows
    assert ["curriculum", "north for east", "3", "0", "0-2, each its own", "2", "plain, taught"] in rows
    assert plan.label(plan.cells[0].stages["curriculum"]) == "curriculum north/2 methods/0"
    whole = lessons.plan("lessons", "envs=[north,east]", "seeds=3")
    rows = [re.split(" {2,}", line.strip()) for line in plan_text(whole, RunStore(lessons.root)).splitlines()]
    both = ["practise+curriculum", "north for east", "3", "0", "0-2, each its own", "3", "plain, taught"]
    assert both in rows


def test_the_plan_shows_which_seeds_a_teacher_s_borrowed_stage_serves(lessons: Toy) -> None:
    plan = lessons.plan("lessons", "envs=[east]", "methods=[taught]", "seeds=3", "teacher_seeds=1")
    rows = [re.split(" {2,}", line.strip()) for line in plan_text(plan, RunStore(lessons.root)).splitlines()]
    assert ["curriculum+teacher_curriculum", "north for east", "1", "0", "0 serves 0-2", "3", "taught"] in rows
    assert ["curriculum", "north for east", "2", "0", "1 2, each its own", "1", "taught"] in rows


def test_a_grid_with_borrowed_stages_runs(lessons: Toy) -> None:
    lessons.write("grid/runs", "envs: [far_east]\nmethods: [plain]\nseeds: [0]\noverrides: [executor=inline]\n")
    outcomes, said = lessons.drive("runs", "executor=inline")
    assert {outcome.state for outcome in outcomes.values()} == {"done"}
    assert (said.count("done"), lessons.computed("practise"), lessons.computed("exam")) == (4, 3, 1)
