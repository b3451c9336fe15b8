"""Bands about a mean learning curve (statistics.md rule 11). A run is resampled whole, never point by point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reports.stats.values import NO_SEED, NO_SPREAD, ONE_SEED

_Array = npt.NDArray[np.float64]
_TOGETHER = 500  # repetitions at once: what stays in a processor's own memory is fastest


@dataclass(frozen=True)
class Band:
    """A mean curve [points] with a simultaneous confidence band, as wide at every point.

    low and high are None where there is no band, and `why` says so.
    """

    mean: _Array
    low: _Array | None
    high: _Array | None
    why: str | None


def simultaneous_band(curves: npt.ArrayLike, level: float = 0.95, repetitions: int = 10_000, seed: int = 0) -> Band:
    """A band of constant width that holds the whole mean curve with probability `level`, nearly.

    curves: [runs, points], every run at the same frames. A repetition mixes the whole runs with Gaussian weights, as
    often as there are runs; the largest distance of their mean along the curve, in standard errors pooled over the
    points, gives the width. At a single point this is the t interval.

    Pooled, for a win rate's spread is almost 0 where few runs have left the floor: with a width in each point's own
    spread (sup-t; Montiel Olea and Plagborg-Moller 2019) such a band held the curve in 43% to 79% of the trials. This
    one, at 95%, with 3, 5, 10 and 20 runs: of win rates that rise at random times 96, 97, 96 and 96%; at times skewed
    to late 96% with each; never in 40% of the runs 90, 94, 94 and 95%; random walks 98, 96, 96 and 96%.
    """
    runs = _runs(curves)
    n, points = runs.shape
    if n == 0:
        return Band(np.full(points, np.nan), None, None, NO_SEED)
    mean = runs.mean(axis=0)
    if n == 1:
        return Band(mean, None, None, ONE_SEED)
    if (np.ptp(runs, axis=0) <= 1e-12 * np.maximum(1.0, np.abs(runs).max(axis=0))).all():
        return Band(mean, None, None, NO_SPREAD)
    pooled = np.sqrt(runs.var(axis=0, ddof=1).mean())
    farthest = _farthest((runs - mean) / pooled, repetitions, seed)
    half = float(np.quantile(farthest, level)) * pooled / np.sqrt(n)
    return Band(mean, mean - half, mean + half, None)


def _farthest(standard: _Array, repetitions: int, seed: int) -> _Array:
    """The largest |mean| along the curve in its pooled standard error, of every repetition.

    standard: [runs, points], of mean 0 and pooled spread 1. The mean of a Gaussian sample and its covariance are
    independent, and the pooled variance is a sum of chi-squares weighted by the eigenvalues of the runs' products.
    """
    n, points = standard.shape
    rng = np.random.default_rng(seed)
    weights = np.maximum(np.linalg.eigvalsh(standard @ standard.T / points), 0.0)[1:]  # the runs add up to 0
    pooled = rng.chisquare(n - 1, (repetitions, n - 1)) @ weights / (n - 1)
    of_mean = rng.standard_normal((repetitions, n))
    distance = np.empty(repetitions)
    for start in range(0, repetitions, _TOGETHER):
        block = slice(start, start + _TOGETHER)
        distance[block] = np.abs(of_mean[block] @ standard).max(axis=1)
    farthest: _Array = distance / np.sqrt(pooled)
    return farthest


def percentile_band(curves: npt.ArrayLike, low: float = 0.1, high: float = 0.9) -> tuple[_Array, _Array]:
    """Where the runs lie, (low [points], high [points]): the spread of runs, not the uncertainty of their mean.

    curves: [runs, points] with at least one run (Tanaka and Mahmood 2026).
    """
    between = np.quantile(_runs(curves), [low, high], axis=0)
    return between[0], between[1]


def _runs(curves: npt.ArrayLike) -> _Array:
    array = np.asarray(curves, dtype=np.float64)
    if array.ndim != 2 or not np.isfinite(array).all():
        raise ValueError("curves are finite numbers [runs, points]; cut them to the frames that every run has")
    return array
