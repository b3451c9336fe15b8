"""Aggregates over tasks and their bootstrap against rliable, SciPy and numbers worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats as scipy_stats

from reports.stats import (
    Interval,
    Scores,
    aggregate_mean,
    bootstrap_interval,
    iqm,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
    profile_band,
)

THRESHOLDS = np.linspace(0, 1.2, 25)


def make_scores(tasks: int, runs: int, seed: int = 0, shift: float = 0.0) -> list[np.ndarray]:
    """Win rates of 50 games with ties, some scores above 1."""
    rng = np.random.default_rng(seed)
    levels = np.linspace(0.2, 1.0, tasks)[:, None] + shift
    return list(np.round(50 * (levels + 0.15 * rng.standard_normal((tasks, runs)))) / 50)


def matrix(scores: list[np.ndarray]) -> np.ndarray:
    return np.stack(scores, axis=1)


@pytest.mark.parametrize(("tasks", "runs"), [(1, 3), (5, 3), (5, 10), (3, 7), (4, 4)])
def test_point_estimates_are_rliables(tasks: int, runs: int) -> None:
    metrics = pytest.importorskip("rliable.metrics", reason="rliable is not installed")
    library = pytest.importorskip("rliable.library", reason="rliable is not installed")
    scores, others = make_scores(tasks, runs), make_scores(tasks, runs + 1, seed=1, shift=-0.1)
    assert iqm(scores) == pytest.approx(metrics.aggregate_iqm(matrix(scores)))
    assert aggregate_mean(scores) == pytest.approx(metrics.aggregate_mean(matrix(scores)))
    assert optimality_gap(scores) == pytest.approx(metrics.aggregate_optimality_gap(matrix(scores)))
    assert optimality_gap(scores, 0.8) == pytest.approx(metrics.aggregate_optimality_gap(matrix(scores), 0.8))
    assert probability_of_improvement(scores, others) == pytest.approx(
        metrics.probability_of_improvement(matrix(scores), matrix(others))
    )
    assert performance_profile(scores, THRESHOLDS) == pytest.approx(
        library.score_distributions(matrix(scores), THRESHOLDS)
    )


@pytest.mark.parametrize("statistic", ["aggregate_iqm", "aggregate_mean", "aggregate_optimality_gap"])
def test_bootstrap_intervals_are_rliables_but_for_its_seed_that_does_nothing(statistic: str) -> None:
    metrics = pytest.importorskip("rliable.metrics", reason="rliable is not installed")
    library = pytest.importorskip("rliable.library", reason="rliable is not installed")
    scores = make_scores(5, 10)
    ours: dict[str, Callable[[Scores], np.ndarray]] = {
        "aggregate_iqm": iqm,
        "aggregate_mean": aggregate_mean,
        "aggregate_optimality_gap": optimality_gap,
    }
    theirs = getattr(metrics, statistic)
    _, intervals = library.get_interval_estimates({"ldd": matrix(scores)}, lambda x: np.array([theirs(x)]), reps=4_000)
    found = bootstrap_interval(ours[statistic], scores, repetitions=20_000)
    assert found is not None
    width = found.high - found.low
    assert (found.low, found.high) == pytest.approx(tuple(intervals["ldd"][:, 0]), abs=0.08 * width)


def test_the_profile_band_is_rliables() -> None:
    library = pytest.importorskip("rliable.library", reason="rliable is not installed")
    scores = make_scores(5, 10)
    _, bands = library.create_performance_profile({"ldd": matrix(scores)}, THRESHOLDS, reps=2_000)
    low, high = profile_band(scores, THRESHOLDS, repetitions=20_000)
    assert low == pytest.approx(bands["ldd"][0], abs=0.0201), "one of 50 runs"
    assert high == pytest.approx(bands["ldd"][1], abs=0.0201)


def test_an_interval_of_one_task_is_scipys_percentile_bootstrap() -> None:
    scores = make_scores(1, 12)
    expected = scipy_stats.bootstrap(
        scores, np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    found = bootstrap_interval(aggregate_mean, scores, repetitions=20_000)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.005)


def test_two_methods_are_resampled_each_by_itself() -> None:
    """Every one of 3 x 3 resamples of 2 runs, counted by hand, gives the distribution that 40,000 draws give."""
    first, second = [np.array([0.4, 0.9])], [np.array([0.5, 0.8])]
    draws = [[a, b] for a in (0.4, 0.9) for b in (0.4, 0.9)], [[a, b] for a in (0.5, 0.8) for b in (0.5, 0.8)]
    every = [np.mean(x) - np.mean(y) for x in draws[0] for y in draws[1]]

    def gain(one: Scores, other: Scores) -> np.ndarray:
        return np.asarray(aggregate_mean(one) - aggregate_mean(other))

    found = bootstrap_interval(gain, first, second, repetitions=40_000, level=0.7)
    expected = np.quantile(every, [0.15, 0.85], method="inverted_cdf")
    assert found is not None
    assert (found.low, found.high) == pytest.approx(tuple(expected))


def test_a_task_with_fewer_runs_weighs_as_much_as_the_others() -> None:
    """Two of four quarters of the weight are the single run of the second task: it alone is the middle half."""
    scores = [[0.0, 0.1, 0.2, 0.3], [0.5]]
    assert aggregate_mean(scores) == pytest.approx((0.15 + 0.5) / 2)
    assert performance_profile(scores, [0.15, 0.4]) == pytest.approx([0.75, 0.5])
    # 5 runs: the weight of one run, 1/5, is cut at each end. Left of the first task 1/2 - 1/5 (all of 0.3 and 0.2, and
    # 1/20 of 0.1), left of the second 1/2 - 1/5.
    assert iqm(scores) == pytest.approx((0.05 * 0.1 + 0.125 * 0.2 + 0.125 * 0.3 + 0.3 * 0.5) / 0.6)


def test_runs_above_the_target_do_not_make_up_for_runs_below_it() -> None:
    assert optimality_gap([[0.5, 1.5]]) == pytest.approx(0.25)
    assert optimality_gap([[2.0, 3.0]]) == 0.0


def test_probability_of_improvement_by_hand() -> None:
    """Of 6 pairs of the first task 3 are won and 2 are equal; of the second all."""
    assert probability_of_improvement([[0.6, 0.7], [1.0]], [[0.5, 0.6, 0.7], [0.0]]) == pytest.approx((4 / 6 + 1) / 2)


def test_probability_of_improvement_is_mann_whitneys() -> None:
    (first,), (second,) = make_scores(1, 9), make_scores(1, 7, seed=3)
    expected = scipy_stats.mannwhitneyu(first, second).statistic / 63
    assert probability_of_improvement([first], [second]) == pytest.approx(expected)


@pytest.mark.parametrize("scores", [[], [[]], [[0.5, 0.6], []]])
def test_a_task_without_a_run_is_not_left_out_of_an_aggregate(scores: list[list[float]]) -> None:
    for statistic in (aggregate_mean, iqm, optimality_gap):
        assert math.isnan(statistic(scores))
    assert math.isnan(probability_of_improvement(scores, scores))
    assert np.isnan(performance_profile(scores, [0.1, 0.5])).all()
    assert bootstrap_interval(iqm, scores) is None


def test_one_run_of_a_task_leaves_an_aggregate_without_an_interval() -> None:
    scores = [[0.5, 0.6, 0.7], [0.5]]
    assert bootstrap_interval(aggregate_mean, scores) is None
    assert bootstrap_interval(probability_of_improvement, scores, [[0.5, 0.6], [0.1, 0.2]]) is None
    assert all(np.isnan(border).all() for border in profile_band(scores, [0.1, 0.5]))
    assert iqm([[0.4]]) == pytest.approx(0.4), "the number itself is there"


def test_methods_that_do_not_overlap_do_not_make_a_certain_improvement() -> None:
    assert bootstrap_interval(probability_of_improvement, [[0.8, 0.9]], [[0.1, 0.2]]) is None
    assert bootstrap_interval(aggregate_mean, [[0.5, 0.5, 0.5]]) is None


def test_a_missing_run_cannot_slip_in_as_nan() -> None:
    for statistic in (aggregate_mean, iqm, optimality_gap):
        with pytest.raises(ValueError, match="leave out a missing run"):
            statistic([[0.5, math.nan]])
    with pytest.raises(ValueError, match="leave out a missing run"):
        bootstrap_interval(iqm, [[0.5, math.nan, 0.3]])


def test_methods_on_different_tasks_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="same tasks"):
        probability_of_improvement([[0.5]], [[0.5], [0.6]])


def test_a_seed_gives_one_interval_and_another_seed_another() -> None:
    scores = make_scores(5, 5)

    def interval(seed: int) -> Interval | None:
        return bootstrap_interval(iqm, scores, repetitions=2_000, seed=seed)

    assert interval(1) == interval(1)
    assert interval(1) != interval(2)


@pytest.mark.parametrize(("runs", "measured"), [(3, 0.842), (10, 0.937)])
def test_the_interval_over_five_tasks_covers_as_often_as_statistics_md_says(runs: int, measured: float) -> None:
    rng = np.random.default_rng(runs)
    samples = rng.normal(0.5, 0.1, size=(500, 5, runs))
    intervals = (bootstrap_interval(aggregate_mean, list(sample), repetitions=1_000) for sample in samples)
    covered = np.mean([found is not None and found.contains(0.5) for found in intervals])
    assert covered == pytest.approx(measured, abs=4 * math.sqrt(measured * (1 - measured) / 500))
