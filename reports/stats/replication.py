"""Whether a result agrees with another one: prediction interval and equivalence (statistics.md rule 14)."""

from __future__ import annotations

from math import isfinite, nan, sqrt

from scipy import stats as scipy_stats

from reports.stats.differences import Difference
from reports.stats.intervals import Interval


def prediction_interval(mean: float, sd: float, n: int, m: int, level: float = 0.95) -> Interval:
    """Where the mean of m further seeds falls, mean +- t_{n-1} sd sqrt(1/n + 1/m) (Spence and Stanley 2016).

    mean and sd are those of n seeds of the same setting. Without a number of seeds (n >= 2, m >= 1) or a spread there
    is no prediction, and a ValueError.
    """
    if n < 2 or m < 1 or not isfinite(mean) or not (isfinite(sd) and sd > 0):
        raise ValueError(f"a prediction needs n >= 2, m >= 1, a mean and a spread; got {n=}, {m=}, {mean=}, {sd=}")
    half = float(scipy_stats.t.ppf(0.5 + level / 2, n - 1)) * sd * sqrt(1 / n + 1 / m)
    return Interval(mean - half, mean + half)


def equivalence_p(difference: Difference, margin: float) -> float:
    """p of the two one-sided t tests that the difference lies inside +-margin (TOST; Lakens 2017).

    NaN where the difference has no standard error. Small p: the two are equal for all that matters.
    """
    if not margin > 0:
        raise ValueError(f"a margin is a positive number fixed beforehand, got {margin}")
    if not isfinite(difference.error):
        return nan
    above = scipy_stats.t.sf((difference.difference + margin) / difference.error, difference.df)
    below = scipy_stats.t.cdf((difference.difference - margin) / difference.error, difference.df)
    return float(max(above, below))
