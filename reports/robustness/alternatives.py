"""The analysis that decides, and others that somebody could have chosen: one thing is different in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from reports.claims.comparing import Compare
from reports.claims.sides import ScaleOf, ScoresOf
from reports.extra import policy_key
from reports.frame import GridData
from reports.normalise import reference
from reports.robustness.comparing import by_iqm, by_median, by_pairs, by_permutation
from reports.stats import welch_difference

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Analysis:
    """One way to analyse a grid.

    label: heads a column. about: what is different. scores: None for the claims' own. scale: None for them as they are.
    """

    id: str
    label: str
    about: str
    scores: ScoresOf | None = None
    compare: Compare = welch_difference
    scale: ScaleOf | None = None


main = Analysis("main", "Main", "means of the final scores, Welch's test")
"""What the claims are registered with, and what the report's other pages use."""


def alternatives(data: GridData) -> tuple[list[Analysis], list[str]]:
    """The other analyses that this grid's data allow; and for each that they do not, one line that says why."""
    found = [
        Analysis("median", "Median", "the median over seeds for the mean", compare=by_median),
        Analysis("iqm", "IQM", "the interquartile mean over seeds for the mean", compare=by_iqm),
        Analysis("permutation", "Permutation", "a permutation test for Welch's", compare=by_permutation),
        Analysis("paired", "Paired", "pairs of equal seeds for independent groups", _shared_seeds(data), by_pairs),
    ]
    absent = []
    if any(data.curves.points(key, f"test/{metric_of(data, e)}")[1].size for e, key in _policies(data)):
        curve = "of each seed's learning curve on evaluation games"
        found += [
            Analysis("last", "Last point", f"the last point {curve}", _checkpoint(data, _last)),
            Analysis("best", "Best point", f"the best point {curve}", _checkpoint(data, _best)),
        ]
    else:
        absent.append("Last and best checkpoint: no run has a learning curve on test games.")
    scales = {name: reference(data, name) for name in data.environments}
    if any(scale.why is None and metric_of(data, name) == data.headline(name) for name, scale in scales.items()):
        about = "scores between a random player (0) and our expert (1), margins on that scale"
        found.append(Analysis("normalised", "Normalised", about, scale=_on_scale(data)))
    else:
        absent.append(
            "Normalised scores: no environment of the grid has references for the games that it is tested on."
        )
    return found, absent


def metric_of(data: GridData, environment: str) -> str:
    """What the claims, or without claims the grid, score an environment by."""
    claims = data.plan.settings.get("claims")
    return str((claims["content"]["environments"] if claims else {}).get(environment, data.headline(environment)))


def finished(data: GridData, environment: str, method: str) -> tuple[list[str], list[int], Array]:
    """Keys, seeds and scores of the finished runs that have the environment's metric."""
    metric, rows = metric_of(data, environment), data.group(environment, method)
    rows = rows[rows["status"] == "done"]
    rows = rows[rows[metric].notna()] if metric in rows else rows[:0]
    scores = rows[metric].to_numpy(np.float64) if len(rows) else np.empty(0)
    return list(rows["key"]), list(rows["seed"]), scores


def _policies(data: GridData) -> list[tuple[str, str]]:
    """Environment and policy of every cell that has one."""
    found = [(cell.environment, policy_key(data.plan, cell)) for cell in data.plan.cells]
    return [(environment, key) for environment, key in found if key is not None]


def _shared_seeds(data: GridData) -> ScoresOf:
    """The scores of the seeds that every method with a result on the environment has finished, by seed."""

    def scores(environment: str, method: str) -> Array:
        by_method = [set(finished(data, environment, name)[1]) for name in data.methods]
        shared = set.intersection(*(seeds for seeds in by_method if seeds)) if any(by_method) else set()
        _, seeds, values = finished(data, environment, method)
        return values[[seed in shared for seed in seeds]] if seeds else values

    return scores


def _checkpoint(data: GridData, pick: Callable[[Array], float]) -> ScoresOf:
    """One number of each finished run's curve; a run without a curve has none."""
    policy = {
        cell.stages[data.plan.result]: policy_key(data.plan, cell)
        for cell in data.plan.cells
        if data.plan.result in cell.stages
    }

    def scores(environment: str, method: str) -> Array:
        keys = [policy[key] for key in finished(data, environment, method)[0]]
        metric = f"test/{metric_of(data, environment)}"
        curves = [data.curves.points(key, metric)[1] for key in keys if key is not None]
        return np.array([pick(values) for values in curves if values.size], np.float64)

    return scores


def _last(values: Array) -> float:
    return float(values[-1])


def _best(values: Array) -> float:
    return float(values.max())


def _on_scale(data: GridData) -> ScaleOf:
    """Scores on the environment's scale; as they are where it has none."""

    of_environment = cache(lambda environment: reference(data, environment))

    def scaled(environment: str, scores: Array) -> Array:
        scale = of_environment(environment)
        known = scale.why is None and metric_of(data, environment) == data.headline(environment)
        return scale.normalised(scores) if known else scores

    return scaled
