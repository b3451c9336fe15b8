"""Against another result: prediction interval, equivalence, and what missing seeds could change."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from reports.stats import (
    Interval,
    equivalence_p,
    mean_bounds,
    mean_interval,
    prediction_interval,
    welch_difference,
)


def test_prediction_interval_by_hand() -> None:
    # t_{4} = 2.7764; 2.7764 x 0.1 x sqrt(1/5 + 1/5) = 0.17560.
    found = prediction_interval(0.5, 0.1, n=5, m=5)
    assert (found.low, found.high) == pytest.approx((0.5 - 0.175597, 0.5 + 0.175597), abs=1e-5)


def test_the_next_seed_is_predicted_as_a_regression_on_a_constant_does() -> None:
    linear_model = pytest.importorskip("statsmodels.api", reason="statsmodels is not installed")
    seeds = np.array([0.31, 0.44, 0.40, 0.37, 0.52])
    fit = linear_model.OLS(seeds, np.ones(5)).fit()
    expected = fit.get_prediction([1.0]).conf_int(obs=True, alpha=0.1)[0]
    found = prediction_interval(seeds.mean(), seeds.std(ddof=1), n=5, m=1, level=0.9)
    assert (found.low, found.high) == pytest.approx(tuple(expected))


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_an_exact_replication_falls_inside_the_prediction_interval_as_often_as_it_says(seeds: int) -> None:
    """Inside the other's confidence interval it falls less often, 88% of the time with 5 seeds."""
    rng = np.random.default_rng(seeds)
    ours, theirs = rng.normal(0.5, 0.1, (4000, seeds)), rng.normal(0.5, 0.1, (4000, seeds)).mean(axis=1)
    predicted, confident = [], []
    for sample, other in zip(ours, theirs, strict=True):
        predicted.append(prediction_interval(sample.mean(), sample.std(ddof=1), seeds, seeds).contains(other))
        interval = mean_interval(sample).interval
        confident.append(interval is not None and interval.contains(other))
    assert np.mean(predicted) == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 4000))
    assert np.mean(confident) < 0.93


@pytest.mark.parametrize(
    ("sd", "n", "m"), [(0.1, 1, 5), (0.1, 0, 5), (0.1, 5, 0), (0.0, 5, 5), (math.nan, 5, 5), (math.inf, 5, 5)]
)
def test_without_seeds_or_a_spread_nothing_is_predicted(sd: float, n: int, m: int) -> None:
    with pytest.raises(ValueError, match="a prediction needs"):
        prediction_interval(0.5, sd, n, m)


def test_equivalence_is_statsmodels() -> None:
    weights = pytest.importorskip("statsmodels.stats.weightstats", reason="statsmodels is not installed")
    first, second = [0.61, 0.62, 0.55, 0.60], [0.58, 0.60, 0.57]
    for margin in (0.03, 0.05, 0.2):
        expected = weights.ttost_ind(first, second, -margin, margin, usevar="unequal")[0]
        assert equivalence_p(welch_difference(first, second), margin) == pytest.approx(expected)


def test_equivalence_is_scipys_two_one_sided_tests() -> None:
    first, second = np.array([0.61, 0.62, 0.55, 0.60]), np.array([0.58, 0.60, 0.57])
    above = scipy_stats.ttest_ind(first + 0.05, second, equal_var=False, alternative="greater").pvalue
    below = scipy_stats.ttest_ind(first - 0.05, second, equal_var=False, alternative="less").pvalue
    assert equivalence_p(welch_difference(first, second), 0.05) == pytest.approx(max(above, below))


def test_a_difference_on_the_margin_is_called_equal_in_one_of_twenty() -> None:
    rng = np.random.default_rng(8)
    samples = zip(rng.normal(0.05, 0.02, (2000, 8)), rng.normal(0.0, 0.02, (2000, 8)), strict=True)
    equal = np.mean([equivalence_p(welch_difference(*pair), 0.05) <= 0.05 for pair in samples])
    assert equal == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 2000))


def test_no_significant_difference_does_not_make_two_methods_equal() -> None:
    wide = welch_difference([0.2, 0.5, 0.8], [0.3, 0.5, 0.8])
    assert wide.excludes_zero is False
    assert equivalence_p(wide, 0.05) > 0.4


def test_one_seed_a_side_is_never_equivalent() -> None:
    assert math.isnan(equivalence_p(welch_difference([0.5], [0.5]), 0.05))
    assert math.isnan(equivalence_p(welch_difference([0.5, 0.5], [0.5, 0.5]), 0.05))


@pytest.mark.parametrize("margin", [0.0, -0.1, math.nan])
def test_a_margin_is_a_positive_number(margin: float) -> None:
    with pytest.raises(ValueError, match="a margin is a positive number"):
        equivalence_p(welch_difference([0.5, 0.6], [0.5, 0.7]), margin)


def test_two_of_five_seeds_missing_leave_two_fifths_of_the_range_open() -> None:
    found = mean_bounds([0.5, 0.6, 0.7], missing=2)
    assert (found.low, found.high) == pytest.approx((1.8 / 5, 3.8 / 5))


def test_nothing_missing_leaves_nothing_open_and_nothing_present_leaves_everything() -> None:
    assert mean_bounds([0.25, 0.75], missing=0) == Interval(0.5, 0.5)
    assert mean_bounds([], missing=3, low=-1.0) == Interval(-1.0, 1.0)
    assert mean_bounds([], missing=0) == Interval(0.0, 1.0)


@pytest.mark.parametrize(("values", "missing"), [([1.2], 1), ([-0.1], 1), ([0.5], -1)])
def test_bounds_need_a_range_that_holds_what_is_there(values: list[float], missing: int) -> None:
    with pytest.raises(ValueError, match=r"range \[0.0, 1.0\]|missing >= 0"):
        mean_bounds(values, missing)
