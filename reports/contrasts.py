"""Two methods on one environment: the difference over seeds, and what it must not be read as."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reports.frame import GridData
from reports.stats import (
    NO_SPREAD,
    Difference,
    Mean,
    SharedGames,
    mean_interval,
    paired_difference,
    shared_games,
    welch_difference,
)

Floats = npt.NDArray[np.float64]
Won = Callable[[object], npt.NDArray[np.bool_] | None]
"""Name of a file of evaluation games -> which were won: `GridData.won`, or the same with a memory."""

REFERENCE = "tabula_rasa"
"""What every method is compared with, where the grid has it; otherwise the grid's first method."""

SUBJECT = "ldd"
"""The method that the benchmark is about, where the grid has it; otherwise the grid's last method."""


@dataclass(frozen=True)
class Contrast:
    """One method minus another on one environment.

    scores: of the finished seeds, [seeds] of the method and of the reference. welch: seeds as independent groups.
    unreliable: a side's seeds are all equal, or their t interval leaves the range of the metric (rule 6). paired: over
    the seeds that both have finished, None without such. episodes: the files of those seeds' evaluation games, where
    the metric counts the games that were won. runs: keys of the runs behind the numbers.
    """

    environment: str
    method: str
    reference: str
    scores: tuple[Floats, Floats]
    welch: Difference
    unreliable: bool
    paired: Difference | None
    episodes: tuple[tuple[object, object], ...]
    runs: tuple[str, ...]

    @property
    def means(self) -> tuple[float, float]:
        """Of the method and of the reference; NaN without a finished seed."""
        first, second = (float(side.mean()) if side.size else float("nan") for side in self.scores)
        return first, second

    @property
    def spread(self) -> float:
        """The pooled standard deviation of a seed (divisor n - 1); NaN with fewer than two seeds on a side."""
        if min(self.welch.n) < 2:
            return float("nan")
        variances = [mean_interval(side).sd ** 2 for side in self.scores]
        return float(np.sqrt(np.average(variances, weights=[side.size - 1 for side in self.scores])))

    def games(self, won: Won) -> tuple[SharedGames, ...]:
        """The two policies game by game on the list of games that they share, one entry per shared seed."""
        lists = [(won(first), won(second)) for first, second in self.episodes]
        return tuple(shared_games(a, b) for a, b in lists if a is not None and b is not None and a.size == b.size)


def reference(data: GridData) -> str:
    """The method that the others are compared with."""
    return REFERENCE if REFERENCE in data.methods else data.methods[0]


def subject(data: GridData) -> str:
    """The method that the report is about."""
    return SUBJECT if SUBJECT in data.methods else data.methods[-1]


def contrasts(data: GridData) -> list[Contrast]:
    """Every planned and available method against the reference, by environment."""
    base = reference(data)
    return compared(data, ((method, base) for method in data.methods if method != base))


def compared(data: GridData, pairs: Iterable[tuple[str, str]]) -> list[Contrast]:
    """Pairs of (method, reference) on every environment where neither is unavailable, by environment."""
    wanted = list(pairs)
    return [
        _contrast(data, environment, method, base)
        for environment in data.environments
        for method, base in wanted
        if all(_available(data, environment, side) for side in (method, base))
    ]


def _available(data: GridData, environment: str, method: str) -> bool:
    return not bool((data.group(environment, method)["status"] == "unavailable").all())


def _contrast(data: GridData, environment: str, method: str, base: str) -> Contrast:
    first, second = (data.done(environment, m).set_index("seed") for m in (method, base))
    seeds = first.index.intersection(second.index)
    metric, counts_wins = data.headline(environment), data.counts_wins(environment)
    scores = data.scores(environment, method), data.scores(environment, base)
    pairs = [rows.loc[seeds, metric].to_numpy(float) for rows in (first, second)]
    files = zip(first.loc[seeds, "episodes_file"], second.loc[seeds, "episodes_file"], strict=True)
    return Contrast(
        environment,
        method,
        base,
        scores,
        welch_difference(*scores),
        any(unreliable(mean_interval(side), counts_wins) for side in scores),
        paired_difference(*pairs) if len(seeds) else None,
        tuple(files) if counts_wins else (),
        (*first["key"], *second["key"]),
    )


def unreliable(summary: Mean, counts_wins: bool) -> bool:
    """Whether the t interval must not be trusted: all seeds equal, or it covers win rates that cannot be (rule 6)."""
    leaves = counts_wins and summary.interval is not None and summary.interval.leaves(0.0, 1.0)
    return leaves or summary.why == NO_SPREAD
