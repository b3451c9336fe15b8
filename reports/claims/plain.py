"""A claims report as plain JSON, for programs and for `run_all.py check`."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from reports.claims.results import ClaimsReport


def to_json(report: ClaimsReport) -> dict[str, Any]:
    """Every field of the report by its name, `preregistered` and each gate's `passed` besides; NaN becomes null."""
    plain: dict[str, Any] = _plain(asdict(report))
    for gate, shown in zip(report.gates, plain["gates"], strict=True):
        shown["passed"] = gate.passed
    return {**plain, "preregistered": report.preregistered}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
