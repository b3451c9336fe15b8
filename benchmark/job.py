"""The Job that a stage's target receives: streams, curve, progress, checkpoints and artefacts of one run folder."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmark import seeding
from benchmark.curve import Curve
from benchmark.files import Unwritable
from benchmark.lease import Claim
from benchmark.records import UNBEGUN
from benchmark.spec import Resources, Stage
from benchmark.store import RunStore

STATUS_EVERY_S = 0.5
TOLD_EVERY_S = 30.0
RATE_WINDOW_S = 20.0


class Stopped(BaseException):
    """The stage was asked to stop and has saved what it needs to continue. Not an Exception: no target swallows it."""


class StageJob:
    """One attempt at one stage; implements agents.job.Job.

    claim: the right to compute it. stop: set by whoever wants the stage to save a checkpoint and end.
    commit: revision of the code that computes it now; `commits` are those behind the state it has reached.
    """

    def __init__(
        self,
        store: RunStore,
        stage: Stage,
        resources: Resources,
        claim: Claim,
        stop: threading.Event,
        commit: str | None = None,
    ) -> None:
        self.params: Mapping[str, Any] = stage.params
        self.parents: Mapping[str, Path] = {name: store.folder(key) for name, key in stage.parents.items()}
        self.folder = store.folder(stage.key)
        self.device = resources.device
        self.repeatable = resources.device == "cpu"
        self.resumed_from: list[int] = []
        self.commits: list[str | None] = [commit]
        self._store, self._stage, self._resources, self._claim, self._stop = store, stage, resources, claim, stop
        self._checkpoints = store.checkpoints(stage.key)
        self._curve = Curve(store.curve_file(stage.key))
        self._offers_checkpoints = False
        self._seconds_before = 0.0
        self._begun = self._saved = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque()
        self._shown_at = 0.0
        self._told_at = self._begun
        failures = store.status(stage.key).get("failures", 0)
        self._status: dict[str, Any] = {**UNBEGUN, "attempt": claim.number, "pid": os.getpid(), "failures": failures}

    # what agents.job.Job promises

    def stream(self, purpose: str) -> int:
        """A 63-bit seed derived from (environment, seed, purpose), equal for all methods."""
        environment = self.params["env"]
        name = environment["id"] if isinstance(environment, Mapping) else environment
        return seeding.stream(name, self.params["seed"], purpose)

    def log(self, frames: int, **metrics: float) -> None:
        """Append one row to the stage's curve; only values that a repeat would reproduce, so no times."""
        self._require_hold()
        self._curve.append({"frames": int(frames), **{name: _number(name, value) for name, value in metrics.items()}})

    def progress(self, done: int, total: int, **shown: float) -> None:
        """Tell the live display how far the stage is; rate (units per second, of the last seconds) is derived."""
        now = time.monotonic()
        self._recent.append((now, int(done)))
        while now - self._recent[0][0] > RATE_WINDOW_S and len(self._recent) > 2:
            self._recent.popleft()
        since, first = self._recent[0]
        rate = (done - first) / (now - since) if now > since else 0.0
        self._status |= {"done": int(done), "total": int(total), "rate": rate}
        self._status["shown"] = {name: float(value) for name, value in shown.items() if math.isfinite(value)}
        if now - self._shown_at >= STATUS_EVERY_S:
            with contextlib.suppress(Unwritable):  # it is for the display only
                self.write_status()
        if now - self._told_at >= TOLD_EVERY_S:
            self._told_at = now
            told = "".join(f", {name} {value:.4g}" for name, value in self._status["shown"].items())
            print(f"{done} of {total}, {rate:.3g} a second{told}")
        if self._stop.is_set() and not self._offers_checkpoints:
            raise Stopped  # it has no checkpoint to wait for

    def resume(self) -> dict[str, Any] | None:
        """The newest whole checkpoint's state, or None; rows logged after it are cut."""
        self._offers_checkpoints = True
        found = self._checkpoints.newest()
        if found is None:
            if self._checkpoints.number():
                print("no checkpoint is whole; starting over")
            return None
        state, about, notes = found
        for note in notes:
            print(note)
        if not self._curve.cut(about):
            print("the curve is not what it was at the checkpoint (was metrics.jsonl changed?); starting over")
            return None
        self._seconds_before = about["seconds"]
        self.resumed_from = [*about["resumed_from"], about["done"]]
        self._status["done"] = about["done"]
        print(f"continuing from the checkpoint at {about['done']}")
        earlier = about["commits"]
        if earlier[-1] != self.commits[-1]:
            print(f"note: the checkpoint was computed by commit {earlier[-1]}, it is continued by {self.commits[-1]}")
            self.commits = [*earlier, *self.commits]
        else:
            self.commits = earlier
        return state

    def checkpoint(self, state: Callable[[], dict[str, Any]]) -> None:
        """Offer a checkpoint at a point where the stage can continue; saved when due or when asked to stop.

        When the stage was asked to stop, it is saved and this call does not return.
        """
        self._offers_checkpoints = True
        stop = self._stop.is_set()
        if stop or time.monotonic() - self._saved >= self._resources.checkpoint_s:
            self._require_hold(now=True)
            about = {
                **self._curve.mark(),
                "seconds": self.seconds(),
                "done": self._status["done"],
                "resumed_from": self.resumed_from,
                "commits": self.commits,
            }
            self._checkpoints.save(state(), about)
            self._saved = time.monotonic()
        if stop:
            raise Stopped

    def publish(self, name: str, write: Callable[[Path], None]) -> Path:
        """Write an artefact of the run folder under a temporary name and rename it into place."""
        self._require_hold(now=True)
        return self._store.publish(self._stage.key, name, write)

    # what the harness itself needs

    def seconds(self) -> float:
        """Computing time so far, over all attempts that this one continues."""
        return self._seconds_before + time.monotonic() - self._begun

    def write_status(self, **changes: Any) -> None:
        """Write status.json with these changes and a fresh heartbeat."""
        self._status |= {**changes, "heartbeat": time.time()}
        self._shown_at = time.monotonic()
        self._store.write_status(self._stage.key, self._status)

    def failed(self, reason: str, transient: bool) -> None:
        """Record an exception of the target, and whether its cause can go away."""
        failures = self._status["failures"] + 1
        self.write_status(state="failed", reason=reason, failures=failures, transient=transient)

    def close(self) -> None:
        self._curve.close()

    def finish_curve(self) -> None:
        """Make the curve durable before the result says that it is whole; a stage that logged nothing has no rows."""
        self._curve.mark()

    def _require_hold(self, now: bool = False) -> None:
        """Write nothing more once another process has taken over: the folder is its own then. now: ask in any case."""
        if not (self._claim.beat() if now else self._claim.holds()):
            raise Stopped


def _number(name: str, value: Any) -> int | float | None:
    """A finite number as plain JSON; a value that is not finite (a diverged loss) is stored as null."""
    number = value if type(value) in (bool, int) else float(value)
    return number if math.isfinite(number) else None
