"""Does it hold: verdicts that flip with the analysis, with one seed or with missing runs are found, and no others."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from benchmark.store import RunStore
from reports.claims import evaluate
from reports.frame import GridData, load
from reports.normalise import reference
from reports.pages.robustness import page
from reports.robustness import leave_one_out, multiverse
from reports.robustness.comparing import by_iqm, by_median, by_pairs, by_permutation
from reports.robustness.missing import incomplete_means, with_missing
from reports.robustness.sentences import agreement
from reports.stats import permutation_test, welch_difference
from reports.tables import Table
from reports.writing.render import to_markdown
from tests.synthetic import make_plan, make_search, write_runs

ENVIRONMENT = {"rtfm-s1": "RTFM S1"}
METHODS: dict[str, dict[str, Any]] = {
    "tabula_rasa": {"label": "Tabula rasa", "provenance": "released"},
    "ldd": {"label": "LDD", "provenance": "released"},
}
LOW = (0.30, 0.31, 0.32, 0.33, 0.34)
LOW_TOO = (0.32, 0.30, 0.34, 0.31, 0.33)
HIGH = (0.61, 0.60, 0.62, 0.64, 0.63)
CLAIMS = {
    "name": "one", "sha256": "ab" * 32, "content": {
        "about": "a test", "metrics": {"win_rate": {"low": 0, "high": 1, "margin": 0.05}},
        "environments": {"rtfm-s1": "win_rate"}, "families": {"main": 0.05}, "seeds": 5,
        "claims": {"better": {
            "text": "LDD is better", "source": "nowhere", "family": "main", "exploratory": False,
            "direction": "greater", "method": "ldd", "against": ["tabula_rasa"], "environments": ["rtfm-s1"],
        }},
    },
}  # fmt: skip
"""One claim, one comparison: its status follows from the seeds below."""
LAST_OF_LDD = frozenset({"rtfm-s1/ldd/4"})


def grid(
    root: Path,
    rates: Mapping[str, tuple[float, ...]],
    claims: Mapping[str, Any] | None = CLAIMS,
    curves: Mapping[str, tuple[float, ...]] | None = None,
    skip: frozenset[str] = frozenset(),
    **others: Any,
) -> GridData:
    """A grid with these win rates by method and seed; curves: the points of every seed's curve on test games."""
    seeds = tuple(range(len(next(iter(rates.values())))))
    methods = {name: METHODS.get(name, {"label": name}) for name in rates}
    plan = make_plan(ENVIRONMENT, methods, **{"seeds": seeds, "claims": claims, **others})
    store = write_runs(root, plan, lambda _, method, seed: rates[method][seed], points=3, skip=skip)
    for cell in plan.cells if curves else ():
        assert curves is not None
        _write_curve(store, cell.stages["policy"], curves[cell.method], 0.001 * cell.seed)
    return load(root, "synthetic")


def _write_curve(store: RunStore, key: str, points: tuple[float, ...], more: float) -> None:
    rows = [{"frames": 1000 * n, "test/win_rate": value + more} for n, value in enumerate(points)]
    store.curve_file(key).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def said(data: GridData, kind: str = "claim") -> dict[str, str | None]:
    """Analysis -> what it says of the only claim, or the only comparison."""
    matrix = multiverse(data)
    (row,) = [row for row in matrix.rows if row.key.kind == kind]
    return dict(zip([analysis.id for analysis in matrix.analyses], row.words, strict=True))


def text(data: GridData) -> str:
    found = page(data)
    assert found is not None
    return to_markdown("report", [found])


def table(data: GridData, name: str) -> Table:
    found = page(data)
    assert found is not None
    return next(table for table in found.tables() if table.id == name)


# --- the multiverse


def test_a_clear_claim_holds_under_every_analysis(tmp_path: Path) -> None:
    data = grid(tmp_path, {"tabula_rasa": LOW, "ldd": HIGH}, curves={"tabula_rasa": (0.1, 0.3), "ldd": (0.1, 0.6)})
    assert set(said(data).values()) == {"SUPPORTED"}
    assert set(said(data, "comparison").values()) == {"holds"}
    says = "same under all 7 analyses for 1 of 1 decided claim (1 SUPPORTED) and 1 of 1 decided comparison (1 holds)."
    assert says in text(data)
    assert "The main analysis leaves" not in text(data)
    assert "Permutation keeps Welch's interval, so it says fails where the main analysis does" in text(data)


