"""Few seeds, few games, another metric: what a reader of the results must not miss, and how the games were played."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reports.evidence import played, too_few
from reports.frame import GridData, load
from reports.pages import results
from reports.writing.render import to_markdown
from tests.synthetic import make_plan, make_search, write_runs

ONE = {"rtfm-s1": "RTFM S1"}
CONTENT: dict[str, Any] = {"about": "a test", "metrics": {}, "environments": {}, "families": {}, "claims": {}}


def claims(**changed: Any) -> dict[str, Any]:
    return {"name": "ours", "sha256": "ab" * 32, "content": {**CONTENT, "seeds": 10, **changed}}


def grid(root: Path, seeds: int, games: int | None = None, skip: frozenset[str] = frozenset(), **plan: Any) -> GridData:
    """A grid of so many seeds; games: what every finished evaluation says that it played, not the synthetic 500."""
    planned = make_plan(ONE, seeds=tuple(range(seeds)), **plan)
    store = write_runs(root, planned, points=2, skip=skip)
    for cell in planned.cells if games is not None else ():
        file = store.artefact(cell.stages["evaluate"], "result.json")
        result = json.loads(file.read_text())
        file.write_text(json.dumps({**result, "metrics": {**result["metrics"], "episodes": games}}))
    return load(root, "synthetic")


def warned(data: GridData) -> str:
    return " ".join(block.text for block in too_few(data))


@pytest.mark.parametrize(
    ("seeds", "asked", "words"),
    [
        (3, None, "Few seeds: 3 finished seeds per method, where results to publish need 5."),
        (5, None, ""),
        (5, 10, "Few seeds: 5 finished seeds per method, where the claims of `ours` ask for 10."),
        (1, 10, "1 finished seed per method, where results to publish need 5 and the claims of `ours` ask for 10."),
        (10, 10, ""),
        (3, 2, "Few seeds: 3 finished seeds per method, where results to publish need 5."),
    ],
)
def test_fewer_seeds_than_results_or_claims_ask_for(tmp_path: Path, seeds: int, asked: int | None, words: str) -> None:
    found = warned(grid(tmp_path, seeds, claims=claims(seeds=asked) if asked else None))
    assert words in found if words else found == ""


def test_what_counts_is_what_is_finished_and_before_that_what_is_planned(tmp_path: Path) -> None:
    skip = frozenset(f"rtfm-s1/ldd/{seed}" for seed in (0, 1, 2))
    assert "Few seeds: 2 to 5 finished seeds per method" in warned(grid(tmp_path / "some", 5, skip=skip))
    everything = frozenset(cell.name for cell in make_plan(ONE).cells)
    assert "Few seeds: 3 planned seeds per method" in warned(grid(tmp_path / "none", 3, skip=everything))


def test_fewer_games_than_a_score_asks_for_with_the_noise_that_they_leave(tmp_path: Path) -> None:
    """0.5 / √140 = .0423, 0.5 / √500 = .0224."""
    assert warned(grid(tmp_path / "few", 5, 140)) == (
        "Few games: 140 evaluation games per seed, where 500 are asked for "
        "(standard error of a win rate: up to 4.2 points for 2.2)."
    )
    assert warned(grid(tmp_path / "enough", 5, 500)) == ""
    assert "standard error" not in warned(grid(tmp_path / "points", 5, 140, headline="episode_return"))


def test_a_score_is_to_be_over_as_many_games_as_the_paper_plays_of_its_environment(tmp_path: Path) -> None:
    """NetHack's paper-size evaluation has 100 games, which the demo's preset reduces to 30."""
    reduced = {"rtfm-s1": {"evaluation.episodes": [100, 30]}}
    few = grid(tmp_path / "few", 5, 30, headline="episode_return", changes=reduced)
    assert warned(few) == "Few games: 30 evaluation games per seed, where 100 are asked for."
    assert warned(grid(tmp_path / "enough", 5, 100, headline="episode_return", changes=reduced)) == ""
    paper = grid(tmp_path / "paper", 5, 100, headline="episode_return")
    stages = {key: replace(stage, params={**stage.params, "episodes": 100}) for key, stage in paper.plan.stages.items()}
    assert warned(replace(paper, plan=replace(paper.plan, stages=stages))) == ""
    assert "where 500 are asked for" in warned(grid(tmp_path / "wins", 5, 100, changes=reduced))


def test_environments_that_ask_for_different_numbers_of_games_are_told_apart(tmp_path: Path) -> None:
    names = {"rtfm-s1": "RTFM S1", "nethack": "NetHack"}
    changes = {"nethack": {"evaluation.episodes": [100, 30]}}
    planned = make_plan(names, seeds=(0, 1, 2, 3, 4), headlines={"nethack": "episode_return"}, changes=changes)
    write_runs(tmp_path, planned, points=2)
    data = load(tmp_path, "synthetic")
    assert warned(data) == ""
    cells = data.cells.assign(episodes=[140 if name == "rtfm-s1" else 30 for name in data.cells["environment"]])
    assert warned(replace(data, cells=cells)) == (
        "Few games: 140 evaluation games per seed on RTFM S1, where 500 are asked for "
        "(standard error of a win rate: up to 4.2 points for 2.2); "
        "30 evaluation games per seed on NetHack, where 100 are asked for."
    )


def test_the_results_page_warns_once_and_a_search_does_not(tmp_path: Path) -> None:
    text = to_markdown("report", [results.page(grid(tmp_path / "few", 3, 140))])
    assert text.count("> Few seeds") == 1
    assert text.count("Few games") == 1
    plan, _ = make_search({"ldd": "method.distill"})
    write_runs(tmp_path / "search", plan, points=2)
    assert too_few(load(tmp_path / "search", "synthetic")) == []


def test_where_the_claims_have_another_metric_the_results_say_so(tmp_path: Path) -> None:
    names = {"rtfm-s1": "RTFM S1", "nethack": "NetHack", "elsewhere": "Elsewhere"}
    metrics = {"rtfm-s1": "win_rate", "nethack": "episode_return", "not-here": "episode_return"}
    write_runs(tmp_path, make_plan(names, claims=claims(environments=metrics)), points=2)
    data = load(tmp_path, "synthetic")
    words = "The claims are about episode return on NetHack, not about win rate, which this page shows everywhere"
    assert words in to_markdown("report", [results.page(data)])
    same = {**data.plan.settings, "claims": claims()}
    without = replace(data, plan=replace(data.plan, settings=same))
    assert "The claims are about" not in to_markdown("report", [results.page(without)])


def test_the_games_of_a_curve_are_played_as_the_evaluations_say(tmp_path: Path) -> None:
    data = grid(tmp_path, 2)
    assert "played at fixed intervals; no decision" in played(data)
    metrics = [{**one, "policy_mode": "argmax, 5% random"} for one in data.stages["metrics"]]
    told = replace(data, stages=data.stages.assign(metrics=metrics))
    assert "at fixed intervals in the mode of the final evaluation (argmax, 5% random); no" in played(told)
