"""What missing runs could change: worst and best case of every comparison that lacks some (statistics.md rule 13)."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

from reports.claims import ClaimsReport
from reports.contrasts import contrasts
from reports.frame import GridData
from reports.robustness.verdicts import Key
from reports.stats import Interval, mean_bounds


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
            if data.counts_wins:
                first, second = (mean_bounds(scores, n) for scores, n in zip(one.scores, missing, strict=True))
                bounds = Interval(first.low - second.high, first.high - second.low)
            key = Key("comparison", "", one.environment, one.method, one.reference, True)
            found.append(Bounded(key, one.welch.n, planned, one.welch.difference, bounds, "", one.runs))
    return found
