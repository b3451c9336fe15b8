"""Stages that are computed by a fake clock: what their processes do to the store, and what a driver sees of that.

`Runs` is the truth: claims, checkpoints, results and failures of every stage, with the rules that no scheduler and no
driver may ever break checked at each step. `View` stands in for the RunStore of one driver: it is late, as a network
file system is, and it knows of a dead process only by a heartbeat that stops.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from benchmark.lease import STALE_S
from benchmark.places import Places
from benchmark.records import UNBEGUN
from benchmark.spec import Outcome, Plan

Task = tuple[str, int]


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class DriverKilled(BaseException):
    """kill -9: nothing of the driver happens after it."""


@dataclass
class Killer:
    """Kills the driver at some of the points where that might hurt. rate: how often."""

    rng: random.Random
    rate: float

    def point(self) -> None:
        if self.rng.random() < self.rate:
            raise DriverKilled


@dataclass
class Claim:
    number: int
    process: Process
    released: bool = False


@dataclass
class Runs:
    """seconds: what each stage takes. checkpoint_s: between two checkpoints. late_s: until drivers see what is written.

    transient: key -> how often the stage will raise something that can go away; permanent: stages that always raise.
    """

    plan: Plan
    clock: Clock
    rng: random.Random
    seconds: dict[str, float]
    checkpoint_s: float
    late_s: float
    transient: dict[str, int]
    permanent: set[str]
    claims: dict[str, Claim] = field(default_factory=dict)
    saved: dict[str, float] = field(default_factory=dict)
    checkpoints: dict[str, int] = field(default_factory=dict)
    results: dict[str, float] = field(default_factory=dict)  # key -> from when on a driver sees it
    computed: dict[str, float] = field(default_factory=dict)
    interrupted: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, list[tuple[float, dict[str, Any]]]] = field(default_factory=dict)
    interruptions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def begin(self, key: str, process: Process) -> Claim | None:
        """Claim a stage; None where another process has it."""
        missing = [parent for parent in self.plan.stages[key].parents.values() if parent not in self.results]
        assert not missing, f"{key} begins before {missing}"
        last = self.claims.get(key)
        if last is not None and not last.released:
            own_past = last.process.task == process.task
            if last.process.alive and not (own_past and last.process.cut_off):
                return None
            self._interrupt(key)
        claim = self.claims[key] = Claim(1 if last is None else last.number + 1, process)
        self.write(key, state="running", attempt=claim.number)
        return claim

    def may_live(self, key: str, process: Process, since: float) -> bool:
        """Whether a process that has found a stage claimed by a dead one on another machine, cannot know that yet."""
        last = self.claims.get(key)
        if last is None or last.released or last.process.alive or last.process.task == process.task:
            return False
        return last.process.node != process.node and self.clock() - since < STALE_S

    def save(self, key: str, claim: Claim, progress: float) -> None:
        assert self.claims[key] is claim, f"{key} is saved by a process that has lost it"
        assert progress >= self.saved.get(key, 0.0)
        self.saved[key] = progress
        self.checkpoints[key] = self.checkpoints.get(key, 0) + 1

    def commit(self, key: str, claim: Claim) -> None:
        assert self.claims[key] is claim, f"{key} is committed by a process that has lost it"
        assert key not in self.results, f"{key} is committed twice"
        assert key not in self.permanent
        redone = self.computed[key] - self.seconds[key]
        assert redone <= self.checkpoint_s * self.interrupted.get(key, 0) + 1e-6, f"{key}: {redone} s computed again"
        claim.released = True
        self.results[key] = self._seen_at()

    def failed(self, key: str, claim: Claim) -> None:
        claim.released = True
        self._interrupt(key)
        passing = key not in self.permanent
        if passing:
            self.transient[key] -= 1
        failures = self.status(key)["failures"] + 1
        self.write(key, state="failed", reason="made up", failures=failures, transient=passing)

    def _interrupt(self, key: str) -> None:
        """What was computed since the last checkpoint is lost."""
        self.interrupted[key] = self.interrupted.get(key, 0) + 1

    def status(self, key: str) -> dict[str, Any]:
        return self.statuses[key][-1][1] if key in self.statuses else {}

    def write(self, key: str, **changes: Any) -> None:
        seen = self.statuses.get(key, [])
        at = max(self._seen_at(), seen[-1][0] if seen else 0.0)
        self.statuses[key] = [*seen[-5:], (at, {**UNBEGUN, **self.status(key), **changes})]

    def _seen_at(self) -> float:
        return self.clock() + self.rng.uniform(0.0, self.late_s)


@dataclass(eq=False)
class Process:
    """The process of a job: its stages in turn, as benchmark/stages.py computes them.

    cut_off: its machine is taken for dead by the scheduler, but goes on for a while.
    """

    runs: Runs
    task: Task
    keys: tuple[str, ...]
    node: int
    alive: bool = True
    cut_off: bool = False
    key: str | None = None
    claim: Claim | None = None
    progress: float = 0.0
    since_save: float = 0.0
    waits_since: float | None = None

    def advance(self, seconds: float) -> bool:
        """Compute for so long; whether it has ended by itself."""
        if self.claim is not None and self.runs.claims[self._key] is not self.claim:
            self.alive = False  # its heart finds a newer claim
            return True
        while self.alive and seconds > 0.0:
            if self.claim is None and self._begin() != "begun":
                break
            if self.claim is not None:
                seconds = self._compute(seconds)
        return not self.alive

    def kill(self) -> None:
        self.alive = False

    def leave(self) -> None:
        """It was told to: it saves, and goes."""
        if self.alive and self.claim is not None and self.runs.claims[self._key] is self.claim:
            self.runs.save(self._key, self.claim, self.progress)
            self.runs.write(self._key, state="stopped")
            self.claim.released = True
        self.alive = False

    @property
    def _key(self) -> str:
        assert self.key is not None
        return self.key

    def _begin(self) -> Literal["begun", "waits", "over"]:
        self.key = next((key for key in self.keys if key not in self.runs.results), None)
        if self.key is not None:
            now = self.runs.clock()
            self.waits_since = now if self.waits_since is None else self.waits_since
            if self.runs.may_live(self.key, self, self.waits_since):
                return "waits"
            self.claim = self.runs.begin(self.key, self)
            self.waits_since = None
        if self.claim is None:
            self.alive = False
            return "over"
        self.progress, self.since_save = self.runs.saved.get(self._key, 0.0), 0.0
        return "begun"

    def _compute(self, seconds: float) -> float:
        """Returns what is left of the time."""
        runs, key = self.runs, self._key
        assert self.claim is not None
        raises = key in runs.permanent or runs.transient.get(key, 0) > 0
        end = runs.seconds[key] * (0.6 if raises else 1.0)
        while seconds > 0.0:
            step = min(seconds, runs.checkpoint_s - self.since_save, max(0.0, end - self.progress))
            self.progress += step
            self.since_save += step
            seconds -= step
            runs.computed[key] = runs.computed.get(key, 0.0) + step
            if self.progress >= end:
                if raises:
                    runs.failed(key, self.claim)
                    self.alive = False
                else:
                    runs.commit(key, self.claim)
                self.claim = None
                return seconds
            if self.since_save >= runs.checkpoint_s:
                runs.save(key, self.claim, self.progress)
                self.since_save = 0.0
        return 0.0


class View(Places):
    """What one driver sees of the runs, and what it writes; with the methods of RunStore that it uses."""

    def __init__(self, runs: Runs, folder: Path, killer: Killer) -> None:
        super().__init__(folder)
        self._runs, self._killer = runs, killer
        self._missed: dict[tuple[str, int], float] = {}

    def is_done(self, key: str) -> bool:
        return self._runs.results.get(key, float("inf")) <= self._runs.clock()

    def status(self, key: str) -> dict[str, Any]:
        now = self._runs.clock()
        return next((status for at, status in reversed(self._runs.statuses.get(key, [])) if at <= now), {})

    def held(self, key: str) -> dict[str, Any] | None:
        claim = self._runs.claims.get(key)
        if claim is None or claim.released:
            return None
        if not claim.process.alive:
            now = self._runs.clock()
            if now - self._missed.setdefault((key, claim.number), now) >= STALE_S:
                return None
        return {"host": "elsewhere", "pid": 1, "slurm": None}

    def outcome(self, key: str) -> Outcome:
        if self.is_done(key):
            return Outcome(key, "done", seconds=self._runs.seconds[key])
        status = self.status(key)
        if not status:
            return Outcome(key, "running" if self.held(key) else "missing")
        state = "stopped" if status["state"] == "running" and not self.held(key) else status["state"]
        words = {name: status[name] for name in ("reason", "failures", "transient")}
        return Outcome(key, state, attempts=status["attempt"], **words)

    def checkpoints(self, key: str) -> Any:
        return SimpleNamespace(number=lambda: self._runs.checkpoints.get(key, 0))

    def interruptions(self, key: str) -> list[dict[str, Any]]:
        return self._runs.interruptions.get(key, [])

    def note_interruption(self, key: str, entry: dict[str, Any]) -> None:
        self._killer.point()
        self._runs.interruptions.setdefault(key, []).append(entry)
        self._killer.point()

    def fail(self, key: str, reason: str, failures: int, transient: bool = False) -> None:
        self._killer.point()
        self._runs.write(key, state="failed", reason=reason, failures=failures, transient=transient)
