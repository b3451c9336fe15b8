"""The stages whose jobs were given to Slurm, and what its queue says of those jobs now."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn

from benchmark import lease
from benchmark.jobs import Work
from benchmark.slurm.batches import Batch, Ledger
from benchmark.slurm.queue import Seen, Task, Unreachable
from benchmark.slurm.submitit_queue import SubmititQueue
from benchmark.spec import Plan
from benchmark.store import RunStore

_ORDER = ("gone", "submitted", "queued")  # of several jobs with one stage, the last of these counts


@dataclass(frozen=True)
class Submitted:
    """job: the name of its batch. state: in the queue; no longer there; or handed over, and nobody here can tell."""

    job: str
    state: Literal["queued", "gone", "submitted"]

    def words(self) -> str:
        if self.state == "gone":
            return f"submitted in job {self.job}, no longer in the queue; its driver or the next run sees to it"
        return f"in Slurm's queue, in job {self.job}" if self.state == "queued" else f"submitted in job {self.job}"


def submitted(plan: Plan, store: RunStore) -> dict[str, Submitted]:
    """Key -> job, for the stages of a plan that the ledger holds jobs of, of whatever grid.

    The queue is looked at once, and only where there are such jobs. Look at the store afterwards: then a stage whose
    job is gone has already said how it ended.
    """
    ledger = Ledger(store.launches() / "slurm")
    batches = filter(None, map(ledger.read, ledger.names()))
    jobs = [(batch, index) for batch in batches for index in batch.open()]
    own = [(key, batch, index) for batch, index in jobs for key in batch.works[index].keys if key in plan.stages]
    listing = _listing() if own else None
    found: dict[str, Submitted] = {}
    for key, batch, index in own:
        job = Submitted(batch.name, _state(store, batch, index, listing))
        if key not in found or _ORDER.index(job.state) > _ORDER.index(found[key].state):
            found[key] = job
    return found


def _state(
    store: RunStore, batch: Batch, index: int, listing: Mapping[Task, Seen] | None
) -> Literal["queued", "gone", "submitted"]:
    if listing is None:
        return "submitted"
    if (batch.name, index) in listing:
        return "queued"
    on_its_way = batch.job is None and lease.seems_held(store.grid_folder(batch.grid) / "driver")
    return "submitted" if on_its_way else "gone"


def _listing() -> Mapping[Task, Seen] | None:
    """The queue; None where there is no Slurm here, or it does not answer."""
    if shutil.which("squeue") is None:
        return None
    with contextlib.suppress(Unreachable):
        return SubmititQueue(_never).listing()
    return None


def _never(work: Work) -> NoReturn:
    raise AssertionError(f"who only looks submits nothing: {work}")
