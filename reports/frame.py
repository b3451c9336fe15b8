"""A grid's run folders as tidy tables: one row per planned cell, per stage and per point of a curve.

Every planned cell has its row for ever: one that failed or is missing has a status and a reason, and no metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.decimals import decimals
from benchmark.spec import IMPORTED, Cell, Outcome, Plan, cell_outcome, headline_of, provenance_of
from benchmark.store import RunStore
from reports import tables
from reports.applied import applied
from reports.curve_data import Curves, read_curves
from reports.extra import COST_COLUMNS, costs, policy_key
from reports.text import in_words
from reports.writing.progress import Listen, silent

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


@dataclass(frozen=True, eq=False)
class GridData:
    """All that a report knows of a grid. Paths in it are relative to `root`, the store's folder.

    folder: of the grid's report. cells: CELL_COLUMNS, then a column per result metric (NaN where the cell is not
    done), a `seconds_<stage>` column per stage of the pipeline and the coefficients of reports.applied. provenance: of
    the method on the environment; commit, dirty: of the code of the result's run. key: the run of the result; keys: all
    runs of the cell; seconds: of all stages that its result needs, each once, shared ones included. COST_COLUMNS: see
    reports.extra. stages: STAGE_COLUMNS, one row per distinct stage; metrics is a mapping. curves: of every distinct
    stage. provenance: stage key -> commit, packages, …. forecast: stage key -> seconds, basis, as they were foretold
    before the stage began. registrations: of the grid's claims, see benchmark.grid_records.
    """

    root: Path
    folder: Path
    plan: Plan
    cells: pd.DataFrame
    stages: pd.DataFrame
    curves: Curves
    provenance: Mapping[str, Mapping[str, Any]]
    forecast: Mapping[str, Mapping[str, Any]]
    registrations: Sequence[Mapping[str, Any]]

    def headline(self, environment: str) -> str:
        """The metric that tables show of an environment."""
        return headline_of(self.plan, environment)

    def headlines(self, *environments: str) -> list[str]:
        """The metrics that tables show of these environments, or of all of the grid, each once."""
        return list(dict.fromkeys(map(self.headline, environments or self.environments)))

    def headline_label(self, *environments: str) -> str:
        """The same in words: `win rate`, `win rate or episode return`."""
        return " or ".join(in_words(name) for name in self.headlines(*environments))

    def counts_wins(self, environment: str) -> bool:
        """Whether the environment's headline is the share of evaluation games that were won."""
        return self.headline(environment) == "win_rate"

    def digits(self, environment: str, metric: str | None = None) -> int:
        """With how many decimals the environment's numbers in a metric, or in its headline, are written."""
        name = metric or self.headline(environment)
        if (environment, name) not in self._digits:
            rows = self.group(environment)
            self._digits[environment, name] = decimals(rows[name]) if name in rows else 3
        return self._digits[environment, name]

    def few_digits(self, environment: str) -> int:
        """The same beside a picture, where less is enough."""
        return min(2, self.digits(environment))

    @cached_property
    def _digits(self) -> dict[tuple[str, str], int]:
        return {}

    @cached_property
    def pipeline(self) -> list[str]:
        """Names of all stages, parents first."""
        names: TopologicalSorter[str] = TopologicalSorter()
        for cell in self.plan.cells:
            name_of = {key: name for name, key in cell.stages.items()}
            for name, key in cell.stages.items():
                names.add(name, *(name_of[parent] for parent in self.plan.stages[key].parents.values()))
        return list(names.static_order())

    @cached_property
    def curve_keys(self) -> frozenset[str]:
        """The runs whose results are evaluated: their curves are the learning curves."""
        return frozenset(key for cell in self.plan.cells if (key := policy_key(self.plan, cell)))

    @cached_property
    def finished(self) -> frozenset[str]:
        """Keys of all stages that are done: nothing will be added to their curves."""
        return frozenset(self.stages["key"][self.stages["state"] == "done"])

    @cached_property
    def environments(self) -> list[str]:
        """Environments in the order of the grid."""
        return list(dict.fromkeys(cell.environment for cell in self.plan.cells))

    @cached_property
    def methods(self) -> list[str]:
        """Methods in the order of the grid, but ours after all others."""
        return sorted(dict.fromkeys(cell.method for cell in self.plan.cells), key=self.is_ours)

    @property
    def search(self) -> Mapping[str, Mapping[str, Any]]:
        """Candidate -> method, values: which method it is, with what; empty for a grid that does not search."""
        return self.plan.settings.get("search") or {}

    @property
    def tuned(self) -> Mapping[str, Any]:
        """The file of searched settings that the grid uses: name, sha256, values; empty without one."""
        return self.plan.settings.get("tuned") or {}

    @property
    def knows_settings(self) -> bool:
        """Whether the plan says how its results came about; one that was imported from a bare table does not."""
        return self.plan.origin is None or "preset" in self.plan.settings

    @cached_property
    def evaluated_on(self) -> dict[str, str]:
        """Environment -> the name of the games behind its results, where the plan says it."""
        found = {}
        for cell in self.plan.cells:
            environment = self.plan.stages[cell.stages[self.plan.result]].params.get("env") if cell.stages else None
            if isinstance(environment, Mapping) and "name" in environment:
                found[cell.environment] = str(environment["name"])
        return found

    @property
    def games_label(self) -> str:
        """What the results were measured on, in words."""
        if self.plan.origin is not None and not self.evaluated_on:
            return "evaluation games"
        validation = any(not name.endswith("-test") for name in self.evaluated_on.values())
        return "validation games" if validation else "held-out games"

    def environment_label(self, environment: str) -> str:
        """An environment's name for readers, also of one that only the claims or a curriculum name."""
        return str(self._label("environments", self.plan.environments, environment))

    def method_label(self, method: str) -> str:
        """A method's name for readers, for prose and figures; tables use the three below, which add its origin."""
        return str(self._label("methods", self.plan.methods, method))

    def _label(self, group: str, members: Mapping[str, Mapping[str, Any]], name: str) -> Any:
        others = (self.plan.settings.get("labels") or {}).get(group, {})
        return members.get(name, {}).get("label", others.get(name, name))

    def method_entry(self, method: str, environment: str | None = None) -> tables.Cell:
        """A method's name in a table, its provenance under it."""
        return tables.Cell(self.method_label(method), self.provenance_tag(method, environment))

    def method_column(self, method: str, environment: str | None = None) -> tables.Column:
        """The same as a column's heading."""
        return tables.Column(self.method_label(method), self.provenance_tag(method, environment))

    def method_names(self, methods: Sequence[str], environment: str | None = None) -> str:
        """Several methods in one line, the provenance of each behind it: `LDD (released); LDD-rep (ours)`."""
        return "; ".join(f"{self.method_label(m)} ({self.provenance_tag(m, environment)})" for m in methods)

    def provenance_tag(self, method: str, environment: str | None = None) -> str:
        """Where a method comes from on an environment: released, reimplemented, ours, …

        Without an environment, on all of the grid; `ours / released` where they differ.
        """
        return provenance_of(self.plan, method, environment)

    def is_ours(self, method: str, environment: str | None = None) -> bool:
        """Whether the method is not the paper's, on the environment or on all of the grid."""
        return self.provenance_tag(method, environment) == "ours"

    def metrics(self, key: str) -> Mapping[str, Any]:
        """What a finished stage reports; empty for any other."""
        return self._metrics.get(key, {})

    @cached_property
    def _metrics(self) -> dict[str, Mapping[str, Any]]:
        done = self.stages[self.stages["state"] == "done"]
        return dict(zip(done["key"], done["metrics"], strict=True))

    def group(self, environment: str, method: str | None = None) -> pd.DataFrame:
        """The planned cells of an environment (and method), by method and seed; nobody changes them in place."""
        return self._groups.get((environment, method), self.cells[:0])

    @cached_property
    def _groups(self) -> dict[tuple[str, str | None], pd.DataFrame]:
        rows = self.cells.sort_values(["method", "seed"])
        found: dict[tuple[str, str | None], pd.DataFrame] = {}
        for environment in self.environments:
            found[environment, None] = rows[rows["environment"] == environment]
            for method, group in found[environment, None].groupby("method", sort=False):
                found[environment, str(method)] = group
        return found

    def done(self, environment: str, method: str | None = None) -> pd.DataFrame:
        """Those of the group that are finished and have the headline metric; nobody changes them in place."""
        if (environment, method) not in self._done:
            rows = self.group(environment, method)
            scored = rows[self.headline(environment)].notna()
            self._done[environment, method] = rows[(rows["status"] == "done") & scored]
        return self._done[environment, method]

    def scores(self, environment: str, method: str | None = None) -> npt.NDArray[np.float64]:
        """The headline of those, in their order."""
        return self.done(environment, method)[self.headline(environment)].to_numpy(np.float64)

    @cached_property
    def _done(self) -> dict[tuple[str, str | None], pd.DataFrame]:
        return {}

    def games(self, rows: pd.DataFrame) -> list[int]:
        """Per cell, how many evaluation games its win rate is over; 0 for another metric, or where it is not known."""
        if "episodes" not in rows:
            return [0] * len(rows)
        counted = (self.counts_wins(environment) for environment in rows["environment"])
        return [int(n) if wins and n == n else 0 for wins, n in zip(counted, rows["episodes"], strict=True)]

    def won(self, episodes_file: object) -> npt.NDArray[np.bool_] | None:
        """Which of a cell's evaluation games were won, [episodes]; None where that is not stored."""
        if not isinstance(episodes_file, str):
            return None
        if episodes_file not in self._won:
            with np.load(self.root / episodes_file) as arrays:
                there = "won" in arrays.files
                self._won[episodes_file] = np.asarray(arrays["won"], dtype=bool) if there else None
        return self._won[episodes_file]

    @cached_property
    def _won(self) -> dict[str, npt.NDArray[np.bool_] | None]:
        return {}


