"""What missing runs could change: worst and best case of every mean and comparison that lacks some (statistics.md rule
13)."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan

from reports.claims import ClaimsReport
from reports.contrasts import contrasts
from reports.frame import GridData
from reports.robustness.alternatives import finished, metric_of
from reports.robustness.verdicts import Key
from reports.stats import Interval, Values, mean_bounds


@dataclass(frozen=True)
class Bounded:
    """A comparison with missing runs. finished, planned: of the method and of the other.

    difference: of the finished runs. bounds: of the difference, if the missing runs had any score; None where the
    metric has no ends. verdict: of the claims, empty without.
    """

    key: Key
    finished: tuple[int, int]
    planned: tuple[int, int]
    difference: float
    bounds: Interval | None
    verdict: str
    runs: tuple[str, ...]

    @property
    def sign_survives(self) -> bool:
        """Whether the difference has one sign whatever the missing runs would have shown."""
        return self.bounds is not None and not self.bounds.contains(0.0)


@dataclass(frozen=True)
class BoundedMean:
    """A method that lacks planned runs on an environment. mean: of the finished ones, NaN without any.

    bounds: of the mean, if the missing runs had any score; None where the metric has no ends.
    """

    environment: str
    method: str
    metric: str
    finished: int
    planned: int
    mean: float
    bounds: Interval | None
    runs: tuple[str, ...]


def incomplete_means(data: GridData) -> list[BoundedMean]:
    """Every method that can be run on an environment and lacks a score there, by environment."""
    found = []
    for environment in data.environments:
        metric = metric_of(data, environment)
        for method in data.methods:
            planned = data.group(environment, method)
            planned = planned[planned["status"] != "unavailable"]
            keys, _, scores = finished(data, environment, method)
            missing = len(planned) - scores.size
            if missing:
                ends = _ends(data, metric, scores)
                bounds = mean_bounds(scores, missing, *ends) if ends else None
                mean = float(scores.mean()) if scores.size else nan
                n, total = scores.size, len(planned)
                found.append(BoundedMean(environment, method, metric, n, total, mean, bounds, tuple(keys)))
    return found


def _ends(data: GridData, metric: str, scores: Values) -> tuple[float, float] | None:
    """The lowest and the highest score that a metric can have; None where nobody says so, or a score lies beyond."""
    claims = data.plan.settings.get("claims")
    about = (claims["content"]["metrics"] if claims else {}).get(metric)
    if about is None:
        about = {"low": 0.0, "high": 1.0} if metric == "win_rate" else {}
    low, high = about.get("low"), about.get("high")
    if low is None or high is None or any(not low <= score <= high for score in scores):
        return None
    return low, high


def with_missing(data: GridData, report: ClaimsReport | None) -> list[Bounded]:
    """Every comparison that has results on both sides and lacks some; report: of the claims, if the plan names any."""
    if report is None:
        return _of_contrasts(data)
    comparisons = [(one, claim.exploratory) for claim in report.claims for one in claim.comparisons]
    comparisons += [(one, True) for one in report.exploratory]
    found: dict[Key, Bounded] = {}
    for one, exploratory in comparisons:
        key = Key("comparison", "", one.environment, one.method, one.against, exploratory)
        if any(one.missing) and not isnan(one.difference.difference):
            found.setdefault(
                key,
                Bounded(
                    key, one.difference.n, one.planned, one.difference.difference, one.bounds, one.verdict, one.runs
                ),
            )
    return list(found.values())


def _of_contrasts(data: GridData) -> list[Bounded]:
    found = []
    for one in contrasts(data):
        planned = (len(data.group(one.environment, one.method)), len(data.group(one.environment, one.reference)))
        missing = tuple(total - n for total, n in zip(planned, one.welch.n, strict=True))
        if any(missing) and min(one.welch.n) > 0:
            bounds = None
            if data.counts_wins(one.environment):
                first, second = (mean_bounds(scores, n) for scores, n in zip(one.scores, missing, strict=True))
                bounds = Interval(first.low - second.high, first.high - second.low)
            key = Key("comparison", "", one.environment, one.method, one.reference, True)
            found.append(Bounded(key, one.welch.n, planned, one.welch.difference, bounds, "", one.runs))
    return found
