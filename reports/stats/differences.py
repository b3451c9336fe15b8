"""The difference of two methods: over independent seeds (Welch) and over the pairs of one seed."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

from scipy import stats as scipy_stats

from reports.stats.intervals import Interval, Mean, mean_interval
from reports.stats.values import NO_SEED, NO_SPREAD, ONE_SEED, Values, finite


@dataclass(frozen=True)
class Difference:
    """The difference of two means (first minus second) with the interval of that difference.

    n is the number of seeds on each side. error is the standard error of the difference, df are the t distribution's
    degrees of freedom, and p is the two-sided probability of a difference at least as large where there is none. effect
    is the difference in pooled standard deviations (Cohen's d). Each is NaN, and interval None, where it is undefined.
    """

    n: tuple[int, int]
    difference: float
    interval: Interval | None
    error: float
    df: float
    p: float
    effect: float
    why: str | None

    @property
    def excludes_zero(self) -> bool | None:
        """Whether 0 lies outside the interval; None where there is no interval."""
        return None if self.interval is None else not self.interval.contains(0.0)


def _undefined(n: tuple[int, int], difference: float, why: str) -> Difference:
    return Difference(n, difference, None, error=nan, df=nan, p=nan, effect=nan, why=why)


def _by_t(n: tuple[int, int], difference: float, error: float, df: float, effect: float, level: float) -> Difference:
    half = float(scipy_stats.t.ppf(0.5 + level / 2, df)) * error
    p = 2 * float(scipy_stats.t.sf(abs(difference) / error, df))
    return Difference(n, difference, Interval(difference - half, difference + half), error, df, p, effect, None)


def welch_difference(first: Values, second: Values, level: float = 0.95) -> Difference:
    """Difference of the means of two independent groups of seeds, with Welch's interval (statistics.md rule 7).

    The variances may differ; degrees of freedom after Welch-Satterthwaite. Undefined with fewer than two seeds on a
    side, and where neither side has any spread.
    """
    return welch_of_means(mean_interval(first), mean_interval(second), level)


def welch_of_means(first: Mean, second: Mean, level: float = 0.95) -> Difference:
    """The same where only n, mean and sd of a side are known, as of a published result."""
    n = (first.n, second.n)
    if min(n) == 0:
        return _undefined(n, nan, NO_SEED)
    difference = first.mean - second.mean
    if min(n) == 1:
        return _undefined(n, difference, ONE_SEED)
    va, vb = first.sd**2 / n[0], second.sd**2 / n[1]
    if va + vb == 0.0:
        return _undefined(n, difference, f"{NO_SPREAD} on both sides")
    # Shares of the error, not raw variances: squares of tiny variances would underflow.
    share_a, share_b = va / (va + vb), vb / (va + vb)
    df = 1.0 / (share_a**2 / (n[0] - 1) + share_b**2 / (n[1] - 1))
    pooled = sqrt(((n[0] - 1) * first.sd**2 + (n[1] - 1) * second.sd**2) / (n[0] + n[1] - 2))
    return _by_t(n, difference, sqrt(va + vb), df, difference / pooled, level)


def paired_difference(first: Values, second: Values, level: float = 0.95) -> Difference:
    """Mean over seeds of (first - second) with the t interval of the pairs (statistics.md rule 7).

    Element i of both arrays must belong to the same seed, which plays the same evaluation games, so that what the two
    share cancels. The effect is in standard deviations of the pair differences.
    """
    a, b = finite(first), finite(second)
    if a.size != b.size:
        raise ValueError(f"pairs need the same seeds on both sides, got {a.size} and {b.size}")
    pairs = mean_interval(a - b, level)
    n = (pairs.n, pairs.n)
    if pairs.why is not None:
        return _undefined(n, pairs.mean, pairs.why)
    return _by_t(n, pairs.mean, pairs.sd / sqrt(pairs.n), pairs.n - 1.0, pairs.mean / pairs.sd, level)
