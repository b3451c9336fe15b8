"""The report's statistics against worked examples and SciPy's own tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from reports.stats import (
    NO_SEED,
    NO_SPREAD,
    ONE_SEED,
    Interval,
    Mean,
    SharedGames,
    mean_interval,
    paired_difference,
    shared_games,
    standings,
    welch_difference,
    welch_of_means,
    wilson_interval,
)


def test_three_seeds_get_the_t_interval_and_not_a_normal_one() -> None:
    summary = mean_interval([1.0, 2.0, 3.0])
    assert (summary.n, summary.mean, summary.sd) == (3, 2.0, 1.0)
    assert summary.interval is not None
    # t_{2} = 4.3027, so the half-width is 4.3027 / sqrt(3) = 2.4841; 1.96 / sqrt(3) would be 1.13.
    assert summary.interval.low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert summary.interval.high == pytest.approx(2 + 2.484138, abs=1e-6)


def test_the_mean_interval_is_scipys() -> None:
    seeds = np.array([0.31, 0.44, 0.40, 0.37, 0.52])
    expected = scipy_stats.ttest_1samp(seeds, 0).confidence_interval(0.9)
    found = mean_interval(seeds, level=0.9).interval
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(
    ("seeds", "why"),
    [([], NO_SEED), ([0.4], ONE_SEED), ([0.4, 0.4, 0.4], NO_SPREAD), ([0.3, 0.1 + 0.2, 0.3], NO_SPREAD)],
)
def test_where_no_interval_can_be_computed_there_is_none_and_it_says_why(seeds: list[float], why: str) -> None:
    summary = mean_interval(seeds)
    assert summary.interval is None
    assert summary.why == why


def test_a_missing_seed_cannot_slip_in_as_nan() -> None:
    with pytest.raises(ValueError, match="leave out a missing seed"):
        mean_interval([0.2, math.nan])


def test_an_interval_that_leaves_the_range_of_a_win_rate_is_not_cut_off() -> None:
    found = mean_interval([0.93, 0.99, 0.97]).interval
    assert found is not None
    assert found.high > 1
    assert found.leaves(0, 1)
    assert not Interval(0.0, 1.0).leaves(0, 1)


@pytest.mark.parametrize(
    ("wins", "games", "low", "high"),
    [(5, 10, 0.236593, 0.763407), (0, 10, 0.0, 0.277533), (10, 10, 0.722467, 1.0), (250, 500, 0.456341, 0.543659)],
)
def test_wilson_interval_of_worked_examples(wins: int, games: int, low: float, high: float) -> None:
    found = wilson_interval(wins, games)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)
    other = scipy_stats.binomtest(wins, games).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((other.low, other.high), abs=1e-9)


@pytest.mark.parametrize(("wins", "games"), [(1, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(wins: int, games: int) -> None:
    with pytest.raises(ValueError, match="wins must lie in"):
        wilson_interval(wins, games)


def test_welchs_difference_is_scipys() -> None:
    taught, alone = [0.61, 0.72, 0.55, 0.70], [0.40, 0.44, 0.41]
    expected = scipy_stats.ttest_ind(taught, alone, equal_var=False)
    bounds = expected.confidence_interval(0.95)
    found = welch_difference(taught, alone)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((bounds.low, bounds.high))
    assert found.df == pytest.approx(expected.df)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.error == pytest.approx(expected._standard_error)
    assert found.n == (4, 3)
    assert found.excludes_zero is True


def test_a_published_mean_and_spread_are_enough_for_a_difference() -> None:
    ours, theirs = mean_interval([0.61, 0.72, 0.55, 0.70]), Mean(10, 0.5, 0.08, None, None)
    found = welch_of_means(ours, theirs)
    expected = scipy_stats.ttest_ind_from_stats(ours.mean, ours.sd, 4, 0.5, 0.08, 10, equal_var=False)
    assert (found.n, found.difference) == ((4, 10), pytest.approx(ours.mean - 0.5))
    assert found.difference / found.error == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)


def test_effect_size_is_the_difference_in_pooled_standard_deviations() -> None:
    # Both sides have variance 1, so the pooled standard deviation is 1 and the difference 2.
    assert welch_difference([3.0, 4.0, 5.0], [1.0, 2.0, 3.0]).effect == pytest.approx(2.0)


def test_one_seed_on_a_side_leaves_the_difference_without_an_interval() -> None:
    found = welch_difference([0.9], [0.1, 0.2])
    assert found.difference == pytest.approx(0.75)
    assert (found.interval, found.why, found.excludes_zero) == (None, ONE_SEED, None)
    assert all(map(math.isnan, (found.error, found.df, found.p, found.effect)))


def test_without_a_finished_seed_nothing_is_known_of_a_difference() -> None:
    found = welch_difference([], [0.1, 0.2])
    assert (found.n, found.interval, found.why) == ((0, 2), None, NO_SEED)
    assert all(map(math.isnan, (found.difference, found.p)))


@pytest.mark.parametrize(("seeds", "why"), [([], NO_SEED), ([0.5], ONE_SEED), ([0.5, 0.7], NO_SPREAD)])
def test_pairs_without_spread_or_a_second_pair_have_no_interval(seeds: list[float], why: str) -> None:
    found = paired_difference(seeds, seeds)
    assert (found.interval, found.why, found.n) == (None, why, (len(seeds), len(seeds)))
    assert all(map(math.isnan, (found.p, found.df, found.effect)))


def test_seeds_without_any_spread_do_not_make_a_certain_difference() -> None:
    found = welch_difference([1.0, 1.0, 1.0], [0.0, 0.0, 0.0])
    assert found.difference == 1.0
    assert found.interval is None
    assert NO_SPREAD in str(found.why)


def test_paired_difference_is_scipys_and_cancels_what_the_seeds_share() -> None:
    taught, alone = np.array([0.30, 0.52, 0.71]), np.array([0.21, 0.40, 0.63])
    expected = scipy_stats.ttest_rel(taught, alone).confidence_interval(0.95)
    paired = paired_difference(taught, alone)
    assert paired.interval is not None
    assert (paired.interval.low, paired.interval.high) == pytest.approx((expected.low, expected.high))
    assert paired.p == pytest.approx(scipy_stats.ttest_rel(taught, alone).pvalue)
    assert paired.excludes_zero is True
    assert welch_difference(taught, alone).excludes_zero is False


def test_pairs_need_the_same_seeds() -> None:
    with pytest.raises(ValueError, match="same seeds"):
        paired_difference([0.1, 0.2], [0.1])


def test_games_that_both_policies_played_are_counted_by_who_won() -> None:
    found = shared_games([1, 1, 1, 0, 0, 1], [1, 0, 0, 0, 1, 0])
    assert found == SharedGames(only_first=3, only_second=1, both=1, neither=1)
    assert found.games == 6
    assert found.difference == pytest.approx(2 / 6)


def test_different_lists_of_games_cannot_be_compared_game_by_game() -> None:
    with pytest.raises(ValueError, match="equally long"):
        shared_games([True], [True, False])


def test_the_best_of_a_row_and_who_cannot_be_told_from_it() -> None:
    best = [0.90, 0.92, 0.94]
    close = [0.85, 0.93, 0.91]
    far = [0.30, 0.35, 0.33]
    single = [0.10]
    found = standings([far, best, close, single, []])
    assert found == ["behind", "best", "tied", "unknown", "absent"]


def test_equal_means_share_the_first_place() -> None:
    assert standings([[0.5, 0.7], [0.7, 0.5]]) == ["best", "best"]


def test_a_row_without_results_has_no_best() -> None:
    assert standings([[], []]) == ["absent", "absent"]
