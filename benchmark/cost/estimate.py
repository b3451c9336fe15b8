"""From records to the time that a stage will take, and how that is known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark.cost.history import History, Record, Workload
from benchmark.spec import Budget, Stage

Basis = Literal["exact", "rate", "kind", "unknown"]
"""exact: finished stages that differ in nothing but the seed. rate: the speed of ones with the same code, task, network
and parents (or of a probe of such a one), times the amount of work. kind: the speed of ones of the same kind elsewhere,
which may be far off. unknown: none of this device."""


@dataclass(frozen=True)
class Estimate:
    """Of one stage from its beginning. seconds: computing time. disk: bytes. Both None where unknown."""

    basis: Basis
    seconds: float | None = None
    disk: float | None = None


UNKNOWN = Estimate("unknown")


class Estimator:
    """Estimates from the records of a root, each workload's once."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._known: dict[tuple[str, str], Estimate] = {}
        self.forget()

    def forget(self) -> None:
        """Look at the records anew: some have come."""
        self._known.clear()
        self._records: dict[tuple[str, str], list[Record]] = {}
        for record in self.history.records():
            self._records.setdefault((record.workload.kind, record.device), []).append(record)

    def estimate(self, stage: Stage, device: str) -> Estimate:
        workload = self.history.workload(stage)
        place = (workload.id, device)
        if place not in self._known:
            self._known[place] = _estimate(workload, stage.budget, self._records.get((stage.kind, device), []))
        return self._known[place]


def _estimate(workload: Workload, budget: Budget | None, records: Sequence[Record]) -> Estimate:
    """From the records of its kind and device."""
    same = [record for record in records if record.workload.id == workload.id]
    if same:  # of run folders rather than of a probe
        return Estimate("exact", same[0].seconds, same[0].disk)
    relatives = [record for record in records if record.workload.family == workload.family]
    basis: Basis = "rate" if relatives else "kind"
    amount = workload.amount(budget)
    scaled = [(record, _factor(amount, record.workload.amount(budget))) for record in relatives or records]
    nearest = _nearest(workload, budget, [(record, factor) for record, factor in scaled if factor is not None])
    if not nearest:
        return UNKNOWN
    runs = sum(record.runs for record, _ in nearest)
    seconds = sum(record.runs * _grown(record.seconds, record.fixed_s, factor) for record, factor in nearest) / runs
    disk = sum(record.runs * _grown(record.disk, record.fixed_disk, factor) for record, factor in nearest) / runs
    return Estimate(basis, seconds, disk if basis == "rate" else None)


def _factor(amount: float | None, recorded: float | None) -> float | None:
    """How many times the recorded work; None where only one of the two is known."""
    if amount is None or recorded is None:
        return 1.0 if amount is recorded else None
    return amount / recorded


def _grown(value: float, fixed: float, factor: float) -> float:
    return fixed + (value - fixed) * factor


def _nearest(
    workload: Workload, budget: Budget | None, records: Iterable[tuple[Record, float]]
) -> list[tuple[Record, float]]:
    """Those that differ in the fewest settings, and of them those whose amount of work is nearest."""

    def distance(entry: tuple[Record, float]) -> tuple[int, float]:
        record, factor = entry
        return workload.differing(record.workload, budget), round(abs(math.log(factor)), 6)

    ranked = sorted(((distance(entry), entry) for entry in records), key=lambda pair: pair[0])
    return [entry for found, entry in ranked if found == ranked[0][0]]
