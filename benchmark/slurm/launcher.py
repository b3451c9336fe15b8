"""Jobs of a Slurm cluster. Slurm decides where and when, the store what is true; the ledger says what was asked for.

A job is in progress while its batch's name is in the queue, whatever its id; absent and without a word from its stage,
it is over when the accounting says so, or after a while of this driver's own clock, and never while its claim is held.
Any driver can be killed at any time: a batch is written into the ledger before Slurm hears of it, and the next driver
finds its jobs by name.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmark import lease
from benchmark.errors import BadInput
from benchmark.executors import SlurmConfig
from benchmark.files import unwritable
from benchmark.jobs import Ending, Job, Work
from benchmark.slurm import sbatch, waiting
from benchmark.slurm.batches import Batch, Ledger
from benchmark.slurm.flights import Flight, attempt
from benchmark.slurm.queue import REST, NotNow, Queue, Refused, Seen, Task, Unreachable
from benchmark.slurm.submitit_queue import SubmititQueue
from benchmark.spec import Resources
from benchmark.stint import Stint
from benchmark.store import RunStore

WAIT_S = 30.0  # before sbatch is tried again after it took no more jobs


class SlurmLauncher:
    """The jobs of one grid. trouble: why nothing is known or submitted at present, in Slurm's words, or None.

    clock: seconds that pass.
    """

    outlives = True
    grace_s = 0.0

    def __init__(
        self,
        store: RunStore,
        config: SlurmConfig,
        grid: str,
        queue: Queue | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        sbatch.check(config)
        self.poll_s = config.poll_s
        self.trouble: str | None = None
        self.unclear = 0
        self._store, self._config, self._grid, self._clock = store, config, grid, clock
        self._queue = queue or SubmititQueue(lambda work: Stint(work.keys, store.root, work.resources))
        self._ledger = Ledger(store.launches() / "slurm")
        self._lease: lease.Claim | None = None
        self._listing: Mapping[Task, Seen] | None = None
        self._flights: dict[Job, Flight] = {}
        self._reported: list[Job] = []
        self._unconfirmed: dict[str, Batch] = {}
        self._others: dict[str, Batch] = {}
        self._too_large: set[Resources] = set()
        self._not_before = self._clock()

    # what the driver calls

    def open(self) -> None:
        folder = self._store.grid_folder(self._grid) / "driver"
        self._lease = lease.Claim.acquire(folder)
        if self._lease is None:
            who = lease.words(lease.holder(folder) or {"host": "another machine", "pid": "?"})
            raise BadInput(f"grid {self._grid} is being run by {who}; `run_all.py status` shows it, or stop that first")

    def adopt(self) -> Sequence[Job]:
        if self._lease is None:
            self.open()
        self._ledger.remove_rubbish(self._grid)
        for batch in self._ledger.of_grid(self._grid):
            if batch.job is None:
                self._unconfirmed[batch.name] = batch
            for index in batch.open():
                self._fly(Flight(batch.works[index], batch, index, adopted=True))
        self._look()
        return list(self._flights)

    def room(self) -> int:
        if self._listing is None or self._clock() < self._not_before:
            return 0
        return max(0, self._config.max_jobs - sum(flight.mine for flight in self._flights.values()))

    def submit(self, works: Sequence[Work]) -> Sequence[Job]:
        jobs: list[Job] = []
        own: list[Work] = []
        elsewhere = self._in_other_grids()
        for work in works:
            theirs = next((elsewhere[key] for key in work.keys if key in elsewhere), None)
            if theirs is None:
                own.append(work)
            else:
                jobs.append(self._fly(Flight(work, *theirs, mine=False)))
        try:
            for resources, some in self._arrays(own):
                jobs += self._submit_array(resources, some)
        except NotNow as error:
            self._not_before = self._clock() + WAIT_S
            self.trouble = str(error)
        return jobs

    def ended(self, jobs: Sequence[Job]) -> Mapping[Job, Ending]:
        self._beat()
        self._settle()
        self._look()
        if self._listing is None:
            return {}
        self._confirm(self._listing)
        self._give_up_the_hopeless(self._listing)
        now = self._clock()
        gone = {job: self._flights[job] for job in jobs if self._flights[job].is_gone(self._listing, now)}
        endings = {job: flight.own_word(self._store) for job, flight in gone.items()}
        unclear = {job: flight for job, flight in gone.items() if endings[job] is None}
        last = self._queue.endings({flight.batch.name for flight in unclear.values()}) if unclear else {}
        for job, flight in unclear.items():
            word = last.get(flight.task) or last.get((flight.batch.name, REST), "")
            endings[job] = flight.ending(self._store, self._ledger, word, now, self._config.lost_after_s)
        ended = {job: ending for job, ending in endings.items() if ending is not None}
        self.unclear = len(endings) - len(ended)
        self._reported += ended
        return ended

    def ask_to_stop(self) -> None:
        """Nothing: the jobs go on, and the next driver finds them."""

    def kill(self, job: Job) -> None:
        with contextlib.suppress(Unreachable):
            self._queue.cancel([self._flights[job].task])

    def close(self) -> None:
        """The ledger is left alone by a driver whose lease was lost: it is the next one's."""
        if self._lease is not None:
            if self._lease.beat():
                self._settle()
            self._lease.release()
            self._lease = None

    def _beat(self) -> None:
        """Raises BadInput when another driver feeds this grid."""
        if self._lease is not None and not self._lease.beat():
            raise BadInput(f"another driver has taken over grid {self._grid}; this one leaves, and its jobs go on")

    # submitting

    def _arrays(self, works: Sequence[Work]) -> Iterator[tuple[Resources, Sequence[Work]]]:
        """Works that are given the same, in portions that fit an array."""
        alike: dict[Resources, list[Work]] = {}
        for work in works:
            alike.setdefault(self._given(work), []).append(work)
        for resources, some in alike.items():
            for start in range(0, len(some), self._config.array_size):
                yield resources, some[start : start + self._config.array_size]

    def _given(self, work: Work) -> Resources:
        """What a job is given: as configured, or more where its stages have hit a limit and the cluster has more."""
        larger = work.resources
        for key in work.keys:
            larger = sbatch.grown(self._config, larger, self._store.interruptions(key))
        return work.resources if larger in self._too_large else larger

    def _submit_array(self, resources: Resources, works: Sequence[Work]) -> list[Job]:
        self._beat()  # sbatch may take long over each
        attempts = [[attempt(self._store, key) for key in work.keys] for work in works]
        batch = self._ledger.new(self._grid, [Work(work.keys, resources) for work in works], attempts)
        self._ledger.write(batch)
        files = self._ledger.files(batch.name)
        try:
            batch.job = self._queue.submit(batch.name, files, batch.works, sbatch.parameters(self._config, resources))
        except NotNow:
            self._ledger.remove(batch.name)
            raise
        except Refused as error:
            self._ledger.remove(batch.name)
            if any(work.resources != resources for work in works):
                self._too_large.add(resources)
                return []
            raise BadInput(sbatch.refusal(self._config, resources, str(error))) from error
        except Unreachable as error:
            self._unconfirmed[batch.name] = batch
            self.trouble = str(error)
        except OSError as error:
            raise unwritable(files, error) from error
        else:
            self._ledger.write(batch)
        return [self._fly(Flight(work, batch, index)) for index, work in enumerate(works)]

    def _fly(self, flight: Flight) -> Job:
        job = Job(flight.work, f"{flight.batch.name}_{flight.index}")
        self._flights[job] = flight
        return job

    def _in_other_grids(self) -> dict[str, tuple[Batch, int]]:
        """Stages that jobs of other grids are on their way to compute: key -> batch and place in it."""
        names = set(self._ledger.names()) - {flight.batch.name for flight in self._flights.values() if flight.mine}
        new = names - self._others.keys()
        for name in new:
            batch = self._ledger.read(name)
            if batch is not None and batch.grid != self._grid:
                self._others[name] = batch
        for name in self._others.keys() - names:
            del self._others[name]
        if new:
            self._look()
        listed = [(self._others[name], index) for name, index in self._listing or () if name in self._others]
        return {key: (batch, index) for batch, index in listed for key in batch.works[index].keys}

    # looking

    def _look(self) -> None:
        try:
            self._listing = self._queue.listing()
        except Unreachable as error:
            self._listing = None
            self.trouble = str(error)
        else:
            if self._clock() >= self._not_before:
                tasks = (flight.task for flight in self._flights.values())
                self.trouble = waiting.unusual(self._listing[task] for task in tasks if task in self._listing)

    # tidying

    def _confirm(self, listing: Mapping[Task, Seen]) -> None:
        """Batches that were being submitted when an earlier driver died, or when sbatch gave no answer."""
        for batch in list(self._unconfirmed.values()):
            tasks = [(batch.name, index) for index in range(len(batch.works)) if (batch.name, index) in listing]
            if tasks:
                batch.job = self._queue.handed_over(self._ledger.files(batch.name), len(batch.works))
                if batch.job is None:  # its jobs would wait for what to compute, which nobody brings them
                    with contextlib.suppress(Unreachable):
                        self._queue.cancel(tasks)
                else:
                    self._ledger.write(batch)
                    del self._unconfirmed[batch.name]

    def _give_up_the_hopeless(self, listing: Mapping[Task, Seen]) -> None:
        """Cancel jobs that would wait for ever. Raises BadInput where they ask for no more than is configured."""
        listed = [flight for flight in self._flights.values() if flight.mine and flight.task in listing]
        hopeless = [flight for flight in listed if waiting.for_ever(listing[flight.task])]
        if not hopeless:
            return
        with contextlib.suppress(Unreachable):
            self._queue.cancel([flight.task for flight in hopeless])
        for flight in hopeless:
            if flight.work.resources != flight.batch.resources:
                self._too_large.add(flight.batch.resources)
            elif not flight.adopted:
                words = f"they would wait for ever ({listing[flight.task].reason})"
                raise BadInput(sbatch.refusal(self._config, flight.batch.resources, words))

    def _settle(self) -> None:
        """What was reported at the last look has been dealt with by now."""
        touched: dict[str, Batch] = {}
        for job in self._reported:
            flight = self._flights.pop(job)
            if flight.mine:
                flight.batch.settled.add(flight.index)
                touched[flight.batch.name] = flight.batch
        self._reported.clear()
        for name, batch in touched.items():
            if batch.open():
                self._ledger.write(batch)
            else:
                self._ledger.remove(name)
                self._unconfirmed.pop(name, None)
