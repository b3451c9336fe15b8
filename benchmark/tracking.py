"""Mirrors run folders into MLflow: an experiment per grid, a run per cell, a nested run per stage.

The folders are the truth; the mirror may be deleted and is rebuilt by the next `sync`. Only the driver writes it, under
a file lock, in batches. A repeat adds nothing: a point's time stamp is derived from its stage and row, so MLflow sees
the same point again and ignores it, and a tag counts the rows already there.
"""

from __future__ import annotations

import fcntl
import logging
import os
import platform
import re
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmark.configs import leaves
from benchmark.provenance import commit, revision
from benchmark.spec import Cell, Outcome, Plan, State, cell_outcome
from benchmark.store import RunStore

EVERY_S = 10.0
_STATUS: dict[State, str] = {
    "done": "FINISHED",
    "running": "RUNNING",
    "failed": "FAILED",
    "blocked": "FAILED",
    "stopped": "KILLED",
    "missing": "SCHEDULED",
}
_BATCH = 1000  # points in one request: MLflow's limit
_PARAMS = 100  # parameters in one request: MLflow's limit
_VALUE = 6000  # characters of a parameter: MLflow cuts longer ones without a word
_TAG = 5000  # characters of a tag: servers may refuse longer ones


def tracking_uri(store: RunStore, asked: str | None) -> str:
    """`tracking.uri=`, else MLFLOW_TRACKING_URI, else a sqlite file among the runs."""
    return asked or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{store.mlflow_database()}"


