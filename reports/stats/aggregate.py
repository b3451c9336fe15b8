"""One number for several tasks (Agarwal et al. 2021; statistics.md rule 9). Scores are normalised beforehand.

`Scores` holds one array [..., runs] per task. Every function reduces the last axis and the tasks, so that leading axes,
a bootstrap's repetitions for instance, stay. Each task weighs the same, however many of its runs there are. Without a
task, and where a task has no run, the result is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from reports.stats.values import Values

Scores = Sequence[Values]
_Array = npt.NDArray[np.float64]


def task_arrays(scores: Scores) -> list[_Array]:
    """One float array [..., runs] per task; a NaN is refused, because it would hide that a run is missing."""
    arrays = [np.atleast_1d(np.asarray(task, dtype=np.float64)) for task in scores]
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("scores need finite numbers; leave out a missing run and count it, do not pass NaN")
    return arrays


def _over_tasks(per_task: list[_Array]) -> _Array:
    return np.asarray(sum(per_task) / len(per_task)) if per_task else np.asarray(np.nan)


def _empty(arrays: list[_Array]) -> bool:
    return not arrays or any(array.shape[-1] == 0 for array in arrays)


def aggregate_mean(scores: Scores) -> _Array:
    """The mean over tasks of the mean over runs."""
    arrays = task_arrays(scores)
    return np.asarray(np.nan) if _empty(arrays) else _over_tasks([array.mean(axis=-1) for array in arrays])


def iqm(scores: Scores) -> _Array:
    """Interquartile mean: the mean of the middle half of all runs of all tasks.

    With equally many runs per task it is the 25% trimmed mean of SciPy and rliable, which cut floor(N / 4) of N runs
    at each end. Otherwise a run weighs 1 / (tasks x runs of its task), and as much weight is cut.
    """
    arrays = task_arrays(scores)
    if _empty(arrays):
        return np.asarray(np.nan)
    runs = np.concatenate(arrays, axis=-1)
    if len({array.shape[-1] for array in arrays}) == 1:
        out = runs.shape[-1] // 4
        return np.asarray(np.sort(runs, axis=-1)[..., out : runs.shape[-1] - out].mean(axis=-1))
    weights = np.concatenate([np.full(array.shape[-1], 1 / (len(arrays) * array.shape[-1])) for array in arrays])
    order = np.argsort(runs, axis=-1)
    of_run = weights[order]
    after = np.cumsum(of_run, axis=-1)
    cut = (weights.size // 4) / weights.size
    kept = np.clip(np.minimum(after, 1 - cut) - np.maximum(after - of_run, cut), 0, None)
    return np.asarray((kept * np.take_along_axis(runs, order, axis=-1)).sum(axis=-1) / kept.sum(axis=-1))


def optimality_gap(scores: Scores, target: float = 1.0) -> _Array:
    """How much is missing to `target` on average; a run above it counts as having reached it."""
    return np.asarray(target - aggregate_mean([np.minimum(array, target) for array in task_arrays(scores)]))


def probability_of_improvement(first: Scores, second: Scores) -> _Array:
    """Mean over tasks of P(X > Y) + P(X = Y) / 2, X a run of the first method and Y one of the second."""
    ours, theirs = task_arrays(first), task_arrays(second)
    if len(ours) != len(theirs):
        raise ValueError(f"both methods need the same tasks, got {len(ours)} and {len(theirs)}")
    if _empty(ours) or _empty(theirs):
        return np.asarray(np.nan)
    beaten = [np.sign(x[..., :, None] - y[..., None, :]) for x, y in zip(ours, theirs, strict=True)]
    return _over_tasks([(1 + signs.mean(axis=(-2, -1))) / 2 for signs in beaten])


def performance_profile(scores: Scores, thresholds: Values) -> _Array:
    """Share of runs above each threshold [..., T], averaged over tasks (Dolan and More 2002; Agarwal et al. 2021)."""
    arrays, above = task_arrays(scores), np.asarray(thresholds, dtype=np.float64)
    if _empty(arrays):
        return np.full(above.shape, np.nan)
    return _over_tasks([(array[..., None, :] > above[:, None]).mean(axis=-1) for array in arrays])
