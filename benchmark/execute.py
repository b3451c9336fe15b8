"""Running a plan: the one reconciler of what the store says is done and what a launcher says is over.

Parents first, longest chains first; no failure stops the others. Nothing in memory has to survive: the store holds the
results and the interruptions, the launcher its jobs, and the next driver begins with both.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from benchmark.executors import ExecutorConfig
from benchmark.files import Unwritable
from benchmark.frontier import Frontier
from benchmark.jobs import WORDS, Ending, Job, Launcher, Work
from benchmark.log_file import open_log
from benchmark.spec import Outcome, Plan, blocked
from benchmark.store import RunStore
from benchmark.urgency import chain_seconds, group, mean_seconds

Mode = Literal["cached", "retry", "force"]
LOOK_S = 1.0  # between two looks at a stage that another process computes
NAP_S = 0.25  # a rest is cut so that a signal is heard soon
MAX_BACKOFF_S = 3600.0

# Called with a word and the stage that it is about: "started", "done", "failed", "crashed", "unbegun" (its job was lost
# before it began), "continuing" (after a time limit or a preemption), "retrying", "killing"; or with none: "stopping",
# "leaving"; or, after "trouble", with what keeps the launcher from knowing or submitting.
Listener = Callable[[str, str], None]


def prepare(plan: Plan, store: RunStore, mode: Mode) -> None:
    """Register the stages and apply the mode: retry forgives failures, force discards what the plan's cells have."""
    if mode == "force":
        store.require_free(*plan.stages)  # all of them before the first, so that nothing is deleted by half
        for key in plan.stages:
            store.discard(key)
    for stage in plan.stages.values():
        store.register(stage)
    if mode == "retry":
        for key in plan.stages:
            store.forgive(key)


