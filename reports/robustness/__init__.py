"""Whether a result depends on a choice or on a seed: the analysis again, with one thing changed at a time."""

from __future__ import annotations

from reports.robustness.alternatives import Analysis, alternatives, main
from reports.robustness.leave_out import LeftOut, leave_one_out
from reports.robustness.matrix import Matrix, Row, multiverse
from reports.robustness.verdicts import Key, verdicts

__all__ = [
    "Analysis",
    "Key",
    "LeftOut",
    "Matrix",
    "Row",
    "alternatives",
    "leave_one_out",
    "main",
    "multiverse",
    "verdicts",
]
