"""A planned cell, and a stage, as a row of the frames: what became of it, where, by which code, at what cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmark.spec import IMPORTED, Cell, Outcome, Plan, cell_outcome, provenance_of
from benchmark.store import RunStore
from reports.applied import applied
from reports.extra import COST_COLUMNS, costs
from reports.text import plural

STATUSES = ("done", "failed", "blocked", "missing", "unavailable")
"""What can have become of a cell. A cell that is being computed, or was stopped, is missing, and its reason says so."""

UNSAID = "unknown"
"""The device of imported results that do not name one."""

CELL_COLUMNS = (
    "environment", "method", "provenance", "seed", "status", "reason", "log", "key", "keys", "episodes_file", "device",
    "attempts", "deterministic", "commit", "dirty", "seconds", *COST_COLUMNS,
)  # fmt: skip
STAGE_COLUMNS = (
    "key", "kind", "label", "environment", "cells", "state", "reason", "log", "seconds", "device", "attempts",
    "resumed", "deterministic", "finished", "commit", "dirty", "metrics",
)  # fmt: skip


def code(provenance: Mapping[str, Mapping[str, Any]], key: str | None) -> dict[str, Any]:
    """The state of the code that computed a run, None where that is not recorded."""
    facts = provenance.get(key or "", {})
    return {name: facts.get(name) for name in ("commit", "dirty")}


def result_key(plan: Plan, cell: Cell) -> str | None:
    """The run whose metrics are the cell's result."""
    return cell.stages.get(plan.result)


def cell_row(store: RunStore, plan: Plan, cell: Cell, outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    """All of CELL_COLUMNS but the state of the code; the metrics and coefficients besides."""
    outcome = cell_outcome(plan, cell, outcomes)
    status = outcome.state if outcome.state in STATUSES else "missing"
    key, keys = result_key(plan, cell), tuple(dict.fromkeys(cell.stages.values()))
    done = {name: outcomes[k] for name, k in cell.stages.items() if outcomes[k].state == "done"}
    episodes = store.artefact(key, "episodes.npz") if key and status == "done" else None
    own = plan.required(cell)
    row: dict[str, Any] = {
        "environment": cell.environment,
        "method": cell.method,
        "provenance": provenance_of(plan, cell.method, cell.environment),
        "seed": cell.seed,
        "status": status,
        "reason": _why_missing(plan, cell, outcomes) if status == "missing" else outcome.reason,
        "log": outcome.log,
        "key": key,
        "keys": keys,
        "episodes_file": str(episodes.relative_to(store.root)) if episodes is not None and episodes.exists() else None,
        "device": outcome.device,
        "attempts": sum(outcomes[k].attempts for k in keys),
        "deterministic": all(map(_repeats, done.values()))
        if status == "done" and _repeats(outcome) is not None
        else None,
        "seconds": _sum({o.key: _took(o) for o in done.values() if o.key in own}),
        **costs(plan, cell, outcomes),
        **applied(plan, cell),
    }
    row |= {f"seconds_{name}": _took(o) for name, o in done.items()}
    if status == "done":
        row |= _numbers(outcome.metrics)
    return row


def _took(outcome: Outcome) -> float:
    """Seconds of computing; NaN for what is not done, and for imported results that do not say it."""
    known = outcome.state == "done" and (outcome.attempts > 0 or outcome.seconds > 0)
    return outcome.seconds if known else np.nan


def _repeats(outcome: Outcome) -> bool | None:
    """Whether a stage repeats bit for bit; None for imported results that do not say it."""
    unsaid = outcome.state == "done" and not outcome.attempts and not outcome.deterministic
    return None if unsaid and outcome.device == UNSAID else outcome.deterministic


def _sum(seconds: Mapping[str, float]) -> float:
    """Of what is known; NaN where nothing is."""
    known = [value for value in seconds.values() if value == value]
    return sum(known) if known else np.nan


def _why_missing(plan: Plan, cell: Cell, outcomes: Mapping[str, Outcome]) -> str:
    """How far an unfinished cell is: `2 of 4 stages done, policy stopped at 60%`; of an imported one, what it says."""
    result = plan.stages[cell.stages[plan.result]]
    if result.kind == IMPORTED:
        return str(result.params.get("reason", "not among what was imported"))
    found = {name: outcomes[key] for name, key in cell.stages.items()}
    done = sum(outcome.state == "done" for outcome in found.values())
    if all(outcome.state == "missing" for outcome in found.values()):
        return "not started"
    parts = [f"{done} of {plural(len(found), 'stage')} done"]
    for name, outcome in found.items():
        if outcome.state in ("running", "stopped"):
            share = f" at {outcome.done / outcome.total:.0%}" if outcome.total else ""
            parts.append(f"{name} {outcome.state}{share}")
    return ", ".join(parts)


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are numbers; hashes and words stay in the run folder."""
    return {name: float(v) for name, v in metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)}


def stage_row(plan: Plan, key: str, outcome: Outcome) -> dict[str, Any]:
    """All of STAGE_COLUMNS but the state of the code."""
    users = plan.users[key]
    return {
        "key": key,
        "kind": _name_in_pipeline(users, key),
        "label": plan.label(key),
        "environment": users[0].environment,
        "cells": len(users),
        "state": outcome.state,
        "reason": outcome.reason,
        "log": outcome.log,
        "seconds": _took(outcome),
        "device": outcome.device,
        "attempts": outcome.attempts,
        "resumed": len(outcome.resumed_from),
        "deterministic": _repeats(outcome),
        "finished": outcome.finished,
        "metrics": dict(outcome.metrics),
    }


def _name_in_pipeline(users: tuple[Cell, ...], key: str) -> str:
    return next(name for name, found in users[0].stages.items() if found == key)
