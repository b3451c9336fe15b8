"""A job on its way through a scheduler's queue, and what became of it when the queue does not know it any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.jobs import Ending, Why, Work
from benchmark.slurm.batches import Batch, Ledger
from benchmark.slurm.queue import Seen, Task
from benchmark.store import RunStore

# A job that ended in good order: so long the other's word is waited for, where only the stage or only Slurm has one.
SETTLE_S = 15.0

# Slurm's last words on jobs.
_WHY: Mapping[str, Why] = {
    "BOOT_FAIL": "node",
    "CANCELLED": "cancelled",
    "COMPLETED": "over",
    "DEADLINE": "timeout",
    "FAILED": "over",
    "NODE_FAIL": "node",
    "OUT_OF_MEMORY": "memory",
    "PREEMPTED": "node",
    "TIMEOUT": "timeout",
}


@dataclass
class Flight:
    """work: what its driver asked for; its stages are computed by one job of a batch, `batch.works[index]`.

    mine: the batch is of the driver's own grid; else the job is only waited for. adopted: the batch is from an earlier
    driver, which may have asked for other resources. absent_since: when it was first missed in the queue.
    """

    work: Work
    batch: Batch
    index: int
    mine: bool = True
    adopted: bool = False
    absent_since: float | None = None

    @property
    def task(self) -> Task:
        return self.batch.name, self.index

    def is_gone(self, listing: Mapping[Task, Seen], now: float) -> bool:
        """Whether the queue does not know it; keeps since when."""
        if self.task in listing:
            self.absent_since = None
        elif self.absent_since is None:
            self.absent_since = now
        return self.absent_since is not None

    def own_word(self, store: RunStore) -> Ending | None:
        """That it is over, where its stages say so: all are done, or one failed in an attempt of this job."""
        key = self._unfinished(store)
        if key is None or (store.status(key).get("state") == "failed" and self._has_begun(store, key)):
            return Ending("over")
        return None

    def ending(self, store: RunStore, ledger: Ledger, last: str, now: float, lost_after_s: float) -> Ending | None:
        """How a job without a word of its own has ended; None while that cannot be said.

        last: Slurm's last word on it (see `Queue.endings`), or empty. lost_after_s: seconds of absence after which it
        needs none.
        """
        key = self._unfinished(store)
        if key is None or store.held(key):  # whoever computes it: as long as that lives, nothing is over
            return None
        if not self.mine:
            return Ending("never")
        begun = self._has_begun(store, key)
        why = _WHY.get(last.partition(" ")[0])
        if why == "over" and self._absent_s(now) < min(SETTLE_S, lost_after_s):
            return None  # its stage has a word on that, which a network file system may show later than Slurm has its
        if why is None:
            stopped = begun and store.status(key).get("state") == "stopped"
            if self._absent_s(now) < (min(SETTLE_S, lost_after_s) if stopped else lost_after_s):
                return None
            why = "over" if stopped else "lost"
        if not begun and (self.batch.job is None or why in ("over", "lost")):
            why = "never"
        words = (ledger.words(self.batch, self.index), last and f"Slurm's last word: {last}")
        return Ending(why, "\n".join(filter(None, words)))

    def _absent_s(self, now: float) -> float:
        return 0.0 if self.absent_since is None else now - self.absent_since

    def _unfinished(self, store: RunStore) -> str | None:
        return next((key for key in self.work.keys if not store.is_done(key)), None)

    def _has_begun(self, store: RunStore, key: str) -> bool:
        """Whether this job has come as far as this stage."""
        keys = self.batch.works[self.index].keys
        if key not in keys:
            return False
        place = keys.index(key)
        return place > 0 or attempt(store, key) > self.batch.attempts[self.index][place]


def attempt(store: RunStore, key: str) -> int:
    """How often the stage has been begun."""
    return int(store.status(key).get("attempt", 0))
