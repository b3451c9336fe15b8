"""A plan, its state and its results as text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from benchmark.spec import Cell, Outcome, Plan, cell_outcome
from benchmark.store import RunStore


def table(header: Sequence[str], rows: Iterable[Sequence[object]], indent: str = "  ") -> str:
    """Left-aligned columns two spaces apart."""
    lines = [list(header), *([str(item) for item in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    padded = ("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(indent + line.rstrip() for line in padded)


def plan_text(plan: Plan, store: RunStore) -> str:
    """Cells, shared stages and what is not available, with how much of it is done."""
    available = [cell for cell in plan.cells if cell.unavailable is None]
    wanted = sum(len(cell.stages) for cell in available)
    parts = [f"grid {plan.grid}: {plan.description}" if plan.description else f"grid {plan.grid}"]
    preset = plan.settings.get("preset")
    if preset:
        parts.append(f"preset {preset}: reduced, see configs/preset/{preset}/")
    for key, value in (plan.settings.get("overrides") or {}).items():
        parts.append(f"override {key}={value}")
    done = sum(store.is_done(key) for key in plan.stages)
    parts.append(
        f"\n{len(available)} cells need {wanted} stages; shared ones counted once, {len(plan.stages)}"
        f" ({done} done, {len(plan.stages) - done} to compute)"
    )
    if available:
        parts.append("\ncells\n" + table(("environment", "method", "seeds", "stages"), _cell_rows(available)))
        header = ("stage", "environment", "methods", "stages", "cells each", "done")
        parts.append("\nstages\n" + table(header, _stage_rows(plan, store)))
    missing = _unavailable(plan)
    if missing:
        count = len(plan.cells) - len(available)
        parts.append(f"\nnot available: {count} of {len(plan.cells)} cells\n{missing}")
    return "\n".join(parts)


def _cell_rows(cells: Sequence[Cell]) -> list[tuple[str, str, str, str]]:
    groups: dict[tuple[str, str, tuple[str, ...]], list[int]] = {}
    for cell in cells:
        groups.setdefault((cell.environment, cell.method, tuple(cell.stages)), []).append(cell.seed)
    return [
        (environment, method, " ".join(map(str, seeds)), " → ".join(stages))
        for (environment, method, stages), seeds in groups.items()
    ]


def _stage_rows(plan: Plan, store: RunStore) -> list[tuple[object, ...]]:
    groups: dict[tuple[str, str, str, int], list[str]] = {}
    for key, stage in plan.stages.items():
        users = plan.users[key]
        methods = ", ".join(dict.fromkeys(cell.method for cell in users))
        groups.setdefault((stage.kind, users[0].environment, methods, len(users)), []).append(key)
    return [
        (kind, environment, methods, len(keys), users, sum(store.is_done(key) for key in keys))
        for (kind, environment, methods, users), keys in groups.items()
    ]


def _unavailable(plan: Plan) -> str:
    reasons: dict[tuple[str, str], dict[str, int]] = {}
    for cell in plan.cells:
        if cell.unavailable is not None:
            methods = reasons.setdefault((cell.environment, cell.unavailable), {})
            methods[cell.method] = methods.get(cell.method, 0) + 1
    return "\n".join(
        f"  {environment}: {', '.join(methods)} ({sum(methods.values())} cells): {reason}"
        for (environment, reason), methods in reasons.items()
    )


def status_text(plan: Plan, store: RunStore) -> str:
    """Environment × method: how many seeds are in which state; then why, for those that failed."""
    outcomes = store.outcomes(plan)
    cells = {cell.name: cell_outcome(plan, cell, outcomes) for cell in plan.cells}
    methods = list(dict.fromkeys(cell.method for cell in plan.cells))
    rows = []
    for environment in dict.fromkeys(cell.environment for cell in plan.cells):
        row = [environment]
        for method in methods:
            own = [cells[c.name].state for c in plan.cells if (c.environment, c.method) == (environment, method)]
            row.append(", ".join(f"{count} {state}" for state, count in Counter(own).items()))
        rows.append(row)
    text = f"grid {plan.grid} in {store.root}\n" + table(["", *methods], rows)
    failures = failure_lines(plan, cells, store)
    return text + ("\n\n" + "\n".join(failures) if failures else "")


def status_json(plan: Plan, store: RunStore) -> dict[str, Any]:
    """Cell name -> state, reason, log and metrics."""
    outcomes = store.outcomes(plan)
    shown: dict[str, Any] = {}
    for cell in plan.cells:
        outcome = cell_outcome(plan, cell, outcomes)
        shown[cell.name] = {
            "state": outcome.state,
            "reason": outcome.reason,
            "log": outcome.log,
            "metrics": dict(outcome.metrics),
            "stages": {name: {"key": key, "state": outcomes[key].state} for name, key in cell.stages.items()},
        }
    return shown


def failure_lines(plan: Plan, cells: Mapping[str, Outcome], store: RunStore) -> list[str]:
    """One line per failed or blocked cell: which, why, and where its log is."""
    lines = []
    for name, outcome in cells.items():
        if outcome.state in ("failed", "blocked"):
            log = f" (log: {store.root / outcome.log})" if outcome.log else ""
            lines.append(f"{name} {outcome.state}: {outcome.reason}{log}")
    return lines


def result_table(plan: Plan, cells: Mapping[str, Outcome]) -> str:
    """Environment × method: the mean of the headline metric over the seeds that are done, and how many those are."""
    methods = list(dict.fromkeys(cell.method for cell in plan.cells))
    rows = []
    for environment in dict.fromkeys(cell.environment for cell in plan.cells):
        row = [environment]
        for method in methods:
            own = [cells[c.name] for c in plan.cells if (c.environment, c.method) == (environment, method)]
            values = [outcome.metrics.get(plan.headline) for outcome in own if outcome.state == "done"]
            numbers = [float(value) for value in values if isinstance(value, int | float)]
            mean = f"{fmean(numbers):.3f}" if numbers else "–"
            row.append("n/a" if all(o.state == "unavailable" for o in own) else f"{mean} ({len(numbers)}/{len(own)})")
        rows.append(row)
    return f"{plan.headline}, mean over seeds (seeds done / planned)\n" + table(["", *methods], rows)


def duration(seconds: float) -> str:
    """42 s, 3 min 05 s, 2 h 07 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
