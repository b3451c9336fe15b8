"""How long a set of dependent stages takes with so many at once: list scheduling, longest chain first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

Parents = Mapping[str, Iterable[str]]


def chains(seconds: Mapping[str, float], parents: Parents) -> dict[str, float]:
    """Key -> seconds from the start of a stage to the end of the longest chain that begins with it.

    seconds: of every stage, parents before children; parents: of every stage; those without seconds are done.
    """
    below: dict[str, float] = dict.fromkeys(seconds, 0.0)
    costs: dict[str, float] = {}
    for key in reversed(list(seconds)):
        costs[key] = seconds[key] + below[key]
        for parent in parents[key]:
            if parent in below:
                below[parent] = max(below[parent], costs[key])
    return costs


def elapsed(seconds: Mapping[str, float], parents: Parents, slots: int) -> float:
    """Seconds from the first start to the last end when a free slot always takes the ready stage of longest chain.

    At least the longest chain and the work per slot, and at most their sum (Graham 1969). O(n log n).
    """
    costs = chains(seconds, parents)
    waiting = dict.fromkeys(seconds, 0)  # how many parents are not done
    children: dict[str, list[str]] = {}
    for key in seconds:
        for parent in parents[key]:
            if parent in seconds:
                waiting[key] += 1
                children.setdefault(parent, []).append(key)
    ready = [(-costs[key], key) for key, count in waiting.items() if not count]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < slots:
            _, key = heapq.heappop(ready)
            heapq.heappush(running, (now + seconds[key], key))
        now, ended = heapq.heappop(running)
        for child in children.get(ended, ()):
            waiting[child] -= 1
            if not waiting[child]:
                heapq.heappush(ready, (-costs[child], child))
    return now
