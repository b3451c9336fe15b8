"""Ours against published: every verdict by hand, what can never be REPRODUCED, and the page that says so."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from reports.frame import GridData, load
from reports.pages.published import page
from reports.published import Published, judge, matches
from reports.stats import Mean, mean_interval
from reports.tables import Table
from reports.writing.render import to_markdown
from tests.synthetic import FRAMES, make_plan, make_search, write_runs

FIFTY = Published(
    publication="the paper",
    environment="rtfm-s1",
    method="ldd",
    label=None,
    metric="win_rate",
    unit="fraction",
    value=0.5,
    spread=0.02,
    spread_kind="sd",
    seeds=5,
    split="test",
    frames=FRAMES,
    where="Table 1",
    comparable=True,
    differences=(),
    margin=0.05,
)
"""A win rate of 50 ± 2 over five seeds: its prediction interval for five more is 0.5 ± 2.776 · 0.02 · √0.4 = 0.0351."""


def seeds(mean: float, sd: float) -> Mean:
    """Ours, with exactly this mean and standard deviation."""
    return mean_interval(exactly(mean, sd))


def exactly(mean: float, sd: float, n: int = 5) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = np.arange(n, dtype=np.float64)
    values = (values - values.mean()) / values.std(ddof=1)
    return mean + sd * values


def changed(**others: Any) -> Published:
    return dataclasses.replace(FIFTY, **others)


@pytest.mark.parametrize(
    ("published", "ours", "verdict", "why"),
    [
        (FIFTY, seeds(0.51, 0.02), "REPRODUCED", "inside the prediction interval and the margin"),
        (FIFTY, seeds(0.536, 0.02), "HIGHER", "outside the prediction interval, though by less than the margin"),
        (FIFTY, seeds(0.60, 0.02), "HIGHER", "outside the prediction interval"),
        (FIFTY, seeds(0.464, 0.02), "LOWER", "outside the prediction interval, though by less than the margin"),
        (FIFTY, seeds(0.534, 0.02), "INCONCLUSIVE", "consistent, but these seeds cannot show that both agree"),
        (changed(spread=0.1), seeds(0.50, 0.1), "INCONCLUSIVE", "consistent, but these seeds cannot show"),
        (changed(margin=None), seeds(0.50, 0.02), "INCONCLUSIVE", "no margin was fixed for this metric"),
        (changed(seeds=None), seeds(0.50, 0.02), "INCONCLUSIVE", "not known of the published value: seeds"),
        (changed(spread=None, spread_kind=None), seeds(0.50, 0.02), "INCONCLUSIVE", "published value: spread"),
        (changed(spread_kind="unknown"), seeds(0.50, 0.02), "INCONCLUSIVE", "published value: kind of spread"),
        (changed(frames=None, split=None), seeds(0.50, 0.02), "INCONCLUSIVE", "published value: frames, split"),
        (changed(seeds=1), seeds(0.50, 0.02), "INCONCLUSIVE", "the published spread says nothing"),
        (changed(spread=0.0), seeds(0.50, 0.02), "INCONCLUSIVE", "the published spread says nothing"),
        (FIFTY, mean_interval([0.50]), "INCOMPLETE", "1 of our 5 planned seeds are finished"),
        (FIFTY, mean_interval([]), "INCOMPLETE", "0 of our 5 planned seeds are finished"),
        (changed(value=None, spread=None), seeds(0.50, 0.02), "INCOMPLETE", "the ledger has no value yet"),
        (changed(comparable=False, differences=("full RTFM",)), seeds(0.50, 0.02), "NOT COMPARABLE", "full RTFM"),
    ],
)  # fmt: skip
def test_every_verdict_by_hand(published: Published, ours: Mean, verdict: str, why: str) -> None:
    found = judge(published, ours, planned=5)
    assert (found.verdict, why in found.why) == (verdict, True), found


def test_another_setting_of_ours_is_not_comparable_however_near_the_numbers_are() -> None:
    found = judge(FIFTY, seeds(0.50, 0.02), 5, mismatches=("our run is reduced (preset demo)",))
    assert (found.verdict, found.why) == ("NOT COMPARABLE", "our run is reduced (preset demo)")
    assert math.isnan(found.difference)


def test_a_method_that_the_grid_does_not_have_is_incomplete() -> None:
    assert judge(FIFTY, mean_interval([]), planned=0).why == "the grid does not have this method"


def test_the_prediction_interval_is_the_one_worked_out_above() -> None:
    found = judge(FIFTY, seeds(0.51, 0.02), 5).prediction
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.5 - 0.0351, 0.5 + 0.0351), abs=5e-5)


def test_agreement_within_the_margin_is_two_one_sided_tests() -> None:
    """Against scipy's Welch test of the seeds, moved by the margin to either side."""
    ours, theirs = exactly(0.51, 0.03), exactly(0.5, 0.02)
    above = scipy_stats.ttest_ind(ours + 0.05, theirs, equal_var=False, alternative="greater").pvalue
    below = scipy_stats.ttest_ind(ours - 0.05, theirs, equal_var=False, alternative="less").pvalue
    assert judge(FIFTY, mean_interval(ours), 5).p_equal == pytest.approx(max(above, below), rel=1e-9)


