"""What a grid's stages were expected to take, written before each began and kept, so that the report can compare."""

from __future__ import annotations

import contextlib

from benchmark.cost.estimate import Estimate, Estimator
from benchmark.cost.history import History
from benchmark.cost.price import Price, price
from benchmark.executors import ExecutorConfig
from benchmark.spec import Plan
from benchmark.store import RunStore


class Forecast:
    """Foretells the stages of a run: at launch those that have a price, the others as soon as one like them is done.

    Alike is no rough guess: a stage that had no price at launch gets one from its own kind of task and network, or
    none. One that has begun is not foretold any more, and what was foretold once is never changed.
    """

    def __init__(self, plan: Plan, store: RunStore, config: ExecutorConfig) -> None:
        self.plan, self.store = plan, store
        self._estimator = Estimator(History(store))
        self.price: Price = price(plan, store, config, self._estimator)
        self._told = store.forecast(plan.grid)
        self._open = {key: one.resources.device for key, one in self.price.stages.items() if key not in self._told}

    def at_launch(self) -> None:
        self._tell({key: self.price.stages[key].estimate for key in self._open})

    def heard(self, word: str, about: str) -> None:
        """Listens to the driver: what has just finished may price others."""
        if word != "done":
            return
        self._open.pop(about, None)
        kind = self.plan.stages[about].kind
        waiting = {key: device for key, device in self._open.items() if self.plan.stages[key].kind == kind}
        if waiting:
            with contextlib.suppress(OSError):  # a full disk stops no run for a prediction's sake
                self._estimator.history.learn(about)
                self._estimator.forget()
                found = {key: self._estimator.estimate(self.plan.stages[key], waiting[key]) for key in waiting}
                self._tell({key: one for key, one in found.items() if one.basis != "kind"})

    def _tell(self, estimates: dict[str, Estimate]) -> None:
        known = {key: found for key, found in estimates.items() if found.seconds is not None}
        told = {
            key: {"seconds": found.seconds, "basis": found.basis}
            for key, found in known.items()
            if not self.store.status(key)
        }
        for key in known:
            del self._open[key]
        if told:
            self._told |= told
            self.store.write_forecast(self.plan.grid, self._told)
