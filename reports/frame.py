"""A grid's run folders as tidy tables: one row per planned cell, per stage and per point of a curve.

Every planned cell has its row for ever: one that failed or is missing has a status and a reason, and no metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.spec import Cell, Outcome, Plan, cell_outcome
from benchmark.store import RunStore

STATUSES = ("done", "failed", "blocked", "missing", "unavailable")
"""What can have become of a cell. A cell that is being computed, or was stopped, is missing, and its reason says so."""

CELL_COLUMNS = (
    "environment", "method", "seed", "status", "reason", "log", "key", "keys", "episodes_file", "device", "attempts",
    "deterministic", "seconds",
)  # fmt: skip
STAGE_COLUMNS = (
    "key", "kind", "label", "environment", "cells", "state", "reason", "log", "seconds", "device", "attempts",
    "resumed", "deterministic", "finished", "metrics",
)  # fmt: skip
CURVE_COLUMNS = ("environment", "method", "seed", "stage", "key", "whole", "frames", "metric", "value")


@dataclass(frozen=True)
class GridData:
    """All that a report knows of a grid. Paths in it are relative to `root`, the store's folder.

    folder: of the grid's report. cells: CELL_COLUMNS, then a column per result metric (NaN where the cell is not done)
    and a `seconds_<stage>` column per stage of the pipeline. key: the run of the result; keys: all runs of the cell;
    seconds: of all its stages, shared ones included. stages: STAGE_COLUMNS, one row per distinct stage; metrics is a
    mapping. curves: CURVE_COLUMNS; whole says that the stage is done. provenance: stage key -> commit, packages, ….
    """

    root: Path
    folder: Path
    plan: Plan
    cells: pd.DataFrame
    stages: pd.DataFrame
    curves: pd.DataFrame
    provenance: Mapping[str, Mapping[str, Any]]

    @property
    def headline(self) -> str:
        """The metric that tables show."""
        return self.plan.headline

    @property
    def headline_label(self) -> str:
        """The headline metric in words."""
        return self.headline.replace("_", " ")

    @property
    def counts_wins(self) -> bool:
        """Whether the headline is the share of evaluation games that were won."""
        return self.headline == "win_rate"

    @cached_property
    def pipeline(self) -> list[str]:
        """Names of all stages, parents first."""
        longest_first = sorted(self.plan.cells, key=lambda cell: -len(cell.stages))
        return list(dict.fromkeys(name for cell in longest_first for name in cell.stages))

    @cached_property
    def curve_stages(self) -> frozenset[str]:
        """The stages whose results are evaluated: their curves are the learning curves."""
        results = (self.plan.stages[cell.stages[self.plan.result]] for cell in self.plan.cells if cell.stages)
        return frozenset(parent for stage in results for parent in stage.parents)

    @cached_property
    def environments(self) -> list[str]:
        """Environments in the order of the grid."""
        return list(dict.fromkeys(cell.environment for cell in self.plan.cells))

    @cached_property
    def methods(self) -> list[str]:
        """Methods in the order of the grid."""
        return list(dict.fromkeys(cell.method for cell in self.plan.cells))

    def environment_label(self, environment: str) -> str:
        """An environment's name for readers."""
        return str(self.plan.environments.get(environment, {}).get("label", environment))

    def method_label(self, method: str) -> str:
        """A method's name for readers."""
        return str(self.plan.methods.get(method, {}).get("label", method))

    def method_provenance(self, method: str) -> str:
        """Where a method's code comes from: released, reimplemented, ours, …"""
        return str(self.plan.methods.get(method, {}).get("provenance", "unknown"))

    def group(self, environment: str, method: str | None = None) -> pd.DataFrame:
        """The planned cells of an environment (and method), by method and seed."""
        chosen = self.cells["environment"] == environment
        if method is not None:
            chosen &= self.cells["method"] == method
        return self.cells[chosen].sort_values(["method", "seed"])

    def done(self, environment: str, method: str | None = None) -> pd.DataFrame:
        """Those of the group that are finished and have the headline metric."""
        rows = self.group(environment, method)
        return rows[(rows["status"] == "done") & rows[self.headline].notna()]

    def games(self, rows: pd.DataFrame) -> list[int]:
        """Per finished cell, how many evaluation games its win rate is over; 0 where that is not known."""
        if not self.counts_wins or "episodes" not in rows:
            return [0] * len(rows)
        return [int(n) if n == n else 0 for n in rows["episodes"]]

    def won(self, episodes_file: object) -> npt.NDArray[np.bool_] | None:
        """Which of a cell's evaluation games were won, [episodes]; None where not stored or not counted."""
        if not self.counts_wins or not isinstance(episodes_file, str):
            return None
        with np.load(self.root / episodes_file) as arrays:
            return np.asarray(arrays["won"], dtype=bool) if "won" in arrays.files else None


