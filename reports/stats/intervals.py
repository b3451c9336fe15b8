"""The mean over seeds with its t interval, and the interval of one seed's win rate."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from scipy import special
from scipy import stats as scipy_stats

from reports.stats.values import NO_SEED, NO_SPREAD, ONE_SEED, Values, all_equal, finite, spread


@dataclass(frozen=True)
class Interval:
    """A two-sided interval, `low <= high`, in the unit of what it bounds."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Whether `value` lies inside, borders included."""
        return self.low <= value <= self.high

    def leaves(self, low: float, high: float) -> bool:
        """Whether a part of the interval lies outside [low, high], where the bounded quantity cannot be."""
        return self.low < low or self.high > high


@dataclass(frozen=True)
class Mean:
    """The mean of n seeds with its t interval.

    mean is NaN for n = 0, sd (divisor n - 1) is NaN for n < 2. interval is None for n < 2, and for seeds that are all
    equal: a zero-width interval would claim a certainty that n equal numbers do not give.
    """

    n: int
    mean: float
    sd: float
    interval: Interval | None
    why: str | None


def mean_interval(values: Values, level: float = 0.95) -> Mean:
    """Mean over seeds with the two-sided t interval, mean +- t_{n-1} sd / sqrt(n) (statistics.md rule 5)."""
    array = finite(values)
    n = int(array.size)
    if n == 0:
        return Mean(0, float("nan"), float("nan"), None, NO_SEED)
    mean = float(array[0]) if all_equal(array) else float(array.mean())
    if n == 1:
        return Mean(1, mean, float("nan"), None, ONE_SEED)
    sd = spread(array)
    if sd == 0.0:
        return Mean(n, mean, 0.0, None, NO_SPREAD)
    half = float(scipy_stats.t.ppf(0.5 + level / 2, n - 1)) * sd / sqrt(n)
    return Mean(n, mean, sd, Interval(mean - half, mean + half), None)


def wilson_interval(wins: int, episodes: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of one seed's win probability, from its evaluation episodes (Wilson 1927).

    It describes the noise of a finite evaluation only, not the spread between seeds.
    """
    if episodes <= 0 or not 0 <= wins <= episodes:
        raise ValueError(f"wins must lie in 0..episodes with episodes > 0, got wins={wins}, episodes={episodes}")
    z = float(special.ndtri(0.5 + level / 2))
    rate = wins / episodes
    centre = rate + z * z / (2 * episodes)
    half = z * sqrt(rate * (1 - rate) / episodes + z * z / (4 * episodes * episodes))
    scale = 1 + z * z / episodes
    # At 0 and `episodes` wins one border is exactly the rate; rounding would put it a hair on the wrong side.
    low = 0.0 if wins == 0 else (centre - half) / scale
    high = 1.0 if wins == episodes else (centre + half) / scale
    return Interval(low, high)
