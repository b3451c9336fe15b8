"""The stratified bootstrap of an aggregate over tasks (Agarwal et al. 2021; statistics.md rule 9).

Runs are resampled inside each task, tasks never: five tasks are no population. A percentile interval is too narrow for
one task with few runs (it covers 73% with 3, 84% with 5), so it serves the aggregate alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from reports.stats.aggregate import Scores, task_arrays
from reports.stats.intervals import Interval
from reports.stats.values import Values, all_equal

_Array = npt.NDArray[np.float64]
_BLOCK = 2_000  # repetitions at once: bounds the memory


def bootstrap_interval(
    statistic: Callable[..., _Array],
    *groups: Scores,
    repetitions: int = 50_000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval | None:
    """Percentile interval of `statistic(*groups)`, each group the scores of one method.

    None where a task has fewer than two runs, and where every resample gives the same number: a width of 0 would claim
    a certainty that few runs do not give.
    """
    if _too_few(groups):
        return None
    drawn = np.concatenate([statistic(*resampled) for resampled in _resamples(groups, repetitions, seed)])
    if all_equal(drawn):
        return None
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def profile_band(
    scores: Scores, thresholds: Values, repetitions: int = 50_000, level: float = 0.95, seed: int = 0
) -> tuple[_Array, _Array]:
    """Pointwise percentile band of a performance profile, (low [T], high [T]); NaN where a task has under two runs."""
    above = np.asarray(thresholds, dtype=np.float64)
    if _too_few((scores,)):
        return np.full(above.shape, np.nan), np.full(above.shape, np.nan)
    rng = np.random.default_rng(seed)
    drawn = np.zeros((above.size, repetitions))
    for task in task_arrays(scores):
        times = rng.multinomial(task.size, np.full(task.size, 1 / task.size), size=repetitions)
        drawn += (task > above[:, None]) / (task.size * len(scores)) @ times.T.astype(np.float64)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=1)
    return low, high


def _too_few(groups: tuple[Scores, ...]) -> bool:
    return any(not group or min(len(task) for task in group) < 2 for group in groups)


def _resamples(groups: tuple[Scores, ...], repetitions: int, seed: int) -> Iterator[list[list[_Array]]]:
    """Blocks of repetitions of every group, one array [block, runs] per task."""
    rng = np.random.default_rng(seed)
    arrays = [task_arrays(group) for group in groups]
    for start in range(0, repetitions, _BLOCK):
        block = min(_BLOCK, repetitions - start)
        yield [[task[rng.integers(task.size, size=(block, task.size))] for task in group] for group in arrays]
