"""The statistics of a report: pure functions on arrays of numbers, no I/O.

The replicate is the training seed: an array holds one number per seed, already averaged over the seed's evaluation
episodes. Where an interval cannot be computed it is None and `why` says so; it is never replaced by a narrower one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats as scipy_stats

Values = Sequence[float] | npt.NDArray[np.float64]

ONE_SEED = "undefined with one seed"
NO_SEED = "no finished seed"
NO_SPREAD = "all seeds are equal"


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


@dataclass(frozen=True)
class Difference:
    """The difference of two means (first minus second) with the interval of that difference.

    n is the number of seeds on each side. effect is the difference in pooled standard deviations (Cohen's d), NaN where
    there is no spread. df are the t distribution's degrees of freedom.
    """

    n: tuple[int, int]
    difference: float
    interval: Interval | None
    df: float
    effect: float
    why: str | None

    @property
    def excludes_zero(self) -> bool | None:
        """Whether 0 lies outside the interval; None where there is no interval."""
        return None if self.interval is None else not self.interval.contains(0.0)


def _array(values: Values) -> npt.NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(array).all():
        raise ValueError(
            "statistics of seeds need finite numbers; leave out a missing seed and count it, do not pass NaN"
        )
    return array


def _all_equal(array: npt.NDArray[np.float64]) -> bool:
    """Equal up to rounding: a difference of two equal win rates may be off in the last bit, and that is no spread."""
    return bool(np.ptp(array) <= 1e-12 * max(1.0, float(np.abs(array).max())))


def _spread(array: npt.NDArray[np.float64]) -> float:
    """The standard deviation (divisor n - 1), exactly 0 for equal numbers."""
    return 0.0 if _all_equal(array) else float(array.std(ddof=1))


def mean_interval(values: Values, level: float = 0.95) -> Mean:
    """Mean over seeds with the two-sided t interval, mean +- t_{n-1} sd / sqrt(n) (statistics.md rule 5)."""
    array = _array(values)
    n = int(array.size)
    if n == 0:
        return Mean(0, float("nan"), float("nan"), None, NO_SEED)
    mean = float(array[0]) if _all_equal(array) else float(array.mean())
    if n == 1:
        return Mean(1, mean, float("nan"), None, ONE_SEED)
    sd = _spread(array)
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
    z = float(scipy_stats.norm.ppf(0.5 + level / 2))
    rate = wins / episodes
    centre = rate + z * z / (2 * episodes)
    half = z * sqrt(rate * (1 - rate) / episodes + z * z / (4 * episodes * episodes))
    scale = 1 + z * z / episodes
    # At 0 and `episodes` wins one border is exactly the rate; rounding would put it a hair on the wrong side.
    low = 0.0 if wins == 0 else (centre - half) / scale
    high = 1.0 if wins == episodes else (centre + half) / scale
    return Interval(low, high)


def welch_difference(first: Values, second: Values, level: float = 0.95) -> Difference:
    """Difference of the means of two independent groups of seeds, with Welch's interval (unequal variances).

    Degrees of freedom after Welch-Satterthwaite. Undefined with fewer than two seeds on a side, and where neither side
    has any spread.
    """
    a, b = _array(first), _array(second)
    n = (int(a.size), int(b.size))
    nan = float("nan")
    if min(n) == 0:
        return Difference(n, nan, None, nan, nan, NO_SEED)
    difference = float(a.mean() - b.mean())
    if min(n) == 1:
        return Difference(n, difference, None, nan, nan, ONE_SEED)
    va, vb = _spread(a) ** 2 / n[0], _spread(b) ** 2 / n[1]
    if va + vb == 0.0:
        return Difference(n, difference, None, nan, nan, f"{NO_SPREAD} on both sides")
    # Shares of the error, not raw variances: squares of tiny variances would underflow.
    share_a, share_b = va / (va + vb), vb / (va + vb)
    df = 1.0 / (share_a**2 / (n[0] - 1) + share_b**2 / (n[1] - 1))
    half = float(scipy_stats.t.ppf(0.5 + level / 2, df)) * sqrt(va + vb)
    pooled = sqrt(((n[0] - 1) * va * n[0] + (n[1] - 1) * vb * n[1]) / (n[0] + n[1] - 2))
    effect = difference / pooled if pooled > 0 else nan
    return Difference(n, difference, Interval(difference - half, difference + half), df, effect, None)


def paired_difference(first: Values, second: Values, level: float = 0.95) -> Difference:
    """Mean over seeds of (first - second) with the t interval of the pairs.

    Element i of both arrays must belong to the same seed, which plays the same evaluation games, so that what the two
    share cancels. The effect is in standard deviations of the pair differences.
    """
    a, b = _array(first), _array(second)
    if a.size != b.size:
        raise ValueError(f"pairs need the same seeds on both sides, got {a.size} and {b.size}")
    of_pairs = mean_interval(a - b, level)
    effect = of_pairs.mean / of_pairs.sd if isfinite(of_pairs.sd) and of_pairs.sd > 0 else float("nan")
    return Difference(
        (of_pairs.n, of_pairs.n), of_pairs.mean, of_pairs.interval, float(of_pairs.n - 1), effect, of_pairs.why
    )


@dataclass(frozen=True)
class SharedGames:
    """Two policies on the same list of games: how many only the first won, only the second, both, neither."""

    only_first: int
    only_second: int
    both: int
    neither: int

    @property
    def games(self) -> int:
        """Length of the shared list."""
        return self.only_first + self.only_second + self.both + self.neither

    @property
    def difference(self) -> float:
        """Win rate of the first minus win rate of the second on these games."""
        return (self.only_first - self.only_second) / self.games


def shared_games(first: npt.ArrayLike, second: npt.ArrayLike) -> SharedGames:
    """Compare two policies game by game; element i of both arrays (1-D bool, `won`) is the same game."""
    a, b = np.asarray(first, dtype=bool).ravel(), np.asarray(second, dtype=bool).ravel()
    if a.size != b.size or a.size == 0:
        raise ValueError(f"shared games need equally long, non-empty lists, got {a.size} and {b.size}")
    return SharedGames(
        only_first=int((a & ~b).sum()),
        only_second=int((~a & b).sum()),
        both=int((a & b).sum()),
        neither=int((~a & ~b).sum()),
    )


Standing = Literal["best", "tied", "behind", "unknown", "absent"]
"""Where a method stands in its row. tied: the Welch interval of its difference to the best includes 0; behind: it
excludes 0; unknown: it cannot be computed; absent: no finished seed."""


def standings(groups: Sequence[Values], level: float = 0.95) -> list[Standing]:
    """The best mean of a row and who cannot be told from it, one word per group, in order.

    Equal highest means are all "best". The intervals are not adjusted for the number of comparisons.
    """
    arrays = [_array(group) for group in groups]
    means = [mean_interval(array).mean for array in arrays]
    present = [index for index, array in enumerate(arrays) if array.size > 0]
    best = max(present, key=lambda index: means[index], default=None)
    words: dict[bool | None, Standing] = {True: "behind", False: "tied", None: "unknown"}

    def standing(index: int) -> Standing:
        if best is None or arrays[index].size == 0:
            return "absent"
        if means[index] == means[best]:
            return "best"
        return words[welch_difference(arrays[best], arrays[index], level).excludes_zero]

    return [standing(index) for index in range(len(arrays))]