def local_database(uri: str) -> Path | None:
    """The file of a sqlite store, or None for a server."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def ui_command(uri: str) -> str:
    """The command that shows the store in a browser."""
    program = Path(sys.executable).with_name("mlflow")
    shown = program if program.exists() else Path("mlflow")
    if shown.is_relative_to(Path.cwd()):
        shown = shown.relative_to(Path.cwd())
    return f"{shown} ui --backend-store-uri {uri}"


class Mirror:
    """Keeps MLflow equal to the folders of one plan."""

    def __init__(self, plan: Plan, store: RunStore, uri: str) -> None:
        self.plan, self.store, self.uri = plan, store, uri
        self._client: Any = None
        self._experiment = ""
        self._home = f"{platform.node()}:{store.root}"  # whose a run is: other people's are never deleted
        self._stage_runs: dict[str, str] = {}
        self._cell_runs: dict[str, str] = {}
        self._seen: dict[str, object] = {}

    def sync(self, report: Sequence[Path] = ()) -> None:
        """Bring MLflow up to date with the folders; `report` are files to attach. Raises whatever MLflow raises."""
        outcomes = self.store.outcomes(self.plan)
        with self._locked():
            if self._client is None:
                self._open()
            for cell in self.plan.cells:
                if any(self._begun(key, outcomes[key]) for key in cell.stages.values()):
                    self._sync_cell(cell, outcomes)
            if report:
                self._attach(report)

    # the store

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time: creating tables, experiments and runs twice at once breaks or doubles them."""
        path = self.store.mlflow_database().with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _open(self) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        from mlflow import MlflowClient

        for name in ("mlflow", "alembic"):  # after the import, which sets them up to tell of every table they make
            logging.getLogger(name).setLevel(logging.WARNING)
        local = local_database(self.uri)
        if local is not None and not local.exists():
            local.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(local)) as database:
                database.execute("PRAGMA journal_mode=WAL")  # readers such as the page do not block the writer
        client = MlflowClient(tracking_uri=self.uri)
        found = client.get_experiment_by_name(self.plan.grid)
        if found is None:
            place = (self.store.mlflow_artifacts() / self.plan.grid).as_uri() if local is not None else None
            self._experiment = str(client.create_experiment(self.plan.grid, artifact_location=place))
        else:
            self._experiment = str(found.experiment_id)
            if found.lifecycle_stage == "deleted":
                client.restore_experiment(found.experiment_id)
        self._client = client

    def _find(self, words: str, created: str, everywhere: bool = False) -> Any | None:
        """The run with these tags that shows this computation, in this grid's experiment or in any.

        Runs of this store that show an earlier one, which has been discarded since, are deleted; others' are left.
        """
        where = [self._experiment]
        if everywhere:
            where = [experiment.experiment_id for experiment in self._client.search_experiments()]
        found = None
        for run in self._client.search_runs(where, filter_string=words):
            ours = run.data.tags.get("store") == self._home
            if run.data.tags.get("created") == created and (ours or created != "0"):
                found = found or run
            elif ours:
                self._client.delete_run(run.info.run_id)
        return found

    # cells and stages

    def _sync_cell(self, cell: Cell, outcomes: Mapping[str, Outcome]) -> None:
        outcome = cell_outcome(self.plan, cell, outcomes)
        run = self._cell_runs.get(cell.name)
        if run is None:
            run = self._cell_runs[cell.name] = self._cell_run(cell)
        for name, key in cell.stages.items():
            if self._begun(key, outcomes[key]):
                stage_run = self._sync_stage(key, outcomes[key], run)
                self._tag_once(run, f"stage_run.{name}", stage_run)
        for parent in self.plan.stages[cell.stages[self.plan.result]].parents.values():
            if self._changed(f"curve {cell.name} {parent}", self._curve_size(parent)):
                self._log_curve(run, parent, only=self.plan.headline)
        if self._changed(cell.name, (outcome.state, outcome.finished)):
            if outcome.state == "done":
                created = self._created(outcome.key)
                self._log(run, _points(outcome.metrics, created, self._last_frames(cell)))
                result = self.store.result(outcome.key) or {}
                self._client.set_tag(run, "commit", str(result.get("commit")))
            if outcome.reason:
                self._client.set_tag(run, "reason", outcome.reason)
            self._set_status(run, outcome)

    def _cell_run(self, cell: Cell) -> str:
        result = cell.stages[self.plan.result]
        created = str(self._created(next(iter(cell.stages.values()))))  # its first stage's
        words = f"tags.kind = 'cell' and tags.cell = '{cell.name}' and tags.stage_key = '{result}'"
        found = self._find(words, created)
        stages = {f"stage.{name}": key for name, key in cell.stages.items()}
        if found is not None:
            for name, key in stages.items():  # another plan may have other diagnostics
                if found.data.tags.get(name) != key:
                    self._client.set_tag(found.info.run_id, name, key)
            return str(found.info.run_id)
        tags = {
            "kind": "cell",
            "grid": self.plan.grid,
            "cell": cell.name,
            "environment": cell.environment,
            "method": cell.method,
            "seed": str(cell.seed),
            "stage_key": result,
            "created": created,
            "store": self._home,
            **stages,
        }
        params: dict[str, Any] = {"environment": cell.environment, "method": cell.method, "seed": cell.seed}
        for name, key in cell.stages.items():
            params |= leaves(self.plan.stages[key].params, f"{name}.")
        return self._create(cell.name, tags, params, None)

    def _sync_stage(self, key: str, outcome: Outcome, cell_run: str) -> str:
        """Mirror one stage; its run is nested below the first cell that met it."""
        run = self._stage_runs.get(key)
        if run is None:
            run = self._stage_runs[key] = self._stage_run(key, cell_run)
        if self._changed(f"curve {key}", self._curve_size(key)):
            self._log_curve(run, key)
        if self._changed(key, (outcome.state, outcome.finished, outcome.attempts, outcome.failures)):
            if outcome.state == "done":
                rows = self.store.curve(key)
                step = int(rows[-1]["frames"]) if rows else 0
                self._log(run, _points(outcome.metrics, self._created(key) + len(rows), step))
                self._client.set_tag(run, "seconds", str(outcome.seconds))
            if outcome.reason:
                self._client.set_tag(run, "reason", outcome.reason)
            self._client.set_tag(run, "attempts", str(outcome.attempts))
            self._set_status(run, outcome)
        return run

    def _stage_run(self, key: str, cell_run: str) -> str:
        stage, created = self.plan.stages[key], str(self._created(key))
        users = {
            "method": [cell.method for cell in self.plan.users[key]],
            "cell": [cell.name for cell in self.plan.users[key]],
        }
        found = self._find(f"tags.kind = 'stage' and tags.stage_key = '{key}'", created, everywhere=True)
        if found is not None:
            for name, mine in users.items():  # another grid may have more of them
                shown = found.data.tags.get(name, "")
                if (joined := _joined([*shown.split(", "), *mine])) != shown:
                    self._client.set_tag(found.info.run_id, name, joined)
            return str(found.info.run_id)
        source = self.store.provenance(key) or {"commit": None, "dirty": False}
        tags = {
            "kind": "stage",
            "stage": stage.kind,
            "stage_key": key,
            "environment": self.plan.environment(key),
            "seed": str(stage.params["seed"]),
            **{name: _joined(mine) for name, mine in users.items()},
            "commit": str(revision(source)),
            "created": created,
            "store": self._home,
            "rows": "0",
            "folder": str(self.store.folder(key)),
            "mlflow.parentRunId": cell_run,
        }
        return self._create(f"{stage.kind} {key}", tags, leaves(stage.params), self._created(key))

    def _create(self, name: str, tags: Mapping[str, str], params: Mapping[str, Any], start: int | None) -> str:
        from mlflow.entities import Param

        run = self._client.create_run(self._experiment, start_time=start, tags=tags, run_name=name)
        run_id = str(run.info.run_id)
        entries = [Param(_clean(key), str(value)[:_VALUE]) for key, value in params.items()]
        for first in range(0, len(entries), _PARAMS):
            self._client.log_batch(run_id, params=entries[first : first + _PARAMS])
        return run_id

    def _curve_size(self, key: str) -> int:
        curve = self.store.curve_file(key)
        return curve.stat().st_size if curve.exists() else 0

    def _log_curve(self, run: str, key: str, only: str | None = None) -> None:
        """Add the rows that are not there yet. Rows that a resumed stage writes again are equal to those logged.

        only: of `train/win_rate`, `test/win_rate`, … those whose name ends so.
        """
        logged = int(self._client.get_run(run).data.tags.get("rows", "0"))
        rows = self.store.curve(key)
        points: list[Any] = []
        for index in range(logged, len(rows)):
            values = {name: value for name, value in rows[index].items() if name != "frames"}
            if only is not None:
                values = {name: value for name, value in values.items() if name.rpartition("/")[2] == only}
            points += _points(values, self._created(key) + index, int(rows[index]["frames"]))
        if len(rows) > logged:
            self._log(run, points)
            self._client.set_tag(run, "rows", str(len(rows)))

    def _log(self, run: str, points: Sequence[Any]) -> None:
        for first in range(0, len(points), _BATCH):
            self._client.log_batch(run, metrics=points[first : first + _BATCH])

    def _set_status(self, run: str, outcome: Outcome) -> None:
        status = _STATUS[outcome.state]
        if status in ("RUNNING", "SCHEDULED"):
            self._client.update_run(run, status=status)
        else:
            end = datetime.fromisoformat(outcome.finished).timestamp() * 1000 if outcome.finished else None
            self._client.set_terminated(run, status, None if end is None else int(end))

    def _created(self, key: str) -> int:
        """When the stage was first begun, in milliseconds; a discarded and repeated stage has another."""
        return int((self.store.provenance(key) or {"created": 0.0})["created"] * 1000)

    def _begun(self, key: str, outcome: Outcome) -> bool:
        """Whether there is something to show: a stage that runs is told from an earlier one once its time is known."""
        known = outcome.state not in ("missing", "blocked")
        return known and (outcome.state != "running" or self._created(key) > 0)

    def _last_frames(self, cell: Cell) -> int:
        """Frames at the end of the evaluated curve: where the cell's result belongs on the axis."""
        evaluated = self.plan.stages[cell.stages[self.plan.result]].parents.values()
        curves = (self.store.curve(key) for key in evaluated)
        return max((int(rows[-1]["frames"]) for rows in curves if rows), default=0)

    def _tag_once(self, run: str, name: str, value: str) -> None:
        if self._changed(f"{run} {name}", value):
            self._client.set_tag(run, name, value)

    def _changed(self, what: str, now: object) -> bool:
        changed = self._seen.get(what) != now
        self._seen[what] = now
        return changed

    def _attach(self, report: Sequence[Path]) -> None:
        """The report as artifact of the grid's own run, in place of the last one."""
        found = self._find("tags.kind = 'report'", "0")
        tags = {"kind": "report", "grid": self.plan.grid, "created": "0", "store": self._home}
        run = str(found.info.run_id) if found is not None else self._create("report", tags, {}, None)
        for path in report:
            if path.is_dir():
                self._client.log_artifacts(run, str(path), f"report/{path.name}")
            else:
                self._client.log_artifact(run, str(path), "report")
        self._client.set_tag(run, "commit", str(revision(commit())))
        self._client.set_terminated(run, "FINISHED")


