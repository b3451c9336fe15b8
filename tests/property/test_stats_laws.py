"""What must hold of the report's statistics whatever the seeds are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from reports.stats import mean_interval, paired_difference, shared_games, standings, welch_difference, wilson_interval

rates = st.lists(st.integers(0, 500).map(lambda wins: wins / 500), min_size=2, max_size=10)


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
