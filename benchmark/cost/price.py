"""What a plan will cost: computing time, time on the clock, disk, told from what finished stages of the root took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from benchmark.cost.estimate import Basis, Estimate, Estimator
from benchmark.cost.history import History
from benchmark.cost.schedule import chains, elapsed
from benchmark.executors import ExecutorConfig
from benchmark.spec import IMPORTED, Plan, Resources
from benchmark.store import RunStore

BASES: tuple[Basis, ...] = ("exact", "rate", "kind", "unknown")


@dataclass(frozen=True, slots=True)
class StagePrice:
    """Of one unfinished stage. estimate: from its beginning. left: the share of it that is still to compute."""

    estimate: Estimate
    resources: Resources
    left: float = 1.0

    @property
    def seconds(self) -> float | None:
        """What is left of its computing time; None where unknown."""
        return None if self.estimate.seconds is None else self.estimate.seconds * self.left


@dataclass(frozen=True)
class Price:
    """Of all unfinished stages of a plan, by key, parents before children. What is unknown counts as nothing.

    done: how many stages are finished. slots: how many are computed at once.
    """

    plan: Plan
    stages: Mapping[str, StagePrice]
    slots: int

    @property
    def done(self) -> int:
        return len(self.plan.stages) - len(self.stages)

    @cached_property
    def expected(self) -> dict[str, float]:
        """Key -> seconds left, of those that are known."""
        return {key: price.seconds for key, price in self.stages.items() if price.seconds is not None}

    @property
    def unknown(self) -> list[str]:
        """The stages without a price."""
        return [key for key, price in self.stages.items() if price.estimate.basis == "unknown"]

    @property
    def unmeasured(self) -> list[str]:
        """The stages of which nothing alike has been computed: those without a price, and those with a rough one."""
        return [key for key, price in self.stages.items() if price.estimate.basis in ("kind", "unknown")]

    @cached_property
    def uses_gpus(self) -> bool:
        return any(price.resources.gpus for price in self.stages.values())

    @property
    def unit(self) -> str:
        """What a budget is counted in: hours of this."""
        return "GPU time" if self.uses_gpus else "core time"

    def hours(self, key: str) -> float:
        """Hours that are left of a stage, of what a budget is counted in; 0 where it is done or unknown."""
        if key not in self.expected:
            return 0.0
        resources = self.stages[key].resources
        return self.expected[key] * (resources.gpus if self.uses_gpus else resources.cpus) / 3600

    @property
    def core_hours(self) -> float:
        """Of computing: seconds of every stage × the cores that it is given."""
        return sum(self.stages[key].resources.cpus * seconds for key, seconds in self.expected.items()) / 3600

    @property
    def gpu_hours(self) -> float:
        return sum(self.stages[key].resources.gpus * seconds for key, seconds in self.expected.items()) / 3600

    @cached_property
    def wall_s(self) -> float:
        """Seconds on the clock, the slots being free for this plan alone and new stages starting at once."""
        return elapsed(self._seconds, self._parents, self.slots)

    @cached_property
    def longest_s(self) -> float:
        """Seconds that no number of slots can shorten: the longest chain of stages."""
        return max(chains(self._seconds, self._parents).values(), default=0.0)

    @property
    def disk(self) -> float:
        """Bytes that the run folders will add, of stages whose like has been computed."""
        return sum(price.estimate.disk or 0.0 for price in self.stages.values())

    @property
    def without_disk(self) -> int:
        """How many stages' disk is unknown."""
        return sum(price.estimate.disk is None for price in self.stages.values())

    @cached_property
    def bases(self) -> dict[Basis, tuple[int, float]]:
        """How many stages have their price from what, and the seconds of these together."""
        found: dict[Basis, tuple[int, float]] = {}
        for basis in BASES:
            own = [price.seconds or 0.0 for price in self.stages.values() if price.estimate.basis == basis]
            found[basis] = (len(own), sum(own))
        return found

    @cached_property
    def power(self) -> dict[str, Any] | None:
        """What the plan's seeds can show of two methods; None where it has no environment with two.

        seeds: of the pair that has fewest. effect: the smallest difference, in standard deviations of a seed, that
        Welch's test finds (two-sided alpha .05, power .8). rank_p: the smallest p of an exact rank test. Both None for
        one seed.
        """
        seeds = Counter((cell.environment, cell.method) for cell in self.plan.cells if cell.unavailable is None)
        methods = Counter(environment for environment, _ in seeds)
        compared = [n for (environment, _), n in seeds.items() if methods[environment] > 1]
        if not compared:
            return None
        n = min(compared)
        if n == 1:
            return {"seeds": 1, "effect": None, "rank_p": None}
        from reports.power import smallest_effect, smallest_p  # loads scipy, which only this needs

        return {"seeds": n, "effect": smallest_effect(n), "rank_p": smallest_p(n)}

    @cached_property
    def _seconds(self) -> dict[str, float]:
        return {key: price.seconds or 0.0 for key, price in self.stages.items()}

    @cached_property
    def _parents(self) -> dict[str, Collection[str]]:
        return {key: self.plan.stages[key].parents.values() for key in self.stages}

    def to_json(self) -> dict[str, Any]:
        """Sums, then every stage; unknown values are null."""
        return {
            "gpu_hours": self.gpu_hours,
            "core_hours": self.core_hours,
            "wall_s": self.wall_s,
            "longest_s": self.longest_s,
            "slots": self.slots,
            "disk_bytes": round(self.disk),
            "stages_without_disk": self.without_disk,
            "power": self.power,
            "basis": {basis: {"stages": n, "seconds": seconds} for basis, (n, seconds) in self.bases.items()},
            "stages": {
                key: {
                    "basis": price.estimate.basis,
                    "seconds": price.seconds,
                    "of": price.estimate.seconds,
                    "device": price.resources.device,
                }
                for key, price in self.stages.items()
            },
        }


def price(plan: Plan, store: RunStore, config: ExecutorConfig, estimator: Estimator | None = None) -> Price:
    """The price of a plan's unfinished stages, failed and blocked ones included, on the devices they would be given.

    What has begun counts with its rest. estimator: one that has read the history of the store already.
    """
    estimator = estimator or Estimator(History(store))
    done, begun = estimator.history.done, estimator.history.begun
    stages: dict[str, StagePrice] = {}
    for key, stage in plan.stages.items():
        if key not in done and stage.kind != IMPORTED:  # which nothing computes
            resources = config.resources_of(plan, key)
            left = _left(store.status(key)) if key in begun else 1.0
            stages[key] = StagePrice(estimator.estimate(stage, resources.device), resources, left)
    return Price(plan, stages, config.slots)


def _left(status: Mapping[str, Any]) -> float:
    """The share of a stage that is still to compute, by its own count of progress."""
    return 1.0 - min(1.0, status["done"] / status["total"]) if status.get("total") else 1.0