class BackgroundMirror:
    """Runs `Mirror.sync` every few seconds beside the scheduler. Trouble becomes one warning, never a failure."""

    def __init__(self, mirror: Mirror, warn: Callable[[str], None]) -> None:
        self._mirror, self._warn = mirror, warn
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._warned = False
        self._thread = threading.Thread(target=self._repeat, name="mlflow-mirror", daemon=True)

    def __enter__(self) -> BackgroundMirror:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def sync(self, report: Sequence[Path] = ()) -> bool:
        """One pass now; returns whether it went well."""
        try:
            with self._lock:
                self._mirror.sync(report)
        except Exception as error:
            if not self._warned:
                text = " ".join(str(error).split())[:200]
                self._warn(
                    f"MLflow at {self._mirror.uri} was not written ({type(error).__name__}: {text});"
                    " the runs are safe, and the same command mirrors them again"
                )
            self._warned = True
            return False
        return True

    def _repeat(self) -> None:
        while not self._over.wait(EVERY_S):
            self.sync()


def _points(metrics: Mapping[str, Any], timestamp: int, step: int) -> list[Any]:
    """The finite numbers among the metrics as MLflow points."""
    from mlflow.entities import Metric

    return [
        Metric(_clean(name), float(value), timestamp, step)
        for name, value in metrics.items()
        if isinstance(value, int | float)
    ]


def _joined(names: Sequence[str]) -> str:
    """The names, each once, as the value of one tag."""
    return ", ".join(dict.fromkeys(name for name in names if name))[:_TAG]


def _clean(name: str) -> str:
    """A name as MLflow allows it: letters, digits, and _ - . / : and spaces."""
    return re.sub(r"[^\w\-./: ]", "_", name, flags=re.ASCII)
