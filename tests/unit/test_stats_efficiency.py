"""Area under a curve and frames to a threshold by hand, the median time against statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from reports.stats import MedianTime, Reached, area_under_curve, frames_to_threshold, median_time

FRAMES = [0.0, 100.0, 200.0, 400.0]
RISE = [0.0, 0.4, 0.4, 0.8]


def test_the_area_is_the_mean_height_by_hand() -> None:
    # 100 x 0.2 + 100 x 0.4 + 200 x 0.6 = 180 of 400 frames.
    assert area_under_curve(FRAMES, RISE, 400) == pytest.approx(180 / 400)


def test_the_area_ends_between_two_points_where_it_is_told_to() -> None:
    # 60 of the first 200 frames, then from 0.4 to 0.6 within 100.
    assert area_under_curve(FRAMES, RISE, 300) == pytest.approx((60 + 50) / 300)


def test_the_area_is_scipys() -> None:
    rng = np.random.default_rng(0)
    frames = np.concatenate([[0], np.cumsum(rng.integers(1, 50, 30))])
    values = rng.random(31)
    expected = integrate.trapezoid(values, frames) / frames[-1]
    assert area_under_curve(frames, values, frames[-1]) == pytest.approx(expected)


def test_a_curve_that_ends_before_has_no_area_rather_than_a_smaller_one() -> None:
    assert math.isnan(area_under_curve(FRAMES, RISE, 401))
    assert math.isnan(area_under_curve([], [], 10))
    assert math.isnan(area_under_curve([100.0], [0.5], 200))


def test_frames_paid_before_learning_lower_the_area() -> None:
    """LDD's demonstrations and pretraining come first: the same curve, later, is a slower one (rule 12)."""
    paid = [frame + 200 for frame in FRAMES]
    assert area_under_curve(paid, RISE, 400) == pytest.approx((100 * 0.2 + 100 * 0.4) / 400)
    assert area_under_curve([200.0, 400.0], [0.3, 0.3], 400) == pytest.approx(0.15), "before its first point: no policy"
    assert area_under_curve([400.0, 600.0], [0.3, 0.3], 400) == 0.0


def test_no_frames_have_no_mean_height() -> None:
    with pytest.raises(ValueError, match="until=0"):
        area_under_curve(FRAMES, RISE, 0)


@pytest.mark.parametrize("frames", [[0.0, 100.0], [0.0, 200.0, 100.0, 300.0], [0.0, 100.0, 100.0, 200.0]])
def test_a_curve_needs_a_value_per_frame_and_rising_frames(frames: list[float]) -> None:
    with pytest.raises(ValueError, match="frames rising"):
        area_under_curve(frames, RISE, 100)
    with pytest.raises(ValueError, match="frames rising"):
        frames_to_threshold(frames, RISE, 0.5)


def test_a_value_that_is_missing_cannot_slip_in_as_nan() -> None:
    with pytest.raises(ValueError, match="finite numbers"):
        frames_to_threshold([0.0, 100.0], [0.1, math.nan], 0.5)


def test_the_first_point_at_the_threshold_counts_even_if_the_curve_falls_again() -> None:
    assert frames_to_threshold([10.0, 20.0, 30.0], [0.1, 0.5, 0.2], 0.5) == Reached(20.0, censored=False)


def test_a_run_that_never_arrives_is_censored_at_its_last_frame() -> None:
    assert frames_to_threshold(FRAMES, RISE, 0.9) == Reached(400.0, censored=True)
    assert frames_to_threshold([], [], 0.9) == Reached(0.0, censored=True)


def test_a_run_that_never_arrives_is_not_dropped_from_the_median() -> None:
    """Two of five arrive, at 100 and 200. Without the other three the median would be a proud 100."""
    times = [Reached(100, False), Reached(200, False), *[Reached(1000, True)] * 3]
    assert median_time(times) == MedianTime(None, reached=2, n=5)
    assert median_time([*times, Reached(900, False)]) == MedianTime(900.0, reached=3, n=6)


def test_a_run_that_was_cut_short_counts_until_then() -> None:
    """Kaplan-Meier by hand: 3/4 under way after 10; one leaves at 15; then 3/4 x 1/2 after 20."""
    times = [Reached(10, False), Reached(15, True), Reached(20, False), Reached(30, False)]
    assert median_time(times).median == 20.0


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([], MedianTime(None, 0, 0)),
        ([Reached(50, False)], MedianTime(50.0, 1, 1)),
        ([Reached(50, True)], MedianTime(None, 0, 1)),
        ([Reached(10, False), Reached(20, False)], MedianTime(10.0, 2, 2)),
        ([Reached(3, False), Reached(1, False), Reached(2, False)], MedianTime(2.0, 3, 3)),
    ],
)
def test_the_median_of_few_runs(times: list[Reached], expected: MedianTime) -> None:
    assert median_time(times) == expected


@pytest.mark.parametrize("seed", range(20))
def test_the_median_is_statsmodels(seed: int) -> None:
    duration = pytest.importorskip("statsmodels.duration.survfunc", reason="statsmodels is not installed")
    rng = np.random.default_rng(seed)
    frames, censored = rng.integers(1, 12, size=11).astype(float), rng.random(11) < 0.4
    times = [Reached(frame, bool(unknown)) for frame, unknown in zip(frames, censored, strict=True)]
    survival = duration.SurvfuncRight(frames, ~censored)
    there = survival.surv_times[survival.surv_prob <= 0.5 + 1e-12]
    assert median_time(times).median == (there[0] if there.size else None)
