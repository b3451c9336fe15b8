"""Scores on the common scale: fixed ends, of the very games, and nothing cut off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.frame import GridData, load
from reports.normalise import Reference, normalised, reference
from tests.synthetic import make_plan, write_runs

ENDS: dict[str, Any] = {"random": {"win_rate": 0.2}, "expert": {"win_rate": 0.8}, "source": "a script"}
SCORES = {"tabula_rasa": (0.1, 0.2), "ldd": (0.5, 0.8), "ldd_rep": (0.8, 0.9)}
BOTH = ("messenger-s1", "rtfm-s1")


def with_references(data: GridData, references: Mapping[str, Any]) -> GridData:
    """The grid as if its plan had these references, by environment; others keep none."""
    environments = {
        name: {**facts, "references": references[name]} if name in references else facts
        for name, facts in data.plan.environments.items()
    }
    return replace(data, plan=replace(data.plan, environments=environments))


def ends(environment: str, **others: Any) -> dict[str, Any]:
    return {**ENDS, "games": f"{environment}-test", **others}


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    """Two environments, three methods, two seeds, all finished; its plan knows no reference."""
    root = tmp_path_factory.mktemp("normalise")
    write_runs(root, make_plan(seeds=(0, 1)), win_rate=lambda _, method, seed: SCORES[method][seed], points=2)
    return load(root, "synthetic")


def test_random_play_is_0_the_expert_1_and_nothing_is_cut_off(grid: GridData) -> None:
    found = normalised(with_references(grid, {name: ends(name) for name in BOTH}))
    assert found.left_out == {}
    assert found.complete == ("tabula_rasa", "ldd", "ldd_rep")
    expected = {"tabula_rasa": (-1 / 6, 0.0), "ldd": (0.5, 1.0), "ldd_rep": (1.0, 7 / 6)}
    for method, scores in expected.items():
        assert [task.tolist() for task in found.scores[method]] == [pytest.approx(scores)] * 2


def test_both_ends_hold_at_once() -> None:
    """A harness with `if score < low … elif score > high` once printed a normalised score of 2.0."""
    scale = Reference(0.2, 0.8, "a script")
    assert scale.normalised([-0.4, 0.2, 0.8, 1.4]).tolist() == pytest.approx([-1.0, 0.0, 1.0, 2.0])


def test_a_run_more_or_less_moves_no_other_score(grid: GridData) -> None:
    """The scale is fixed beforehand; one made of the best and worst of the present data would move."""
    data = with_references(grid, {name: ends(name) for name in BOTH})
    fewer = replace(data, cells=data.cells[data.cells["method"] != "ldd_rep"])
    for method in ("tabula_rasa", "ldd"):
        before, after = (normalised(one).scores[method] for one in (data, fewer))
        assert np.array_equal(before, after)


def test_an_environment_without_a_reference_is_left_out_and_named(grid: GridData) -> None:
    found = normalised(with_references(grid, {"rtfm-s1": ends("rtfm-s1"), "messenger-s1": None}))
    assert list(found.references) == ["rtfm-s1"]
    assert found.left_out == {"messenger-s1": "it has no reference"}
    assert [len(tasks) for tasks in found.scores.values()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (lambda: ends("rtfm-s1", games="rtfm-s1-dev"), "of the games rtfm-s1-dev, its results are of rtfm-s1-test"),
        (lambda: ends("rtfm-s1", expert={"win_rate": None}), "its reference has no win rate"),
        (lambda: ends("rtfm-s1", expert={"reward": 3.0}), "its reference has no win rate"),
        (lambda: ends("rtfm-s1", random={"win_rate": 0.8}), "its expert is no better than random play"),
    ],
)
def test_a_reference_of_something_else_is_no_scale(grid: GridData, stored: Callable[[], Any], why: str) -> None:
    scale = reference(with_references(grid, {"rtfm-s1": stored()}), "rtfm-s1")
    assert scale.why is not None and why in scale.why
    assert np.isnan(scale.normalised([0.5])).all()


def test_an_older_plan_says_that_it_knows_no_reference(grid: GridData) -> None:
    assert reference(grid, "rtfm-s1").why == "its plan is older than the references"


def test_other_options_make_another_game(grid: GridData) -> None:
    """The preset's references are of its smaller board; an override of the board has none."""

    def played_on(board: int) -> GridData:
        stages = dict(grid.plan.stages)
        for cell in grid.plan.cells:
            key = cell.stages["evaluate"]
            games = {"name": f"{cell.environment}-test", "options": {"board": board}}
            stages[key] = replace(stages[key], params={**stages[key].params, "env": games})
        data = with_references(grid, {name: ends(name, options={"board": 7, "added_later": 1}) for name in BOTH})
        return replace(data, plan=replace(data.plan, stages=stages))

    assert reference(played_on(7), "rtfm-s1").why is None  # an option that the plan does not know had one value
    assert reference(played_on(10), "rtfm-s1").why == "its reference is of another game: board differ"


def test_a_method_that_lacks_an_environment_is_not_complete(tmp_path: Path) -> None:
    skip = frozenset({"rtfm-s1/ldd/0", "rtfm-s1/ldd/1", "messenger-s1/ldd_rep/0"})
    write_runs(tmp_path, make_plan(seeds=(0, 1)), skip=skip, points=2)
    found = normalised(with_references(load(tmp_path, "synthetic"), {name: ends(name) for name in BOTH}))
    assert found.lacking == {"tabula_rasa": (), "ldd": ("rtfm-s1",), "ldd_rep": ()}
    assert found.complete == ("tabula_rasa", "ldd_rep")
    assert [task.size for task in found.scores["ldd_rep"]] == [1, 2]
