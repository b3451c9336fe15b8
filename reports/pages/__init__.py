"""One file per page of the report, each with a function `page(data)`. Add a page by adding it to PAGES.

A page that has nothing to do with a grid is None and left out.
"""

from __future__ import annotations

from collections.abc import Callable

from reports.frame import GridData
from reports.page import Page
from reports.pages import (
    ablations,
    aggregate,
    comparisons,
    cost,
    coverage,
    curves,
    diagnostics,
    protocol,
    provenance,
    published,
    results,
    robustness,
    runs,
    seeds,
    teachers,
    tuning,
    verdict,
)

PAGES: tuple[Callable[[GridData], Page | None], ...] = (
    verdict.page,
    tuning.page,
    results.page,
    published.page,
    curves.page,
    comparisons.page,
    aggregate.page,
    ablations.page,
    robustness.page,
    coverage.page,
    cost.page,
    protocol.page,
    provenance.page,
    seeds.page,
    teachers.page,
    diagnostics.page,
    runs.page,
)
"""In the order of the report."""

SLOW: tuple[Callable[[GridData], Page | None], ...] = (curves.page, robustness.page)
"""What takes longest of a large report, to be begun first."""
