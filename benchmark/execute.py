"""Running a plan: a ready-queue over a launcher. Parents first, longest chains first; no failure stops the others."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmark.launch import ExecutorConfig, Launcher, Running
from benchmark.spec import Outcome, Plan, blocked
from benchmark.store import RunStore

Mode = Literal["cached", "retry", "force"]
POLL_S = 0.1
LOOK_S = 1.0  # between two looks at a stage that another process computes

# Called with a word and what it is about: "started", "done", "failed", "crashed", "continuing" (after a time limit),
# "retrying", "stopping", "killing".
Listener = Callable[[str, str], None]


def prepare(plan: Plan, store: RunStore, mode: Mode) -> None:
    """Register the stages and apply the mode: retry forgives failures, force discards what the plan's cells have."""
    if mode == "force":
        for key in plan.stages:  # all of them before the first, so that nothing is deleted by half
            store.require_free(key)
        for key in plan.stages:
            store.discard(key)
    for stage in plan.stages.values():
        store.register(stage)
    if mode == "retry":
        for key in plan.stages:
            store.forgive(key)


@dataclass
class Driver:
    """Runs every stage of a plan that is not done; `states` is what a display may read at any time."""

    plan: Plan
    store: RunStore
    config: ExecutorConfig
    listen: Listener = lambda word, about: None
    states: dict[str, Outcome] = field(init=False)
    stopping: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.states = {key: self.store.outcome(key) for key in self.plan.stages}
        self._running: list[Running] = []
        self._elsewhere: set[str] = set()
        self._crashes: dict[str, int] = {}
        self._saved: dict[str, int] = {}  # number of the newest checkpoint when the stage's job was submitted
        self._not_before: dict[str, float] = {}
        self.given_up: set[str] = {
            key for key, outcome in self.states.items() if outcome.failures >= self.config.max_failures
        }
        self._kill_at: float | None = None
        self._cost = _chain_costs(self.plan, self.states)

    def run(self) -> dict[str, Outcome]:
        """Run until nothing is left that can be run, or until asked to stop; returns every stage's outcome."""
        self._launcher = Launcher(self.store, self.config)
        looked = 0.0
        with _stop_signals(self):
            try:
                while True:
                    busy = self._collect()
                    if time.monotonic() - looked > LOOK_S:
                        looked = time.monotonic()
                        self._look_elsewhere()
                    if not self.stopping:
                        self._submit()
                    if not self._running and (self.stopping or not self.to_compute()):
                        break
                    self._hurry()
                    if not busy:
                        time.sleep(POLL_S)
            finally:
                self._end()
        return self.outcomes()

    def outcomes(self) -> dict[str, Outcome]:
        return blocked(self.plan, {key: self.store.outcome(key) for key in self.plan.stages})

    def active(self) -> tuple[str, ...]:
        """The stages of the jobs in progress, and those that another process computes."""
        return tuple(key for running in list(self._running) for key in running.keys) + tuple(self._elsewhere)

    def jobs(self) -> int:
        """How many jobs of this command are in progress."""
        return len(self._running)

    def seconds_left(self, active: Mapping[str, Outcome]) -> float | None:
        """What is left, judged by finished stages of the same kind and environment; None while one kind is unknown.

        active: outcomes of stages in progress, of which only the rest counts.
        """
        means = _mean_seconds(self.plan, self.states)
        left = 0.0
        for key in self.to_compute():
            if _group(self.plan, key) not in means:
                return None
            part = active[key].done / active[key].total if key in active and active[key].total else 0.0
            left += means[_group(self.plan, key)] * (1 - part)
        return left / self.config.slots

    def stop(self) -> None:
        """The first call asks the running jobs to save and end; the second one kills them."""
        if self._kill_at is None:
            self.stopping = True
            self._kill_at = time.monotonic() + self.config.grace_s
            self._launcher.ask_to_stop()
            self.listen("stopping", "")
        else:
            self._kill_at = 0.0

    # one pass

    def _submit(self) -> None:
        while len(self._running) < self.config.slots:
            ready = [key for key in self.plan.stages if self._is_ready(key)]
            if not ready:
                return
            first = max(ready, key=lambda key: self._cost[key])
            if self.store.held(first):
                self._elsewhere.add(first)
                continue
            keys = self._chain(first)
            self._saved |= {key: self.store.checkpoints(key).number() for key in keys}
            self._running.append(self._launcher.submit(keys))
            for key in keys:
                self.listen("started", key)
            if self.config.kind == "inline":
                return  # it is computed when it is collected

    def _is_ready(self, key: str) -> bool:
        return (
            self.states[key].state != "done"
            and key not in self.given_up
            and key not in self._elsewhere
            and not any(key in running.keys for running in self._running)
            and time.monotonic() >= self._not_before.get(key, 0.0)
            and all(self.states[parent].state == "done" for parent in self.plan.stages[key].parents.values())
        )

    def _chain(self, key: str) -> tuple[str, ...]:
        """A stage and the stages that only it leads to: one job computes them, saving the start of a process each."""
        keys = [key]
        while True:
            children = self.plan.children[keys[-1]]
            if len(children) != 1 or children[0] in self.given_up | self._elsewhere:
                return tuple(keys)
            parents = set(self.plan.stages[children[0]].parents.values()) - {keys[-1]}
            if any(self.states[parent].state != "done" for parent in parents):
                return tuple(keys)
            keys.append(children[0])

    def _collect(self) -> bool:
        """Look at the jobs in progress; returns whether one of them has ended."""
        before = len(self._running)
        for running in list(self._running):
            if running.over():
                self._running.remove(running)
                self._judge(running)
            else:
                for key in running.keys:
                    if self.states[key].state != "done" and self.store.is_done(key):
                        self._finished(key)
        return len(self._running) < before

    def _judge(self, running: Running) -> None:
        """Decide what to do about each stage of a job that has ended."""
        for key in running.keys:
            if self.states[key].state == "done":
                continue
            if self.store.is_done(key):
                self._finished(key)
                continue
            if self.store.held(key):  # by another command, or by a job that outlived its controller
                self._elsewhere.add(key)
                return
            outcome = self.states[key] = self.store.outcome(key)
            if outcome.state == "failed":
                self._failed(key, outcome)
            elif not self.stopping:
                if self._advanced(key):
                    self.listen("continuing", key)
                else:
                    self._crashed(key, running)
            return  # the stages after it were not begun

    def _advanced(self, key: str) -> bool:
        """Whether its job ended in good order, at its time limit or for a preemption, further on than it began."""
        stopped = self.store.status(key).get("state") == "stopped"
        return stopped and self.store.checkpoints(key).number() > self._saved[key]

    def _finished(self, key: str) -> None:
        self.states[key] = self.store.outcome(key)
        self.listen("done", key)

    def _failed(self, key: str, outcome: Outcome) -> None:
        if outcome.failures >= self.config.max_failures:
            self.given_up.add(key)
            self.listen("failed", key)
        else:
            self._not_before[key] = time.monotonic() + self.config.backoff_s * 2.0 ** (outcome.failures - 1)
            self.listen("retrying", key)

    def _crashed(self, key: str, running: Running) -> None:
        """The job's process died without a result: not the stage's word, so it is tried again, more and more slowly."""
        crashes = self._crashes[key] = self._crashes.get(key, 0) + 1
        words = running.words()
        if words:
            with self.store.log_file(key).open("a", encoding="utf-8") as log:
                log.write(f"--- the job's process ended without a result; it said last:\n{words}\n")
        if crashes > self.config.max_crashes:
            reason = f"its process died {crashes} times without a result (killed? out of memory?)"
            self.store.fail(key, reason, self.config.max_failures)
            self.given_up.add(key)
            self.states[key] = self.store.outcome(key)
            self.listen("failed", key)
        else:
            self._not_before[key] = time.monotonic() + self.config.backoff_s * 2.0 ** (crashes - 1)
            self.listen("crashed", key)

    def _look_elsewhere(self) -> None:
        for key in list(self._elsewhere):
            if self.store.is_done(key):
                self._finished(key)
            elif self.store.held(key):
                continue
            else:
                self.states[key] = self.store.outcome(key)
                if self.states[key].failures >= self.config.max_failures:
                    self.given_up.add(key)
            self._elsewhere.discard(key)

    def to_compute(self) -> set[str]:
        """The stages that can still become done without anybody's help."""
        alive: set[str] = set()
        for key, stage in self.plan.stages.items():
            if key not in self.given_up and all(
                parent in alive or self.states[parent].state == "done" for parent in stage.parents.values()
            ):
                alive.add(key)
        return {key for key in alive if self.states[key].state != "done"}

    def _hurry(self) -> None:
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            for running in self._running:
                self.listen("killing", running.keys[0])
                self._launcher.kill(running)
            self._kill_at = time.monotonic() + self.config.grace_s

    def _end(self) -> None:
        """Leave no job behind, also when this command ends by an error of its own."""
        for running in self._running:
            self._launcher.kill(running)
        self._launcher.close()


