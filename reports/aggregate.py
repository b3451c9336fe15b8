"""One number per method for all environments that have a scale, and what is known of it (statistics.md rule 9)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reports.contrasts import subject
from reports.frame import GridData
from reports.normalise import Normalised
from reports.stats import (
    Interval,
    aggregate_mean,
    bootstrap_interval,
    iqm,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
    profile_band,
)

Floats = npt.NDArray[np.float64]

STATISTICS: dict[str, tuple[str, Callable[..., Floats]]] = {
    "iqm": ("Interquartile mean", iqm),
    "mean": ("Mean", aggregate_mean),
    "gap": ("Optimality gap", optimality_gap),
}
"""Short name -> its name for readers and the function of normalised scores."""

PROFILE_REPETITIONS = 5_000
"""Of the bands, which are pointwise and for the eye; the intervals take the bootstrap's own number."""


@dataclass(frozen=True)
class Estimate:
    """A number with its stratified bootstrap interval; None where an environment has fewer than two seeds, or where
    every resample gives the same number."""

    value: float
    interval: Interval | None


@dataclass(frozen=True)
class Aggregate:
    """A method over all environments with a scale.

    estimates: by the names of STATISTICS. finished, planned: seeds on these environments. runs: keys behind it.
    """

    method: str
    estimates: dict[str, Estimate]
    finished: int
    planned: int
    runs: tuple[str, ...]


def aggregates(data: GridData, scores: Normalised) -> list[Aggregate]:
    """Of the methods that have a finished seed on every environment with a scale, in the grid's order."""
    return [_aggregate(data, scores, method) for method in scores.complete]


def _aggregate(data: GridData, scores: Normalised, method: str) -> Aggregate:
    groups = [data.group(name, method) for name in scores.references]
    return Aggregate(
        method,
        {name: _estimate(function, scores.scores[method]) for name, (_, function) in STATISTICS.items()},
        sum(task.size for task in scores.scores[method]),
        sum(len(group) for group in groups),
        runs(data, scores, method),
    )


def _estimate(function: Callable[..., Floats], *groups: tuple[Floats, ...]) -> Estimate:
    return Estimate(float(function(*groups)), bootstrap_interval(function, *groups))


def runs(data: GridData, scores: Normalised, method: str) -> tuple[str, ...]:
    """Keys of a method's finished runs on the environments with a scale."""
    return tuple(key for name in scores.references for key in data.done(name, method)["key"])


@dataclass(frozen=True)
class Improvement:
    """How often a run of the report's method is above one of another method, over environments; ties count half."""

    method: str
    other: str
    estimate: Estimate


def improvements(data: GridData, scores: Normalised) -> list[Improvement]:
    """The report's method against every other one; only methods with a finished seed on every environment."""
    own = subject(data)
    if own not in scores.complete:
        return []
    return [
        Improvement(own, other, improvement(scores.scores[own], scores.scores[other]))
        for other in scores.complete
        if other != own
    ]


def improvement(first: Sequence[Floats], second: Sequence[Floats]) -> Estimate:
    """The probability of improvement of the first method's runs, [runs] per environment, over the second's.

    It depends on the order of the runs alone, so the bootstrap counts ranks instead of comparing all pairs.
    """
    levels = [np.unique(np.concatenate(pair)) for pair in zip(first, second, strict=True)]
    ranked = [
        [np.searchsorted(known, task).astype(np.float64) for known, task in zip(levels, tasks, strict=True)]
        for tasks in (first, second)
    ]
    return Estimate(float(probability_of_improvement(first, second)), bootstrap_interval(_of_ranks, *ranked))


def _of_ranks(first: Sequence[Floats], second: Sequence[Floats]) -> Floats:
    """The same, [repetitions], of whole numbers [repetitions, runs] per environment."""
    chances = []
    for ours, theirs in zip(first, second, strict=True):
        ranks = int(max(ours.max(), theirs.max())) + 1
        counts, against = _counts(ours, ranks), _counts(theirs, ranks)
        below = np.cumsum(against, axis=1) - against
        pairs = ours.shape[1] * theirs.shape[1]
        chances.append((counts * (below + against / 2)).sum(axis=1) / pairs)
    return np.asarray(np.mean(chances, axis=0))


def _counts(ranked: Floats, ranks: int) -> Floats:
    """How often each rank occurs in each row, [rows, ranks]."""
    rows = len(ranked)
    places = ranked.astype(np.int64) + ranks * np.arange(rows)[:, None]
    return np.bincount(places.ravel(), minlength=rows * ranks).reshape(rows, ranks).astype(np.float64)


@dataclass(frozen=True)
class Profile:
    """Share of runs whose normalised score is above each threshold, [thresholds], with a pointwise band; its borders
    are NaN where an environment has fewer than two seeds."""

    thresholds: Floats
    share: Floats
    low: Floats
    high: Floats


def profiles(scores: Normalised) -> dict[str, Profile]:
    """Method -> its performance profile, on one grid of thresholds that reaches beyond every score."""
    every = np.concatenate([task for method in scores.complete for task in scores.scores[method]] or [np.empty(0)])
    if not every.size:
        return {}
    ends = min(0.0, float(every.min())) - 0.02, max(1.0, float(every.max())) + 0.02
    thresholds = np.linspace(*ends, 201)
    found = {}
    for method in scores.complete:
        of_method = scores.scores[method]
        share = performance_profile(of_method, thresholds)
        low, high = profile_band(of_method, thresholds, repetitions=PROFILE_REPETITIONS)
        found[method] = Profile(thresholds, share, low, high)
    return found
