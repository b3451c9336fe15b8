"""Scores on one scale for all environments: 0 is a random player, 1 our expert (statistics.md rule 10).

Both are constants of the environment's configuration (`env.references`), measured once on its test games and stored
with the plan. They never come from the results at hand: a scale made of the present data would move with every run.
A score beyond them is shown as it is, below 0 or above 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reports.frame import GridData
from reports.stats import Values

NAN = float("nan")


@dataclass(frozen=True)
class Reference:
    """The ends of an environment's scale, in its headline metric.

    random, expert: NaN where `why` says why there is no scale. source: how they were measured.
    """

    random: float
    expert: float
    source: str
    why: str | None = None

    def normalised(self, values: Values) -> npt.NDArray[np.float64]:
        """The values on the scale, not cut off at its ends; NaN where there is none."""
        return (np.asarray(values, dtype=np.float64) - self.random) / (self.expert - self.random)


def reference(data: GridData, environment: str) -> Reference:
    """The scale of an environment for the very games that its results are measured on, if it has one."""
    facts = data.plan.environments.get(environment, {})
    stored = facts.get("references")
    if not isinstance(stored, Mapping):
        return _none("it has no reference" if "references" in facts else "its plan is older than the references")
    low, high = (_end(stored, player, data.headline(environment)) for player in ("random", "expert"))
    if low is None or high is None:
        return _none(f"its reference has no {data.headline_label(environment)}")
    for games, options in _played(data, environment):
        if games != stored.get("games"):
            return _none(f"its reference is of the games {stored.get('games')}, its results are of {games}")
        other = [name for name, value in (stored.get("options") or {}).items() if options.get(name, value) != value]
        if other:
            return _none(f"its reference is of another game: {', '.join(other)} differ")
    if high <= low:
        return _none("its expert is no better than random play")
    return Reference(low, high, str(stored.get("source", "unknown")))


def _none(why: str) -> Reference:
    return Reference(NAN, NAN, "", why)


def _end(stored: Mapping[str, Any], player: str, metric: str) -> float | None:
    value = (stored.get(player) or {}).get(metric)
    return None if value is None else float(value)


def _played(data: GridData, environment: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and options of the games behind the environment's results, once for each cell."""
    for cell in data.plan.cells:
        if cell.environment == environment and cell.stages:
            games = data.plan.stages[cell.stages[data.plan.result]].params.get("env") or {}
            yield str(games.get("name")), games.get("options") or {}


@dataclass(frozen=True)
class Normalised:
    """A grid's final scores on the common scale.

    references: environment -> its scale, of those that have one; left_out: environment -> why it has none. scores:
    method -> one array [finished seeds] per environment with a scale, in the grid's order. lacking: method -> the
    environments with a scale on which it has no finished seed.
    """

    references: Mapping[str, Reference]
    left_out: Mapping[str, str]
    scores: Mapping[str, tuple[npt.NDArray[np.float64], ...]]
    lacking: Mapping[str, tuple[str, ...]]

    @property
    def complete(self) -> tuple[str, ...]:
        """The methods that have a finished seed on every environment with a scale."""
        return tuple(method for method in self.scores if self.references and not self.lacking[method])


def normalised(data: GridData) -> Normalised:
    """Every finished headline score of a grid on its environment's scale."""
    found = {environment: reference(data, environment) for environment in data.environments}
    scales = {environment: scale for environment, scale in found.items() if scale.why is None}
    raw = {method: {name: data.scores(name, method) for name in scales} for method in data.methods}
    return Normalised(
        references=scales,
        left_out={environment: scale.why for environment, scale in found.items() if scale.why is not None},
        scores={
            method: tuple(scales[name].normalised(values) for name, values in of_method.items())
            for method, of_method in raw.items()
        },
        lacking={
            method: tuple(name for name, values in of_method.items() if not values.size)
            for method, of_method in raw.items()
        },
    )
