"""Why jobs wait in Slurm's queue: for their turn, for something a person may have to see to, or for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from benchmark.plurals import plural
from benchmark.slurm.queue import Seen

_FOR_THEIR_TURN = {"", "BeginTime", "Cleaning", "Dependency", "JobArrayTaskLimit", "None", "Priority", "Resources"}
# On many clusters sbatch accepts jobs that ask for more than there will ever be.
_FOR_EVER = {
    "AccountNotAllowed",
    "BadConstraints",
    "DependencyNeverSatisfied",
    "InvalidAccount",
    "InvalidQOS",
    "MaxMemPerLimit",
    "PartitionConfig",
    "PartitionNodeLimit",
    "PartitionTimeLimit",
    "QOSNotAllowed",
}


def for_ever(job: Seen) -> bool:
    """Whether the job will never start as it is."""
    return job.state == "PENDING" and job.reason in _FOR_EVER


def unusual(jobs: Iterable[Seen]) -> str | None:
    """Reasons that are not for want of a turn, with how many jobs each holds up, most first."""
    reasons = Counter(job.reason for job in jobs if job.state == "PENDING" and job.reason not in _FOR_THEIR_TURN)
    told = (f"{plural(number, 'job waits', 'jobs wait')}: {reason}" for reason, number in reasons.most_common())
    return "; ".join(told) or None
