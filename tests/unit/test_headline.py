"""A headline metric per environment: NetHack is scored by points, all others by wins, in one grid and one report."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas

from benchmark.cli.show import result_table
from benchmark.cli.trace import listed, trace
from benchmark.decimals import decimals
from benchmark.errors import BadInput
from benchmark.spec import Outcome, cell_outcome, headline_of
from benchmark.store import RunStore
from reports.claims.trial import claim, tried
from reports.contrasts import contrasts
from reports.curves import panels
from reports.efficiency import efficiency_table
from reports.figures import Figure
from reports.figures.curve_axes import cut_off, heights
from reports.figures.curves import learning_curves
from reports.figures.scores import final_scores
from reports.figures.style import LIGHT, canvas
from reports.frame import GridData, load
from reports.interchange.comparing import summary
from reports.interchange.comparison import Comparison
from reports.interchange.comparison_tables import pair_table
from reports.interchange.exporting import export
from reports.interchange.importing import import_results
from reports.interchange.sides import side
from reports.lead import exploratory
from reports.normalise import reference
from reports.pages import results
from reports.pages.protocol import settings
from reports.pages.seeds import other_metrics, seed_table
from reports.tables import Table
from reports.tuning import rule, searches, tuned
from reports.writing.render import to_markdown
from tests.synthetic import all_pages, make_plan, make_search, write_runs
from tests.toy import Toy

BOTH = {"rtfm-s1": "RTFM S1", "nethack-score": "NetHack"}
RETURNS = {"nethack-score": "episode_return"}
LEVELS = {"tabula_rasa": 0.2, "ldd": 0.5, "ldd_rep": 0.6}


def level(environment: str, method: str, seed: int) -> float:
    """A win rate, or with NetHack a share of 2000 points; seeds lie .02 apart."""
    return LEVELS[method] + 0.02 * seed


def stored(folder: Path, environments: Mapping[str, str] = BOTH, **others: Any) -> GridData:
    """Three methods, three seeds, all finished."""
    plan = make_plan(environments, seeds=(0, 1, 2), headlines=RETURNS, **others)
    write_runs(folder, plan, level, points=5)
    return load(folder, "synthetic")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    return stored(tmp_path_factory.mktemp("both"))


@pytest.fixture(scope="module")
def nethack(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    return stored(tmp_path_factory.mktemp("nethack"), {"nethack-score": "NetHack"}, probe=True)


def row(table: Table, *words: str) -> list[str]:
    """Text and detail of the row that begins so."""
    return next([c.plain for c in r] for r in table.rows if tuple(c.text for c in r[: len(words)]) == words)


def drawn(figure: Figure | None) -> Canvas:
    assert figure is not None
    with canvas(LIGHT, *figure.size) as found:
        figure.draw(found, LIGHT)
    return found


# planned


def test_an_environments_file_names_its_metric_and_no_key_changes(toy: Toy) -> None:
    before = list(toy.plan("toy").stages)
    file = toy.configs / "env" / "far_south.yaml"
    toy.write("env/far_south", file.read_text().replace("size: 5", "size: 5, headline: seconds"))
    plan = toy.plan("toy")
    assert {name: headline_of(plan, name) for name in ("north", "far-south")} == {
        "north": "score",
        "far-south": "seconds",
    }
    assert list(plan.stages) == before


def test_scores_are_written_with_as_many_decimals_as_they_need() -> None:
    assert [decimals([value]) for value in (0.0, 1.0, -99.9, 100.0, -999.9, 1000.0, 25_000.0)] == [3, 3, 3, 1, 1, 0, 0]
    assert decimals([0.5, math.nan, 412.0]) == 1
    assert decimals([math.nan, math.inf]) == 3


# on the command line


def test_the_table_of_results_says_which_metric_is_whose(data: GridData) -> None:
    store = RunStore(data.root)
    outcomes = store.outcomes(data.plan)
    cells: dict[str, Outcome] = {cell.name: cell_outcome(data.plan, cell, outcomes) for cell in data.plan.cells}
    first, *lines = result_table(data.plan, cells).splitlines()
    assert first == "win_rate (rtfm-s1), episode_return (nethack-score), mean over seeds (seeds done / planned)"
    assert next(line.split() for line in lines if line.split()[0] == "ldd") == [
        "ldd", "released", "0.520", "(3/3)", "1040", "(3/3)",
    ]  # fmt: skip


def test_a_number_is_traced_in_the_metric_of_its_environment(data: GridData) -> None:
    (found,) = trace(data.plan, RunStore(data.root), "nethack-score/ldd", None)
    assert found.text().splitlines()[0].startswith("nethack-score/ldd: episode_return 1040, mean of 3 of 3 seeds")
    both = trace(data.plan, RunStore(data.root), "0", None)
    assert {one.metric for one in both} == {"win_rate"}, "no score of NetHack is printed as 0"
    assert listed([*both, found], "0").splitlines()[0] == "0 is win_rate or episode_return of"
    lengths = data.done("rtfm-s1", "ldd")["episode_length"]
    found, *_ = trace(data.plan, RunStore(data.root), f"{lengths.mean():.4f}", None)
    assert (found.name, found.metric) == ("rtfm-s1/ldd", "episode_length"), "no score, but of the same games"


# in the report


def test_the_main_table_has_each_environments_own_metric(data: GridData) -> None:
    table = results.main_table(data)
    assert table.caption == "Win rate or episode return on held-out games"
    assert row(table, "NetHack")[:3] == ["NetHack episode return", "440 [341, 539] · 3/3", "1040 [941, 1139] · 3/3"]
    assert row(table, "RTFM S1")[2] == "0.520 [0.470, 0.570] · 3/3"
    assert row(seed_table(data), "NetHack", "LDD")[2:] == ["1000", "1040", "1080"], "points have no Wilson interval"
    assert "[0.456, 0.544]" in row(seed_table(data), "RTFM S1", "LDD")[2]
    (others,) = other_metrics(data)
    assert [column.label for column in others.columns[3:]] == ["Win rate", "Episode return", "Episode length"]


def test_a_score_is_no_percentage(data: GridData) -> None:
    wins, points = (drawn(final_scores(data, name)).axes[0] for name in BOTH)
    assert wins.get_xlim() == (-0.02, 1.02)
    assert points.get_xlim()[1] > 1200
    assert points.get_xlabel() == "episode return on held-out games, last checkpoint"
    shown = panels(data, "nethack-score")
    assert shown[0].methods["ldd"].band.mean[-1] == pytest.approx(1040, rel=0.1)
    (first, *_) = drawn(learning_curves(data, "nethack-score", shown)).axes
    assert first.get_ylabel() == "episode return"
    assert first.get_ylim()[1] > 1000
    assert drawn(learning_curves(data, "rtfm-s1", panels(data, "rtfm-s1"))).axes[0].get_ylim() == (-0.02, 1.02)


def test_a_band_of_two_seeds_does_not_flatten_the_curves_of_points(data: GridData) -> None:
    """Returns have no ends to cut a band at; that of two seeds that differ is many times as wide as they are apart."""
    (panel, *_) = panels(data, "nethack-score")
    ldd = panel.methods["ldd"]
    assert ldd.band.low is not None and ldd.band.high is not None
    values = np.concatenate([curve.values for curve in ldd.seeds])
    span = float(values.max() - values.min())
    low, high = heights([ldd], counts_wins=False)
    assert low < ldd.band.low.min() and high > ldd.band.high.max() and not cut_off([ldd], counts_wins=False)
    wide = replace(ldd, band=replace(ldd.band, low=ldd.band.low - 9 * span, high=ldd.band.high + 9 * span))
    assert heights([wide], counts_wins=False) == (values.min() - span / 2, values.max() + span / 2)
    assert cut_off([wide], counts_wins=False)
    assert heights([wide], counts_wins=True) == (-0.02, 1.02) and not cut_off([wide], counts_wins=True)


def test_games_are_counted_where_wins_are(data: GridData) -> None:
    about = {(one.environment, one.method): one for one in contrasts(data)}
    assert len(about["rtfm-s1", "ldd"].games(data.won)) == 3
    assert about["nethack-score", "ldd"].games(data.won) == ()
    assert set(data.games(data.group("nethack-score"))) == {0}


def test_no_sentence_calls_points_wins(data: GridData, nethack: GridData) -> None:
    words = "LDD has a higher win rate or episode return than Tabula rasa on RTFM S1 and NetHack"
    assert exploratory(data).startswith(words)
    assert exploratory(nethack).startswith("LDD has a higher episode return than Tabula rasa on NetHack")
    pages = all_pages(nethack)
    assert {"results", "comparisons", "every-seed", "diagnostics", "teachers"} <= {page.id for page in pages}
    lines = to_markdown("report", pages).splitlines() + [f.title for page in pages for f in page.figures()]
    assert not [text for text in lines if re.search(r"\bwins?\b|\bwon\b|win.rate|percentage point", text.lower())]
    assert dict(settings(data))["Headline"] == "`win_rate` (RTFM S1), `episode_return` (NetHack) of stage `evaluate`"
    assert dict(settings(nethack))["Headline"] == "`episode_return` of stage `evaluate`"


def with_references(data: GridData, **ends: tuple[float, float]) -> GridData:
    """NetHack with the scores of a random player and of an expert, by metric."""
    random, expert = ({metric: pair[place] for metric, pair in ends.items()} for place in (0, 1))
    about = {"references": {"random": random, "expert": expert, "games": "nethack-score-test", "source": "a script"}}
    environments = {**data.plan.environments, "nethack-score": {**data.plan.environments["nethack-score"], **about}}
    return replace(data, plan=replace(data.plan, environments=environments))


def test_scales_and_thresholds_are_in_the_same_metric(data: GridData) -> None:
    scaled = with_references(data, episode_return=(40.0, 2040.0))
    scores = scaled.scores("nethack-score", "ldd")
    assert reference(scaled, "nethack-score").normalised(scores).tolist() == [0.48, 0.5, 0.52]
    of_wins = with_references(data, win_rate=(0.0, 1.0))
    assert reference(of_wins, "nethack-score").why == "its reference has no episode return"
    table = efficiency_table(scaled, "nethack-score")
    assert table is not None
    assert "half-way from a random player (40) to the expert (2040)" in " ".join(table.notes)
    bare = efficiency_table(data, "nethack-score")
    assert bare is not None
    assert not any("Frames to" in column.label for column in bare.columns), "nobody can say how many points are much"


def test_a_claim_about_points_is_told_in_points(data: GridData) -> None:
    points: dict[str, Any] = {"metric": "episode_return", "low": None, "high": None, "margin": 50.0}
    about = claim("x", "ldd", ["tabula_rasa", "ldd_rep"], ["nethack-score"], **points)
    holds, fails = tried(data, about).claims[0].comparisons
    assert (holds.verdict, fails.verdict) == ("holds", "fails")
    assert holds.why.startswith("+600 [+")
    assert fails.why.endswith("excludes an advantage of 50")


def test_a_search_chooses_each_environments_candidates_by_its_own_metric(tmp_path: Path) -> None:
    plan, _ = make_search({"ldd": "method.distill"}, environments=BOTH, headlines=RETURNS)
    write_runs(tmp_path, plan, lambda environment, method, seed: 0.6 if method.endswith("=0.1") else 0.3, points=2)
    found = load(tmp_path, "synthetic")
    wins, points = searches(found)
    assert [one.games for one in wins.candidates] == [500] * 3
    assert [one.games for one in points.candidates] == [0] * 3
    assert points.chosen is not None
    assert points.chosen.scores == (1200.0,)
    assert rule(found).startswith("By win rate: the default (the first listed")
    assert "By episode return: the highest mean episode return over the tuning seeds" in rule(found)
    content = tuned(found, [wins, points])
    assert content["selected_on"]["metric"] == {"rtfm-s1": "win_rate", "nethack-score": "episode_return"}
    assert content["candidates"]["nethack-score"]["ldd"][1]["episode_return"] == 1200.0


@pytest.mark.parametrize(
    ("part", "label"), [("test", "held-out games"), ("dev", "validation games"), ("score", "held-out games")]
)
def test_games_without_parts_are_held_out(tmp_path: Path, part: str, label: str) -> None:
    """Every game of NetHack is a new one, so that its games are called `nethack-score`."""
    RunStore(tmp_path).write_plan(make_plan(BOTH, split=part))
    assert load(tmp_path, "synthetic").games_label == label


# elsewhere


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_copy_keeps_every_environments_metric(data: GridData, tmp_path: Path, format: str) -> None:
    export(data.root, "synthetic", tmp_path / "out", format)
    import_results(tmp_path / "root", tmp_path / "out", "theirs")
    theirs = load(tmp_path / "root", "theirs")
    assert theirs.headlines() == ["win_rate", "episode_return"]
    for environment in BOTH:
        assert np.array_equal(theirs.scores(environment), data.scores(environment))
    import_results(tmp_path / "root", tmp_path / "out", "wins", "win_rate")
    assert load(tmp_path / "root", "wins").headlines() == ["win_rate"], "one that is asked for is everybody's"


def test_a_score_that_is_not_there_is_missed_where_it_counts(data: GridData, tmp_path: Path) -> None:
    export(data.root, "synthetic", tmp_path / "out")
    scores = tmp_path / "out" / "scores.csv"
    lines = scores.read_text(encoding="utf-8").splitlines()
    place = lines[0].split(",").index("episode_return")
    for number, environment in ((1, "rtfm-s1"), (-1, "nethack-score")):
        values = lines[number].split(",")
        assert values[0] == environment
        lines[number] = ",".join([*values[:place], "", *values[place + 1 :]])
    scores.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(BadInput, match=rf"scores\.csv, line {len(lines)}: episode_return is empty"):
        import_results(tmp_path / "root", tmp_path / "out", "theirs")


def test_two_results_are_compared_in_each_environments_metric(data: GridData, tmp_path: Path) -> None:
    write_runs(tmp_path, data.plan, lambda *cell: level(*cell) + (0.1 if cell[1] == "ldd" else 0.0), points=2)
    sides = (side(data.root, None, str(root)) for root in (data.root, tmp_path))
    found = Comparison(*sides)
    assert summary(found).endswith(
        "the largest difference, B − A, is +0.100 (RTFM S1, LDD, seed 0) and +200 (NetHack, LDD, seed 0)."
    )
    assert row(pair_table(found), "NetHack", "LDD")[4].startswith("+200")
