"""One file per page of the report, each with a function `page(data)`. Add a page by adding it to PAGES."""

from __future__ import annotations

from collections.abc import Callable

from reports.frame import GridData
from reports.page import Page
from reports.pages import comparisons, cost, coverage, curves, protocol, provenance, results, teachers, verdict

PAGES: tuple[Callable[[GridData], Page], ...] = (
    verdict.page,
    results.page,
    curves.page,
    comparisons.page,
    teachers.page,
    coverage.page,
    cost.page,
    protocol.page,
    provenance.page,
)
"""In the order of the report."""
