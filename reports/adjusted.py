"""Holm's p of a comparison: in the family that the grid's claims put it in, or in one that was not registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.claims import ClaimsReport
from reports.contrast_words import p_text
from reports.contrasts import Contrast
from reports.frame import GridData
from reports.stats import holm
from reports.tables import Cell, Column
from reports.text import signed

Place = tuple[str, frozenset[str]]
"""Environment and the two methods: what a comparison is known by, whichever way it is subtracted."""

ALPHA = 0.05
"""Of a comparison that is in no registered family, and of the family that was not registered."""


@dataclass(frozen=True)
class Adjusted:
    """A comparison in its family. p: after Holm's procedure, NaN where there is none. size: of the family, comparisons
    that the grid does not have included. registered: by the claims of the plan, and not as exploratory."""

    p: float
    size: int
    alpha: float
    registered: bool


Family = Mapping[Place, Adjusted]


def _place(environment: str, *methods: str) -> Place:
    return environment, frozenset(methods)


def place(contrast: Contrast) -> Place:
    """What the comparison is known by."""
    return _place(contrast.environment, contrast.method, contrast.reference)


def registered(data: GridData, report: ClaimsReport) -> dict[Place, Adjusted]:
    """Every comparison of the claims in the metric that the tables show; of two families the confirmatory one."""
    found: dict[Place, Adjusted] = {}
    for claim in sorted(report.claims, key=lambda claim: not claim.exploratory):
        gate = report.gate(claim.family)
        for one in claim.comparisons:
            if one.metric == data.headline(one.environment):
                about = Adjusted(one.adjusted_p, gate.size, gate.alpha, not claim.exploratory)
                found[_place(one.environment, one.method, one.against)] = about
    return found


def unregistered(found: Sequence[Contrast]) -> dict[Place, Adjusted]:
    """The same comparisons as one family, made after the fact (statistics.md rule 8 where there are no claims)."""
    values = holm([contrast.welch.p for contrast in found])
    return {place(c): Adjusted(p, len(found), ALPHA, False) for c, p in zip(found, values, strict=True)}


HOLM_COLUMN = Column("Holm p", "of so many")


def holm_entry(family: Family, contrast: Contrast) -> Cell:
    """Holm's p, under it the size of its family; `exploratory` for a comparison that no claim has registered."""
    one = family.get(place(contrast))
    if one is None:
        return Cell("–", "exploratory", "weak")
    about = f"of {one.size}" + ("" if one.registered else ", exploratory")
    return Cell(p_text(one.p), about, runs=contrast.runs) if one.p == one.p else Cell("–", about, "weak")


def differs(family: Family, contrast: Contrast) -> bool:
    """Whether the p that stands beside a comparison in a figure is below its level; False without a p."""
    one = family.get(place(contrast))
    return contrast.welch.p < ALPHA if one is None else one.p < one.alpha


def beside(family: Family, contrast: Contrast) -> str:
    """What stands beside a comparison in a figure: its p, Holm's where it has one, and its effect size."""
    if contrast.welch.interval is None:
        return "no interval"
    one = family.get(place(contrast))
    p = f"p {p_text(contrast.welch.p)}" if one is None else f"Holm p {p_text(one.p)}"
    return f"{p}\nd {signed(contrast.welch.effect, 1)}"
