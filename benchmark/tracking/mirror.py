"""Mirrors run folders into MLflow: an experiment per grid, a run per cell, a nested run per stage.

The folders are the truth; the mirror may be deleted, and `sync` builds it anew. Only the driver writes it, under a file
lock. A repeat adds nothing: a point's time stamp is derived from its stage and row, so MLflow sees the same point again
and ignores it, and a tag tells which rows are there. Where a resumed stage has written other rows than those shown, its
run is replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmark.configs import leaves
from benchmark.files import Damaged, Unusable
from benchmark.provenance import commit, revision
from benchmark.spec import Cell, Outcome, Plan, State, cell_outcome, headline_of
from benchmark.store import RunStore
from benchmark.tracking.curve_points import Curve, Rows, new_rows, points_of, shows
from benchmark.tracking.experiment import TAG, Point, Run, Runs
from benchmark.tracking.news import News

_STATUS: dict[State, str] = {
    "done": "FINISHED",
    "running": "RUNNING",
    "failed": "FAILED",
    "blocked": "FAILED",
    "stopped": "KILLED",
    "missing": "SCHEDULED",
}


class Mirror:
    """Keeps MLflow equal to the folders of one plan.

    check: look at every run, also at those of cells that earlier commands have finished and mirrored.
    """

    def __init__(self, plan: Plan, store: RunStore, uri: str, check: bool = False) -> None:
        self.plan, self.store, self.uri = plan, store, uri
        self._runs = Runs(store, uri, plan.grid)
        self._news = News(plan, store, uri, check)
        self._stage_runs: dict[str, Run] = {}
        self._stage_shown: dict[str, object] = {}
        self._cell_runs: dict[str, Run] = {}
        self._created_at: dict[str, int] = {}
        self._verified: dict[tuple[str, str], int] = {}  # run, stage -> attempt whose curve it is known to show
        self._curves: dict[str, Curve | None] = {}
        self.damaged: list[str] = []  # what could not be shown

    def sync(self, report: Sequence[Path] = ()) -> None:
        """Bring MLflow up to date with the folders; `report` are files to attach. Raises whatever MLflow raises."""
        outcomes = self._news.look()
        self.damaged = []
        with self._runs.locked():
            for cell in self._news.cells(self._runs.era):
                if any(self._begun(key, outcomes[key]) for key in cell.stages.values()):
                    self._sync_cell(cell, outcomes)
                if not self.damaged:
                    self._news.shown(cell)
            self._news.remember()
            if report:
                self._attach(report)

    def _created(self, key: str) -> int:
        """When the stage was first begun, in milliseconds; a discarded and repeated stage has another."""
        if key not in self._created_at:
            provenance = self.store.provenance(key)
            if provenance is None:
                return 0
            self._created_at[key] = int(provenance["created"] * 1000)
        return self._created_at[key]

    def _begun(self, key: str, outcome: Outcome) -> bool:
        """Whether there is something to show: a stage that runs is told from an earlier one once its time is known."""
        known = outcome.state not in ("missing", "blocked")
        return known and (outcome.state != "running" or self._created(key) > 0)

    # cells and stages

    def _sync_cell(self, cell: Cell, outcomes: Mapping[str, Outcome]) -> None:
        self._curves = {}
        evaluated = tuple(self.plan.stages[cell.stages[self.plan.result]].parents.values())
        run = self._cell_runs.get(cell.name) or self._cell_run(cell)
        if not all(self._fits(run, key, outcomes[key]) for key in evaluated):
            run = self._replaced(run, lambda: self._cell_run(cell))
        self._cell_runs[cell.name] = run
        outcome = cell_outcome(self.plan, cell, outcomes)
        points: list[Point] = []
        tags: dict[str, str | None] = {"reason": outcome.reason or None}
        for name, key in cell.stages.items():
            if self._begun(key, outcomes[key]):
                tags[f"stage_run.{name}"] = self._sync_stage(key, outcomes[key], run).id
        curves = [self._new_rows(run, key, only=headline_of(self.plan, cell.environment)) for key in evaluated]
        for curve in curves:
            points += curve.points
            tags |= curve.tags
        if outcome.state == "done":
            if not any(curve.damaged for curve in curves):
                frames = max((curve.frames for curve in curves), default=0)
                points += points_of(outcome.metrics, self._created(outcome.key), frames)
            tags["commit"] = str((self.store.result(outcome.key) or {}).get("commit"))
        self._runs.write(run, points, tags)
        self._set_status(run, outcome)

    def _cell_run(self, cell: Cell) -> Run:
        result = cell.stages[self.plan.result]
        begun = self._created(next(iter(cell.stages.values())))  # its first stage
        tags = {f"stage.{name}": key for name, key in cell.stages.items()}  # another plan may have other diagnostics
        run = self._runs.find(str(begun), kind="cell", cell=cell.name, stage_key=result)
        if run is None:
            identity = {
                "kind": "cell",
                "grid": self.plan.grid,
                "cell": cell.name,
                "environment": cell.environment,
                "method": cell.method,
                "seed": str(cell.seed),
                "stage_key": result,
                "created": str(begun),
            }
            run = self._runs.create(cell.name, {**identity, **tags}, begun)
        params: dict[str, Any] = {"environment": cell.environment, "method": cell.method, "seed": cell.seed}
        required = self.plan.required(cell)
        for name, key in cell.stages.items():
            if key in required:  # diagnostics come and go
                params |= leaves(self.plan.stages[key].params, f"{name}.")
        self._describe(run, params, tags)
        return run

    def _sync_stage(self, key: str, outcome: Outcome, cell_run: Run) -> Run:
        """Mirror one stage; its run is nested below the first cell that met it."""
        run = self._stage_runs.get(key)
        state = (outcome.state, outcome.attempts, outcome.failures, outcome.reason, self.store.curve_size(key))
        if run is not None and self._stage_shown.get(key) == state:
            return run  # by another cell that needs it
        run = run or self._stage_run(key, cell_run)
        if not self._fits(run, key, outcome):
            run = self._replaced(run, lambda: self._stage_run(key, cell_run))
        self._stage_runs[key] = run
        curve = self._new_rows(run, key)
        points = list(curve.points)
        tags = {**curve.tags, "reason": outcome.reason or None, "attempts": str(outcome.attempts)}
        if outcome.state == "done":
            tags["seconds"] = str(outcome.seconds)
            if not curve.damaged:
                points += points_of(outcome.metrics, self._created(key) + curve.count, curve.frames)
        self._runs.write(run, points, tags)
        self._set_status(run, outcome)
        self._stage_shown[key] = state
        return run

    def _stage_run(self, key: str, cell_run: Run) -> Run:
        stage, created, users = self.plan.stages[key], self._created(key), self.plan.users[key]
        run = self._runs.find(str(created), everywhere=True, kind="stage", stage_key=key)
        shown = {} if run is None else run.tags  # another grid may have more users of it
        tags = {
            "method": _joined(shown.get("method", ""), (cell.method for cell in users)),
            "cell": _joined(shown.get("cell", ""), (cell.name for cell in users)),
        }
        if run is None:
            source = self.store.provenance(key) or {"commit": None, "dirty": False}
            identity = {
                "kind": "stage",
                "stage": stage.kind,
                "stage_key": key,
                "environment": self.plan.environment(key),
                "seed": str(stage.params["seed"]),
                "commit": str(revision(source)),
                "created": str(created),
                "folder": str(self.store.folder(key)),
                "mlflow.parentRunId": cell_run.id,
            }
            run = self._runs.create(f"{stage.kind} {key}", {**identity, **tags}, created)
        self._describe(run, leaves(stage.params), tags)
        return run

    def _describe(self, run: Run, params: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """A run's parameters, once: a tag tells that all of them are there, even if a driver was killed meanwhile."""
        count = str(len(params))
        self._runs.write(run, params={} if run.tags.get("params") == count else params, tags={**tags, "params": count})

    def _replaced(self, run: Run, make: Callable[[], Run]) -> Run:
        """A new run in place of one that shows rows which are no more."""
        below = self._runs.below(run)
        self._runs.delete(run)
        new = make()
        for child in below:
            self._runs.nest(child, new)
        return new

    # curves

    def _fits(self, run: Run, key: str, outcome: Outcome) -> bool:
        """Whether the rows that the run shows of a stage are still there, as far as that can be read."""
        if self._verified.get((run.id, key)) == outcome.attempts and outcome.state != "done":
            return True
        curve = self._curve(key)
        fits = curve is None or shows(run.tags.get(f"curve.{key}"), curve)
        if fits:
            self._verified[run.id, key] = outcome.attempts
        return fits

    def _new_rows(self, run: Run, key: str, only: str | None = None) -> Rows:
        """What a run does not show yet of a stage's curve, or of its metrics with this name only."""
        curve = self._curve(key)
        if curve is None:
            return Rows(damaged=True)
        name = f"curve.{key}"
        return new_rows(name, run.tags.get(name), curve, self._created(key), only)

    def _curve(self, key: str) -> Curve | None:
        """The whole lines of a stage's curve and their rows, read once for a cell; None where it is damaged."""
        if key not in self._curves:
            try:
                self._curves[key] = self.store.whole_curve(key)
            except (Damaged, Unusable) as error:
                self.damaged.append(str(error))
                self._curves[key] = None
        return self._curves[key]

    # the rest

    def _set_status(self, run: Run, outcome: Outcome) -> None:
        end = datetime.fromisoformat(outcome.finished).timestamp() * 1000 if outcome.finished else None
        self._runs.status(run, _STATUS[outcome.state], None if end is None else int(end))

    def _attach(self, report: Sequence[Path]) -> None:
        """The report as artifact of the grid's own run, in place of the last one."""
        run = self._runs.find("0", kind="report")
        if run is None:
            run = self._runs.create("report", {"kind": "report", "grid": self.plan.grid, "created": "0"}, None)
        self._runs.attach(run, report)
        self._runs.write(run, tags={"commit": str(revision(commit()))})
        self._runs.status(run, "FINISHED", None)


def _joined(shown: str, mine: Iterable[str]) -> str:
    """Names as the value of one tag: each once, in order, as many as fit."""
    names = sorted({*shown.split(", "), *mine} - {""})
    while len(text := ", ".join(names)) > TAG:
        names.pop()
    return text
