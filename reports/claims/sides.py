"""The scores behind a comparison, those that are missing counted, and what these could be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import numpy.typing as npt

from reports.claims.results import Level
from reports.frame import GridData
from reports.normalise import Reference
from reports.stats import Interval, Values, mean_bounds

Array = npt.NDArray[np.float64]
ScoresOf = Callable[[str, str], Values]
"""(environment, method) -> one score per finished run."""

ScaleOf = Callable[[str, Array], Array]
"""(environment, scores in its metric) -> the same on another scale, on which more is more."""


@dataclass(frozen=True)
class Side:
    """The finished runs of a method on an environment. values: turned so that more is better for the claim, [runs].

    label: of the method. absent: why there is no run, where there is none. runs: their keys.
    """

    label: str
    values: Array
    planned: int
    absent: str
    runs: tuple[str, ...]

    @property
    def missing(self) -> int:
        """Planned runs without a score."""
        return max(0, self.planned - self.values.size)

    def all_at(self, score: float) -> Array:
        """The scores if every missing run had this one."""
        return np.concatenate([self.values, np.full(self.missing, score)])

    def filled(self, low: float, high: float) -> Iterator[Array]:
        """The scores with every missing run at an end, in all ways, and with all of them at the mean of the others."""
        for filling in combinations_with_replacement((low, high), self.missing):
            yield np.concatenate([self.values, filling])
        if self.missing:
            yield self.all_at(float(self.values.mean()))


@dataclass(frozen=True)
class Pair:
    """A comparison before it is computed.

    sign: -1 where less of the metric is better. digits: decimals of its numbers. low, high: its ends. random, expert:
    what a random player and our expert score on these games. These four are turned and scaled like the values, and NaN
    where there is none.
    """

    environment: str
    method: str
    against: str
    sign: int
    metric: str
    digits: int
    margin: float
    low: float
    high: float
    random: float
    expert: float
    first: Side
    second: Side

    @property
    def missing(self) -> tuple[int, int]:
        """Runs without a score on each side."""
        return self.first.missing, self.second.missing

    @property
    def ends(self) -> tuple[float, float] | None:
        """The ends of the metric, if it has both and the scores lie between them, as scores of another kind may not."""
        scores = np.concatenate([self.first.values, self.second.values])
        known = np.isfinite([self.low, self.high]).all() and ((scores >= self.low) & (scores <= self.high)).all()
        return (self.low, self.high) if known else None

    @property
    def level(self) -> Level:
        """Whether both sides play like a random player, or both like our expert."""
        means = np.array([self.first.values.mean(), self.second.values.mean()])
        if (abs(means - self.random) <= self.margin).all():
            return "floor"
        return "ceiling" if (abs(means - self.expert) <= self.margin).all() else ""

    def bounds(self) -> Interval | None:
        """The advantage with the scores that missing runs could have; None where none is missing or any is possible."""
        if not any(self.missing) or self.ends is None:
            return None
        first, second = (mean_bounds(side.values, side.missing, *self.ends) for side in (self.first, self.second))
        return Interval(first.low - second.high, first.high - second.low)

    def fillings(self) -> Iterator[tuple[Array, Array]]:
        """What missing runs could have shown, as far as it can matter; nothing where the metric has no ends.

        For a given number of degrees of freedom, "the interval lies above (or below) a value" is true of a convex set
        of scores, so if it is true of all their extremes it is true of all. Welch's degrees of freedom are fewest where
        the missing runs add no spread, hence the mean.
        """
        if self.ends is not None:
            for first in self.first.filled(*self.ends):
                for second in self.second.filled(*self.ends):
                    yield first, second


@dataclass(frozen=True)
class Scoring:
    """Which scores are compared, and what is known of their metric.

    values: None for the claims' own metric. scale: None for the scores as they are. reference: environment -> what
    random play and our expert score in the headline metric.
    """

    values: ScoresOf | None
    scale: ScaleOf | None
    reference: Callable[[str], Reference]

    def scaled(self, environment: str, scores: Array) -> Array:
        """Scores as they are compared."""
        return scores if self.scale is None else self.scale(environment, scores)


def side(data: GridData, environment: str, method: str, metric: str, sign: int, scoring: Scoring) -> Side:
    """The runs of a method on an environment."""
    planned = data.group(environment, method)
    done = planned[planned["status"] == "done"]
    done = done[done[metric].notna()] if metric in done else done[:0]
    values = np.asarray(done[metric] if scoring.values is None and len(done) else [], np.float64)
    if scoring.values is not None and len(planned):
        values = np.asarray(scoring.values(environment, method), np.float64).ravel()
    absent = "" if values.size else _absent(data, planned, metric)
    turned = sign * scoring.scaled(environment, values)
    return Side(data.method_label(method), turned, len(planned), absent, tuple(done["key"]))


def _absent(data: GridData, planned: Any, metric: str) -> str:
    if not len(planned):
        return "not in this grid"
    if (planned["status"] == "unavailable").all():
        return "not available"
    if (planned["status"] == "done").any():
        return f"without `{metric}`"
    return f"without a finished run of {len(planned)}"


def pair(
    data: GridData,
    content: Mapping[str, Any],
    claim: Mapping[str, Any],
    environment: str,
    against: str,
    scoring: Scoring,
) -> Pair | None:
    """A comparison of a claim; None on an environment whose metric the claims say nothing of."""
    headline = data.headline(environment)
    metric = content["environments"].get(environment, headline)
    about = content["metrics"].get(metric)
    if about is None:
        return None
    sign = 1 if claim["direction"] == "greater" else -1
    known = scoring.reference(environment)
    random, expert = (known.random, known.expert) if metric == headline else (np.nan, np.nan)
    ends = [np.nan if end is None else end for end in (about["low"], about["high"])][::sign]
    low, high, random, expert = map(float, sign * scoring.scaled(environment, np.array([*ends, random, expert])))
    method, margin = claim["method"], about["margin"]
    first, second = (side(data, environment, m, metric, sign, scoring) for m in (method, against))
    digits = data.digits(environment, metric)
    return Pair(environment, method, against, sign, metric, digits, margin, low, high, random, expert, first, second)
