"""What the driver and the places that run jobs say to each other: Work, Job, Ending, and the Launcher between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from benchmark.spec import Resources

# over: it ended by itself. timeout, memory: it was ended at a limit. cancelled: by a person. node: its machine died.
# lost: gone without a word. never: it was never begun.
Why = Literal["over", "timeout", "memory", "cancelled", "node", "lost", "never"]


# How a job ended that left neither a result nor a failure, for a person.
WORDS: dict[Why, str] = {
    "over": "its process was killed, or ended by itself (out of memory?)",
    "timeout": "its time limit came before a checkpoint",
    "memory": "it ran out of memory",
    "cancelled": "it was cancelled",
    "node": "its machine failed",
    "lost": "it left the queue without a word",
    "never": "it could not be begun",
}


@dataclass(frozen=True)
class Work:
    """Stages that one job computes in turn, parents first, and what it is given for that."""

    keys: tuple[str, ...]
    resources: Resources


@dataclass(frozen=True)
class Ending:
    """How a job ended, as far as its launcher can tell, and the last lines that its process printed."""

    why: Why
    words: str = ""


@dataclass(frozen=True, eq=False)
class Job:
    """A job that has been submitted. name: how its launcher and its log files call it."""

    work: Work
    name: str


class Launcher(Protocol):
    """Where jobs run. It knows nothing of what they are for; whether a stage is done only the store can tell.

    outlives: whether its jobs go on when the driver is gone. poll_s: seconds between two looks at them. grace_s:
    seconds that they have to save when they are asked to stop. trouble: why nothing can be known or submitted at
    present, for a person, or None. unclear: how many jobs of earlier drivers are gone, of which nothing can be said
    yet.
    """

    outlives: bool
    poll_s: float
    grace_s: float
    trouble: str | None
    unclear: int

    def open(self) -> None:
        """Be the driver's, and no other's of this grid; called before anything is written.

        Raises BadInput when another driver feeds this grid.
        """

    def adopt(self) -> Sequence[Job]:
        """The jobs of earlier drivers that may still be in progress; called once, and opens what is not open yet."""

    def room(self) -> int:
        """How many more jobs it would take now."""

    def submit(self, works: Sequence[Work]) -> Sequence[Job]:
        """Start a job for each work; those that cannot be started now are left out, and are offered again later.

        Raises BadInput when a job will never be accepted as it is configured.
        """

    def ended(self, jobs: Sequence[Job]) -> Mapping[Job, Ending]:
        """Those of the jobs that are over; none while nothing can be known."""

    def ask_to_stop(self) -> None:
        """Ask every job to save a checkpoint and end; nothing where jobs outlive their driver."""

    def kill(self, job: Job) -> None:
        """End a job that does not listen. Its stage can be continued from its newest checkpoint."""

    def close(self) -> None:
        """The driver leaves. What it alone needed is removed."""
