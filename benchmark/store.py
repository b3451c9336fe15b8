"""RunStore: the folder of runs, which is the truth about what has been computed. Nothing else builds a path in it."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmark import lease
from benchmark.checkpoints import Checkpoints
from benchmark.errors import BadInput
from benchmark.files import read_json, remove_temporary, write_json, write_whole
from benchmark.spec import Outcome, Plan, Stage, blocked

# status.json before the first progress of a stage.
UNBEGUN: dict[str, Any] = {
    "state": "running",
    "done": 0,
    "total": 0,
    "rate": 0.0,
    "shown": {},
    "heartbeat": 0.0,
    "attempt": 0,
    "failures": 0,
    "transient": False,
    "reason": None,
    "pid": 0,
}


class RunStore:
    """`<root>/<key>/` holds one stage, `<root>/grids/<name>/` one grid's plan and report.

    A stage is done when its `result.json` exists; that file is written last, and only once.
    """

    def __init__(self, root: Path | str = "runs") -> None:
        self.root = Path(root).absolute()

    # paths

    def folder(self, key: str) -> Path:
        return self.root / key

    def artefact(self, key: str, name: str) -> Path:
        """Path of a file that the stage published, e.g. `episodes.npz`."""
        return self.folder(key) / name

    def log_file(self, key: str) -> Path:
        return self.folder(key) / "log.txt"

    def curve_file(self, key: str) -> Path:
        return self.folder(key) / "metrics.jsonl"

    def claims(self, key: str) -> Path:
        return self.folder(key) / "claims"

    def checkpoints(self, key: str) -> Checkpoints:
        return Checkpoints(self.folder(key) / "checkpoint")

    def grid_folder(self, grid: str) -> Path:
        return self.root / "grids" / grid

    def launches(self) -> Path:
        """Where running commands keep the files of their jobs."""
        return self.root / ".jobs"

    def mlflow_database(self) -> Path:
        return self.root / "mlflow.db"

    def mlflow_artifacts(self) -> Path:
        return self.root / "mlflow-artifacts"

    def require_writable(self) -> None:
        """Make the root folder. Raises BadInput where it cannot be made or written."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            writable = os.access(self.root, os.W_OK | os.X_OK)
        except FileExistsError:
            raise BadInput(f"--root {self.root} is a file, expected a folder; choose another --root") from None
        except OSError as error:
            raise BadInput(f"--root {self.root} cannot be made ({error.strerror}); choose another --root") from None
        if not writable:
            raise BadInput(f"--root {self.root} is not writable; choose another --root, or change its permissions")

    # stages

    def register(self, stage: Stage) -> None:
        """Make the stage known by its key, so that a job can be given the key alone."""
        path = self.folder(stage.key) / "spec.json"
        if not path.exists():
            write_json(path, stage.to_json(), exclusive=True)

    def stage(self, key: str) -> Stage:
        """Raises BadInput for a key that no plan has registered here."""
        data = read_json(self.folder(key) / "spec.json")
        if data is None:
            raise BadInput(f"stage {key} is not in {self.root}; `run_all.py plan --grid NAME` lists the keys of a grid")
        return Stage.from_json(data)

    def is_done(self, key: str) -> bool:
        return (self.folder(key) / "result.json").exists()

    def result(self, key: str) -> dict[str, Any] | None:
        """The content of `result.json`, or None while the stage is not done."""
        result: dict[str, Any] | None = read_json(self.folder(key) / "result.json")
        return result

    def publish_result(self, key: str, result: dict[str, Any]) -> bool:
        """Make the stage done. False when somebody else had done so before, whose result stands."""
        return write_json(self.folder(key) / "result.json", result, exclusive=True)

    def publish(self, key: str, name: str, write: Callable[[Path], None]) -> Path:
        """Write an artefact under a temporary name and rename it into place."""
        path = self.artefact(key, name)
        write_whole(path, write)
        return path

    def status(self, key: str) -> dict[str, Any]:
        """The content of `status.json`; empty before the first attempt."""
        return read_json(self.folder(key) / "status.json") or {}

    def write_status(self, key: str, status: dict[str, Any]) -> None:
        write_json(self.folder(key) / "status.json", status, durable=status["state"] != "running")

    def provenance(self, key: str) -> dict[str, Any] | None:
        """Commit, packages, hardware and command of the first attempt."""
        provenance: dict[str, Any] | None = read_json(self.folder(key) / "provenance.json")
        return provenance

    def write_provenance(self, key: str, provenance: dict[str, Any]) -> None:
        write_json(self.folder(key) / "provenance.json", provenance, exclusive=True)

    def held(self, key: str) -> dict[str, Any] | None:
        """The claim of the process that computes this stage now, or None."""
        return lease.holder(self.claims(key))

    def curve(self, key: str) -> list[dict[str, float]]:
        """Rows of `metrics.jsonl`: {"frames": int, "<metric>": float, …}; an unfinished last line is left out."""
        try:
            text = self.curve_file(key).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def outcome(self, key: str) -> Outcome:
        """What became of a stage so far. A stage whose process is gone counts as stopped: it can be continued."""
        result = self.result(key)
        if result is not None:
            return Outcome(
                key,
                "done",
                metrics=result["metrics"],
                log=self._log(key),
                attempts=result["attempts"],
                seconds=result["seconds"],
                device=result["device"],
                deterministic=result["deterministic"],
                resumed_from=tuple(result["resumed_from"]),
                finished=result["finished"],
            )
        status = self.status(key)
        if not status:
            return Outcome(key, "running" if self.held(key) else "missing")
        state = status["state"]
        if state == "running" and not self.held(key):
            state = "stopped"
        return Outcome(
            key,
            state,
            reason=status["reason"],
            log=self._log(key),
            done=status["done"],
            total=status["total"],
            rate=status["rate"],
            shown=status["shown"],
            attempts=status["attempt"],
            failures=status["failures"],
        )

    def outcomes(self, plan: Plan) -> dict[str, Outcome]:
        """The outcome of every stage of a plan; those below a failed stage are blocked, with the reason."""
        return blocked(plan, {key: self.outcome(key) for key in plan.stages})

    def _log(self, key: str) -> str | None:
        path = self.log_file(key)
        return str(path.relative_to(self.root)) if path.exists() else None

    def fail(self, key: str, reason: str, failures: int) -> None:
        """Record that the stage's jobs died without a word of their own."""
        ending = {"state": "failed", "reason": reason, "failures": failures, "transient": False}
        self.write_status(key, {**UNBEGUN, **self.status(key), **ending})

    def forgive(self, key: str) -> None:
        """Forget that the stage failed or was interrupted, but keep its checkpoint."""
        (self.folder(key) / "interruptions.json").unlink(missing_ok=True)
        status = self.status(key)
        if status.get("state") == "failed":
            self.write_status(key, {**status, "state": "stopped", "reason": None, "failures": 0})

    def interruptions(self, key: str) -> list[dict[str, Any]]:
        """How jobs that computed the stage ended without its own word: {"why", "at", "checkpoint", "job"} each."""
        return read_json(self.folder(key) / "interruptions.json") or []

    def note_interruption(self, key: str, entry: dict[str, Any]) -> None:
        """Add one to `interruptions`; only the driver does so."""
        write_json(self.folder(key) / "interruptions.json", [*self.interruptions(key), entry])

    def require_free(self, key: str) -> None:
        """Raises BadInput while a process computes this stage."""
        holder = self.held(key)
        if holder is not None:
            raise BadInput(f"stage {key} is being computed by process {holder['pid']}; stop that first")

    def discard(self, key: str) -> None:
        """Delete a stage's run folder. Raises BadInput while a process computes it."""
        self.require_free(key)
        if self.folder(key).exists():
            # Renamed first, so that nobody ever meets a folder that is half deleted.
            grave = self.folder(key).rename(self.root / f".{key}.{uuid.uuid4().hex[:8]}.deleted")
            shutil.rmtree(grave)

    def clean(self, key: str) -> None:
        """Remove what a killed writer left behind; only for the holder of the claim."""
        remove_temporary(self.folder(key))

    # grids

    def write_plan(self, plan: Plan) -> None:
        write_json(self.grid_folder(plan.grid) / "plan.json", plan.to_json())

    def plan(self, grid: str) -> Plan:
        """The plan of the last run of a grid. Raises BadInput where there was none."""
        data = read_json(self.grid_folder(grid) / "plan.json")
        if data is None:
            raise BadInput(f"grid {grid!r} has not been run in {self.root} (runs: {', '.join(self.grids()) or 'none'})")
        return Plan.from_json(data)

    def grids(self) -> list[str]:
        folder = self.root / "grids"
        return sorted(path.parent.name for path in folder.glob("*/plan.json"))

    def note_finished(self, grid: str, state: str, report: Sequence[Path]) -> None:
        """Remember that the grid's report and mirror show this state."""
        names = [str(path.relative_to(self.root)) for path in report]
        write_json(self.grid_folder(grid) / "finished.json", {"state": state, "report": names})

    def finished(self, grid: str, state: str) -> list[Path]:
        """The report's files if they show this state, else none."""
        noted = read_json(self.grid_folder(grid) / "finished.json")
        if noted is None or noted["state"] != state:
            return []
        report = [self.root / name for name in noted["report"]]
        return report if all(path.exists() for path in report) else []
