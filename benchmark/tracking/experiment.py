"""MLflow's side of the mirror: one experiment's runs, opened by one process at a time, written in batches, once."""

from __future__ import annotations

import fcntl
import logging
import os
import platform
import re
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmark.store import RunStore

_POINTS = 800  # points in one request: with the rest no more than MLflow's limit of 1000
_ENTRIES = 100  # parameters, and tags, in one request: MLflow's limit
_VALUE = 6000  # characters of a parameter: MLflow cuts longer ones without a word
TAG = 5000  # characters of a tag: servers may refuse longer ones
# A server that does not answer must not hold up a driver: the next pass tries again.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}

Point = tuple[str, float, int, int]  # name, value, time stamp (milliseconds), step


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


@dataclass
class Run:
    """What MLflow is known to hold of a run, so that it is not written again."""

    id: str
    tags: dict[str, str]
    status: str
    end: int | None


class Runs:
    """The runs of one experiment. All methods but `locked` are for whoever holds the lock."""

    def __init__(self, store: RunStore, uri: str, experiment: str) -> None:
        self.uri, self.name = uri, experiment
        self.home = f"{platform.node()}:{store.root}"  # whose a run is: other people's are never deleted
        self._store = store
        self._client: Any = None
        self._experiment = ""
        self.era = ""  # the experiment's number and birth: another one where the store was made anew

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time: creating tables, experiments and runs twice at once breaks or doubles them."""
        database = local_database(self.uri) or self._store.mlflow_database()
        database.parent.mkdir(parents=True, exist_ok=True)
        with database.with_suffix(".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if self._client is None:
                self._open()
            yield

    def _open(self) -> None:
        for name, value in {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet", **_PATIENCE}.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        for name in ("mlflow", "alembic"):  # after the import, which sets them up to tell of every table they make
            logging.getLogger(name).setLevel(logging.WARNING)
        local = local_database(self.uri)
        if local is not None and not local.exists():
            with closing(sqlite3.connect(local)) as database:
                database.execute("PRAGMA journal_mode=WAL")  # readers such as the page do not block the writer
        client = MlflowClient(tracking_uri=self.uri)
        found = client.get_experiment_by_name(self.name)
        if found is None:
            place = (self._store.mlflow_artifacts() / self.name).as_uri() if local is not None else None
            try:
                client.create_experiment(self.name, artifact_location=place)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":  # by somebody else on the same server, just now
                    raise
            found = client.get_experiment_by_name(self.name)
            assert found is not None
        elif found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        self._experiment = str(found.experiment_id)
        self.era = f"{found.experiment_id} {found.creation_time}"
        self._client = client

    def find(self, created: str, everywhere: bool = False, **tags: str) -> Run | None:
        """The run with these tags that shows this computation, in this experiment or in any.

        Runs of this store that show an earlier one, which has been discarded since, are deleted, and so are doubles,
        which a creation leaves whose answer was lost; others' are left.
        """
        where = [self._experiment]
        if everywhere:
            where = [experiment.experiment_id for experiment in self._client.search_experiments()]
        words = " and ".join(f"tags.{name} = '{value}'" for name, value in tags.items())
        found = None
        for run in self._client.search_runs(where, filter_string=words, order_by=["attributes.start_time ASC"]):
            ours = run.data.tags.get("store") == self.home
            if found is None and run.data.tags.get("created") == created and (ours or created != "0"):
                found = run
            elif ours:
                self._client.delete_run(run.info.run_id)
        if found is None:
            return None
        return Run(found.info.run_id, dict(found.data.tags), found.info.status, found.info.end_time)

    def create(self, name: str, tags: Mapping[str, str], start: int | None) -> Run:
        tags = {**tags, "store": self.home}
        run = self._client.create_run(self._experiment, start_time=start, tags=tags, run_name=name)
        return Run(str(run.info.run_id), dict(run.data.tags), run.info.status, None)

    def delete(self, run: Run) -> None:
        self._client.delete_run(run.id)

    def below(self, run: Run) -> list[str]:
        """The runs that are nested in this one."""
        where = [experiment.experiment_id for experiment in self._client.search_experiments()]
        found = self._client.search_runs(where, filter_string=f"tags.mlflow.parentRunId = '{run.id}'")
        return [str(child.info.run_id) for child in found]

    def nest(self, child: str, parent: Run) -> None:
        self._client.set_tag(child, "mlflow.parentRunId", parent.id)

    def write(
        self,
        run: Run,
        points: Sequence[Point] = (),
        tags: Mapping[str, str | None] = MappingProxyType({}),
        params: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Add to a run what it does not hold yet, in as few requests as can be; a tag of None is removed.

        A point that is there, with its time stamp, is not doubled; a parameter must not change. The tags come last, so
        that they can say what is there.
        """
        from mlflow.entities import Metric, Param, RunTag

        metrics = [Metric(_clean(name), float(value), timestamp, step) for name, value, timestamp, step in points]
        entries = [Param(_clean(name), str(value)[:_VALUE]) for name, value in params.items()]
        new = {name: value for name, value in tags.items() if value is not None and run.tags.get(name) != value}
        last = [RunTag(name, value) for name, value in new.items()]
        while metrics or entries or last:
            now, metrics = metrics[:_POINTS], metrics[_POINTS:]
            some, entries = entries[:_ENTRIES], entries[_ENTRIES:]
            end = [] if metrics or entries else last[:_ENTRIES]
            last = last[len(end) :]
            self._client.log_batch(run.id, metrics=now, params=some, tags=end)
        run.tags |= new
        for name in [name for name, value in tags.items() if value is None and name in run.tags]:
            self._client.delete_tag(run.id, name)
            del run.tags[name]

    def status(self, run: Run, status: str, end: int | None) -> None:
        """Set the status; end: when it ended, in milliseconds, if that is known."""
        if run.status == status and end in (None, run.end):
            return
        if status in ("RUNNING", "SCHEDULED"):
            self._client.update_run(run.id, status=status)
        else:
            self._client.set_terminated(run.id, status, end)
        run.status, run.end = status, end

    def attach(self, run: Run, files: Sequence[Path]) -> None:
        """Files and folders below `report/`, in place of those of the same name."""
        for path in files:
            if path.is_dir():
                self._client.log_artifacts(run.id, str(path), f"report/{path.name}")
            else:
                self._client.log_artifact(run.id, str(path), "report")


def _clean(name: str) -> str:
    """A name as MLflow allows it: letters, digits, and _ - . / : and spaces."""
    return re.sub(r"[^\w\-./: ]", "_", name, flags=re.ASCII)
