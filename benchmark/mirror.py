"""Mirrors run folders into MLflow: an experiment per grid, a run per cell, a nested run per stage.

The folders are the truth; the mirror may be deleted, and `sync` builds it anew. Only the driver writes it, under a file
lock. A repeat adds nothing: a point's time stamp is derived from its stage and row, so MLflow sees the same point again
and ignores it, and a tag tells which rows are there. Where a resumed stage has written other rows than those shown, its
run is replaced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmark.configs import leaves
from benchmark.files import Damaged, Unusable
from benchmark.news import News
from benchmark.provenance import commit, revision
from benchmark.spec import Cell, Outcome, Plan, State, cell_outcome
from benchmark.store import RunStore
from benchmark.tracking import Point, Run, Runs

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
        self._cell_runs: dict[str, Run] = {}
        self._created_at: dict[str, int] = {}
        self._verified: dict[tuple[str, str], int] = {}  # run, stage -> attempt whose curve it is known to show
        self._curves: dict[str, tuple[bytes, list[dict[str, float]]] | None] = {}
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
        for name, key in cell.stages.items():
            if self._begun(key, outcomes[key]):
                stage_run = self._sync_stage(key, outcomes[key], run)
                self._runs.tag(run, f"stage_run.{name}", stage_run.id)
        ends = [self._show_curve(run, key, only=self.plan.headline) for key in evaluated]
        outcome = cell_outcome(self.plan, cell, outcomes)
        if outcome.state == "done":
            frames = [end[1] for end in ends if end is not None]
            if len(frames) == len(ends):
                self._runs.points(run, _points(outcome.metrics, self._created(outcome.key), max(frames, default=0)))
            result = self.store.result(outcome.key) or {}
            self._runs.tag(run, "commit", str(result.get("commit")))
        self._runs.tag(run, "reason", outcome.reason or None)
        self._set_status(run, outcome)

    def _cell_run(self, cell: Cell) -> Run:
        result = cell.stages[self.plan.result]
        begun = self._created(next(iter(cell.stages.values())))  # its first stage
        stages = {f"stage.{name}": key for name, key in cell.stages.items()}
        run = self._runs.find(str(begun), kind="cell", cell=cell.name, stage_key=result)
        if run is None:
            tags = {
                "kind": "cell",
                "grid": self.plan.grid,
                "cell": cell.name,
                "environment": cell.environment,
                "method": cell.method,
                "seed": str(cell.seed),
                "stage_key": result,
                "created": str(begun),
            }
            run = self._runs.create(cell.name, {**tags, **stages}, begun)
        for name, key in stages.items():  # another plan may have other diagnostics
            self._runs.tag(run, name, key)
        params: dict[str, Any] = {"environment": cell.environment, "method": cell.method, "seed": cell.seed}
        for name in self._required(cell):
            params |= leaves(self.plan.stages[cell.stages[name]].params, f"{name}.")
        self._runs.params(run, params)
        return run

    def _required(self, cell: Cell) -> list[str]:
        """The cell's stages by which it is known; diagnostics come and go."""
        required = self.plan.required(cell)
        return [name for name, key in cell.stages.items() if key in required]

    def _sync_stage(self, key: str, outcome: Outcome, cell_run: Run) -> Run:
        """Mirror one stage; its run is nested below the first cell that met it."""
        run = self._stage_runs.get(key) or self._stage_run(key, cell_run)
        if not self._fits(run, key, outcome):
            run = self._replaced(run, lambda: self._stage_run(key, cell_run))
        self._stage_runs[key] = run
        end = self._show_curve(run, key)
        if outcome.state == "done":
            if end is not None:
                self._runs.points(run, _points(outcome.metrics, self._created(key) + end[0], end[1]))
            self._runs.tag(run, "seconds", str(outcome.seconds))
        self._runs.tag(run, "reason", outcome.reason or None)
        self._runs.tag(run, "attempts", str(outcome.attempts))
        self._set_status(run, outcome)
        return run

    def _stage_run(self, key: str, cell_run: Run) -> Run:
        stage, created = self.plan.stages[key], self._created(key)
        users = {
            "method": [cell.method for cell in self.plan.users[key]],
            "cell": [cell.name for cell in self.plan.users[key]],
        }
        run = self._runs.find(str(created), everywhere=True, kind="stage", stage_key=key)
        if run is None:
            source = self.store.provenance(key) or {"commit": None, "dirty": False}
            tags = {
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
            run = self._runs.create(f"{stage.kind} {key}", tags, created)
        for name, mine in users.items():  # another grid may have more of them
            others = run.tags.get(name, "").split(", ")
            self._runs.tag(run, name, ", ".join(sorted({*others, *mine} - {""})))
        self._runs.params(run, leaves(stage.params))
        return run

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
        rows, size, digest = _mark(run.tags.get(f"curve.{key}"))
        curve = self._curve(key)
        if curve is None:
            return True
        data = curve[0][:size]
        fits = not rows or (len(data) == size and hashlib.sha256(data).hexdigest() == digest)
        if fits:
            self._verified[run.id, key] = outcome.attempts
        return fits

    def _show_curve(self, run: Run, key: str, only: str | None = None) -> tuple[int, int] | None:
        """Add the rows that are not there yet; how many there are, and the frames of the last. None: it is damaged.

        only: of `train/win_rate`, `test/win_rate`, … those whose name ends so.
        """
        curve = self._curve(key)
        if curve is None:
            return None
        data, rows = curve
        shown, _, _ = _mark(run.tags.get(f"curve.{key}"))
        points: list[Point] = []
        for index, row in enumerate(rows[shown:], start=shown):
            values = {name: value for name, value in row.items() if name != "frames"}
            if only is not None:
                values = {name: value for name, value in values.items() if name.rpartition("/")[2] == only}
            points += _points(values, self._created(key) + index, int(row["frames"]))
        if len(rows) > shown:
            self._runs.points(run, points)
            digest = hashlib.sha256(data).hexdigest()
            self._runs.tag(run, f"curve.{key}", f"{len(rows)} rows, {len(data)} bytes, sha256 {digest}")
        return len(rows), int(rows[-1]["frames"]) if rows else 0

    def _curve(self, key: str) -> tuple[bytes, list[dict[str, float]]] | None:
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
        self._runs.tag(run, "commit", str(revision(commit())))
        self._runs.status(run, "FINISHED", None)


def _points(metrics: Mapping[str, Any], timestamp: int, step: int) -> list[Point]:
    """The finite numbers among the metrics as points."""
    return [(name, float(value), timestamp, step) for name, value in metrics.items() if isinstance(value, int | float)]


def _mark(tag: str | None) -> tuple[int, int, str]:
    """Rows, bytes and hash of the curve that a run shows, of its tag."""
    if tag is None:
        return 0, 0, ""
    words = tag.replace(",", "").split()
    return int(words[0]), int(words[2]), words[5]
