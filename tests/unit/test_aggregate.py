"""Page 6: several environments in one number, worked by hand; what it leaves out, and what it does not claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.aggregate import aggregates, improvement, improvements, profiles
from reports.frame import GridData, load
from reports.normalise import normalised
from reports.page import Page, Text
from reports.pages import aggregate, results, seeds
from reports.stats import bootstrap_interval, probability_of_improvement
from tests.synthetic import METHODS, make_plan, make_search, write_runs

BOTH = ("messenger-s1", "rtfm-s1")
HALVES = {"random": {"win_rate": 0.5}, "expert": {"win_rate": 1.0}, "source": "a script"}
"""From a half to one, so that a win rate w stands at 2 w - 1."""

WIN_RATES: dict[tuple[str, str], tuple[float, ...]] = {
    ("messenger-s1", "tabula_rasa"): (0.4, 0.5, 0.6), ("rtfm-s1", "tabula_rasa"): (0.5, 0.5, 0.5),
    ("messenger-s1", "ldd"): (0.5, 0.6, 0.7), ("rtfm-s1", "ldd"): (0.6, 0.7, 1.0),
    ("messenger-s1", "ldd_rep"): (1.0, 1.0, 1.0), ("rtfm-s1", "ldd_rep"): (1.0, 1.0, 1.0),
}  # fmt: skip


def grid(
    root: Path,
    references: Mapping[str, Any] = dict.fromkeys(BOTH, HALVES),
    number: int = 3,
    skip: frozenset[str] = frozenset(),
    **plan: Any,
) -> GridData:
    """Synthetic runs with these win rates; references: by environment, of its test games."""
    planned = make_plan(seeds=tuple(range(number)), **plan)
    write_runs(root, planned, win_rate=lambda e, m, seed: WIN_RATES[e, m][seed], skip=skip, points=2)
    data = load(root, "synthetic")
    environments = {
        name: dict(facts)
        | ({"references": {**references[name], "games": f"{name}-test"}} if name in references else {})
        for name, facts in data.plan.environments.items()
    }
    return replace(data, plan=replace(data.plan, environments=environments))


def built(data: GridData) -> Page:
    page = aggregate.page(data)
    assert page is not None
    return page


def words(page: Page) -> str:
    return "\n".join(block.text for block in page.blocks if isinstance(block, Text))


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    return grid(tmp_path_factory.mktemp("aggregate"))


def test_the_aggregates_of_six_runs_by_hand(complete: GridData) -> None:
    """LDD stands at 0, 0.2, 0.4 on one environment and at 0.2, 0.4, 1 on the other."""
    found = {one.method: one for one in aggregates(complete, normalised(complete))}["ldd"]
    values = {name: one.value for name, one in found.estimates.items()}
    assert values["mean"] == pytest.approx((0.2 + 1.6 / 3) / 2)
    assert values["iqm"] == pytest.approx((0.2 + 0.2 + 0.4 + 0.4) / 4)  # of 0, 0.2, 0.2, 0.4, 0.4, 1
    assert values["gap"] == pytest.approx(1 - values["mean"])
    assert (found.finished, found.planned, len(found.runs)) == (6, 6, 6)


def test_below_random_play_counts_as_it_is_and_is_named(complete: GridData) -> None:
    found = {one.method: one for one in aggregates(complete, normalised(complete))}["tabula_rasa"]
    assert found.estimates["mean"].value == pytest.approx(0.0)  # of -0.2, 0, 0.2 and three times 0
    worse = grid_below(complete)
    assert "On RTFM S1 the mean is below random play for: Tabula rasa." in words(built(worse))
    assert "below random play for" not in words(built(complete))


def grid_below(data: GridData) -> GridData:
    """The same runs where random play wins 60% of RTFM S1."""
    facts = data.plan.environments["rtfm-s1"]
    references = {**facts["references"], "random": {"win_rate": 0.6}}
    environments = {**data.plan.environments, "rtfm-s1": {**facts, "references": references}}
    return replace(data, plan=replace(data.plan, environments=environments))


def test_an_interval_holds_the_value_and_equal_seeds_have_none(complete: GridData) -> None:
    found = {one.method: one for one in aggregates(complete, normalised(complete))}
    for estimate in found["ldd"].estimates.values():
        assert estimate.interval is not None
        assert estimate.interval.low < estimate.value < estimate.interval.high
    assert all(estimate.interval is None for estimate in found["ldd_rep"].estimates.values())
    table = {table.id: table for table in built(complete).tables()}["aggregate"]
    assert [cell.plain for cell in table.rows[2][1:]] == [
        "1.000 interval undefined", "1.000 interval undefined", "0.000 interval undefined", "6/6"
    ]  # fmt: skip


def test_probability_of_improvement_by_hand(complete: GridData) -> None:
    """Of 9 pairs with tabula rasa LDD has the better of 7 on Messenger (ties count half) and of all on RTFM; with
    LDD-rep it has none but one seed's three ties on RTFM."""
    found = {one.other: one.estimate.value for one in improvements(complete, normalised(complete))}
    assert found["tabula_rasa"] == pytest.approx((7.0 / 9 + 1) / 2)
    assert found["ldd_rep"] == pytest.approx((0 + 1.5 / 9) / 2)


def test_counting_ranks_is_comparing_all_pairs() -> None:
    rng = np.random.default_rng(3)
    first, second = ([np.round(rng.random(n), 1) for n in sizes] for sizes in ((3, 5, 7), (4, 5, 2)))
    found = improvement(first, second)
    assert found.value == float(probability_of_improvement(first, second))
    expected = bootstrap_interval(probability_of_improvement, first, second)
    assert found.interval is not None and expected is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.low, expected.high))


