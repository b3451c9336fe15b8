"""The state and the results of a plan as text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from benchmark.spec import Outcome, Plan, cell_outcome, provenance_of
from benchmark.store import RunStore


def table(header: Sequence[str], rows: Iterable[Sequence[object]], indent: str = "  ") -> str:
    """Left-aligned columns two spaces apart."""
    lines = [list(header), *([str(item) for item in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    padded = ("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(indent + line.rstrip() for line in padded)


def status_text(plan: Plan, store: RunStore) -> str:
    """Method × environment: how many seeds are in which state; then why, for those that failed."""
    outcomes = store.outcomes(plan)
    cells = {cell.name: cell_outcome(plan, cell, outcomes) for cell in plan.cells}

    def states(own: Sequence[Outcome]) -> str:
        return ", ".join(f"{count} {state}" for state, count in Counter(one.state for one in own).items())

    text = f"grid {plan.grid} in {store.root}\n" + _method_table(plan, cells, states)
    failures = failure_lines(plan, cells, outcomes, store)
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


def failure_lines(
    plan: Plan, cells: Mapping[str, Outcome], outcomes: Mapping[str, Outcome], store: RunStore
) -> list[str]:
    """One line per failed or blocked cell: which, why, and where its log is; then the other stages that failed.

    cells: outcome of each of the plan's cells, by its name. outcomes: of its stages, by key.
    """
    bad = {name: outcome for name, outcome in cells.items() if outcome.state in ("failed", "blocked")}
    said = {outcome.key for outcome in bad.values()}
    lines = [f"{name} {outcome.state}: {outcome.reason}{_log(outcome, store)}" for name, outcome in bad.items()]
    for key in plan.stages:
        outcome = outcomes[key]
        if outcome.state == "failed" and key not in said:
            unharmed = "" if any(cell.name in bad for cell in plan.users[key]) else "; no result needs it"
            lines.append(f"{plan.label(key)} failed{unharmed}: {outcome.reason}{_log(outcome, store)}")
    return lines


def _log(outcome: Outcome, store: RunStore) -> str:
    return f" (log: {store.root / outcome.log})" if outcome.log else ""


def result_table(plan: Plan, cells: Mapping[str, Outcome]) -> str:
    """Method × environment: the mean of the headline metric over the seeds that are done, and how many those are."""

    def mean(own: Sequence[Outcome]) -> str:
        if all(outcome.state == "unavailable" for outcome in own):
            return "n/a"
        values = [outcome.metrics.get(plan.headline) for outcome in own if outcome.state == "done"]
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        shown = f"{fmean(numbers):.3f}" if numbers else "–"
        return f"{shown} ({len(numbers)}/{len(own)})"

    return f"{plan.headline}, mean over seeds (seeds done / planned)\n" + _method_table(plan, cells, mean)


def _method_table(plan: Plan, cells: Mapping[str, Outcome], entry: Callable[[Sequence[Outcome]], str]) -> str:
    """A row per method, with where it comes from, and a column per environment; entry: of a pair's seeds, its text."""
    groups: dict[str, dict[str, list[Outcome]]] = {}
    for cell in plan.cells:
        groups.setdefault(cell.method, {}).setdefault(cell.environment, []).append(cells[cell.name])
    environments = list(dict.fromkeys(cell.environment for cell in plan.cells))
    rows = [
        [method, provenance_of(plan, method), *(entry(own[name]) if name in own else "" for name in environments)]
        for method, own in groups.items()
    ]
    return table(["", "", *environments], rows)


def duration(seconds: float) -> str:
    """42 s, 3 min 05 s, 2 h 07 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
