"""What the launcher asks of a scheduler: hand over a batch of jobs, look at the queue, look back, cancel."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmark.jobs import Work

# One job: the name of its batch, which no other batch ever has, and its place in that batch. Job ids are no identity:
# a controller that crashed hands them out a second time.
Task = tuple[str, int]

# In place of a place: all jobs of a batch that are not named otherwise. Slurm forgets which of an array's jobs they
# were that were cancelled while they waited.
REST = -1


class Unreachable(Exception):
    """The scheduler did not answer. Nothing is known: a batch that was being submitted may be in the queue or not."""


class NotNow(Exception):
    """The scheduler takes no such batch at present (a limit on jobs, its controller is away); it has taken nothing."""


class Refused(Exception):
    """The scheduler will never take this batch as it is; the message is the scheduler's own line."""


@dataclass(frozen=True)
class Seen:
    """A job in the queue. state: Slurm's long word, e.g. PENDING, RUNNING. reason: why it waits, in Slurm's words."""

    state: str
    reason: str = ""


class Queue(Protocol):
    """A scheduler's commands. The real ones: benchmark/slurm/submitit_queue.py; tests bring a simulated cluster."""

    def submit(self, name: str, folder: Path, works: Sequence[Work], parameters: Mapping[str, Any]) -> str:
        """Hand over a batch: one job per work, in this order; returns the id, which is for people.

        folder: for the batch's files. parameters: of submitit's executor. Raises Refused, NotNow or Unreachable.
        """

    def handed_over(self, folder: Path, works: int) -> str | None:
        """The id of a batch of so many works if each job has what it is to compute; None where that was cut short."""

    def listing(self) -> Mapping[Task, Seen]:
        """The jobs of this user that are in the queue: waiting, running, or about to leave. Raises Unreachable."""

    def endings(self, names: Collection[str]) -> Mapping[Task, str]:
        """Slurm's last word on jobs of these batches; late, incomplete or {} where nobody keeps it.

        That is the state, and where it is known the cause: TIMEOUT, or FAILED (exit code 3). A batch's REST may be
        among them.
        """

    def cancel(self, tasks: Collection[Task]) -> None:
        """Take jobs out of the queue, wherever they are. Raises Unreachable."""
