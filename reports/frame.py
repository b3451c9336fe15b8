"""A grid's run folders as tidy tables: one row per planned cell, per stage and per point of a curve.

Every planned cell has its row for ever: one that failed or is missing has a status and a reason, and no metrics.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.decimals import decimals
from benchmark.errors import BadInput
from benchmark.spec import Plan, headline_of, provenance_of
from benchmark.store import RunStore
from reports import tables
from reports.curve_data import Curves, read_curves
from reports.extra import policy_key
from reports.rows import CELL_COLUMNS, STAGE_COLUMNS, cell_row, code, result_key, stage_row
from reports.text import in_words
from reports.writing.progress import Listen, silent


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
        validation = any(part_of(games) not in ("test", None) for games in self.evaluated_on.values())
        return "validation games" if validation else "held-out games"

    def environment_label(self, environment: str) -> str:
        """An environment's name for readers, also of one that only the claims or a curriculum name."""
        return str(self._label("environments", self.plan.environments, environment))

    def environment_entry(self, environment: str) -> tables.Cell:
        """An environment's name in a table of scores; where the grid has several metrics, its own under it."""
        metric = self.headline_label(environment) if len(self.headlines()) > 1 else ""
        return tables.Cell(self.environment_label(environment), metric)

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
            path = self.root / episodes_file
            try:
                with np.load(path) as arrays:
                    there = "won" in arrays.files
                    self._won[episodes_file] = np.asarray(arrays["won"], dtype=bool) if there else None
            except (OSError, EOFError, ValueError, AttributeError, BadZipFile, zlib.error) as error:
                raise BadInput(f"{path} cannot be read; move {path.parent} away and run its grid again") from error
        return self._won[episodes_file]

    @cached_property
    def _won(self) -> dict[str, npt.NDArray[np.bool_] | None]:
        return {}


PARTS = ("train", "fit", "dev", "test")


def part_of(games: str) -> str | None:
    """`test` of `rtfm-s1-test`; None for games without parts, as NetHack's, of which every one is new."""
    ending = games.rpartition("-")[2]
    return ending if ending in PARTS else None


def load(root: Path, grid: str, listen: Listen = silent) -> GridData:
    """Read a grid's plan and run folders. listen: hears how far it is.

    Raises benchmark.errors.BadInput for a grid that was never run in `root`.
    """
    store = RunStore(root)
    plan = store.plan(grid)
    outcomes = store.outcomes(plan)
    headlines = dict.fromkeys([*(headline_of(plan, cell.environment) for cell in plan.cells), plan.headline])
    provenance = {key: facts for key in plan.stages if (facts := store.provenance(key)) is not None}
    cells = [cell_row(store, plan, cell, outcomes) | code(provenance, result_key(plan, cell)) for cell in plan.cells]
    stages = [stage_row(plan, key, outcome) | code(provenance, key) for key, outcome in outcomes.items()]
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
