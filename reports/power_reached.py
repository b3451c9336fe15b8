"""What the finished seeds, with the spread that they have, could have found."""

from __future__ import annotations

import math

from reports.adjusted import ALPHA, Family, place
from reports.contrasts import Contrast
from reports.frame import GridData
from reports.stats import smallest_effect
from reports.tables import Cell, Column, Table
from reports.text import number, signed

WANTED = 0.8


def power_table(data: GridData, found: list[Contrast], family: Family) -> Table:
    """The smallest difference that each comparison finds with 80% power, alone and as one of its family."""
    any_wins = any(map(data.counts_wins, data.environments))
    return Table(
        id="power",
        caption=f"The smallest difference in {data.headline_label()} that these seeds find with {WANTED:.0%} power",
        columns=(
            Column("Environment", numeric=False),
            Column("Against", numeric=False),
            Column("Seeds", "method, reference"),
            Column("Spread", "sd of a seed"),
            Column("Alone", f"α {ALPHA:g}"),
            Column("In its family", "α/m"),
            Column("Observed", "for comparison"),
        ),
        rows=tuple(_row(data, contrast, family) for contrast in found),
        notes=(
            "Of Welch's two-sided test, from the numbers of seeds and the pooled standard deviation of a seed, both as "
            f"they are here. A real difference smaller than this stays undetected in more than {1 - WANTED:.0%} of "
            "such experiments, so that an interval that includes 0 does not speak against it. In its family: at α/m, "
            "which Holm's method asks of the smallest p of m comparisons.",
            "The spread is itself an estimate from few seeds. –: a side has fewer than two seeds, or no seed differs "
            "from another. This is not a power for the observed difference, which would only repeat its p value.",
            *(["Above 1: no difference between win rates is large enough to be found so."] if any_wins else []),
        ),
        headers=2,
    )


def _row(data: GridData, contrast: Contrast, family: Family) -> tuple[Cell, ...]:
    n, spread, one = contrast.welch.n, contrast.spread, family.get(place(contrast))
    digits = data.digits(contrast.environment)
    return (
        data.environment_entry(contrast.environment),
        data.method_entry(contrast.reference, contrast.environment),
        Cell(f"{n[0]}, {n[1]}"),
        Cell(number(spread, digits), runs=contrast.runs) if math.isfinite(spread) else Cell("–", mark="weak"),
        _found(contrast, digits, ALPHA),
        _found(contrast, digits, one.alpha / one.size, f"m {one.size}") if one else Cell("–", "exploratory", "weak"),
        Cell(signed(contrast.welch.difference, digits), mark="weak" if math.isnan(contrast.welch.difference) else ""),
    )


def _found(contrast: Contrast, digits: int, alpha: float, about: str = "") -> Cell:
    """In the unit of the metric, the same in standard deviations under it."""
    if not contrast.spread > 0:
        return Cell("–", mark="weak")
    first, second = contrast.welch.n
    effect = smallest_effect(first, alpha, WANTED, against=second)
    told = ", ".join(filter(None, (f"d {number(effect, 1)}", about)))
    return Cell(number(effect * contrast.spread, digits), told, runs=contrast.runs)
