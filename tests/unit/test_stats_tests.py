"""Permutation tests and Holm's adjustment against SciPy, statsmodels and arrangements counted by hand."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats as scipy_stats

from reports.stats import holm, permutation_test, smallest_p, stratified_permutation_test


def difference_of_means(first: np.ndarray, second: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.mean(first, axis=axis) - np.mean(second, axis=axis)


@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
@pytest.mark.parametrize("sides", [(3, 3), (5, 5), (4, 6), (2, 9)])
def test_few_seeds_are_permuted_in_every_way_as_scipy_does(alternative: str, sides: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(sides))
    first, second = rng.normal(0.6, 0.1, sides[0]), rng.normal(0.5, 0.1, sides[1])
    expected = scipy_stats.permutation_test(
        (first, second), difference_of_means, n_resamples=np.inf, alternative=alternative, vectorized=True
    )
    found = permutation_test(first, second, alternative)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.exact, found.resamples) == (True, math.comb(sum(sides), sides[0]))


def test_ten_seeds_a_side_are_permuted_by_chance_and_come_close_to_every_way() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(0.58, 0.1, 10), rng.normal(0.5, 0.1, 10)
    every = permutation_test(first, second, resamples=math.comb(20, 10))
    drawn = permutation_test(first, second)
    assert (every.exact, drawn.exact, drawn.resamples) == (True, False, 99_999)
    assert 0.01 < every.p < 0.2, "where chance could go wrong either way"
    assert drawn.p == pytest.approx(every.p, abs=5 * math.sqrt(every.p / 99_999))


def test_a_drawn_p_is_never_zero() -> None:
    assert permutation_test(np.arange(20.0) + 100, np.arange(20.0), resamples=999).p == pytest.approx(2 / 1000)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_sides_that_do_not_overlap_get_the_smallest_p_that_there_is(n: int) -> None:
    assert permutation_test(np.arange(n) + 10.0, np.arange(n) / 10).p == pytest.approx(smallest_p(n))


def test_equal_win_rates_are_ties_whatever_the_last_bits_of_their_sums() -> None:
    """0.1 + 0.2 and 0.3 differ in the last bit; 14 of the 20 ways are at least as good as 0.6 against 0.6."""
    assert permutation_test([0.1, 0.2, 0.3], [0.3, 0.1, 0.2], "greater").p == pytest.approx(14 / 20)
    tiny = [1e-9 * x for x in (0.1, 0.2, 0.3)], [1e-9 * x for x in (0.3, 0.1, 0.2)]
    assert permutation_test(*tiny, "greater").p == pytest.approx(14 / 20), "in any unit"


def test_seeds_that_are_all_equal_show_nothing() -> None:
    assert permutation_test([0.5, 0.5, 0.5], [0.5, 0.5]).p == 1.0


def test_one_seed_a_side_can_be_exchanged_in_two_ways() -> None:
    assert permutation_test([0.9], [0.1]).p == 1.0
    assert permutation_test([0.9], [0.1], "greater").p == 0.5


def test_a_side_without_a_seed_cannot_be_tested() -> None:
    assert math.isnan(permutation_test([], [0.1]).p)
    assert math.isnan(stratified_permutation_test([]).p)
    assert math.isnan(stratified_permutation_test([([0.9, 0.8], [0.1]), ([], [0.5])]).p), "an empty stratum is seen"


def test_a_missing_seed_cannot_slip_into_a_test_as_nan() -> None:
    with pytest.raises(ValueError, match="leave out a missing seed"):
        permutation_test([0.5, math.nan], [0.1, 0.2])


def by_hand(strata: list[tuple[list[float], list[float]]]) -> float:
    """One-sided p: every arrangement of every stratum, one by one."""
    ways = []
    for first, second in strata:
        pooled = first + second
        ways.append(
            [
                np.mean([pooled[i] for i in chosen]) - np.mean([x for i, x in enumerate(pooled) if i not in chosen])
                for chosen in combinations(range(len(pooled)), len(first))
            ]
        )
    observed = sum(np.mean(first) - np.mean(second) for first, second in strata)
    sums = [sum(way) for way in product(*ways)]
    return float(np.mean([total >= observed - 1e-12 for total in sums]))


def test_strata_are_permuted_each_by_itself() -> None:
    strata = [([0.61, 0.72, 0.55], [0.40, 0.64, 0.41]), ([0.31, 0.35], [0.33, 0.22, 0.20])]
    found = stratified_permutation_test(strata)
    assert found.p == pytest.approx(by_hand(strata))
    assert (found.exact, found.resamples) == (True, 20 * 10)


def test_five_environments_are_drawn_and_come_close_to_every_way() -> None:
    rng = np.random.default_rng(5)
    strata = [(list(rng.normal(0.54, 0.1, 3)), list(rng.normal(0.5, 0.1, 3))) for _ in range(3)]
    drawn = stratified_permutation_test(strata, resamples=7_999)
    assert (drawn.exact, drawn.resamples) == (False, 7_999)
    every = by_hand(strata)
    assert drawn.p == pytest.approx(every, abs=5 * math.sqrt(every / 7_999))


def test_environments_on_other_levels_do_not_hide_a_small_gain_in_each() -> None:
    """Pooled, the spread between environments drowns the gain; inside each of them it is plain."""
    strata = [([level + 0.05, level + 0.06, level + 0.07], [level, level + 0.01, level + 0.02]) for level in (0.1, 0.9)]
    assert stratified_permutation_test(strata).p == pytest.approx(1 / 400)
    pooled = [list(np.concatenate([stratum[side] for stratum in strata])) for side in (0, 1)]
    assert permutation_test(*pooled, "greater").p > 0.25


def test_where_there_is_no_difference_a_test_finds_one_in_at_most_one_of_twenty() -> None:
    rng = np.random.default_rng(11)
    p = [permutation_test(*rng.exponential(size=(2, 5))).p for _ in range(1000)]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / 1000)
    assert np.mean(np.array(p) <= 0.05) >= 0.02, "and is no blunter than it must be: 12 of 252 ways are 0.048"


def test_holm_is_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="the extra check is not installed")
    p = [0.01, 0.04, 0.03, 0.005, 0.5, 0.03]
    assert holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])


def test_holm_of_a_worked_example() -> None:
    """4 x .005, 3 x .01, 2 x .03, and .04 is raised to the one before it (Holm 1979)."""
    assert holm([0.04, 0.01, 0.005, 0.03]) == pytest.approx([0.06, 0.03, 0.02, 0.06])
    assert holm([]) == []
    assert holm([0.03]) == [0.03]


def test_a_comparison_that_is_missing_does_not_make_its_family_easier() -> None:
    found = holm([0.02, math.nan, 0.03])
    assert math.isnan(found[1])
    assert [found[0], found[2]] == pytest.approx([0.06, 0.06])


def test_what_is_no_probability_cannot_be_adjusted() -> None:
    with pytest.raises(ValueError, match=r"lie in \[0, 1\]"):
        holm([0.5, 1.5])


def test_of_ten_baselines_that_are_all_equal_holm_finds_a_difference_in_one_grid_of_twenty_not_in_four_of_ten() -> None:
    rng = np.random.default_rng(4)
    p = rng.random((2000, 10))
    false_alarms = np.mean([min(holm(family)) <= 0.05 for family in p])
    assert false_alarms == pytest.approx(1 - 0.995**10, abs=4 * math.sqrt(0.05 * 0.95 / 2000))
    assert np.mean(p.min(axis=1) <= 0.05) > 0.35