def test_a_claim_that_only_the_best_checkpoint_supports_is_shown_to_rest_on_it(tmp_path: Path) -> None:
    """LDD's curve rises to 0.9 and falls back to tabula rasa's 0.3."""
    data = grid(
        tmp_path,
        {"tabula_rasa": LOW, "ldd": LOW_TOO},
        curves={"tabula_rasa": (0.1, 0.3, 0.3), "ldd": (0.1, 0.9, 0.3)},
    )
    found = said(data)
    assert found.pop("best") == "SUPPORTED"
    assert set(found.values()) == {"REFUTED"}
    row = table(data, "multiverse-claims").rows[0]
    assert [cell.text for cell in row] == [
        "`better`", "5", "REFUTED", "REFUTED", "REFUTED", "REFUTED", "REFUTED", "REFUTED",
        "≠ SUPPORTED",
    ]  # fmt: skip
    found_page = page(data)
    assert found_page is not None
    (figure,) = found_page.figures()
    assert "against Tabula rasa: fails, but holds by Best point" in figure.alt
    assert figure.files()["multiverse-rtfm-s1.svg"].startswith(b"<?xml")


def test_one_odd_seed_decides_the_mean_but_not_the_middle_half(tmp_path: Path) -> None:
    data = grid(tmp_path, {"tabula_rasa": LOW, "ldd": (0.38, 0.39, 0.40, 0.41, 0.99)})
    found = said(data)
    assert (found["main"], found["iqm"]) == ("INCONCLUSIVE", "SUPPORTED")
    says = agreement(multiverse(data))
    assert says == "The main analysis leaves 1 claim and 1 comparison open, and another decides 2 of them."


def test_pairs_see_what_independent_groups_cannot(tmp_path: Path) -> None:
    """Seeds differ widely, but LDD is better by about 0.1 with each of them."""
    base = (0.10, 0.30, 0.50, 0.70, 0.85)
    data = grid(tmp_path, {"tabula_rasa": base, "ldd": tuple(rate + 0.1 + 0.002 * n for n, rate in enumerate(base))})
    found = said(data, "comparison")
    assert (found["main"], found["paired"]) == ("undecided", "holds")


def test_without_curves_and_references_the_page_says_what_it_cannot_do(tmp_path: Path) -> None:
    data = grid(tmp_path, {"tabula_rasa": LOW, "ldd": HIGH}, curves={"tabula_rasa": (), "ldd": ()})
    assert list(said(data)) == ["main", "median", "iqm", "permutation", "paired"]
    assert "no run has a learning curve on test games" in text(data)
    assert "no environment of the grid has references" in text(data)


def test_a_scale_changes_what_counts_as_much(tmp_path: Path) -> None:
    """0.016 more is too little for a margin of 0.05; between random play at 0.2 and an expert at 0.4 it is 0.08."""
    rates = {"tabula_rasa": (0.300, 0.304, 0.308, 0.312, 0.316), "ldd": (0.316, 0.320, 0.324, 0.328, 0.332)}
    plan = make_plan(ENVIRONMENT, METHODS, seeds=(0, 1, 2, 3, 4), claims=CLAIMS)
    references = {"random": {"win_rate": 0.2}, "expert": {"win_rate": 0.4}, "games": "rtfm-s1-test", "source": "a test"}
    plan.environments["rtfm-s1"]["references"] = references  # type: ignore[index]
    write_runs(tmp_path, plan, lambda _, method, seed: rates[method][seed], points=3)
    found = said(load(tmp_path, "synthetic"))
    assert (found["main"], found["normalised"]) == ("REFUTED", "SUPPORTED")


def with_scale(data: GridData, low: float, high: float) -> GridData:
    """The grid as if random play had scored `low` on its test games, and our expert `high`."""
    ends = {"random": {"win_rate": low}, "expert": {"win_rate": high}, "games": "rtfm-s1-test", "source": "a test"}
    facts = {**data.plan.environments["rtfm-s1"], "references": ends}
    return replace(data, plan=replace(data.plan, environments={"rtfm-s1": facts}))


