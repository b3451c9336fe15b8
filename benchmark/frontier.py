"""Which stages of a plan can be started now: kept up to date stage by stage, so that a pass costs what has changed."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from benchmark.spec import Plan


class Frontier:
    """The stages of a plan that are not done, between those that wait for a parent and those in progress.

    urgency: key -> how much hangs on it; the largest is offered first, equal ones in the plan's order. Times are
    seconds of the caller's clock.
    """

    def __init__(self, plan: Plan, done: Iterable[str], given_up: Iterable[str], urgency: Mapping[str, float]) -> None:
        self._plan, self._urgency = plan, urgency
        self._order = {key: index for index, key in enumerate(plan.stages)}
        self._done = set(done)
        # Stages that can still become done without anybody's help.
        self.open: set[str] = set(plan.stages) - self._done
        self._missing = {
            key: sum(parent not in self._done for parent in set(plan.stages[key].parents.values())) for key in self.open
        }
        self._taken: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._ready: list[tuple[float, int, str]] = []
        self._later: list[tuple[float, int, str]] = []
        for key in given_up:
            self.give_up(key)
        for key in self.open:
            self._offer(key)

    def take(self, now: float) -> str | None:
        """The most urgent stage that can be started, which then counts as in progress; None where there is none."""
        while self._later and self._later[0][0] <= now:
            self._offer(heapq.heappop(self._later)[2])
        while self._ready:
            key = heapq.heappop(self._ready)[2]
            if self._is_free(key) and self._not_before.get(key, 0.0) <= now:
                self._taken.add(key)
                return key
        return None

    def chain(self, key: str) -> tuple[str, ...]:
        """A stage in progress and, taken with it, the stages that only it leads to, one after the other.

        One job computes them, which saves the start of a process for each.
        """
        keys = [key]
        while True:
            children = self._plan.children[keys[-1]]
            if len(children) != 1 or children[0] not in self.open or children[0] in self._taken:
                return tuple(keys)
            parents = set(self._plan.stages[children[0]].parents.values()) - {keys[-1]}
            if not parents <= self._done:
                return tuple(keys)
            keys.append(children[0])
            self._taken.add(children[0])

    def hold(self, key: str) -> None:
        """The stage is in progress, by a job that was not taken from here."""
        self._taken.add(key)

    def release(self, key: str, not_before: float = 0.0) -> None:
        """The stage is in progress no more; it can be taken again, from a time on."""
        self._taken.discard(key)
        self._not_before[key] = not_before
        if not_before > 0.0:
            heapq.heappush(self._later, (not_before, self._order[key], key))
        else:
            self._offer(key)

    def done(self, key: str) -> None:
        """The stage is done: its children wait for one parent less."""
        if key in self._done:
            return
        self._done.add(key)
        self.open.discard(key)
        self._taken.discard(key)
        for child in self._plan.children[key]:
            if child in self._missing:
                self._missing[child] -= 1
                self._offer(child)

    def give_up(self, key: str) -> None:
        """The stage will not become done, nor will any that needs it."""
        waiting = [key]
        while waiting:
            key = waiting.pop()
            self._taken.discard(key)
            if key in self.open:
                self.open.discard(key)
                waiting += self._plan.children[key]

    def _offer(self, key: str) -> None:
        if self._is_free(key):
            heapq.heappush(self._ready, (-self._urgency[key], self._order[key], key))

    def _is_free(self, key: str) -> bool:
        return key in self.open and key not in self._taken and self._missing[key] == 0
