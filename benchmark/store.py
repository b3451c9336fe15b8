"""RunStore: the folder of runs, which is the truth about what has been computed."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark import lease
from benchmark.errors import BadInput
from benchmark.files import (
    Damaged,
    Unusable,
    Unwritable,
    remove_temporary,
    set_aside,
    write_json,
    write_whole,
)
from benchmark.grid_records import GridRecords
from benchmark.records import (
    UNBEGUN,
    read_curve,
    read_interruptions,
    read_provenance,
    read_result,
    read_spec,
    read_status,
)
from benchmark.spec import Outcome, Plan, Stage, State, blocked


class RunStore(GridRecords):
    """`<root>/<key>/` holds one stage, `<root>/grids/<name>/` one grid's plan and report.

    A stage is done when its `result.json` exists; that file is written last, and only once.
    """

    def register(self, stage: Stage) -> None:
        """Make the stage known by its key, so that a job can be given the key alone; inputs may have moved since."""
        path = self.folder(stage.key) / "spec.json"
        moved = False
        if path.exists():
            try:
                if self.stage(stage.key).params == stage.params or self.is_done(stage.key):
                    return
                moved = True
            except Damaged:
                set_aside(path)
        # Not worth the seconds that durability takes for thousands: after a power cut the next plan writes it anew.
        write_json(path, stage.to_json(), exclusive=not moved, durable=False)

    def stage(self, key: str) -> Stage:
        """Raises BadInput for a key that no plan has registered here, Damaged where its file is not whole."""
        stage = read_spec(self.folder(key) / "spec.json", key)
        if stage is None:
            raise BadInput(f"stage {key} is not in {self.root}; `run_all.py plan --grid NAME` lists the keys of a grid")
        return stage

    def is_done(self, key: str) -> bool:
        return self.result(key) is not None

    def result(self, key: str) -> dict[str, Any] | None:
        """The content of `result.json`, or None while the stage is not done; a damaged one does not count."""
        try:
            return read_result(self._result_file(key), key)
        except Damaged:
            return None

    def _result_file(self, key: str) -> Path:
        return self.folder(key) / "result.json"

    def publish_result(self, key: str, result: dict[str, Any]) -> bool:
        """Make the stage done. False when somebody else had done so before, whose result stands."""
        return write_json(self._result_file(key), result, exclusive=True)

    def publish(self, key: str, name: str, write: Callable[[Path], None]) -> Path:
        """Write an artefact under a temporary name and rename it into place."""
        path = self.artefact(key, name)
        write_whole(path, write)
        return path

    def status(self, key: str) -> dict[str, Any]:
        """The content of `status.json`; empty before the first attempt, and unbegun where the file is damaged."""
        for path in (self._notice(key), self.folder(key) / "status.json"):
            try:
                status = read_status(path)
            except Damaged as error:
                return {**UNBEGUN, "state": "stopped", "reason": f"{error}; the next run writes it anew"}
            if status is not None:
                return status
        return {}

    def write_status(self, key: str, status: dict[str, Any]) -> None:
        """Raises Unwritable; a last word whose run folder cannot be written is kept beside the runs instead."""
        last_word = status["state"] != "running"
        try:
            write_json(self.folder(key) / "status.json", status, durable=last_word)
        except Unwritable as trouble:
            if not last_word:
                raise
            try:
                write_json(self._notice(key), status)
            except Unwritable:
                raise trouble from None
        else:
            with contextlib.suppress(OSError):
                self._notice(key).unlink(missing_ok=True)

    def _notice(self, key: str) -> Path:
        return self.root / ".unwritable" / f"{key}.json"

    def provenance(self, key: str) -> dict[str, Any] | None:
        """Commit, packages, hardware and command of the first attempt; None where there is none that is whole."""
        try:
            return read_provenance(self.folder(key) / "provenance.json")
        except Damaged:
            return None

    def write_provenance(self, key: str, provenance: dict[str, Any]) -> None:
        write_json(self.folder(key) / "provenance.json", provenance, exclusive=True)

    def held(self, key: str) -> dict[str, Any] | None:
        """The claim of the process that computes this stage now, or None where none does for certain."""
        return lease.holder(self.claims(key))

    def curve(self, key: str) -> list[dict[str, float]]:
        """Rows of `metrics.jsonl`: {"frames": int, "<metric>": float, …}; an unfinished last line is left out.

        Raises Damaged.
        """
        return self.whole_curve(key)[1]

    def whole_curve(self, key: str) -> tuple[bytes, list[dict[str, float]]]:
        """The whole lines of `metrics.jsonl`, and their rows. Raises Damaged."""
        return read_curve(self.curve_file(key))

    def curve_size(self, key: str) -> int:
        """Bytes of `metrics.jsonl`, an unfinished last line included."""
        try:
            return self.curve_file(key).stat().st_size
        except OSError:
            return 0

    def touched(self, key: str) -> tuple[int, ...]:
        """Changes with every word of its job that a stage's folder gets; cheap, and of no meaning by itself."""
        times = []
        for path in (self.folder(key), self._notice(key)):
            with contextlib.suppress(OSError):
                times.append(path.stat().st_mtime_ns)
        return tuple(times)

    def outcome(self, key: str) -> Outcome:
        """What became of a stage so far. A stage whose process is gone counts as stopped: it can be continued."""
        try:
            result, damage = read_result(self._result_file(key), key), None
        except Damaged as error:
            result, damage = None, f"{error}; the next run sets it aside and computes the stage again"
        except Unusable as error:
            return Outcome(key, "stopped", reason=str(error))
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
                finished=result["finished"] or None,  # of imported results it may be unknown
            )
        status = self.status(key)
        state: State
        if not status:
            state = "running" if lease.seems_held(self.claims(key)) else "stopped" if damage else "missing"
            return Outcome(key, state, reason=damage)
        state = status["state"]
        if state == "running" and not lease.seems_held(self.claims(key)):
            state = "stopped"
        return Outcome(
            key,
            state,
            reason=status["reason"] or damage,
            log=self._log(key),
            done=status["done"],
            total=status["total"],
            rate=status["rate"],
            shown=status["shown"],
            attempts=status["attempt"],
            failures=status["failures"],
            transient=status["transient"],
        )

    def outcomes(self, plan: Plan) -> dict[str, Outcome]:
        """The outcome of every stage of a plan; those below a failed stage are blocked, with the reason."""
        begun = self.begun()
        missing = {key: Outcome(key, "missing") for key in plan.stages if key not in begun}
        return blocked(plan, {key: missing.get(key) or self.outcome(key) for key in plan.stages})

    def begun(self) -> set[str]:
        """The names of all run folders, of which no other stage can have an outcome; one look at the root."""
        try:
            with os.scandir(self.root) as entries:
                return {entry.name for entry in entries}
        except FileNotFoundError:
            return set()

    def _log(self, key: str) -> str | None:
        path = self.log_file(key)
        return str(path.relative_to(self.root)) if path.exists() else None

    def fail(self, key: str, reason: str, failures: int, transient: bool = False) -> None:
        """Record for the stage's jobs that they failed, where they had no word of their own."""
        ending = {"state": "failed", "reason": reason, "failures": failures, "transient": transient}
        self.write_status(key, {**UNBEGUN, **self.status(key), **ending})

    def forgive(self, key: str) -> None:
        """Forget that the stage failed or was interrupted, but keep its checkpoint."""
        (self.folder(key) / "interruptions.json").unlink(missing_ok=True)
        status = self.status(key)
        if status.get("state") == "failed":
            self.write_status(key, {**status, "state": "stopped", "reason": None, "failures": 0})

    def interruptions(self, key: str) -> list[dict[str, Any]]:
        """How jobs that computed the stage ended without its own word: {"why", "at", "checkpoint", "job", "in_a_row"}.

        What is not whole is left out.
        """
        return read_interruptions(self.folder(key) / "interruptions.json")

    def note_interruption(self, key: str, entry: dict[str, Any]) -> None:
        """Add one to `interruptions`; only the driver does so."""
        write_json(self.folder(key) / "interruptions.json", [*self.interruptions(key), entry])

    def require_free(self, *keys: str) -> None:
        """Raises BadInput while a process computes these stages.

        Waits up to `lease.STALE_S`, once for all of them, where that process is on another machine.
        """
        for key in keys:
            self.held(key)  # the first look at each, from which on its heartbeat is watched
        for key in keys:
            holder = lease.settled(self.claims(key))
            if holder is not None:
                raise BadInput(f"stage {key} is being computed by {lease.words(holder)}; stop that first")

    def discard(self, key: str) -> None:
        """Delete a stage's run folder. Raises BadInput while a process computes it."""
        self.require_free(key)
        self._notice(key).unlink(missing_ok=True)
        if self.folder(key).exists():
            # Renamed first, so that nobody ever meets a folder that is half deleted.
            grave = self.folder(key).rename(self.root / f".{key}.{uuid.uuid4().hex[:8]}.deleted")
            shutil.rmtree(grave)

    def tidy(self, key: str) -> None:
        """Remove what a killed writer left behind, of a done stage its checkpoints too; not while anybody computes."""
        for folder in (self.folder(key), self.claims(key), self.checkpoints(key).folder):
            remove_temporary(folder)
        if self.is_done(key):
            self.checkpoints(key).clear()

    def set_aside_damaged(self, key: str) -> list[str]:
        """Rename damaged files, so that they can be written anew; what was found, in words.

        Only for the holder of the claim.
        """
        notes = []
        readers: dict[str, Callable[[Path], object]] = {
            "result": lambda path: read_result(path, key),
            "status": read_status,
            "provenance": read_provenance,
        }
        for name, read in readers.items():
            path = self.folder(key) / f"{name}.json"
            try:
                read(path)
            except Damaged as error:
                notes.append(f"{error}; it is kept as {set_aside(path).name}")
        return notes

    # what stages took

    def written(self) -> dict[str, int | None]:
        """Key of every run folder -> when its result was written (nanoseconds), None where there is none.

        Nothing is read; other folders of the root are among them, without a result.
        """
        if not self.root.is_dir():
            return {}
        with os.scandir(self.root) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
        return {name: self.done_at(name) for name in names}

    def done_at(self, key: str) -> int | None:
        """When a stage's result was written, in nanoseconds; None where it has none."""
        try:
            return self._result_file(key).stat().st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            return None

    def size(self, key: str) -> int:
        """Bytes of a run folder, without its checkpoints, which go when it is done."""
        with os.scandir(self.folder(key)) as entries:
            return sum(entry.stat().st_size for entry in entries if entry.is_file())
