"""A search plans a method's variants; a tuned file gives each environment and method the values that one has chosen."""

from __future__ import annotations

import hashlib
import re

import pytest

from benchmark.errors import BadInput
from benchmark.grid import select
from benchmark.search import Variant
from benchmark.spec import Cell, Plan
from tests.toy import Toy


def of(plan: Plan, method: str, stage: str, environment: str = "north") -> dict[str, object]:
    """The parameters of a method's first run of a stage."""
    cell = next(cell for cell in plan.cells if (cell.environment, cell.method) == (environment, method))
    return dict(plan.stages[cell.stages[stage]].params)


def test_every_combination_of_values_is_a_method_in_the_order_of_the_file(toy: Toy) -> None:
    plan = toy.plan("search")
    assert [cell.method for cell in plan.cells] == [
        "plain",
        "taught@distill=1.0,lr=0.5",
        "taught@distill=1.0,lr=1e-05",
        "taught@distill=0.25,lr=0.5",
        "taught@distill=0.25,lr=1e-05",
    ]
    assert plan.settings["search"]["taught@distill=0.25,lr=1e-05"] == {
        "method": "taught",
        "values": {"method.distill": 0.25, "learner.lr": 1e-05},
    }
    assert list(plan.settings["search"]) == [cell.method for cell in plan.cells[1:]]
    about = plan.methods["taught@distill=0.25,lr=1e-05"]
    assert (about["label"], about["distill"]) == ("Taught, distill 0.25, lr 1e-05", 0.25)
    assert plan.settings["changes"] == {}, "a variant's values are no change of the environment's defaults"


def test_a_variant_is_composed_with_its_values_and_shares_what_they_do_not_touch(toy: Toy) -> None:
    plan = toy.plan("search")
    practised = of(plan, "taught@distill=0.25,lr=1e-05", "practise")
    assert (practised["distill"], practised["learner"]["lr"]) == (0.25, 1e-05)  # type: ignore[index]
    assert of(plan, "plain", "practise") == of(toy.plan("one"), "plain", "practise")
    taught = [cell for cell in plan.cells if cell.method != "plain"]
    assert len({cell.stages["study"] for cell in taught}) == len({cell.stages["play"] for cell in taught}) == 1
    assert len({cell.stages["practise"] for cell in taught}) == 4


def test_the_variant_with_the_default_s_values_is_the_method_itself(toy: Toy) -> None:
    plain, searched = toy.plan("three"), toy.plan("search")
    assert dict(searched.cells[1].stages) == dict(plain.cells[0].stages)


@pytest.mark.parametrize(
    ("values", "name", "label"),
    [
        ({}, "ldd", "LDD"),
        ({"method.distill": 0.1}, "ldd@distill=0.1", "LDD, distill 0.1"),
        ({"a.lr": 1, "b.lr": 0.001}, "ldd@a.lr=1,b.lr=0.001", "LDD, a.lr 1, b.lr 0.001"),
        ({"method.initialise": True, "x.y": "adam"}, "ldd@initialise=true,y=adam", "LDD, initialise true, y adam"),
    ],
)
def test_names_and_labels_say_what_varies(values: dict[str, object], name: str, label: str) -> None:
    variant = Variant("ldd", values)
    assert (variant.name, variant.about({"label": "LDD"})["label"]) == (name, label)


def test_a_variant_that_is_not_available_says_why(toy: Toy) -> None:
    plan = toy.plan("one", "methods=[dreamt]", "search={dreamt:{method.distill:[1.0,2.0]}}")
    assert [(cell.method, cell.unavailable) for cell in plan.cells] == [
        ("dreamt@distill=1.0", "dreaming is not built yet"),
        ("dreamt@distill=2.0", "dreaming is not built yet"),
    ]
    assert plan.methods["dreamt@distill=2.0"]["label"] == "Dreamt, distill 2.0"


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("*/taught@*", 4),
        ("*/taught@distill=0.25*", 2),
        ("north/taught@distill=0.25,lr=1e-05/0", 1),
        ("*/*lr=1e-05", 2),
        ("*/plain", 1),
    ],
)
def test_variants_are_selected_by_their_names(toy: Toy, pattern: str, count: int) -> None:
    assert len(select(toy.plan("search"), [pattern])) == count


