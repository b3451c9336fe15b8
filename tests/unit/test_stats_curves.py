"""Bands about a mean curve: where they are exact, how often they hold the truth, and when there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

import reports.stats.curves as stats_curves
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


@pytest.mark.parametrize(("n", "expected"), [(3, 0.90), (5, 0.95), (10, 0.945), (20, 0.945)])
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


@pytest.mark.parametrize("along", [0.0, 1.0])
def test_the_short_way_for_many_runs_gives_the_width_of_the_full_one(
    along: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise and random walks of 100 points, of as many runs as the full way is used for at most."""
    noise = np.random.default_rng(4).standard_normal((stats_curves._FEW, 100))
    curves = along * np.cumsum(noise, axis=1) + (1 - along) * noise
    full = np.subtract(*borders(simultaneous_band(curves)))
    monkeypatch.setattr(stats_curves, "_FEW", 0)
    short = np.subtract(*borders(simultaneous_band(curves)))
    assert short == pytest.approx(full, rel=0.06)
    assert (short != full).all()


def test_a_point_where_all_runs_are_equal_has_no_band_and_the_rest_does() -> None:
    curves = np.array([[0.0, 0.2, 0.5], [0.0, 0.3, 0.4], [0.0, 0.1, 0.9]])
    band = simultaneous_band(curves)
    low, high = borders(band)
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert band.mean[0] == 0.0
    assert (low[1:] < band.mean[1:]).all()
    assert (band.mean[1:] < high[1:]).all()


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
