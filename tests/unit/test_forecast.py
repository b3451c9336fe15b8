"""What is foretold of a run's stages, when, and what the report makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.cost.forecast import Forecast
from benchmark.records import UNBEGUN
from benchmark.spec import Plan, Stage
from benchmark.store import RunStore
from reports.figures.style import LIGHT, canvas
from reports.frame import load
from reports.pages.cost import page
from reports.writing.render import to_markdown
from tests.priced import evaluate, executor, finish, plan, policy
from tests.synthetic import make_plan, write_runs


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path)


def launch(every: Plan, store: RunStore) -> Forecast:
    found = Forecast(every, store, executor())
    found.at_launch()
    return found


def told(store: RunStore) -> dict[str, tuple[float, str]]:
    return {key: (entry["seconds"], entry["basis"]) for key, entry in store.forecast("toy").items()}


def test_what_has_a_price_is_foretold_at_launch_and_never_again(store: RunStore) -> None:
    finish(store, policy(0), 10.0)
    every = plan(policy(1), policy(2))
    launch(every, store)
    assert told(store) == {policy(1).key: (10.0, "exact"), policy(2).key: (10.0, "exact")}
    finish(store, policy(1), 30.0)
    launch(every, store)
    assert told(store)[policy(2).key] == (10.0, "exact"), "now it would be 20"
    assert told(store)[policy(1).key] == (10.0, "exact"), "what it took does not change what was foretold"


def test_the_others_are_foretold_when_one_like_them_is_done(store: RunStore) -> None:
    stages: list[Stage] = [policy(0), policy(1), evaluate(policy(0)), evaluate(policy(1))]
    forecast = launch(plan(*stages), store)
    assert told(store) == {}
    finish(store, stages[0], 10.0)
    forecast.heard("started", stages[1].key)
    assert told(store) == {}
    forecast.heard("done", stages[0].key)
    assert told(store) == {policy(1).key: (10.0, "exact")}, "of evaluations nothing is known yet"
    finish(store, stages[2], 3.0)
    forecast.heard("done", stages[2].key)
    assert told(store)[stages[3].key] == (3.0, "exact")


def test_during_a_run_nothing_is_guessed_from_elsewhere(store: RunStore) -> None:
    forecast = launch(plan(policy(0), policy(0, env="south")), store)
    finish(store, policy(0), 10.0)
    forecast.heard("done", policy(0).key)
    assert told(store) == {}
    launch(plan(policy(0, env="south")), store)
    assert told(store) == {policy(0, env="south").key: (10.0, "kind")}, "a price at launch may be one"


def test_what_has_begun_is_not_foretold(store: RunStore) -> None:
    stages = [policy(seed) for seed in range(3)]
    forecast = launch(plan(*stages), store)
    store.register(stages[1])
    store.write_status(stages[1].key, {**UNBEGUN, "attempt": 1})
    finish(store, stages[0], 10.0)
    forecast.heard("done", stages[0].key)
    assert told(store) == {stages[2].key: (10.0, "exact")}


def test_the_report_compares_it_with_what_stages_took(tmp_path: Path) -> None:
    """Pretraining takes 60 s, evaluations 2.5 s; of nothing else was it foretold."""
    planned = make_plan(environments={"rtfm-s1": "RTFM S1"})
    store = write_runs(tmp_path, planned, points=2)
    seconds = {"pretrain": 45.0, "evaluate": 3.0}
    store.write_forecast(
        "synthetic",
        {
            key: {"seconds": seconds[stage.kind], "basis": "exact" if stage.kind == "pretrain" else "kind"}
            for key, stage in planned.stages.items()
            if stage.kind in seconds
        },
    )
    found = page(load(tmp_path, "synthetic"))
    table = next(table for table in found.tables() if table.id == "forecast")
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["RTFM S1", "pretrain", "6", "4 min 30 s", "6 min", "−25%", "25%"],
        ["RTFM S1", "evaluate", "9", "27 s", "22 s", "+20%", "20%"],
        ["All", "", "15", "4 min 57 s", "6 min 22 s", "−22%", "20%"],
    ]
    text = to_markdown("report", [found])
    assert "4 min 57 s of computing for 15 of 27 finished stages; they took 6 min 22 s: an error of −22%" in text
    assert "6 by finished stages with the same settings, of other seeds or methods and 9 by a rough guess" in text


def test_every_foretold_stage_is_a_mark_in_the_figure(tmp_path: Path) -> None:
    """Pretraining took as long as predicted; an evaluation of 2.5 s was foretold to take 10 s."""
    planned = make_plan(environments={"rtfm-s1": "RTFM S1"})
    store = write_runs(tmp_path, planned, points=2)
    seconds = {"pretrain": 60.0, "evaluate": 10.0}
    told = {k: {"seconds": seconds[s.kind], "basis": "exact"} for k, s in planned.stages.items() if s.kind in seconds}
    store.write_forecast("synthetic", told)
    (figure,) = page(load(tmp_path, "synthetic")).figures()
    assert "40% of 15 stages lie between" in figure.caption
    assert set(figure.runs) == set(told)
    with canvas(LIGHT, *figure.size) as drawn:
        figure.draw(drawn, LIGHT)
        marks = [line for line in drawn.axes[0].lines if line.get_marker() != "None"]
        assert [(set(line.get_xdata()), set(line.get_ydata())) for line in marks] == [({60.0}, {60.0}), ({10.0}, {2.5})]


def test_a_report_of_runs_of_which_nothing_was_foretold_says_so(tmp_path: Path) -> None:
    write_runs(tmp_path, make_plan(), points=2)
    found = page(load(tmp_path, "synthetic"))
    assert "No prediction was recorded" in to_markdown("report", [found])
    assert not list(found.figures())
