"""What a number of seeds can show."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from reports.power import largest_spread, power, smallest_effect, smallest_p
from reports.stats import holm, permutation_test


def simulated(n: int, against: int, effect: float, alpha: float) -> float:
    """Share of 100,000 experiments in which SciPy's Welch test finds the effect."""
    rng = np.random.default_rng([n, against])
    first, second = rng.normal(effect, 1, (100_000, n)), rng.normal(0, 1, (100_000, against))
    test = scipy_stats.ttest_ind(first, second, axis=1, equal_var=False)
    return float(((test.pvalue < alpha) & (test.statistic > 0)).mean())


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_the_power_is_that_of_simulated_experiments(n: int) -> None:
    assert simulated(n, n, smallest_effect(n), 0.05) == pytest.approx(0.8, abs=0.005), "4 standard errors"


@pytest.mark.parametrize("n", [3, 10])
def test_a_family_of_25_comparisons_asks_for_more(n: int) -> None:
    """Holm's first step over 25 comparisons tests at .05 / 25."""
    strict = smallest_effect(n, 0.05 / 25)
    assert strict > 1.5 * smallest_effect(n)
    assert simulated(n, n, strict, 0.05 / 25) == pytest.approx(0.8, abs=0.005)
    assert holm([0.05 / 25, *[1.0] * 24])[0] == pytest.approx(0.05)


@pytest.mark.parametrize(("n", "against"), [(3, 10), (10, 3), (2, 5), (8, 10)])
def test_failed_seeds_leave_the_power_of_what_is_there(n: int, against: int) -> None:
    for effect in (0.0, 1.0, 2.0):
        assert power(n, effect, against=against) == pytest.approx(simulated(n, against, effect, 0.05), abs=0.0065)
    assert power(n, 1.5, against=against) == pytest.approx(power(against, 1.5, against=n))
    assert smallest_effect(n, against=against) == pytest.approx(smallest_effect(against, against=n))


def test_with_many_seeds_it_is_students_test() -> None:
    """R: power.t.test(n = 20, power = .8) has delta 0.9091; Welch's test gives its freedom up for nothing by then."""
    assert smallest_effect(20) == pytest.approx(0.9091, abs=0.002)
    assert smallest_effect(5) == pytest.approx(2.0244, abs=0.07)
    assert smallest_effect(3) > 3.07, "where the spreads have to be estimated from three seeds each, Welch's needs more"


@pytest.mark.parametrize(("n", "against"), [(30, 30), (120, 150)])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_with_many_seeds_it_is_statsmodels(n: int, against: int, alpha: float) -> None:
    statsmodels = pytest.importorskip("statsmodels.stats.power", reason="statsmodels is not installed")
    expected = statsmodels.TTestIndPower().power(0.4, n, alpha, ratio=against / n, alternative="two-sided")
    assert power(n, 0.4, alpha, against) == pytest.approx(expected, abs=0.005)


def test_without_a_difference_it_finds_one_in_that_direction_at_most_as_often_as_alpha_allows() -> None:
    assert all(power(n, 0.0) <= 0.025 for n in (2, 3, 5, 10, 50))


def test_a_margin_is_found_up_to_the_spread_that_goes_with_it() -> None:
    """5 points of win rate with 10 seeds: up to a standard deviation of 3.75 points between seeds."""
    spread = largest_spread(10, 0.05)
    assert spread == pytest.approx(0.0375, abs=0.0003)
    assert power(10, 0.05 / spread) == pytest.approx(0.8)
    assert power(10, 0.05 / (1.2 * spread)) < 0.7
    assert largest_spread(10, 0.05, alpha=0.01) < spread


@pytest.mark.parametrize(("n", "p"), [(1, 1.0), (3, 0.1), (4, 0.029), (5, 0.0079), (6, 0.0022), (7, 0.00058)])
def test_an_exact_rank_test_cannot_reach_less(n: int, p: float) -> None:
    """Two sides that do not overlap are two of C(2n, n) equally probable orders."""
    assert smallest_p(n) == pytest.approx(p, rel=0.02)
    if n > 1:
        apart = scipy_stats.mannwhitneyu(range(n), range(n, 2 * n), method="exact")
        assert smallest_p(n) == pytest.approx(apart.pvalue)


def test_sides_of_unequal_length_cannot_reach_less_either() -> None:
    assert smallest_p(2, against=4) == pytest.approx(2 / 15)
    assert smallest_p(2, against=4) == permutation_test([8.0, 9.0], [0.0, 1.0, 2.0, 3.0]).p
    assert smallest_p(1, against=4) == pytest.approx(0.4)


def test_with_six_seeds_no_permutation_test_survives_holm_over_25_comparisons_and_with_seven_one_may() -> None:
    assert smallest_p(6) > 0.05 / 25 > smallest_p(7)