@pytest.mark.parametrize(("kind", "spread"), [("sd", 0.02), ("se", 0.02 / math.sqrt(5)), ("ci95", 0.0248328)])
def test_a_spread_is_understood_by_its_kind(kind: str, spread: float) -> None:
    """Five seeds: t at 97.5% with 4 degrees of freedom is 2.7764, so half the interval is 2.7764 · 0.02 / √5."""
    assert changed(spread=spread, spread_kind=kind).sd == pytest.approx(0.02, rel=1e-4)


FRACTION = st.floats(0, 1)


@given(
    value=FRACTION,
    spread=st.floats(1e-6, 1),
    mean=FRACTION,
    sd=st.floats(1e-6, 1),
    n=st.integers(2, 40),
    seeds_=st.integers(2, 40),
    hidden=st.sampled_from(
        [
            {"seeds": None},
            {"spread": None, "spread_kind": None},
            {"spread_kind": "unknown"},
            {"frames": None},
            {"split": None},
            {"margin": None},
            {"value": None},
            {"comparable": False, "differences": ("another",)},
        ]
    ),
)
def test_what_is_not_known_can_never_be_reproduced(
    value: float, spread: float, mean: float, sd: float, n: int, seeds_: int, hidden: dict[str, Any]
) -> None:
    known = changed(value=value, spread=spread, seeds=seeds_)
    ours = Mean(n, mean, sd, None, None)
    assert judge(dataclasses.replace(known, **hidden), ours, n).verdict != "REPRODUCED"
    assert judge(known, ours, n + 1).verdict == "INCOMPLETE"


@given(value=FRACTION, mean=FRACTION, spread=st.floats(1e-4, 0.5), n=st.integers(2, 20), shift=st.floats(-1, 1))
def test_a_verdict_depends_on_the_difference_alone(
    value: float, mean: float, spread: float, n: int, shift: float
) -> None:
    """Moving both results by as much changes no verdict, unless one is within rounding of a border."""
    first = judge(changed(value=value, spread=spread, seeds=n), Mean(n, mean, spread, None, None), n)
    moved = judge(changed(value=value + shift, spread=spread, seeds=n), Mean(n, mean + shift, spread, None, None), n)
    near = (
        first.prediction is not None
        and min(abs(mean - first.prediction.low), abs(mean - first.prediction.high), abs(abs(first.difference) - 0.05))
        < 1e-9
    )
    assert near or abs(first.p_equal - 0.05) < 1e-9 or first.verdict == moved.verdict  # fmt: skip


ENVIRONMENT = {"rtfm-s1": "RTFM S1"}
RATES = {"tabula_rasa": (0.30, 0.32, 0.34), "ldd": (0.50, 0.52, 0.54), "ldd_rep": (0.9, 0.9, 0.9)}


def entry(**others: Any) -> dict[str, Any]:
    """A value as a plan has it."""
    own: dict[str, Any] = dict.fromkeys(
        ("label", "metric", "unit", "spread", "spread_kind", "seeds", "split", "frames")
    )
    own |= {"environments": ["rtfm-s1"], "method": "ldd", "value": None, "where": None}
    return own | {"comparable": True, "differences": [], **others}


