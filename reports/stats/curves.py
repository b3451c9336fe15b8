"""Bands about a mean learning curve (statistics.md rule 11). A run is resampled whole, never point by point."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from reports.stats.values import NO_SEED, NO_SPREAD, ONE_SEED

_Array = npt.NDArray[np.float64]
_FEW = 15  # runs, of whose spread every repetition is drawn in full
_NUMBERS = 2_000_000  # held at once: bounds the memory, not the result


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

    curves: [runs, points], every run at the same frames. A repetition is as many new curves, each a random mixture of
    the whole runs with Gaussian weights, and is measured in its own spread; the largest |t| along the curve gives the
    width. At a single point this is the t interval. Runs drawn with replacement, measured in the spread of the sample,
    would give far too narrow a band: of 5 random walks of 50 points it covers 48% and this one 95%, of 3 walks 18% and
    90%. Where the runs are skewed, as at the foot and the top of a win rate's rise, this one covers about 85%.
    """
    runs = _runs(curves)
    n, points = runs.shape
    if n == 0:
        return Band(np.full(points, np.nan), None, None, NO_SEED)
    mean = runs.mean(axis=0)
    if n == 1:
        return Band(mean, None, None, ONE_SEED)
    varies = np.ptp(runs, axis=0) > 1e-12 * np.maximum(1.0, np.abs(runs).max(axis=0))
    if not varies.any():
        return Band(mean, None, None, NO_SPREAD)
    sd = np.where(varies, runs.std(axis=0, ddof=1), np.nan)
    largest_t = _largest_t if n <= _FEW else _largest_t_of_many
    largest = largest_t((runs - mean)[:, varies] / sd[varies], repetitions, seed)
    half = float(np.quantile(largest, level)) * sd / sqrt(n)
    return Band(mean, mean - half, mean + half, None)


def _largest_t(standard: _Array, repetitions: int, seed: int) -> _Array:
    """The largest |t| along the curve of every repetition; `standard` [runs, points] has mean 0 and spread 1."""
    n, points = standard.shape
    products = (standard[:, None] * standard[None]).reshape(n * n, points)
    rng = np.random.default_rng(seed)
    largest = []
    block = max(1, _NUMBERS // (n * n + points))
    for start in range(0, repetitions, block):
        weights = rng.standard_normal((min(block, repetitions - start), n, n))  # [repetition, new curve, run]
        of_mean = weights.mean(axis=1)
        apart = weights - of_mean[:, None]
        covariance = np.swapaxes(apart, 1, 2) @ apart / (n - 1)
        error = np.sqrt(covariance.reshape(-1, n * n) @ products / n)
        largest.append((np.abs(of_mean @ standard) / error).max(axis=1))
    return np.concatenate(largest)


def _largest_t_of_many(standard: _Array, repetitions: int, seed: int) -> _Array:
    """The same law, nearly, in a time that does not grow with the square of the runs.

    A repetition's squared spread is a chi-square process, whose correlation along the curve is the squared correlation
    of the curve; its cube root is drawn as Gaussian (Wilson and Hilferty 1931).
    """
    n = standard.shape[0]
    rng = np.random.default_rng(seed)
    variances, directions = np.linalg.eigh((standard.T @ standard / (n - 1)) ** 2)
    there = variances > 1e-9 * variances[-1]
    root = (directions[:, there] * np.sqrt(variances[there])).T
    small = 2 / (9 * (n - 1))
    largest = []
    block = max(1, _NUMBERS // (n + standard.shape[1]))
    for start in range(0, repetitions, block):
        size = min(block, repetitions - start)
        of_mean = rng.standard_normal((size, n)) @ standard / sqrt(n - 1)
        cube_root = 1 - small + sqrt(small) * (rng.standard_normal((size, len(root))) @ root)
        cube_root = np.maximum(cube_root, 0.1)
        largest.append(np.sqrt((of_mean * of_mean / (cube_root * cube_root * cube_root)).max(axis=1)))
    return np.concatenate(largest)


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