def _chain_costs(plan: Plan, outcomes: Mapping[str, Outcome]) -> dict[str, float]:
    """Expected seconds from the start of a stage to the end of the longest chain that begins with it.

    A stage is expected to take what finished ones of its kind and environment took; without any, all count alike.
    """
    means = _mean_seconds(plan, outcomes)
    usual = sum(means.values()) / len(means) if means else 1.0
    costs: dict[str, float] = {}
    for key in reversed(list(plan.stages)):
        below = max((costs[child] for child in plan.children[key]), default=0.0)
        costs[key] = means.get(_group(plan, key), usual) + below
    return costs


def _mean_seconds(plan: Plan, outcomes: Mapping[str, Outcome]) -> dict[tuple[str, str], float]:
    known: dict[tuple[str, str], list[float]] = {}
    for key, outcome in outcomes.items():
        if outcome.state == "done":
            known.setdefault(_group(plan, key), []).append(outcome.seconds)
    return {group: sum(seconds) / len(seconds) for group, seconds in known.items()}


def _group(plan: Plan, key: str) -> tuple[str, str]:
    return plan.stages[key].kind, plan.environment(key)


@contextlib.contextmanager
def _stop_signals(driver: Driver) -> Iterator[None]:
    """Ctrl-C, `kill` and a closed terminal all ask for the same orderly stop."""

    def handle(number: int, frame: Any) -> None:
        driver.stop()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, heard in previous.items():
            signal.signal(number, heard)