@dataclass
class Driver:
    """Runs every stage of a plan that is not done; `states` is what a display may read at any time.

    expected: seconds that stages are expected to take, by key; the longest chains are started first. clock, pause:
    seconds that pass, and waiting for some.
    """

    plan: Plan
    store: RunStore
    config: ExecutorConfig
    launcher: Launcher
    listen: Listener = lambda word, about: None
    expected: Mapping[str, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    states: dict[str, Outcome] = field(init=False)
    stopping: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.states = {key: self.store.outcome(key) for key in self.plan.stages}
        self.given_up: set[str] = {key for key, outcome in self.states.items() if self._is_final(outcome)}
        done = (key for key, outcome in self.states.items() if outcome.state == "done")
        urgency = chain_seconds(self.plan, self.expected)
        self._frontier = Frontier(self.plan, done, self.given_up, urgency)
        self._running: list[Job] = []
        self._elsewhere: set[str] = set()
        self._looked = -LOOK_S
        self._kill_at: float | None = None
        self._trouble: str | None = None
        self._leaves = False

    def run(self, detach: bool = False) -> dict[str, Outcome]:
        """Run until nothing is left that can be run, or until asked to stop; returns every stage's outcome.

        detach: submit what can be started now, what is to wait after a failure too, and leave it to a later driver;
        only where jobs outlive theirs. What became of the jobs of earlier drivers is found out first.
        """
        self._leaves = detach
        with _stop_signals(self):
            try:
                self.begin()
                while self.step() and not (detach and not self.launcher.unclear):
                    self._rest()
            finally:
                self.end()
        return self.outcomes()

    def begin(self) -> None:
        """Take over the jobs of earlier drivers."""
        for job in self.launcher.adopt():
            self._running.append(job)
            for key in job.work.keys:
                if key in self.plan.stages:
                    self._frontier.hold(key)

    def step(self) -> bool:
        """One pass; returns whether there is anything left to do or to wait for."""
        self._collect()
        if self.clock() - self._looked >= LOOK_S:
            self._looked = self.clock()
            self._look_elsewhere()
        if not self.stopping:
            self._submit()
        self._hurry()
        if self.launcher.trouble != self._trouble:
            self._trouble = self.launcher.trouble
            if self._trouble is not None:
                self.listen("trouble", self._trouble)
        if self.stopping:
            return bool(self._running) and not self.launcher.outlives
        return bool(self._running or self._frontier.open)

    def end(self) -> None:
        """Leave no job behind that needs this driver, also when it ends by an error of its own."""
        if not self.launcher.outlives:
            for job in self._running:
                self.launcher.kill(job)
        self.launcher.close()

    def outcomes(self) -> dict[str, Outcome]:
        return blocked(self.plan, {key: self.store.outcome(key) for key in self.plan.stages})

    def active(self) -> tuple[str, ...]:
        """The stages of the jobs in progress, and those that another process computes."""
        return tuple(key for job in list(self._running) for key in job.work.keys) + tuple(self._elsewhere)

    def jobs(self) -> int:
        """How many jobs are in progress."""
        return len(self._running)

    def to_compute(self) -> set[str]:
        """The stages that can still become done without anybody's help."""
        return set(self._frontier.open)

    def seconds_left(self, active: Mapping[str, Outcome]) -> float | None:
        """What is left, judged by finished stages of the same kind and environment; None while one kind is unknown.

        active: outcomes of stages in progress, of which only the rest counts.
        """
        means = mean_seconds(self.plan, self.states)
        left = 0.0
        for key in self.to_compute():
            seconds = means.get(group(self.plan, key), self.expected.get(key))
            if seconds is None:
                return None
            part = active[key].done / active[key].total if key in active and active[key].total else 0.0
            left += seconds * (1 - part)
        return left / self.config.slots

    def stop(self) -> None:
        """The first call asks the running jobs to save and end; the second one kills them.

        Jobs that outlive their driver are left alone.
        """
        if self._kill_at is None:
            self.stopping = True
            self._kill_at = self.clock() + self.launcher.grace_s
            self.launcher.ask_to_stop()
            self.listen("leaving" if self.launcher.outlives else "stopping", "")
        else:
            self._kill_at = 0.0

    # one pass

    def _submit(self) -> None:
        works: list[Work] = []
        room = self.launcher.room()
        while len(works) < room:
            first = self._frontier.take(math.inf if self._leaves else self.clock())
            if first is None:
                break
            if self.store.held(first):
                self._elsewhere.add(first)
                continue
            works.append(self._work(self._frontier.chain(first)))
        if works:
            started = self.launcher.submit(works)
            self._running += started
            begun = {key for job in started for key in job.work.keys}
            for work in works:
                for key in work.keys:
                    if key in begun:
                        self.listen("started", key)
                    else:
                        self._frontier.release(key)

    def _work(self, chain: Sequence[str]) -> Work:
        """The job for the beginning of a chain: stages that are given the same; the others wait for their turn."""
        given = self.config.resources_of(self.plan, chain[0])
        alike = list(itertools.takewhile(lambda key: self.config.resources_of(self.plan, key) == given, chain))
        for key in chain[len(alike) :]:
            self._frontier.release(key)
        return Work(tuple(alike), given)

    def _collect(self) -> None:
        """Look at the jobs in progress: what they have finished, and which are over."""
        ended = self.launcher.ended(self._running)
        self._running = [job for job in self._running if job not in ended]
        for job in self._running:
            for key in job.work.keys:
                if key in self.states and self.states[key].state != "done" and self.store.is_done(key):
                    self._finished(key)
        for job, ending in ended.items():
            self._judge(job, ending)

    def _judge(self, job: Job, ending: Ending) -> None:
        """Decide what to do about each stage of a job that has ended."""
        unfinished = []
        for key in job.work.keys:
            if key not in self.states or self.states[key].state == "done":
                continue
            if self.store.is_done(key):
                self._finished(key)
            else:
                unfinished.append(key)
        for key in unfinished[1:]:  # they were not begun
            self._frontier.release(key)
        if not unfinished:
            return
        key = unfinished[0]
        if self.store.held(key):  # by another command, or by a job that outlived its controller
            self._elsewhere.add(key)
            return
        outcome = self.states[key] = self.store.outcome(key)
        if outcome.state == "failed":
            self._failed(key, outcome)
        elif self.stopping:
            self._frontier.release(key)
        else:
            self._interrupted(key, job, ending)

    def _finished(self, key: str) -> None:
        self.states[key] = self.store.outcome(key)
        self._frontier.done(key)
        self.listen("done", key)

    def _is_final(self, outcome: Outcome) -> bool:
        return outcome.state == "failed" and not self.config.repeats(outcome)

    def _failed(self, key: str, outcome: Outcome) -> None:
        if self._is_final(outcome):
            self._give_up(key)
        else:
            self._frontier.release(key, self.clock() + self._backoff(outcome.failures))
            self.listen("retrying", key)

    def _give_up(self, key: str) -> None:
        self.given_up.add(key)
        self._frontier.give_up(key)
        self.listen("failed", key)

    def _interrupted(self, key: str, job: Job, ending: Ending) -> None:
        """The job ended without a result or a failure: not the stage's word, so it goes on, more and more slowly.

        One that was told to leave and has saved goes on at once.
        """
        checkpoint = self.store.checkpoints(key).number()
        earlier = self.store.interruptions(key)
        last: Mapping[str, Any] = earlier[-1] if earlier else {"checkpoint": 0, "in_a_row": 0, "job": None}
        if last["job"] == job.name:  # by an earlier driver, which was killed before it could settle this
            self._frontier.release(key)
            return
        saved = checkpoint > last["checkpoint"]
        goes_on = saved and self.store.status(key).get("state") == "stopped"
        in_a_row = 0 if goes_on else 1 if saved else last["in_a_row"] + 1
        at = datetime.now(UTC).isoformat(timespec="seconds")
        entry = {"why": ending.why, "at": at, "checkpoint": checkpoint, "job": job.name, "in_a_row": in_a_row}
        try:
            self.store.note_interruption(key, entry)
        except Unwritable as error:  # of one folder it is told in another place; of a full disk not even there
            self.store.fail(key, str(error), self.config.max_failures)
            self.states[key] = self.store.outcome(key)
            self._give_up(key)
            return
        if goes_on:
            self._frontier.release(key)
            self.listen("continuing", key)
            return
        if ending.words:
            with contextlib.suppress(Unwritable), open_log(self.store.log_file(key)) as log:
                log.write(
                    f"--- the job ended without a result ({WORDS[ending.why]}); its last words:\n{ending.words}\n"
                )
        if in_a_row > self.config.max_crashes:
            times = "a job" if in_a_row == 1 else f"{in_a_row} jobs in a row"
            reason = f"{times} ended without a result or a newer checkpoint; the last: {WORDS[ending.why]}"
            self.store.fail(key, reason, self.config.max_failures)
            self.states[key] = self.store.outcome(key)
            self._give_up(key)
        else:
            self._frontier.release(key, self.clock() + self._backoff(in_a_row))
            self.listen("unbegun" if ending.why == "never" else "crashed", key)

    def _backoff(self, times: int) -> float:
        """Seconds to wait after so many failures."""
        return min(self.config.backoff_s * 2.0 ** min(times - 1, 30), MAX_BACKOFF_S)

    def _look_elsewhere(self) -> None:
        for key in list(self._elsewhere):
            if self.store.is_done(key):
                self._finished(key)
            elif self.store.held(key):
                continue
            else:
                outcome = self.states[key] = self.store.outcome(key)
                if self._is_final(outcome):
                    self._give_up(key)
                else:
                    self._frontier.release(key)
            self._elsewhere.discard(key)

    def _hurry(self) -> None:
        if self._kill_at is not None and self.clock() >= self._kill_at and not self.launcher.outlives:
            for job in self._running:
                self.listen("killing", job.work.keys[0])
                self.launcher.kill(job)
            self._kill_at = self.clock() + self.launcher.grace_s

    def _rest(self) -> None:
        until = self.clock() + self.launcher.poll_s
        while self.clock() < until and not (self.stopping and self.launcher.outlives):
            self.pause(min(NAP_S, self.launcher.poll_s))


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