def test_a_missing_run_can_be_anything_that_a_win_rate_can_on_the_scale(tmp_path: Path) -> None:
    """From 0.2 to 0.6, a win rate of 0 is -0.5 and one of 1 is 2: LDD's mean is (4 * 0.5 - 0.5) / 5 at worst."""
    data = grid(tmp_path, {"tabula_rasa": (0.2,) * 4 + (0.21,), "ldd": (0.4,) * 4 + (0.41,)}, skip=LAST_OF_LDD)
    data = with_scale(data, 0.2, 0.6)
    report = evaluate(data, scale=lambda _, scores: reference(data, "rtfm-s1").normalised(scores))
    assert report is not None
    bounds = report.claims[0].comparisons[0].bounds
    assert bounds is not None
    others = 0.025 / 5
    assert (bounds.low, bounds.high) == pytest.approx((1.5 / 5 - others, 4 / 5 - others))


def test_a_run_is_missing_and_another_is_worse_than_random_play(tmp_path: Path) -> None:
    """On the scale tabula rasa is below 0, where no raw win rate is; VAE pretraining lacks a run."""
    claims: dict[str, Any] = copy.deepcopy(CLAIMS)
    claims["content"]["claims"]["better"]["against"] = ["tabula_rasa", "vae"]
    rates = {"tabula_rasa": (0.10, 0.12, 0.14, 0.13, 0.11), "vae": LOW, "ldd": HIGH}
    data = with_scale(grid(tmp_path, rates, claims, skip=frozenset({"rtfm-s1/vae/4"})), 0.121, 0.995)
    assert {row.key.against: row.words[-1] for row in multiverse(data).rows} == {
        "": "INCONCLUSIVE",
        "tabula_rasa": "holds",
        "vae": "undecided",
    }


def test_without_claims_the_page_asks_which_mean_is_higher(tmp_path: Path) -> None:
    data = grid(tmp_path, {"tabula_rasa": LOW, "ldd": HIGH, "other": LOW_TOO}, claims=None)
    rows = {row.key.method: set(row.words) for row in multiverse(data).rows}
    assert rows == {"ldd": {"higher"}, "other": {"not told apart"}}
    says = "for 1 of 1 decided comparison (1 higher). The main analysis leaves 1 comparison open, and so does"
    assert says in text(data)


# --- leave one seed out


def test_a_claim_whose_status_depends_on_one_seed_is_found_with_that_seed(tmp_path: Path) -> None:
    """Without seed 4 LDD is where tabula rasa is; with it nothing can be excluded."""
    data = grid(tmp_path, {"tabula_rasa": LOW, "ldd": (0.31, 0.30, 0.33, 0.32, 0.99)})
    claim = next(one for one in leave_one_out(data) if one.key.kind == "claim")
    assert (claim.word, claim.changes) == ("INCONCLUSIVE", {4: "REFUTED"})
    assert "nothing is decided; of 2 that are open, 2 would be decided without some seed" in text(data)
    row = table(data, "leave-one-out-claims").rows[0]
    assert [row[2].text, row[3].text] == ["4 of 5", "REFUTED without seed 4"]


def test_a_seed_left_out_is_not_counted_as_missing(tmp_path: Path) -> None:
    data = grid(tmp_path, {"tabula_rasa": LOW, "ldd": HIGH})
    assert all(not one.changes for one in leave_one_out(data))
    assert "Leave one seed out: 2 of 2 decided verdicts are the same without any one seed." in text(data)


def test_a_comparison_that_is_gone_without_a_seed_has_not_stayed_the_same(tmp_path: Path) -> None:
    """LDD has one finished run, of seed 3."""
    skip = frozenset(f"rtfm-s1/ldd/{seed}" for seed in (0, 1, 2, 4))
    data = grid(tmp_path, {"tabula_rasa": LOW, "ldd": HIGH}, skip=skip)
    (found,) = [one for one in leave_one_out(data) if one.key.kind == "comparison"]
    assert (len(found.without), found.changes) == (5, {3: "nothing left"})
    row = table(data, "leave-one-out").rows[0]
    assert [row[-2].text, row[-1].text] == ["4 of 5", "nothing left without seed 3"]
    assert "Leave one seed out: with all seeds nothing is decided." in text(data)