def test_a_profile_falls_from_all_runs_to_none_beyond_both_ends(complete: GridData) -> None:
    found = profiles(normalised(complete))
    for profile in found.values():
        assert profile.share[0] == 1.0 and profile.share[-1] == 0.0
        assert (np.diff(profile.share) <= 1e-12).all()
    ldd = found["ldd"]
    assert ldd.thresholds[0] < -0.2 and ldd.thresholds[-1] > 1.0
    share = ldd.share[np.searchsorted(ldd.thresholds, 0.3)]
    assert share == pytest.approx(0.5)  # above 0.3: one of three runs here, two of three there


def test_the_page_says_that_a_few_environments_are_no_sample(complete: GridData) -> None:
    page = built(complete)
    assert "2 environments (Messenger S1 and RTFM S1) are no sample of all environments" in words(page)
    assert [figure.id for figure in page.figures()] == [
        "aggregate-iqm", "aggregate-mean", "aggregate-gap", "aggregate-improvement", "aggregate-profile",
        "aggregate-profile-bands",
    ]  # fmt: skip
    assert all(len(figure.runs) == 18 for figure in page.figures())


def test_every_figure_can_be_drawn(complete: GridData) -> None:
    for figure in built(complete).figures():
        assert {name.rpartition(".")[2] for name in figure.files()} == {"svg", "png", "pdf"}
        assert b"<svg" in figure.dark_svg()


def test_a_method_without_an_environment_has_no_aggregate(tmp_path: Path) -> None:
    lost = frozenset(f"rtfm-s1/ldd/{seed}" for seed in range(3))
    page = built(grid(tmp_path, skip=lost | {"messenger-s1/ldd_rep/1"}))
    rows = {row[0].text: [cell.plain for cell in row[1:]] for row in next(iter(page.tables())).rows}
    assert rows["LDD"] == ["–", "–", "–", "– no finished seed on RTFM S1"]
    assert rows["LDD-rep"][-1] == "5/6"
    assert "No probability of improvement: LDD or all others lack a finished seed" in words(page)
    assert "aggregate-improvement" not in [figure.id for figure in page.figures()]


def test_one_seed_gives_numbers_without_intervals(tmp_path: Path) -> None:
    page = built(grid(tmp_path, number=1))
    rows = {row[0].text: [cell.plain for cell in row[1:]] for row in next(iter(page.tables())).rows}
    assert rows["LDD"][:2] == ["0.100 interval undefined"] * 2
    assert "aggregate-profile-bands" not in [figure.id for figure in page.figures()]
    for figure in page.figures():
        assert figure.files()


def test_what_has_no_reference_is_left_out_and_named(tmp_path: Path) -> None:
    page = built(grid(tmp_path, references={"messenger-s1": HALVES}))
    assert "Only Messenger S1 has such a scale here, so there is nothing to put together" in words(page)
    stated = {table.id: table for table in page.tables()}["references"]
    assert [cell.plain for cell in stated.rows[0]] == ["Messenger S1", "0.500", "1.000", "a script"]
    assert [cell.plain for cell in stated.rows[1]] == ["RTFM S1", "–", "–", "its plan is older than the references"]
    assert not list(page.figures())


def test_two_of_three_environments_are_put_together_and_the_third_is_named(complete: GridData) -> None:
    alone = replace(complete.plan.cells[0], environment="alfworld", stages={}, unavailable="not built yet")
    environments = {**complete.plan.environments, "alfworld": {"label": "ALFWorld", "references": None}}
    plan = replace(complete.plan, cells=(*complete.plan.cells, alone), environments=environments)
    page = built(replace(complete, plan=plan))
    assert "Left out of every number on this page: ALFWorld, because it has no reference." in words(page)
    tables = {table.id: table for table in page.tables()}
    assert tables["aggregate"].rows == {table.id: table for table in built(complete).tables()}["aggregate"].rows
    assert tables["normalised"].rows[2][1].plain == "– no scale"


def test_a_grid_without_any_reference_or_result_still_has_the_page(tmp_path: Path) -> None:
    everything = frozenset(f"{e}/{m}/{s}" for e in BOTH for m in METHODS for s in range(3))
    assert "No environment has such a scale here" in words(built(grid(tmp_path / "none", references={})))
    one = frozenset(name for name in everything if name.startswith(next(iter(BOTH))))
    assert "No method has a finished seed on each" in words(built(grid(tmp_path / "half", skip=one)))
    assert "No run is finished, so there is nothing to put" in words(built(grid(tmp_path / "empty", skip=everything)))


def test_a_search_has_no_aggregate(tmp_path: Path) -> None:
    plan, _ = make_search({"ldd": "method.distill"})
    write_runs(tmp_path, plan, points=2)
    assert aggregate.page(load(tmp_path, plan.grid)) is None


def test_page_two_is_the_main_table_and_the_seeds_stand_in_the_appendix(complete: GridData) -> None:
    assert [table.id for table in results.page(complete).tables()] == ["main"]
    appendix = seeds.page(complete)
    assert appendix.appendix
    assert [table.id for table in appendix.tables()] == ["seeds", "metrics"]


def test_final_scores_are_seen_beside_random_play_and_the_expert(complete: GridData, tmp_path: Path) -> None:
    shown = next(iter(results.page(complete).figures()))
    assert shown.alt.endswith("random play 0.50, our expert 1.00")
    assert "Dashed: random play and our expert" in shown.caption
    unknown = next(iter(results.page(grid(tmp_path, references={})).figures()))
    assert "random play" not in unknown.alt + unknown.caption
    assert shown.dark_svg().count(b"stroke-dasharray") == unknown.dark_svg().count(b"stroke-dasharray") + 2
