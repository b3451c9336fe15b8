"""How much hangs on a stage (the seconds of the longest chain that begins with it), and what its like has taken."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.cost.schedule import chains
from benchmark.spec import Outcome, Plan


def chain_seconds(plan: Plan, expected: Mapping[str, float]) -> dict[str, float]:
    """Expected seconds from the start of a stage to the end of the longest chain that begins with it.

    A stage of which nothing is known counts as the average of the others; without any, all count alike.
    """
    usual = sum(expected.values()) / len(expected) if expected else 1.0
    seconds = {key: expected.get(key, usual) for key in plan.stages}
    return chains(seconds, {key: stage.parents.values() for key, stage in plan.stages.items()})


def mean_seconds(plan: Plan, outcomes: Mapping[str, Outcome]) -> dict[tuple[str, str], float]:
    """Seconds that finished stages took on average, by `group`."""
    known: dict[tuple[str, str], list[float]] = {}
    for key, outcome in outcomes.items():
        if outcome.state == "done":
            known.setdefault(group(plan, key), []).append(outcome.seconds)
    return {group: sum(seconds) / len(seconds) for group, seconds in known.items()}


def group(plan: Plan, key: str) -> tuple[str, str]:
    """Kind and environment of a stage."""
    return plan.stages[key].kind, plan.environment(key)