def test_a_grid_of_one_seed_has_none_to_leave_out(tmp_path: Path) -> None:
    found = text(grid(tmp_path, {"tabula_rasa": (0.3,), "ldd": (0.6,)}))
    assert "the grid has one seed, so there is none to leave out" in found
    assert "The main analysis leaves 1 claim and 1 comparison open, and so does every other." in found
    assert "The verdict is the same" not in found


# --- missing runs


def test_missing_runs_are_bounded_and_a_claim_that_flips_inside_is_not_supported(tmp_path: Path) -> None:
    """Two of LDD's five runs are missing: its mean could be (0.61 + 0.60 + 0.62) / 5 = 0.366 or 0.766."""
    skip = frozenset({"rtfm-s1/ldd/3", "rtfm-s1/ldd/4"})
    data = grid(tmp_path, {"tabula_rasa": LOW, "ldd": HIGH}, skip=skip)
    assert said(data)["main"] == "INCONCLUSIVE"
    row = table(data, "missing-bounds").rows[0]
    assert [cell.text for cell in row] == [
        "RTFM S1",
        "LDD",
        "Tabula rasa",
        "3/5, 5/5",
        "+0.290",
        "yes",
        "undecided",
    ]
    assert row[4].detail == "[+0.046, +0.446]"
    assert "Missing runs touch 1 comparison that can be made without them; in 1 the difference" in text(data)


def test_a_sign_that_missing_runs_could_turn_is_said_to_be_open(tmp_path: Path) -> None:
    skip = frozenset({"rtfm-s1/ldd/0", "rtfm-s1/tabula_rasa/4", "rtfm-s1/tabula_rasa/3"})
    data = grid(tmp_path, {"tabula_rasa": LOW, "ldd": HIGH}, claims=None, skip=skip)
    (found,) = with_missing(data, None)
    assert found.bounds is not None
    assert (found.bounds.low, found.bounds.high) == pytest.approx((0.498 - 2.93 / 5, 0.698 - 0.93 / 5))
    assert table(data, "missing-bounds").rows[0][5].text == "no"


def test_a_whole_grid_has_nothing_to_bound(tmp_path: Path) -> None:
    data = grid(tmp_path, {"tabula_rasa": LOW, "ldd": HIGH})
    assert "no planned run is missing" in text(data)
    assert "missing-means" not in {table.id for table in page(data).tables()}


def test_a_mean_without_some_of_its_runs_says_what_it_could_be_with_all(tmp_path: Path) -> None:
    """LDD's three runs sum to 1.83: of five they make a mean from 1.83 / 5 to 3.83 / 5. Tabula rasa has none."""
    skip = frozenset({"rtfm-s1/ldd/3", "rtfm-s1/ldd/4", *(f"rtfm-s1/tabula_rasa/{seed}" for seed in range(5))})
    for name, claims in (("claims", CLAIMS), ("none", None)):
        data = grid(tmp_path / name, {"tabula_rasa": LOW, "ldd": HIGH}, claims, skip=skip)
        rows = {row[1].text: [cell.plain for cell in row[2:]] for row in table(data, "missing-means").rows}
        assert rows == {
            "LDD": ["3/5", "0.610 win rate", "[0.366, 0.766]"],
            "Tabula rasa": ["0/5", "– win rate", "[0.000, 1.000]"],
        }
        assert len(table(data, "missing-means").rows[1][4].runs) == 3
        assert "2 means of a method on an environment lack planned runs" in text(data)


def test_a_mean_of_a_metric_without_ends_has_no_worst_case(tmp_path: Path) -> None:
    skip = frozenset({"rtfm-s1/ldd/4"})
    rates = {"tabula_rasa": LOW, "ldd": HIGH}
    data = grid(tmp_path, rates, None, skip=skip, headline="episode_return")
    (row,) = table(data, "missing-means").rows
    assert row[4].plain == "– episode return has no ends"