READ = {"metric": "win_rate", "unit": "percent", "where": "Table 1", "split": "test", "frames": FRAMES}
SAME = entry(value=52, spread=2, spread_kind="sd", seeds=5, **READ)
STATEMENT = {
    "text": "LDD outperforms the rest", "where": "abstract", "environments": ["rtfm-s1"],
    "better": "ldd", "worse": ["tabula_rasa", "ldd_rep", "vae"],
}  # fmt: skip


def file(*values: Mapping[str, Any], statements: tuple[Mapping[str, Any], ...] = ()) -> dict[str, Any]:
    content = {"title": "the paper", "source": "A. Author: A paper", "read_in": "its abstract"}
    content |= {"margins": {"win_rate": 0.05}, "statements": list(statements), "values": list(values)}
    return {"name": "paper", "sha256": "ab" * 32, "content": content}


def grid(root: Path, *files: Mapping[str, Any], skip: frozenset[str] = frozenset(), **plan: Any) -> GridData:
    settings = {"preset": None, "published": list(files), **plan}
    planned = make_plan(ENVIRONMENT, **settings)
    write_runs(root, planned, lambda _, method, seed: RATES[method][seed], points=2, skip=skip)
    return load(root, "synthetic")


def table(data: GridData, name: str) -> Table:
    found = page(data)
    assert found is not None
    return next(table for table in found.tables() if table.id == name)


def text(data: GridData) -> str:
    found = page(data)
    assert found is not None
    return to_markdown("report", [found])


def verdicts(data: GridData) -> list[tuple[str, str]]:
    return [(match.judgement.verdict, match.judgement.why) for match in matches(data)]


def test_a_run_of_the_papers_setting_is_held_against_the_paper(tmp_path: Path) -> None:
    (row,) = table(grid(tmp_path, file(SAME)), "published").rows
    assert [cell.text for cell in row] == [
        "RTFM S1",
        "LDD",
        "0.520",
        "0.520",
        "0.000",
        "REPRODUCED",
        "inside the prediction interval and the margin; the paper, Table 1",
    ]
    assert row[2].detail == "win rate · ± 0.020 (sd) · 5 seeds"
    assert row[4].detail == "[0.479, 0.561]"  # 0.52 ± 2.776 · 0.02 · √(1/5 + 1/3)
    assert len(row[3].runs) == 3


@pytest.mark.parametrize(
    ("value", "plan", "why"),
    [
        ({}, {"preset": "demo"}, "our run is reduced (preset demo)"),
        ({}, {"changes": {"rtfm-s1": {"learner.lr": [1, 2]}}}, "1 of our settings are changed (learner.lr)"),
        ({}, {"tuned": {"values": {"rtfm-s1": {"ldd": {"method.distill": 2}}}}}, "our method has tuned settings"),
        ({"frames": 100_000_000}, {}, "150,000 of our frames, 100,000,000 of theirs"),
        ({"split": "dev"}, {}, "our test games, their dev games"),
        ({"metric": "reward"}, {}, "another metric (reward)"),
    ],
)
def test_a_difference_that_plan_or_runs_show_makes_it_incomparable(
    tmp_path: Path, value: dict[str, Any], plan: dict[str, Any], why: str
) -> None:
    data = grid(tmp_path, file({**SAME, **value}), **plan)
    assert verdicts(data) == [("NOT COMPARABLE", why)]
    assert why in table(data, "published").rows[0][-1].text


def test_points_stand_without_decimals_and_every_number_with_what_it_is(tmp_path: Path) -> None:
    about = {"metric": "episode_length", "unit": "points", "spread": 34, "spread_kind": "se", "comparable": False}
    data = grid(tmp_path, file(SAME, {**SAME, **about, "value": 2000}))
    rates, points = table(data, "published").rows
    assert (rates[2].text, rates[3].text) == ("0.520", "0.520")
    assert rates[3].detail == "win rate · [0.470, 0.570] · 3/3"
    assert points[2].plain == "2000 episode length, points · ± 34 (se) · 5 seeds"
    assert points[3].plain == "8 episode length, points · [8, 9] · 3/3"
    assert "win rate" not in table(data, "published").caption


