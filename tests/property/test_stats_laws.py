"""What must hold of the report's statistics whatever the seeds are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from reports.stats import (
    Reached,
    aggregate_mean,
    area_under_curve,
    equivalence_p,
    frames_to_threshold,
    holm,
    iqm,
    mean_bounds,
    mean_interval,
    median_time,
    optimality_gap,
    paired_difference,
    performance_profile,
    permutation_test,
    power,
    prediction_interval,
    probability_of_improvement,
    shared_games,
    simultaneous_band,
    smallest_effect,
    standings,
    stratified_permutation_test,
    welch_difference,
    wilson_interval,
)

rates = st.lists(st.integers(0, 500).map(lambda wins: wins / 500), min_size=2, max_size=10)
few = st.lists(st.integers(0, 20).map(lambda wins: wins / 20), min_size=1, max_size=5)
tasks = st.lists(rates, min_size=1, max_size=5)
affine = st.tuples(st.floats(-2, 2), st.floats(0.1, 3))


@given(rates)
def test_an_interval_holds_its_mean_and_grows_with_its_level(seeds: list[float]) -> None:
    narrow, wide = (mean_interval(seeds, level).interval for level in (0.8, 0.95))
    if narrow is None or wide is None:
        assert len(set(seeds)) == 1
        return
    assert wide.low < narrow.low < mean_interval(seeds).mean < narrow.high < wide.high


@given(rates, st.floats(-2, 2), st.floats(0.1, 3))
def test_moving_and_stretching_the_seeds_moves_and_stretches_the_interval(
    seeds: list[float], shift: float, scale: float
) -> None:
    before, after = mean_interval(seeds), mean_interval([shift + scale * x for x in seeds])
    assert after.mean == pytest.approx(shift + scale * before.mean, abs=1e-9)
    if before.interval is not None:
        assert after.interval is not None
        assert after.interval.low == pytest.approx(shift + scale * before.interval.low, abs=1e-6)


@given(rates, rates)
def test_exchanging_the_sides_turns_a_difference_round(first: list[float], second: list[float]) -> None:
    one, other = welch_difference(first, second), welch_difference(second, first)
    assert one.difference == pytest.approx(-other.difference)
    if one.interval is None or other.interval is None:
        assert one.why == other.why
        return
    assert (one.interval.low, one.interval.high) == pytest.approx((-other.interval.high, -other.interval.low))


@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")
@given(rates, rates)
def test_welch_agrees_with_scipy(first: list[float], second: list[float]) -> None:
    found = welch_difference(first, second)
    if found.interval is None:
        return
    expected = scipy_stats.ttest_ind(first, second, equal_var=False).confidence_interval()
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(st.integers(1, 2000).flatmap(lambda games: st.tuples(st.integers(0, games), st.just(games))))
def test_wilson_stays_in_range_holds_the_rate_and_mirrors(counts: tuple[int, int]) -> None:
    wins, games = counts
    found, mirrored = wilson_interval(wins, games), wilson_interval(games - wins, games)
    assert 0 <= found.low <= wins / games <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_counts_of_shared_games_give_back_the_win_rates(outcomes: list[tuple[bool, bool]]) -> None:
    first, second = zip(*outcomes, strict=True)
    found = shared_games(first, second)
    assert found.games == len(outcomes)
    assert found.difference == pytest.approx(np.mean(first) - np.mean(second))


@given(st.lists(rates | st.just([]), min_size=1, max_size=6))
def test_a_best_method_has_the_highest_mean_and_nobody_is_behind_itself(groups: list[list[float]]) -> None:
    found = standings(groups)
    present = [np.mean(group) for group in groups if group]
    for group, standing in zip(groups, found, strict=True):
        assert (standing == "absent") == (not group)
        if standing == "best":
            assert np.mean(group) == pytest.approx(max(present))
    assert ("best" in found) == bool(present)


def test_the_t_interval_covers_as_often_as_it_says_at_three_seeds() -> None:
    rng = np.random.default_rng(7)
    samples = rng.normal(0.5, 0.1, size=(4000, 3))
    intervals = (mean_interval(sample).interval for sample in samples)
    covered = np.mean([found is not None and found.contains(0.5) for found in intervals])
    assert covered == pytest.approx(0.95, abs=3.5 * (0.95 * 0.05 / 4000) ** 0.5)


def test_pairing_seeds_gains_when_they_share_their_luck() -> None:
    rng = np.random.default_rng(3)
    luck = rng.normal(0.5, 0.2, size=8)
    first, second = luck + 0.05 + rng.normal(0, 0.01, 8), luck + rng.normal(0, 0.01, 8)
    paired, welch = paired_difference(first, second).interval, welch_difference(first, second).interval
    assert paired is not None
    assert welch is not None
    assert paired.high - paired.low < (welch.high - welch.low) / 5


@given(rates, rates)
def test_a_small_p_and_an_interval_without_0_are_the_same_thing(first: list[float], second: list[float]) -> None:
    for found in (welch_difference(first, second), paired_difference(first[:2], second[:2])):
        if found.interval is not None and abs(found.p - 0.05) > 1e-9:
            assert found.excludes_zero == (found.p < 0.05)


@given(few, few, affine)
def test_a_permutation_test_knows_neither_order_nor_unit_nor_which_side_is_first(
    first: list[float], second: list[float], change: tuple[float, float]
) -> None:
    shift, scale = change
    p = permutation_test(first, second).p
    assert 0 < p <= 1
    assert permutation_test(first[::-1], second[::-1]).p == p
    assert permutation_test(second, first).p == pytest.approx(p)
    assert permutation_test([shift + scale * x for x in first], [shift + scale * x for x in second]).p == p


@given(few, few, st.floats(0, 0.5))
def test_a_better_method_is_never_less_significant(first: list[float], second: list[float], gain: float) -> None:
    before, after = (permutation_test([x + more for x in first], second, "greater").p for more in (0, gain))
    assert after <= before


@given(few, few)
def test_both_tails_hold_everything_and_what_is_equal_twice(first: list[float], second: list[float]) -> None:
    greater, less = permutation_test(first, second, "greater").p, permutation_test(second, first, "greater").p
    assert greater + less >= 1 - 1e-9
    assert permutation_test(first, second).p == pytest.approx(min(1, 2 * min(greater, less)))


@given(few, few, st.floats(-1, 1))
def test_an_environment_on_which_both_are_constant_and_equal_changes_no_test(
    first: list[float], second: list[float], level: float
) -> None:
    alone = stratified_permutation_test([(first, second)])
    assert alone.p == permutation_test(first, second, "greater").p
    assert stratified_permutation_test([(first, second), ([level], [level])]).p == pytest.approx(alone.p)


@given(st.lists(st.floats(0, 1) | st.just(float("nan")), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_holm_lies_between_p_and_bonferroni_keeps_the_order_and_does_not_care_for_it(p: list[float], chance) -> None:  # type: ignore[no-untyped-def]
    adjusted = holm(p)
    for raw, found in zip(p, adjusted, strict=True):
        assert np.isnan(raw) == np.isnan(found)
        assert np.isnan(raw) or raw <= found <= min(1.0, len(p) * raw) + 1e-12
    order = np.argsort(p)
    assert (np.diff(np.array(adjusted)[order][: np.isfinite(p).sum()]) >= 0).all()
    mixed = list(range(len(p)))
    chance.shuffle(mixed)
    assert np.array_equal(holm([p[i] for i in mixed]), np.array(adjusted)[mixed], equal_nan=True)


@given(tasks, affine)
def test_an_aggregate_lies_among_the_scores_and_moves_and_stretches_with_them(
    scores: list[list[float]], change: tuple[float, float]
) -> None:
    shift, scale = change
    for statistic in (aggregate_mean, iqm):
        found = float(statistic(scores))
        assert min(map(min, scores)) - 1e-12 <= found <= max(map(max, scores)) + 1e-12
        moved = statistic([[shift + scale * x for x in task] for task in scores])
        assert moved == pytest.approx(shift + scale * found, abs=1e-9)
        assert statistic([task[::-1] for task in scores[::-1]]) == pytest.approx(found), "order is nothing"
        assert statistic([[-x for x in task] for task in scores]) == pytest.approx(-found), "nor is direction"


@given(tasks, st.data())
def test_a_better_run_never_lowers_an_aggregate(scores: list[list[float]], data: st.DataObject) -> None:
    task = data.draw(st.integers(0, len(scores) - 1))
    run = data.draw(st.integers(0, len(scores[task]) - 1))
    better = [list(of_task) for of_task in scores]
    better[task][run] += data.draw(st.floats(0, 1))
    for statistic in (aggregate_mean, iqm):
        assert statistic(better) >= statistic(scores) - 1e-12
    assert optimality_gap(better) <= optimality_gap(scores) + 1e-12
    assert probability_of_improvement(better, scores) >= probability_of_improvement(scores, scores) - 1e-12
    grid = np.linspace(0, 2, 9)
    assert (performance_profile(better, grid) >= performance_profile(scores, grid) - 1e-12).all()


@given(tasks, st.data())
def test_the_two_probabilities_of_improvement_make_up_1_in_any_unit(
    scores: list[list[float]], data: st.DataObject
) -> None:
    others = data.draw(st.lists(rates, min_size=len(scores), max_size=len(scores)))
    found = probability_of_improvement(scores, others)
    assert found + probability_of_improvement(others, scores) == pytest.approx(1)
    assert probability_of_improvement(scores, scores) == pytest.approx(0.5)
    bent = [[[x**3 for x in task] for task in group] for group in (scores, others)]
    assert probability_of_improvement(*bent) == pytest.approx(found)


@given(tasks)
def test_a_profile_falls_and_the_area_beyond_it_is_the_optimality_gap(scores: list[list[float]]) -> None:
    thresholds = np.linspace(0, 1, 501)  # every win rate of 500 games
    profile = performance_profile(scores, thresholds - 1e-9)
    assert (np.diff(profile) <= 1e-12).all()
    assert profile[0] == pytest.approx(1)
    assert 1 - profile[1:].mean() == pytest.approx(optimality_gap(scores))


@given(tasks)
def test_leading_axes_are_repetitions(scores: list[list[float]]) -> None:
    twice = [np.stack([np.array(task), np.array(task)[::-1] / 2]) for task in scores]
    half = [np.array(task) / 2 for task in scores]
    for statistic in (aggregate_mean, iqm, optimality_gap):
        assert statistic(twice) == pytest.approx([float(statistic(scores)), float(statistic(half))])
    assert probability_of_improvement(twice, twice) == pytest.approx([0.5, 0.5])
    assert performance_profile(twice, [0.1, 0.2]) == pytest.approx(
        np.stack([performance_profile(scores, [0.1, 0.2]), performance_profile(half, [0.1, 0.2])])
    )


walks = st.integers(2, 6).flatmap(
    lambda n: st.integers(0, 10**6).map(lambda seed: np.random.default_rng(seed).normal(size=(n, 12)).cumsum(axis=1))
)


@settings(max_examples=30)
@given(walks, affine)
def test_a_band_moves_and_stretches_with_its_curves_and_a_frame_told_twice_is_nothing_new(
    curves: np.ndarray, change: tuple[float, float]
) -> None:
    shift, scale = change
    band = simultaneous_band(curves, repetitions=300)
    moved = simultaneous_band(shift + scale * curves, repetitions=300)
    twice = simultaneous_band(np.concatenate([curves, curves[:, ::-1]], axis=1), repetitions=300)
    assert band.low is not None
    assert moved.low is not None
    assert twice.low is not None
    assert moved.low == pytest.approx(shift + scale * band.low, rel=1e-6, abs=1e-6)
    assert twice.low[:12] == pytest.approx(band.low, rel=1e-6, abs=1e-6)


@settings(max_examples=30)
@given(walks)
def test_a_band_is_as_wide_at_every_point_and_a_higher_level_takes_a_wider_one(curves: np.ndarray) -> None:
    band = simultaneous_band(curves, repetitions=300)
    sure = simultaneous_band(curves, level=0.99, repetitions=300)
    assert band.low is not None
    assert band.high is not None
    assert sure.low is not None
    assert band.high - band.low == pytest.approx(np.full(12, band.high[0] - band.low[0]))
    assert (sure.low <= band.low).all()


heights = st.lists(st.floats(0, 1), min_size=2, max_size=12)


@given(heights, st.integers(1, 100), st.floats(0.05, 1.0))
def test_an_area_lies_among_the_heights_and_a_point_on_the_line_is_nothing_new(
    values: list[float], step: int, share: float
) -> None:
    frames = [float(step * i) for i in range(len(values))]
    until = share * frames[-1]
    found = area_under_curve(frames, values, until)
    assert min(values) - 1e-9 <= found <= max(values) + 1e-9
    finer = np.arange(0, frames[-1] + step / 4, step / 2)
    assert area_under_curve(finer, np.interp(finer, frames, values), until) == pytest.approx(found, abs=1e-9)
    later = [frame + step for frame in frames]
    rising = np.maximum.accumulate(values)
    assert area_under_curve(later, rising, until) <= area_under_curve(frames, rising, until) + 1e-9


@given(heights, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_is_never_reached_earlier(values: list[float], one: float, other: float) -> None:
    frames = [float(i) for i in range(len(values))]
    low, high = (frames_to_threshold(frames, values, threshold) for threshold in sorted((one, other)))
    assert (low.frames, low.censored) <= (high.frames, high.censored)
    assert low.censored == (max(values) < min(one, other))


@given(st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=12), st.data())
def test_a_run_that_fails_to_arrive_never_makes_a_method_seem_faster(
    times: list[tuple[int, bool]], data: st.DataObject
) -> None:
    runs = [Reached(float(frames), censored) for frames, censored in times]
    chosen = data.draw(st.integers(0, len(runs) - 1))
    worse = [*runs[:chosen], Reached(20.0, censored=True), *runs[chosen + 1 :]]
    before, after = (median_time(group).median or np.inf for group in (runs, worse))
    assert after >= before
    arrived = sorted(run.frames for run in runs)
    everyone = median_time([Reached(frames, censored=False) for frames in arrived])
    assert everyone.median == arrived[(len(arrived) - 1) // 2]


@given(rates, st.integers(0, 5), st.data())
def test_bounds_hold_the_mean_whatever_the_missing_seeds_would_have_been(
    seeds: list[float], missing: int, data: st.DataObject
) -> None:
    found = mean_bounds(seeds, missing)
    rest = data.draw(st.lists(st.floats(0, 1), min_size=missing, max_size=missing))
    assert found.low - 1e-12 <= np.mean([*seeds, *rest]) <= found.high + 1e-12
    assert found.high - found.low == pytest.approx(missing / (len(seeds) + missing))


@given(rates, st.integers(1, 50))
def test_a_prediction_is_less_sure_than_a_mean_and_comes_down_to_it_with_many_seeds(seeds: list[float], m: int) -> None:
    of_mean = mean_interval(seeds)
    if of_mean.interval is None:
        return
    few_more, more, many = (prediction_interval(of_mean.mean, of_mean.sd, of_mean.n, of) for of in (m, m + 1, 10**12))
    assert few_more.low < more.low < of_mean.interval.low
    assert (many.low, many.high) == pytest.approx((of_mean.interval.low, of_mean.interval.high), abs=1e-6)


@given(rates, rates, st.floats(0.01, 0.5))
def test_equivalent_is_what_has_its_90_percent_interval_inside_the_margin(
    first: list[float], second: list[float], margin: float
) -> None:
    found = welch_difference(first, second, level=0.9)
    p = equivalence_p(found, margin)
    if found.interval is None:
        assert np.isnan(p)
    elif abs(p - 0.05) > 1e-9:
        assert (p < 0.05) == (-margin < found.interval.low and found.interval.high < margin)
        assert equivalence_p(found, 2 * margin) <= p
        assert equivalence_p(welch_difference(second, first), margin) == pytest.approx(p)


@given(st.integers(2, 30), st.integers(2, 30), st.floats(0, 4), st.floats(0.001, 0.1))
def test_more_seeds_a_larger_effect_and_a_looser_level_find_more(
    n: int, other: int, effect: float, alpha: float
) -> None:
    found = power(n, effect, alpha, other)
    assert 0 <= found <= 1
    assert power(n + 1, effect, alpha) >= power(n, effect, alpha) - 1e-9
    assert power(n, effect + 0.1, alpha, other) >= found - 1e-9
    assert power(n, effect, 1.5 * alpha, other) >= found - 1e-9
    assert power(other, effect, alpha, n) == pytest.approx(found, abs=1e-6)


@settings(max_examples=20)
@given(st.integers(2, 40), st.sampled_from([0.1, 0.05, 0.01, 0.05 / 25, 0.0001]))
def test_the_smallest_effect_is_found_just_as_often_as_wanted(n: int, alpha: float) -> None:
    assert power(n, smallest_effect(n, alpha), alpha) == pytest.approx(0.8, abs=1e-5)
    assert smallest_effect(n + 1, alpha) < smallest_effect(n, alpha) < smallest_effect(n, alpha, wanted=0.9)
