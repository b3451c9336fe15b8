"""Two views of the same facts, to compare: what an MLflow database shows, and what the run folders say it should."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from benchmark.configs import leaves
from benchmark.spec import Plan, headline_of
from benchmark.store import RunStore
from tests.e2e.slurm.configuration import free_ports
from tests.toy import until

View = dict[tuple[str, str], dict[str, Any]]  # (experiment, run's name) -> its points, parameters, tags, status
_OF_MLFLOW = ("mlflow.user", "mlflow.source.name", "mlflow.source.type", "mlflow.runName", "mlflow.source.git.commit")


def shown(database: Path) -> View:
    """All active runs. Points are lists, so that a double shows; run ids in tags are replaced by the runs' names."""
    with closing(sqlite3.connect(database)) as connection:
        runs = connection.execute(
            "select run_uuid, e.name, r.name, status from runs r join experiments e using (experiment_id)"
            " where r.lifecycle_stage = 'active'"
        ).fetchall()
        names = {run: name for run, _, name, _ in runs}
        view: View = {}
        for run, experiment, name, status in runs:
            assert (experiment, name) not in view, f"{name} has two runs"
            view[experiment, name] = {
                "status": status,
                "points": sorted(
                    connection.execute("select key, step, value, timestamp from metrics where run_uuid = ?", (run,))
                ),
                "params": dict(connection.execute("select key, value from params where run_uuid = ?", (run,))),
                "tags": {
                    key: names.get(value, value)
                    for key, value in connection.execute("select key, value from tags where run_uuid = ?", (run,))
                    if key not in _OF_MLFLOW
                },
            }
    return view


def told(store: RunStore, plan: Plan) -> View:
    """What the folders of a finished grid say about points, parameters and status."""
    view: View = {}
    for key, stage in plan.stages.items():
        created, rows = _created(store, key), store.curve(key)
        points = [(name, row["frames"], value, created + i) for i, row in enumerate(rows) for name, value in _of(row)]
        step = int(rows[-1]["frames"]) if rows else 0
        points += [
            (name, step, float(value), created + len(rows)) for name, value in store.outcome(key).metrics.items()
        ]
        params = {name: str(value) for name, value in leaves(stage.params).items()}
        view[plan.grid, f"{stage.kind} {key}"] = {"status": "FINISHED", "points": sorted(points), "params": params}
    for cell in plan.cells:
        result = cell.stages[plan.result]
        points, step, metric = [], 0, headline_of(plan, cell.environment)
        for key in plan.stages[result].parents.values():
            created, rows = _created(store, key), store.curve(key)
            step = int(rows[-1]["frames"]) if rows else 0
            for i, row in enumerate(rows):
                headline = [(name, value) for name, value in _of(row) if name.rpartition("/")[2] == metric]
                points += [(name, row["frames"], value, created + i) for name, value in headline]
        created = _created(store, result)
        points += [(name, step, float(value), created) for name, value in store.outcome(result).metrics.items()]
        params = {"environment": cell.environment, "method": cell.method, "seed": str(cell.seed)}
        for name, key in cell.stages.items():
            params |= {word: str(value) for word, value in leaves(plan.stages[key].params, f"{name}.").items()}
        view[plan.grid, cell.name] = {"status": "FINISHED", "points": sorted(points), "params": params}
    return view


def assert_equal(database: Path, store: RunStore, plan: Plan) -> None:
    """Every run once, every point once, every parameter, and the tags that link cells and stages."""
    view, wanted = shown(database), told(store, plan)
    assert {run for run in view if run[0] == plan.grid and run[1] != "report"} == set(wanted)
    for run, facts in wanted.items():
        for name, fact in facts.items():
            assert _clean(view[run][name]) == _clean(fact), (run, name)
    for cell in plan.cells:
        tags = view[plan.grid, cell.name]["tags"]
        assert "reason" not in tags
        for name, key in cell.stages.items():
            stage = f"{plan.stages[key].kind} {key}"
            assert (tags[f"stage.{name}"], tags[f"stage_run.{name}"]) == (key, stage)
            assert cell.name in view[plan.grid, stage]["tags"]["cell"].split(", ")
            assert view[plan.grid, stage]["tags"]["attempts"] == str(store.outcome(key).attempts)


def _created(store: RunStore, key: str) -> int:
    provenance = store.provenance(key)
    assert provenance is not None
    return int(provenance["created"] * 1000)


def _of(row: dict[str, float]) -> list[tuple[str, float]]:
    return [(name, value) for name, value in row.items() if name != "frames" and value is not None]


def _clean(fact: Any) -> Any:
    """Names as MLflow allows them."""
    if isinstance(fact, dict):
        return {re.sub(r"[^\w\-./: ]", "_", name): value for name, value in fact.items()}
    return fact


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, Path]]:
    """`mlflow server` on loopback: its address, and the database behind it. Ended by the ids of its processes."""
    (port,) = free_ports(1)
    database, address = folder / "server.db", f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    places = ["--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(folder / "artifacts")]
    environ = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("wb") as log:
        running = subprocess.Popen([*command, *places], cwd=folder, env=environ, stdout=log, stderr=log)
    try:
        _await(address, running, folder / "server.log")
        yield address, database
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in (*_descendants(running.pid), running.pid):
                try:
                    os.kill(process, number)
                except ProcessLookupError:
                    continue
            if number == signal.SIGTERM:
                try:
                    running.wait(60)
                except subprocess.TimeoutExpired:
                    continue
        running.wait()


def _await(address: str, running: subprocess.Popen[bytes], log: Path) -> None:
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def answers() -> bool:
        assert running.poll() is None, f"the server has ended:\n{log.read_text(errors='replace')}"
        try:
            with straight.open(f"{address}/health", timeout=30):
                return True
        except OSError:
            return False

    until(answers)


def _descendants(process: int) -> Sequence[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [process]
    for parent in found:
        found += [child for child, its in parents.items() if its == parent]
    return found[1:]