def load(root: Path, grid: str, listen: Listen = silent) -> GridData:
    """Read a grid's plan and run folders. listen: hears how far it is.

    Raises benchmark.errors.BadInput for a grid that was never run in `root`.
    """
    store = RunStore(root)
    plan = store.plan(grid)
    outcomes = store.outcomes(plan)
    headlines = dict.fromkeys(headline_of(plan, cell.environment) for cell in plan.cells)
    provenance = {key: facts for key in plan.stages if (facts := store.provenance(key)) is not None}
    cells = [_cell_row(store, plan, cell, outcomes) | _code(provenance, _result(plan, cell)) for cell in plan.cells]
    stages = [_stage_row(plan, key, outcome) | _code(provenance, key) for key, outcome in outcomes.items()]
    return GridData(
        root=store.root,
        folder=store.grid_folder(grid),
        plan=plan,
        cells=_frame(cells, (*CELL_COLUMNS, *headlines)),
        stages=_frame(stages, STAGE_COLUMNS),
        curves=read_curves(store, list(plan.stages), listen),
        provenance=provenance,
        forecast=store.forecast(grid),
        registrations=store.registrations(grid),
    )


def _frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    """The named columns first, present even where there is no row."""
    found = dict.fromkeys([*columns, *(name for row in rows for name in row)])
    return pd.DataFrame(rows, columns=list(found))


def _code(provenance: Mapping[str, Mapping[str, Any]], key: str | None) -> dict[str, Any]:
    """The state of the code that computed a run, None where that is not recorded."""
    facts = provenance.get(key or "", {})
    return {name: facts.get(name) for name in ("commit", "dirty")}


def _result(plan: Plan, cell: Cell) -> str | None:
    return cell.stages.get(plan.result)


def _cell_row(store: RunStore, plan: Plan, cell: Cell, outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    outcome = cell_outcome(plan, cell, outcomes)
    status = outcome.state if outcome.state in STATUSES else "missing"
    key, keys = _result(plan, cell), tuple(dict.fromkeys(cell.stages.values()))
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
