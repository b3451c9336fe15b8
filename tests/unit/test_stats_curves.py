"""Bands about a mean curve: where they are exact, how often they hold the truth, and when there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from reports.stats import NO_SEED, NO_SPREAD, ONE_SEED, Band, mean_interval, percentile_band, simultaneous_band


def borders(band: Band) -> tuple[np.ndarray, np.ndarray]:
    assert band.low is not None
    assert band.high is not None
    return band.low, band.high


@pytest.mark.parametrize("n", [3, 5, 10, 16, 60])
def test_the_band_of_a_single_point_is_the_t_interval(n: int) -> None:
    seeds = np.random.default_rng(n).normal(0.5, 0.1, n)
    band = simultaneous_band(seeds[:, None], repetitions=40_000)
    interval = mean_interval(seeds).interval
    assert interval is not None
    low, high = borders(band)
    assert (low[0], high[0]) == pytest.approx((interval.low, interval.high), abs=0.03 * (interval.high - interval.low))


def test_curves_that_differ_by_a_constant_have_one_interval_at_every_frame() -> None:
    """A run is resampled whole: 100 frames say no more than one of them, so the band is no wider."""
    offsets = np.array([0.0, 0.03, 0.05, 0.11, 0.12])
    curves = offsets[:, None] + np.linspace(0.1, 0.8, 100)
    whole, single = simultaneous_band(curves), simultaneous_band(curves[:, :1])
    low, high = borders(whole)
    assert (high - low) == pytest.approx(np.full(100, float(np.subtract(*borders(single)[::-1])[0])))


@pytest.mark.parametrize(("n", "expected"), [(3, 0.98), (5, 0.96), (10, 0.96), (20, 0.96)])
def test_the_band_holds_the_whole_curve_as_often_as_it_says(n: int, expected: float) -> None:
    """Random walks of 50 points. The t intervals of the points, each for itself, hold it less often."""
    rng = np.random.default_rng(n)
    held, pointwise = [], []
    for _ in range(400):
        curves = np.cumsum(rng.standard_normal((n, 50)), axis=1)
        low, high = borders(simultaneous_band(curves, repetitions=1_000))
        held.append(((low <= 0) & (high >= 0)).all())
        t = np.abs(scipy_stats.ttest_1samp(curves, 0).statistic)
        pointwise.append((t <= scipy_stats.t.ppf(0.975, n - 1)).all())
    assert np.mean(held) == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 400))
    assert np.mean(pointwise) < 0.82


def rising(rng: np.random.Generator, when: str, n: int) -> np.ndarray:
    """True win rates [n, 12] that rise from 0.05 to 0.95 at random times, or never."""
    times = {
        "at random": lambda: rng.normal(0.5, 0.25, n),
        "mostly early": lambda: rng.lognormal(math.log(0.5), 0.6, n),
        "sometimes never": lambda: np.where(rng.random(n) < 0.4, 9.0, rng.normal(0.4, 0.15, n)),
    }[when]()
    return 0.05 + 0.9 / (1 + np.exp(-12 * (np.linspace(0, 1, 12) - times[:, None])))


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("when", ["at random", "mostly early", "sometimes never"])
def test_the_band_holds_a_win_rate_that_takes_off_at_random_times(when: str, n: int) -> None:
    """At the foot of the rise few runs differ. A width in each point's own spread held 43% to 79% of these curves."""
    rng = np.random.default_rng(n)
    truth = rising(rng, when, 200_000).mean(axis=0)
    held = []
    for _ in range(300):
        low, high = borders(simultaneous_band(rng.binomial(200, rising(rng, when, n)) / 200, repetitions=1_000))
        held.append(((low <= truth) & (truth <= high)).all())
    assert np.mean(held) > (0.83 if when == "sometimes never" and n == 3 else 0.88)


def test_the_width_is_that_of_the_simulation_that_it_stands_for() -> None:
    """By the definition: as many new curves as runs, each a Gaussian mixture of them, studentised by their own mean
    variance along the curve."""
    curves = np.cumsum(np.random.default_rng(4).standard_normal((6, 30)), axis=1)
    low, high = borders(simultaneous_band(curves, repetitions=40_000))
    centred = curves - curves.mean(axis=0)
    mixtures = np.random.default_rng(5).standard_normal((20_000, 6, 6)) @ centred
    farthest = np.abs(mixtures.mean(axis=1)).max(axis=1) / np.sqrt(mixtures.var(axis=1, ddof=1).mean(axis=1) / 6)
    half = np.quantile(farthest, 0.95) * math.sqrt(curves.var(axis=0, ddof=1).mean() / 6)
    assert high - low == pytest.approx(np.full(30, 2 * half), rel=0.03)


def test_a_point_where_all_runs_are_equal_has_the_band_of_the_rest() -> None:
    curves = np.array([[0.0, 0.2, 0.5], [0.0, 0.3, 0.4], [0.0, 0.1, 0.9]])
    band = simultaneous_band(curves)
    low, high = borders(band)
    assert band.mean[0] == 0.0
    assert (low < band.mean).all()
    assert high - low == pytest.approx(np.full(3, high[0] - low[0]))


@pytest.mark.parametrize(
    ("curves", "why"),
    [
        (np.zeros((0, 4)), NO_SEED),
        ([[0.1, 0.2, 0.3]], ONE_SEED),
        ([[0.1, 0.2], [0.1, 0.2]], NO_SPREAD),
        ([[0.3], [0.1 + 0.2]], NO_SPREAD),
    ],
)
def test_where_there_can_be_no_band_there_is_none_and_it_says_why(curves: list[list[float]], why: str) -> None:
    band = simultaneous_band(curves)
    assert (band.low, band.high, band.why) == (None, None, why)
    assert band.mean.shape == (np.shape(curves)[1],)


def test_a_run_that_ended_early_cannot_slip_in_as_nan() -> None:
    for function in (simultaneous_band, percentile_band):
        with pytest.raises(ValueError, match="cut them to the frames that every run has"):
            function([[0.1, 0.2], [0.1, math.nan]])


def test_a_seed_gives_one_band_and_another_seed_another() -> None:
    curves = np.random.default_rng(0).random((5, 20))
    first, again, other = (borders(simultaneous_band(curves, seed=seed))[0] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_where_the_runs_lie_is_another_question_than_where_their_mean_is() -> None:
    curves = np.arange(11.0)[:, None] * np.ones(3)
    low, high = percentile_band(curves)
    assert (low.tolist(), high.tolist()) == ([1.0, 1.0, 1.0], [9.0, 9.0, 9.0])
    more = np.repeat(curves, 3, axis=0)
    assert np.ptp(percentile_band(more), axis=0) == pytest.approx([8.0, 8.0, 8.0]), "more runs do not bring them closer"
    mean_of_more = borders(simultaneous_band(more + np.linspace(0, 1e-3, 3)))
    assert (mean_of_more[1] - mean_of_more[0] < 3.0).all(), "but they fix their mean"
