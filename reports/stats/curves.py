"""Bands about a mean learning curve (statistics.md rule 11). A run is resampled whole, never point by point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reports.stats.values import NO_SEED, NO_SPREAD, ONE_SEED

_Array = npt.NDArray[np.float64]
_BLOCK = 1_000  # repetitions at once: bounds the memory, not the result


@dataclass(frozen=True)
class Band:
    """A mean curve [points] with a simultaneous confidence band.

    low and high are None where there is no band at all, and `why` says so; they are NaN at points where all runs are
    equal.
    """

    mean: _Array
    low: _Array | None
    high: _Array | None
    why: str | None


def simultaneous_band(curves: npt.ArrayLike, level: float = 0.95, repetitions: int = 10_000, seed: int = 0) -> Band:
    """A band that holds the whole mean curve with probability `level` (sup-t; Montiel Olea and Plagborg-Moller 2019).

    curves: [runs, points], every run at the same frames. Whole runs are resampled, which keeps the dependence along a
    curve. The spread is estimated from few runs, so each resample is divided by a draw of sqrt(chi2_{n-1} / (n-1)), as
    in a multivariate t: at a single point this gives about the t interval, where a plain bootstrap is too narrow.
    """
    runs = _runs(curves)
    n = runs.shape[0]
    if n == 0:
        return Band(np.full(runs.shape[1], np.nan), None, None, NO_SEED)
    mean = runs.mean(axis=0)
    if n == 1:
        return Band(mean, None, None, ONE_SEED)
    varies = np.ptp(runs, axis=0) > 1e-12 * np.maximum(1.0, np.abs(runs).max(axis=0))
    if not varies.any():
        return Band(mean, None, None, NO_SPREAD)
    error = np.where(varies, runs.std(axis=0, ddof=1) / np.sqrt(n), np.nan)
    # The variance of a resampled mean is that of the n runs with divisor n, hence the factor.
    standard = (runs - mean)[:, varies] / error[varies] / np.sqrt(n * (n - 1))
    rng = np.random.default_rng(seed)
    largest = []
    for start in range(0, repetitions, _BLOCK):
        block = min(_BLOCK, repetitions - start)
        counts = rng.multinomial(n, np.full(n, 1 / n), size=block)
        scale = np.sqrt(rng.chisquare(n - 1, size=block) / (n - 1))
        largest.append(np.abs(counts @ standard).max(axis=1) / scale)
    half = float(np.quantile(np.concatenate(largest), level)) * error
    return Band(mean, mean - half, mean + half, None)


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
