"""Other ways to compare two groups of seeds, in the place of Welch's test on means."""

from __future__ import annotations

import warnings
from dataclasses import replace
from math import nan, sqrt

import numpy as np
from scipy import stats as scipy_stats

from reports.stats import Difference, Interval, Values, paired_difference, permutation_test, welch_difference

RESAMPLES = 9_999
QUARTER = 0.25


def by_permutation(first: Values, second: Values, level: float = 0.95) -> Difference:
    """Welch's difference and interval, with the p of the two-sided permutation test of the means."""
    found = welch_difference(first, second, level)
    return found if found.why is not None else replace(found, p=permutation_test(first, second, resamples=RESAMPLES).p)


def by_pairs(first: Values, second: Values, level: float = 0.95) -> Difference:
    """The paired difference; undefined where the two sides have not the same number of seeds."""
    if len(first) == len(second):
        return paired_difference(first, second, level)
    return replace(welch_difference(first, second, level), interval=None, p=nan, why="not the same seeds")


def by_iqm(first: Values, second: Values, level: float = 0.95) -> Difference:
    """Difference of interquartile means with Yuen's test (Yuen 1974): Welch's for means without the outer quarters.

    With fewer than four seeds nothing is left out. Undefined where Welch's test is, or where no spread is left.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    welch = welch_difference(a, b, level)
    if welch.why is not None:
        return welch
    difference = float(scipy_stats.trim_mean(a, QUARTER) - scipy_stats.trim_mean(b, QUARTER))
    if not any(np.ptp(scipy_stats.trimboth(side, QUARTER)) > 0 for side in (a, b)):
        return _without_spread(welch, difference)
    with warnings.catch_warnings():  # scipy warns where the seeds of one side are equal, as those that all win are
        warnings.simplefilter("ignore", RuntimeWarning)
        found = scipy_stats.ttest_ind(a, b, equal_var=False, trim=QUARTER)
    bounds = found.confidence_interval(level)
    return replace(
        welch,
        difference=difference,
        interval=Interval(float(bounds.low), float(bounds.high)),
        p=float(found.pvalue),
        effect=nan,
    )


def by_median(first: Values, second: Values, level: float = 0.95) -> Difference:
    """Difference of medians, each with the standard error of Maritz and Jarrett (1978), compared as Welch does means.

    Undefined where Welch's test is, or where no spread is left. The interval covers more than it says (98 to 99% for
    95% with 3 to 20 normal seeds).
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    welch = welch_difference(a, b, level)
    if welch.why is not None:
        return welch
    difference = float(np.median(a) - np.median(b))
    variances = [float(scipy_stats.mstats.mjci(side, prob=[0.5])[0]) ** 2 for side in (a, b)]
    total = sum(variances)
    if total <= 0:
        return _without_spread(welch, difference)
    shares = [variance / total for variance in variances]
    df = 1 / sum(share**2 / (side.size - 1) for share, side in zip(shares, (a, b), strict=True))
    error = sqrt(total)
    half = float(scipy_stats.t.ppf(0.5 + level / 2, df)) * error
    p = 2 * float(scipy_stats.t.sf(abs(difference) / error, df))
    return Difference(
        welch.n, difference, Interval(difference - half, difference + half), error, df, p, effect=nan, why=None
    )


def _without_spread(welch: Difference, difference: float) -> Difference:
    return Difference(welch.n, difference, None, error=nan, df=nan, p=nan, effect=nan, why="no spread is left")
