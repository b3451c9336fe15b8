"""What every page of comparisons begins with: the games behind them, the registered claims, and what to beware of."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from reports.adjusted import Family, registered
from reports.claims import ClaimsReport, as_registered
from reports.coefficients import unequal_warning
from reports.contrasts import Won
from reports.evidence import nothing_finished, without_results
from reports.frame import GridData
from reports.page import Block, Page, Text
from reports.pages.results import shared_teachers


@dataclass(frozen=True)
class Opening:
    """won: of a cell's evaluation games, read once. family: the comparisons of the claims; empty where the plan names
    none. warnings: what a reader of any comparison must know."""

    won: Won
    report: ClaimsReport | None
    family: Family
    warnings: tuple[Block, ...]


def opening(data: GridData) -> Opening | None:
    """None while nothing is finished."""
    if nothing_finished(data):
        return None
    report = as_registered(data)
    return Opening(
        functools.cache(data.won),
        report,
        registered(data, report) if report is not None else {},
        (*shared_teachers(data), *unequal_warning(data), *without_results(data)),
    )


def nothing_to_compare(id: str, title: str) -> Page:
    """The page that has no opening."""
    return Page(id, title, (Text("No run is finished, so there is nothing to compare."),))