def test_what_cannot_be_run_is_not_missing(tmp_path: Path) -> None:
    rates = {"tabula_rasa": LOW, "ldd": HIGH, "vae": LOW}
    data = grid(tmp_path, rates, None, unavailable={"vae": "not built"})
    assert incomplete_means(data) == []


# --- grids with nothing to compare


def test_the_page_comes_for_one_method_and_for_no_results_and_not_for_a_search(tmp_path: Path) -> None:
    assert "no two methods with results" in text(grid(tmp_path / "one", {"ldd": HIGH}, claims=None))
    nothing = frozenset(f"rtfm-s1/{method}/{seed}" for method in ("tabula_rasa", "ldd") for seed in range(5))
    data = grid(tmp_path / "none", {"tabula_rasa": LOW, "ldd": HIGH}, skip=nothing)
    assert text(data).endswith("No run is finished, so there is nothing that could hold.\n")
    assert agreement(multiverse(data)) == "The main analysis leaves 1 claim open, and so does every other."
    plan, _ = make_search({"ldd": "method.distill"})
    write_runs(tmp_path / "search", plan, points=2)
    assert page(load(tmp_path / "search", "synthetic")) is None


# --- the comparisons behind it


def test_the_permutation_p_takes_the_place_of_welchs() -> None:
    found, welch = by_permutation(LOW, HIGH), welch_difference(LOW, HIGH)
    assert found.interval == welch.interval
    assert found.p == permutation_test(LOW, HIGH).p == pytest.approx(2 / 252)


def test_pairs_need_the_same_number_of_seeds() -> None:
    assert by_pairs(LOW, HIGH[:3]).why == "not the same seeds"
    assert by_pairs(LOW, (0.5, 0.52, 0.5, 0.55, 0.54)).interval is not None


def test_the_middle_of_three_seeds_is_all_of_them() -> None:
    first, second = (0.2, 0.3, 0.5), (0.1, 0.15, 0.3)
    found, welch = by_iqm(first, second), welch_difference(first, second)
    assert found.interval is not None
    assert welch.interval is not None
    assert (found.difference, found.p) == pytest.approx((welch.difference, welch.p))
    assert (found.interval.low, found.interval.high) == pytest.approx((welch.interval.low, welch.interval.high))


def test_the_interquartile_mean_leaves_out_the_outer_quarters() -> None:
    found = by_iqm((0.0, 0.2, 0.3, 0.4, 1.0), (0.0, 0.1, 0.2, 0.3, 0.9))
    assert found.difference == pytest.approx(0.1)  # of 0.2, 0.3, 0.4 and 0.1, 0.2, 0.3


def test_medians_differ_by_their_own_standard_errors() -> None:
    """Against scipy's own comparison, which takes McKean and Schrader's error and the normal distribution."""
    rng = np.random.default_rng(3)
    first, second = rng.normal(0.6, 0.1, 40), rng.normal(0.5, 0.1, 40)
    found = by_median(first, second)
    assert found.difference == pytest.approx(float(np.median(first) - np.median(second)))
    other = 1 - float(scipy_stats.mstats.compare_medians_ms(first, second))
    assert (found.p < 0.05) == (2 * min(other, 1 - other) < 0.05)


@pytest.mark.parametrize("compare", [by_median, by_iqm])
def test_an_interval_of_few_seeds_covers_what_it_says(compare: Any) -> None:
    """300 pairs of five normal seeds; at 95% coverage fewer than 91% of them has a chance of about 1 in 1,000."""
    rng = np.random.default_rng(0)
    found = [compare(*rng.standard_normal((2, 5))).interval for _ in range(300)]
    assert np.mean([interval.contains(0.0) for interval in found]) > 0.91


@pytest.mark.parametrize("compare", [by_median, by_iqm, by_permutation, by_pairs])
def test_where_there_is_no_spread_there_is_no_verdict(compare: Any) -> None:
    for first, second in (((0.5,), (0.3,)), ((0.5, 0.5, 0.5), (0.3, 0.3, 0.3))):
        found = compare(first, second)
        assert (found.interval, found.excludes_zero) == (None, None)
        assert found.why is not None