def test_a_statement_about_an_environment_without_results_points_nowhere(tmp_path: Path) -> None:
    names = {**ENVIRONMENT, "messenger-s1": "Messenger S1"}
    both = {**STATEMENT, "environments": list(names)}
    plan = make_plan(names, preset=None, published=[file(statements=(both,))])
    cells = {cell.name for cell in plan.cells}
    waiting = frozenset(name for name in cells if name.startswith("messenger"))
    write_runs(tmp_path / "half", plan, lambda _, method, seed: RATES[method][seed], points=2, skip=waiting)
    assert [row[1].text for row in table(load(tmp_path / "half", "synthetic"), "statements").rows] == ["RTFM S1"]
    write_runs(tmp_path / "none", plan, points=2, skip=frozenset(cells))
    assert "nothing is finished here that they are about" in text(load(tmp_path / "none", "synthetic"))


def test_missing_seeds_make_it_incomplete_and_are_counted(tmp_path: Path) -> None:
    data = grid(tmp_path, file(SAME), skip=frozenset({"rtfm-s1/ldd/1"}))
    assert verdicts(data) == [("INCOMPLETE", "2 of our 3 planned seeds are finished")]
    assert table(data, "published").rows[0][3].detail.endswith("2/3")


def test_an_empty_entry_is_said_to_be_empty_and_shows_ours(tmp_path: Path) -> None:
    data = grid(tmp_path, file(entry(), SAME))
    assert "> The ledger lacks 1 value of the paper for these environments: nobody of this project" in text(data)
    first = table(data, "published").rows[0]
    assert (first[2].plain, first[3].text, first[5].text) == ("– not read yet", "0.520", "INCOMPLETE")
    found = page(data)
    assert found is not None
    (figure,) = found.figures()
    assert "LDD: ours 0.520, no published value yet, INCOMPLETE" in figure.alt
    assert figure.files()["published-rtfm-s1.svg"].startswith(b"<?xml")


def test_anothers_method_stands_in_the_table_but_alone_makes_no_figure(tmp_path: Path) -> None:
    other = {**SAME, "method": None, "label": "txt2π", "comparable": False, "differences": ["full RTFM"]}
    data = grid(tmp_path, file(other))
    row = table(data, "published").rows[0]
    assert [row[1].text, row[3].detail, row[5].text] == ["txt2π, the paper", "no method of ours", "NOT COMPARABLE"]
    assert row[6].text == "full RTFM; the paper, Table 1"
    found = page(data)
    assert found is not None
    assert list(found.figures()) == []


def test_a_statement_without_a_number_is_held_against_the_direction_of_our_means(tmp_path: Path) -> None:
    (row,) = table(grid(tmp_path, file(SAME, statements=(STATEMENT,))), "statements").rows
    assert [cell.text for cell in row[2:]] == ["Tabula rasa (released)", "–", "LDD-rep (ours)", "vae (unknown)"]


def test_the_claims_are_said_to_be_registered_beforehand_only_where_they_were(tmp_path: Path) -> None:
    data = grid(tmp_path, file(statements=(STATEMENT,)))
    assert "The tests of the claims" not in text(data)
    plan = dataclasses.replace(data.plan, settings={**data.plan.settings, "claims": {"name": "ours", "content": {}}})
    entry = {"name": "ours", "sha256": "a" * 64, "content": {}, "seeds": [0, 1, 2], "results": 0}
    for at, words in (
        ("2026-11-22T00:00:00+00:00", "The tests of the claims of ours, adjusted and registered beforehand, stand"),
        ("2026-11-23T00:00:00+00:00", "adjusted and not all registered before the results (see Protocol), stand"),
    ):
        assert words in text(dataclasses.replace(data, plan=plan, registrations=[{**entry, "at": at}]))
    other = {**entry, "name": "others", "at": "2026-11-22T00:00:00+00:00"}
    assert "not all registered" in text(dataclasses.replace(data, plan=plan, registrations=[other]))


def test_the_page_comes_without_a_ledger_and_says_why(tmp_path: Path) -> None:
    assert "has nothing on the environments of this grid" in text(grid(tmp_path))
    data = grid(tmp_path, published=None)
    assert "made before there was a ledger" in text(data)


def test_a_search_is_about_no_methods_result(tmp_path: Path) -> None:
    plan, _ = make_search({"ldd": "method.distill"}, published=[file(SAME)])
    write_runs(tmp_path, plan, points=2)
    assert page(load(tmp_path, "synthetic")) is None