SEARCHED = "configs/grid/search.yaml: search.taught"
GIVEN = "the command line: search"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["methods=[plain]"],
            "configs/grid/search.yaml: search: taught is not among methods; add it to them, or choose cells by --only",
        ),
        (
            ["method.distill=0.5"],
            f"the command line: method.distill is set, but {SEARCHED} tries several; drop one of the two",
        ),
        (["tuned=small"], "tuned=small holds what a search has chosen, and this grid searches; drop search or tuned"),
        (["search={taught:{learner.lr:[1.0,1]}}"], f"{GIVEN}.taught: learner.lr contains 1.0 twice; give it once"),
        (["search={taught:{learner.lr:[-1]}}"], f"{GIVEN}.taught: learner.lr is -1.0, expected more than 0"),
        (
            ["search={taught:{learner.lrr:[1]}}"],
            f"{GIVEN}.taught: unknown key 'learner.lrr'; did you mean 'learner.lr'?",
        ),
        (["search={taught:{learner:[1]}}"], f"{GIVEN}.taught: learner is a section, expected one of its keys: "),
        (["search={taught:{learner.lr:3}}"], f"{GIVEN}.taught: learner.lr is 3, expected a list of values, as in "),
        (["search={taught:{learner.lr:[]}}"], f"{GIVEN}.taught: learner.lr is [], expected a list of values, as in "),
        (
            ["search={taught:{learner.sizes:[[1]]}}"],
            f"{GIVEN}.taught: learner.sizes contains [1], expected numbers, words or true and false",
        ),
        (["search={taught:{}}"], f"{GIVEN}.taught is {{}}, expected lists of values, as in {{method.distill: [0.1, "),
        (["search={taugt:{learner.lr:[1]}}"], f"{GIVEN}: unknown method 'taugt'; did you mean 'taught'? (valid: "),
        (["search=3"], f"{GIVEN} is 3, expected `key: value` lines or null"),
    ],
)
def test_a_search_that_cannot_be_done_is_one_line(toy: Toy, words: list[str], message: str) -> None:
    with pytest.raises(BadInput, match="^" + re.escape(message)) as error:
        toy.plan("search", *words)
    assert "\n" not in str(error.value)


def test_a_search_can_be_left_out_on_the_command_line(toy: Toy) -> None:
    assert [cell.method for cell in toy.plan("search", "search=null").cells] == ["plain", "taught"]


def test_tuned_values_change_their_environment_and_method_only(toy: Toy) -> None:
    before, after = toy.plan("toy"), toy.plan("toy", "tuned=small")

    def differ(cell: Cell, other: Cell) -> set[str]:
        return {name for name in cell.stages if cell.stages[name] != other.stages[name]}

    changed = {c.name: differ(c, o) for c, o in zip(before.cells, after.cells, strict=True) if c != o}
    practised, studied = {"practise", "exam"}, {"study", "practise", "exam"}
    assert changed == {
        "north/taught/0": practised, "north/taught/1": practised,
        "far-south/taught_less/0": studied, "far-south/taught_less/1": studied,
    }  # fmt: skip
    practise = of(after, "taught", "practise")
    assert (practise["distill"], practise["learner"]["lr"]) == (0.25, 1.0)  # type: ignore[index]
    assert of(after, "taught_less", "study", "far-south")["lr"] == 0.2
    assert after.methods == before.methods, "what the files say of a method, whatever is tuned for one environment"
    assert after.settings["changes"] == {}
    assert after.settings["tuned"] == {
        "name": "small",
        "sha256": hashlib.sha256((toy.configs / "tuned" / "small.yaml").read_bytes()).hexdigest(),
        "selected_on": {"grid": "search"},
        "candidates": {},
        "values": {
            "north": {"taught": {"method.distill": 0.25, "learner.lr": 1.0}},
            "far-south": {"taught_less": {"study.lr": 0.2}},
        },
    }
    assert before.settings["tuned"] is None


