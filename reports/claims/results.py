"""What became of a grid's claims: comparisons, gates, statuses, and when the claims were registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reports.stats import Difference, Interval
from reports.text import number, plural

Verdict = Literal["holds", "fails", "undecided", "incomplete"]
"""Of one comparison. holds: there is an advantage, by Holm; fails: an advantage of the margin or more is excluded;
undecided: neither, or not whatever the missing runs had shown; incomplete: runs are missing, and with the others it is
neither."""

Level = Literal["", "floor", "ceiling"]
"""Of two means: both no further than the margin from random play, or from our expert; empty for all others."""

Status = Literal["SUPPORTED", "REFUTED", "INCONCLUSIVE", "INCOMPLETE"]


@dataclass(frozen=True)
class Comparison:
    """One method against another on one environment.

    difference: the advantage, above 0 in the claim's direction, with its 95% interval. interval: the same at the level
    of the family, 1 - alpha / size. p_permutation: of the permutation test, a check on the other. adjusted_p: the p of
    `difference` after Holm's procedure in its family; NaN where it is in none. planned, missing: runs on each side.
    bounds: of the advantage, with the lowest and the highest scores that the missing runs could have; None where none
    is missing or the metric has no end. level: of a comparison that fails, for there may have been nothing to differ.
    why: the verdict in a few words. digits: decimals of the metric's numbers. runs: keys of both sides.
    """

    environment: str
    method: str
    against: str
    metric: str
    digits: int
    margin: float
    difference: Difference
    interval: Interval | None
    p_permutation: float
    adjusted_p: float
    planned: tuple[int, int]
    missing: tuple[int, int]
    bounds: Interval | None
    verdict: Verdict
    level: Level
    why: str
    runs: tuple[str, ...]

    @property
    def remark(self) -> str:
        """What to keep in mind beside a verdict of fails; empty where there is nothing."""
        within = f"both within {number(self.margin, min(2, self.digits))} of"
        return {
            "": "",
            "floor": f"{within} random play: nothing was learnt that could differ",
            "ceiling": f"{within} our expert: nothing is left that could differ",
        }[self.level]


@dataclass(frozen=True)
class Gate:
    """One stratified permutation test for a family: its methods against all that they are compared with.

    p_worst: with the scores of missing runs that speak most against the claims; NaN where the metric has no end.
    environments: the strata. passed: both p are below alpha.
    """

    family: str
    alpha: float
    size: int
    p: float
    p_worst: float
    environments: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the family's claims may be SUPPORTED."""
        return self.p < self.alpha and self.p_worst < self.alpha


@dataclass(frozen=True)
class ClaimResult:
    """A claim with its status. why: one line. comparisons: all that the claim needs, those without a run included."""

    id: str
    text: str
    source: str
    family: str
    exploratory: bool
    status: Status
    why: str
    comparisons: tuple[Comparison, ...]

    @property
    def levels(self) -> tuple[Level, ...]:
        """Of the comparisons that fail, where none of them fails between the floor and the ceiling; else empty."""
        found = tuple(dict.fromkeys(one.level for one in self.comparisons if one.verdict == "fails"))
        return () if "" in found else found


@dataclass(frozen=True)
class Registration:
    """When the claims, or the plan's seeds or settings, became what they are.

    at: UTC. name, sha256: of the claims' file, None for no claims. seeds: of the plan. results: of the grid, that were
    there then. older: of the grid's results, that are older than this or do not say when they were finished, wherever
    they were then. changes: to the registration before, in words; empty for the first.
    """

    at: str
    name: str | None
    sha256: str | None
    seeds: tuple[int, ...]
    results: int
    older: int
    changes: tuple[str, ...]

    @property
    def blind(self) -> bool:
        """Whether nobody can have known a result by then."""
        return self.results == 0 and self.older == 0

    @property
    def when(self) -> str:
        """Which results there were, in words: `before any result`, `after 3 results`."""
        if self.blind:
            return "before any result"
        if self.results:
            return f"after {plural(self.results, 'result')}"
        older = "1 result is" if self.older == 1 else f"{self.older} results are"
        return f"before a result was here, but {older} older"


@dataclass(frozen=True)
class ClaimsReport:
    """All that a grid says of its claims.

    scope: what the statuses are about, where that is not the settings of the files. registered: the first under this
    name, None where no store has noted it. edits: later registrations. before: those of other claims files, or of none.
    exploratory: the claims' comparisons on the grid's other environments, unadjusted, which decide nothing. trial:
    whether the claims were tried on results (reports.claims.trial), not registered.
    """

    name: str
    sha256: str
    about: str
    scope: str
    registered: Registration | None
    edits: tuple[Registration, ...]
    before: tuple[Registration, ...]
    gates: tuple[Gate, ...]
    claims: tuple[ClaimResult, ...]
    exploratory: tuple[Comparison, ...]
    trial: bool = False

    @property
    def preregistered(self) -> bool:
        """Whether the claims, the seeds and the settings were what they are before there was a result."""
        return self.registered is not None and all(one.blind for one in (self.registered, *self.edits))

    def gate(self, family: str) -> Gate:
        """The gate of a family."""
        return next(gate for gate in self.gates if gate.family == family)
