"""What a number of seeds can show."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from reports.power import power, smallest_effect, smallest_p


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_the_power_is_that_of_simulated_experiments(n: int) -> None:
    effect = smallest_effect(n)
    rng = np.random.default_rng(n)
    first, second = rng.normal(effect, 1, (100_000, n)), rng.normal(0, 1, (100_000, n))
    test = scipy_stats.ttest_ind(first, second, axis=1, equal_var=False)
    found = ((test.pvalue < 0.05) & (test.statistic > 0)).mean()
    assert found == pytest.approx(0.8, abs=0.005), "4 standard errors of 100,000 experiments"


def test_with_many_seeds_it_is_students_test() -> None:
    """R: power.t.test(n = 20, power = .8) has delta 0.9091; Welch's test gives its freedom up for nothing by then."""
    assert smallest_effect(20) == pytest.approx(0.9091, abs=0.002)
    assert smallest_effect(5) == pytest.approx(2.0244, abs=0.07)
    assert smallest_effect(3) > 3.07, "where the spreads have to be estimated from three seeds each, Welch's needs more"


def test_without_a_difference_it_finds_one_in_that_direction_at_most_as_often_as_alpha_allows() -> None:
    assert all(power(n, 0.0) <= 0.025 for n in (2, 3, 5, 10, 50))


@pytest.mark.parametrize(("n", "p"), [(1, 1.0), (3, 0.1), (4, 0.029), (5, 0.0079), (6, 0.0022), (7, 0.00058)])
def test_an_exact_rank_test_cannot_reach_less(n: int, p: float) -> None:
    """Two sides that do not overlap are two of C(2n, n) equally probable orders."""
    assert smallest_p(n) == pytest.approx(p, rel=0.02)
    if n > 1:
        apart = scipy_stats.mannwhitneyu(range(n), range(n, 2 * n), method="exact")
        assert smallest_p(n) == pytest.approx(apart.pvalue)
