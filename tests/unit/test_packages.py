"""Packages that only some environments need: without them these cells are unavailable, with the remedy beside."""

from __future__ import annotations

import pytest

from benchmark import members, packages
from benchmark.errors import BadInput
from tests.toy import Toy

ABSENT = "a-package-that-nobody-has"


def north(needs: str) -> str:
    return (
        f"# @package _global_\ndefaults: [/learner: slow]\nenv: {{id: north, label: North, size: 4, needs: {needs}}}\n"
    )


def test_cells_of_an_environment_whose_package_is_missing_say_what_to_install(toy: Toy) -> None:
    toy.write("env/north", north(ABSENT))
    plan = toy.plan("toy", "methods=[plain]", "seeds=1")
    assert {cell.environment: cell.unavailable for cell in plan.cells} == {
        "north": f"the package {ABSENT} is not installed (`make demo` installs it into .venv)",
        "far-south": None,
    }


def test_a_package_that_is_there_changes_no_key(toy: Toy) -> None:
    toy.write("env/north", north("null"))
    without = toy.plan("one")
    toy.write("env/north", north("[numpy, torch]"))
    assert toy.plan("one").stages.keys() == without.stages.keys()


def test_what_is_needed_may_depend_on_other_settings(toy: Toy) -> None:
    by_rule = "${env.needs_of.${learner.rule}}"
    toy.write("env/north", north(f'"{by_rule}", needs_of: {{sgd: null, adam: [numpy, {ABSENT}]}}'))
    assert toy.plan("one").cells[0].unavailable is None
    assert toy.plan("one", "learner=quick").cells[0].unavailable == (
        f"the package {ABSENT} is not installed (`make demo` installs it into .venv)"
    )


def test_a_mistake_in_needs_is_one_line(toy: Toy) -> None:
    toy.write("env/north", north("{nle: 1}"))
    with pytest.raises(BadInput, match=r"env=north method=plain: env: needs is .*, expected the name of a package"):
        toy.plan("one")


def test_every_package_has_a_tested_version_and_a_remedy() -> None:
    assert packages.remedy("statsmodels") == "pip install -r requirements/dev.lock"
    assert packages.remedy("sample-factory") == "`make demo` installs it into .venv", (
        "pip alone would take an old numpy"
    )
    assert packages.tested("sample-factory") == "2.1.1"
    assert packages.equal(packages.installed("numpy"), packages.tested("numpy") or "")
    assert not packages.equal("1.26.4", "2.3.5")
    assert members.not_installed(["numpy", "torch"], "env") is None


def test_what_a_target_of_its_own_installs_is_named_with_it():
    assert packages.remedy("nethackers") == "`make nethackers` installs it into .venv"
    assert packages.remedy("sample-factory") == "`make demo` installs it into .venv"