def load(root: Path, grid: str) -> GridData:
    """Read a grid's plan and run folders. Raises benchmark.errors.BadInput for a grid that was never run in `root`."""
    store = RunStore(root)
    plan = store.plan(grid)
    outcomes = store.outcomes(plan)
    cells = [_cell_row(store, plan, cell, outcomes) for cell in plan.cells]
    stages = [_stage_row(plan, key, outcome) for key, outcome in outcomes.items()]
    provenance = {key: facts for key in plan.stages if (facts := store.provenance(key)) is not None}
    return GridData(
        root=store.root,
        folder=store.grid_folder(grid),
        plan=plan,
        cells=_frame(cells, (*CELL_COLUMNS, plan.headline)),
        stages=_frame(stages, STAGE_COLUMNS),
        curves=_curves(store, plan, outcomes),
        provenance=provenance,
    )


def _frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    """The named columns first, present even where there is no row."""
    found = dict.fromkeys([*columns, *(name for row in rows for name in row)])
    return pd.DataFrame(rows, columns=list(found))


def _cell_row(store: RunStore, plan: Plan, cell: Cell, outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    outcome = cell_outcome(plan, cell, outcomes)
    status = outcome.state if outcome.state in STATUSES else "missing"
    key = cell.stages.get(plan.result)
    done = {name: outcomes[k] for name, k in cell.stages.items() if outcomes[k].state == "done"}
    episodes = store.artefact(key, "episodes.npz") if key and status == "done" else None
    row: dict[str, Any] = {
        "environment": cell.environment,
        "method": cell.method,
        "seed": cell.seed,
        "status": status,
        "reason": _why_missing(cell, outcomes) if status == "missing" else outcome.reason,
        "log": outcome.log,
        "key": key,
        "keys": tuple(cell.stages.values()),
        "episodes_file": str(episodes.relative_to(store.root)) if episodes is not None and episodes.exists() else None,
        "device": outcome.device,
        "attempts": sum(outcomes[k].attempts for k in cell.stages.values()),
        "deterministic": all(o.deterministic for o in done.values()) if status == "done" else None,
        "seconds": sum(o.seconds for o in done.values()) if done else np.nan,
    }
    row |= {f"seconds_{name}": o.seconds for name, o in done.items()}
    if status == "done":
        row |= _numbers(outcome.metrics)
    return row


def _why_missing(cell: Cell, outcomes: Mapping[str, Outcome]) -> str:
    """How far an unfinished cell is: `2 of 4 stages done, policy stopped at 60%`."""
    found = {name: outcomes[key] for name, key in cell.stages.items()}
    done = sum(outcome.state == "done" for outcome in found.values())
    if all(outcome.state == "missing" for outcome in found.values()):
        return "not started"
    parts = [f"{done} of {len(found)} stages done"]
    for name, outcome in found.items():
        if outcome.state in ("running", "stopped"):
            share = f" at {outcome.done / outcome.total:.0%}" if outcome.total else ""
            parts.append(f"{name} {outcome.state}{share}")
    return ", ".join(parts)


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are numbers; hashes and words stay in the run folder."""
    return {name: float(v) for name, v in metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)}


def _stage_row(plan: Plan, key: str, outcome: Outcome) -> dict[str, Any]:
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
        "seconds": outcome.seconds if outcome.state == "done" else np.nan,
        "device": outcome.device,
        "attempts": outcome.attempts,
        "resumed": len(outcome.resumed_from),
        "deterministic": outcome.deterministic,
        "finished": outcome.finished,
        "metrics": dict(outcome.metrics),
    }


def _name_in_pipeline(users: tuple[Cell, ...], key: str) -> str:
    return next(name for name, found in users[0].stages.items() if found == key)


def _curves(store: RunStore, plan: Plan, outcomes: Mapping[str, Outcome]) -> pd.DataFrame:
    """A shared stage's curve appears once per cell, so that a cell's rows are complete."""
    curves = {key: _long(store.curve(key)) for key in plan.stages}
    parts = [
        curves[key].assign(
            environment=cell.environment,
            method=cell.method,
            seed=cell.seed,
            stage=name,
            key=key,
            whole=outcomes[key].state == "done",
        )
        for cell in plan.cells
        for name, key in cell.stages.items()
        if len(curves[key])
    ]
    columns = list(CURVE_COLUMNS)
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _long(rows: list[dict[str, float]]) -> pd.DataFrame:
    """Rows with a column per metric as rows of (frames, metric, value), without the holes."""
    if not rows:
        return pd.DataFrame(columns=["frames", "metric", "value"])
    return pd.DataFrame(rows).melt(id_vars="frames", var_name="metric").dropna(subset=["value"])
