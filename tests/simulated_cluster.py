"""A cluster that does to jobs what Slurm does: a Queue for the real launcher, with every trouble at a given rate.

Time goes in ticks. All chance comes from one generator, so that a seed tells the whole story again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.jobs import Work
from benchmark.slurm.queue import REST, NotNow, Seen, Task, Unreachable
from tests.simulated_runs import Killer, Process, Runs

TICK_S = 5.0


@dataclass(frozen=True)
class Troubles:
    """How often things go wrong: to a job, a machine or the controller in a tick; else in so many of the cases.

    late_s, last_word_s: the longest time until a driver sees what is written, and until Slurm's last word is known.
    """

    preempted: float = 0.0  # a job that runs: told to leave, and requeued
    shot: float = 0.0  # a job that runs: as before, but without the time to save
    cancelled: float = 0.0  # a job
    node_failures: float = 0.0  # a machine
    restarts: float = 0.0  # the controller: from an old state
    outages: float = 0.0  # the controller: nothing answers for up to a minute
    requests_lost: float = 0.0  # of sbatch, and so on
    replies_lost: float = 0.0
    not_now: float = 0.0
    deaf: float = 0.0  # of the jobs at their time limit: they do not hear the signal
    no_requeue: float = 0.0  # of the jobs of a failed machine
    wordless: float = 0.0  # of the ended jobs: Slurm has no last word
    driver_killed: float = 0.0  # of the points at which it might hurt
    transient: float = 0.0  # of the stages: they raise once or twice
    permanent: float = 0.0  # of the stages: they always raise
    late_s: float = 0.0
    last_word_s: float = 0.0


@dataclass(eq=False)
class Entry:
    """A job in the queue. whole: it was brought what it is to compute. hidden_until: till then it is forgotten."""

    task: Task
    work: Work
    whole: bool
    submitted: float
    process: Process | None = None
    since: float = 0.0
    restarts: int = 0
    not_before: float = 0.0
    hidden_until: float = 0.0


@dataclass
class Cluster:
    """machines × slots jobs at once. ghosts: jobs that came back after the controller had forgotten them."""

    runs: Runs
    troubles: Troubles
    rng: random.Random
    killer: Killer
    machines: int
    slots: int
    array_size: int
    max_jobs: int
    signal_s: float
    entries: dict[Task, Entry] = field(default_factory=dict)
    ended: dict[Task, tuple[str, float]] = field(default_factory=dict)
    submitted: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    parallelism: dict[str, int] = field(default_factory=dict)
    ghosts: set[Task] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._down: dict[int, float] = {}
        self._cut_off: list[tuple[float, Process]] = []
        self._recent: list[Entry] = []
        self._deaf_until = 0.0
        self._next_id = 1

    # the commands

    def submit(self, name: str, folder: Path, works: Sequence[Work], parameters: Mapping[str, Any]) -> str:
        self.killer.point()
        assert name not in self.parallelism, "a batch is submitted twice"
        assert len(works) <= self.array_size
        if self.now < self._deaf_until or self._share(self.troubles.requests_lost):
            self.events["requests lost"] += 1
            raise Unreachable("Socket timed out on send/recv operation")
        if self._share(self.troubles.not_now):
            raise NotNow("QOSMaxSubmitJobPerUserLimit")
        lost = self._share(self.troubles.replies_lost)
        whole = not lost or self._share(0.5)
        for index, work in enumerate(works):
            self.entries[name, index] = Entry((name, index), work, whole, self.now)
        self.submitted += Counter(key for work in works for key in work.keys)
        self.parallelism[name] = parameters["slurm_array_parallelism"]
        ours = len(self.entries.keys() - self.ghosts)
        assert ours <= self.max_jobs, f"{ours} jobs in the queue"
        if lost:
            self.events["replies lost"] += 1
            raise Unreachable("Socket timed out on send/recv operation")
        try:
            self.killer.point()  # after sbatch, and before the jobs are brought what they are to compute
        except BaseException:
            for index in range(len(works)):
                self.entries[name, index].whole = False
            raise
        self._next_id += 1
        return str(self._next_id)

    def handed_over(self, folder: Path, works: int) -> str | None:
        entries = [self.entries.get((folder.name, index)) for index in range(works)]
        return "1" if all(entry is None or entry.whole for entry in entries) else None

    def listing(self) -> Mapping[Task, Seen]:
        self.killer.point()
        self._answer()
        return {
            task: Seen("PENDING" if entry.process is None else "RUNNING")
            for task, entry in self.entries.items()
            if entry.hidden_until <= self.now
        }

    def endings(self, names: Collection[str]) -> Mapping[Task, str]:
        self.killer.point()
        if self.now < self._deaf_until:
            return {}
        words = {task: word for task, (word, seen) in self.ended.items() if task[0] in names and seen <= self.now}
        late = {task: "RUNNING" for task, (_, seen) in self.ended.items() if task[0] in names and seen > self.now}
        return {**late, **words}

    def cancel(self, tasks: Collection[Task]) -> None:
        self.killer.point()
        self._answer()
        for task in tasks:
            if task in self.entries:
                self._end(self.entries[task], "CANCELLED", kill=True)

    def _answer(self) -> None:
        if self.now < self._deaf_until:
            raise Unreachable("Unable to contact slurm controller (connect failure)")

    # what happens meanwhile

    @property
    def now(self) -> float:
        return self.runs.clock()

    def tick(self) -> None:
        """One tick: troubles, new starts, and TICK_S seconds of every job."""
        self._trouble()
        self._start()
        for entry in self._running():
            self._go_on(entry)
        for until, process in self._cut_off:
            if self.now >= until:
                process.kill()
            else:
                process.advance(TICK_S)
        self._cut_off = [(until, process) for until, process in self._cut_off if process.alive]

    def _go_on(self, entry: Entry) -> None:
        process, ran = entry.process, self.now - entry.since
        assert process is not None
        if not entry.whole:
            if ran >= 60.0:
                self._end(entry, "FAILED", kill=True)
            return
        limit = 60.0 * (entry.work.resources.time_min or 1)
        if process.advance(TICK_S):
            self._end(entry, "COMPLETED")
        elif ran + TICK_S >= limit:
            self.events["time-outs"] += 1
            self._end(entry, "TIMEOUT", kill=True)
        elif limit - self.signal_s <= ran < limit - self.signal_s + TICK_S and not self._share(self.troubles.deaf):
            self.events["left before the limit"] += 1
            self._requeue(entry, save=True)

    def _start(self) -> None:
        if self.now < self._deaf_until:
            return
        free = Counter({n: self.slots for n in range(self.machines) if self._down.get(n, 0.0) <= self.now})
        arrays: Counter[str] = Counter()
        for entry in self._running():
            assert entry.process is not None
            free[entry.process.node] -= 1
            arrays[entry.task[0]] += 1
        nodes = [node for node, slots in free.items() for _ in range(slots)]
        for entry in self.entries.values():
            name = entry.task[0]
            may = entry.not_before <= self.now and entry.hidden_until <= self.now
            if entry.process is None and may and nodes and arrays[name] < self.parallelism[name]:
                arrays[name] += 1
                entry.process = Process(self.runs, entry.task, entry.work.keys, nodes.pop())
                entry.since = self.now

    def _trouble(self) -> None:
        rates = self.troubles
        for entry in self._some(self._running(), rates.preempted):
            self.events["preempted"] += 1
            self._requeue(entry, save=True)
        for entry in self._some(self._running(), rates.shot):
            self.events["shot"] += 1
            self._requeue(entry, save=False)
        for entry in self._some(list(self.entries.values()), rates.cancelled):
            self.events["cancelled"] += 1
            self._end(entry, "CANCELLED", kill=True, forgotten=entry.process is None and self._share(0.5))
        for node in self._some(list(range(self.machines)), rates.node_failures):
            self._machine_fails(node)
        for _ in self._some([None], rates.outages):
            self.events["outages"] += 1
            self._deaf_until = self.now + self.rng.uniform(TICK_S, 60.0)
        for _ in self._some([None], rates.restarts):
            self._controller_restarts()

    def _machine_fails(self, node: int) -> None:
        """Its jobs are requeued, or not; its processes die, or go on for a while, which Slurm does not know."""
        self.events["machines failed"] += 1
        self._down[node] = self.now + self.rng.uniform(30.0, 300.0)
        cut_off = self._share(0.3)
        for entry in self._running():
            if entry.process is not None and entry.process.node == node:
                if cut_off:
                    entry.process.cut_off = True
                    self._cut_off.append((self.now + self.rng.uniform(TICK_S, 60.0), entry.process))
                else:
                    entry.process.kill()
                if self._share(self.troubles.no_requeue):
                    self._end(entry, "NODE_FAIL")
                else:
                    self._requeue(entry, gone=True)

    def _controller_restarts(self) -> None:
        """From an old state: new jobs never were, others are missed for a while, ended ones run again, ids repeat."""
        self.events["controller restarts"] += 1
        self._deaf_until = self.now + TICK_S
        self._next_id = max(1, self._next_id - 5)
        for entry in list(self.entries.values()):
            if entry.process is None and self.now - entry.submitted < 2 * TICK_S and self._share(0.5):
                del self.entries[entry.task]
            elif self._share(0.2):
                self.ghosts.add(entry.task)
                entry.hidden_until = self.now + self.rng.uniform(TICK_S, 150.0)
                if entry.process is not None and self._share(0.5):
                    self._requeue(entry)
        for entry in self._recent:
            if entry.task not in self.entries and self._share(0.5):
                self.events["run again"] += 1
                self.ghosts.add(entry.task)
                entry.process, entry.not_before = None, self.now + self.rng.uniform(0.0, 150.0)
                entry.hidden_until = entry.not_before
                self.entries[entry.task] = entry
        self._recent.clear()

    def _requeue(self, entry: Entry, save: bool = False, gone: bool = False) -> None:
        if entry.process is not None and not gone:
            entry.process.leave() if save else entry.process.kill()
        entry.process = None
        entry.restarts += 1
        entry.not_before = self.now + self.rng.uniform(TICK_S, 30.0)

    def _end(self, entry: Entry, word: str, kill: bool = False, forgotten: bool = False) -> None:
        """The job leaves the queue. forgotten: Slurm will not know which of its array it was."""
        if kill and entry.process is not None:
            entry.process.kill()
        del self.entries[entry.task]
        self._recent = [*self._recent[-20:], entry]
        if not self._share(self.troubles.wordless):
            place = REST if forgotten else entry.task[1]
            self.ended[entry.task[0], place] = word, self.now + self.rng.uniform(0.0, self.troubles.last_word_s)

    def _running(self) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.process is not None]

    def _some(self, among: list[Any], rate: float) -> list[Any]:
        number = int(rate * len(among)) + (self.rng.random() < rate * len(among) % 1.0)
        return self.rng.sample(among, min(number, len(among)))

    def _share(self, share: float) -> bool:
        return self.rng.random() < share