def test_explicit_overrides_win_over_tuned_values_and_these_over_the_preset(toy: Toy) -> None:
    toy.write("tuned/long", "values: {north: {taught: {learner.updates: 20, learner.lr: 0.1}}}\n")
    words = ["methods=[taught]", "tuned=long", "learner.lr=0.3"]
    plan = toy.plan("small", *words)
    assert of(plan, "taught", "practise")["learner"] == {"lr": 0.3, "updates": 20, "rule": "sgd", "sizes": [2, 3]}
    assert plan.settings["tuned"]["values"] == {"north": {"taught": {"learner.updates": 20}}}, "what is applied"


def test_a_grid_file_can_name_its_tuned_values_and_the_command_line_drops_them(toy: Toy) -> None:
    toy.write("grid/set", "envs: [north]\nmethods: [taught]\nseeds: [0]\ntuned: small\n")
    assert of(toy.plan("set"), "taught", "practise")["distill"] == 0.25
    assert of(toy.plan("set", "tuned=null"), "taught", "practise")["distill"] == 1.0


ODD = "configs/tuned/odd.yaml: "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "values: {north: {taught: {method.distil: 1}}}",
            f"{ODD}values.north.taught: unknown key 'method.distil'; did you mean 'method.distill'?",
        ),
        (
            "values: {north: {taught: {method.distill: many}}}",
            f"{ODD}values.north.taught: method.distill is 'many', expected a number, such as 1.0",
        ),
        ("values: {nort: {taught: {}}}", f"{ODD}values: unknown environment 'nort'; did you mean 'north'? (valid: "),
        ("values: {north: {taut: {}}}", f"{ODD}values.north: unknown method 'taut'; did you mean 'taught'? (valid: "),
        ("value: {}", f"{ODD}unknown key 'value'; did you mean 'values'? (valid: candidates, selected_on, values)"),
        ("selected_on: {}", f"{ODD}values is None, expected `name: …` lines, as {{rtfm-s1: {{ldd: "),
        ("values: {north: 3}", f"{ODD}values.north is 3, expected `name: …` lines"),
        ("values: {north: {taught: 3}}", f"{ODD}values.north.taught is 3, expected `name: …` lines"),
    ],
)
def test_a_mistake_in_a_tuned_file_is_one_line_that_names_it(toy: Toy, text: str, message: str) -> None:
    toy.write("tuned/odd", text)
    with pytest.raises(BadInput, match="^" + re.escape(message)) as error:
        toy.plan("three", "tuned=odd")
    assert "\n" not in str(error.value)


def test_an_unknown_tuned_file_is_named_with_the_nearest(toy: Toy) -> None:
    with pytest.raises(BadInput, match=r"^unknown tuned file 'smal'; did you mean 'small'\? \(valid: small\); null is"):
        toy.plan("three", "tuned=smal")


def test_grids_and_tuned_files_are_no_groups_of_the_configuration(toy: Toy) -> None:
    from benchmark.configs import Configs

    assert Configs(toy.configs).groups() == ["env", "executor", "learner", "method", "preset"]


def test_numbers_in_files_are_read_as_hydra_reads_them(toy: Toy) -> None:
    """PyYAML alone takes 1e-3 for a word; the preset's check and its composition must agree."""
    toy.write("preset/tiny/north", "# @package _global_\nlearner: {lr: 1e-3, updates: 4}\n")
    assert of(toy.plan("small"), "plain", "practise")["learner"]["lr"] == 0.001  # type: ignore[index]
