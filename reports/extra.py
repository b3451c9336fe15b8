"""What a cell costs beside its reinforcement learning: everything that its policy needs before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.spec import IMPORTED, Cell, Outcome, Plan

NAN = float("nan")

FRAMES = ("curriculum_frames", "demonstration_frames", "interaction_frames", "demonstrator_frames", "fitted_frames")
"""What counts on the second axis of the learning curves, beside the frames of reinforcement learning."""

COST_COLUMNS = ("rl_frames", "rl_seconds", *FRAMES, "pretraining_updates", "extra_frames", "extra_seconds")

INTERACTION = "interaction"
"""The stage in which the learner itself plays before reinforcement learning; of the kind of the demonstrations. Where
it is also what demonstrates, because the demonstrator plays at random, its frames are paid once, as demonstrations."""

CURRICULUM = "curriculum"
"""The policy of an easier environment that a policy, its demonstrator and its pretraining go on from; and the last part
of the name of whatever that policy itself went on from."""


def before(plan: Plan, key: str) -> set[str]:
    """Keys of all stages that a stage needs, itself left out."""
    parents = set(plan.stages[key].parents.values())
    return parents.union(*(before(plan, parent) for parent in parents))


def policy_key(plan: Plan, cell: Cell) -> str | None:
    """The stage whose result is evaluated; None for a cell without stages, or where that is not a single one."""
    parents = set(plan.stages[cell.stages[plan.result]].parents.values()) if plan.result in cell.stages else set()
    return parents.pop() if len(parents) == 1 else None


def names(cell: Cell, key: str) -> list[str]:
    """What a cell calls a stage: one name as a rule, more where equal work has several uses."""
    return [name for name, its_key in cell.stages.items() if its_key == key]


def costs(plan: Plan, cell: Cell, outcomes: Mapping[str, Outcome]) -> dict[str, float]:
    """COST_COLUMNS of a cell; NaN where a stage is not done, or its result does not say.

    A stage that several methods share counts in full for each, because each would need it alone. Diagnostics are no
    cost. extra_frames: the sum of FRAMES, in which a frame counts as often as it is fitted.
    """
    policy = policy_key(plan, cell)
    if policy is None:
        return dict.fromkeys(COST_COLUMNS, NAN)
    if plan.stages[policy].kind == IMPORTED:  # what it needed was computed elsewhere; it reports what is known of that
        return {name: metric(outcomes[policy], name) for name in COST_COLUMNS}
    found = {**dict.fromkeys(FRAMES, 0.0), "pretraining_updates": 0.0, "extra_seconds": 0.0}
    earlier = before(plan, policy)
    for key in dict.fromkeys(cell.stages.values()):
        if key not in earlier:
            continue
        found["extra_seconds"] += _seconds(outcomes[key])
        kind = plan.stages[key].kind
        if kind == "demonstrations":
            own = names(cell, key) == [INTERACTION]
            column = "interaction_frames" if own else "demonstration_frames"
            found[column] += metric(outcomes[key], "frames")
        elif kind == plan.stages[policy].kind:
            easier = any(name.endswith(CURRICULUM) for name in names(cell, key))
            found["curriculum_frames" if easier else "demonstrator_frames"] += metric(outcomes[key], "frames")
        else:
            found["pretraining_updates"] += metric(outcomes[key], "updates")
            found["fitted_frames"] += metric(outcomes[key], "fitted_frames")
    found["extra_frames"] = sum(found[name] for name in FRAMES)
    rl = {"rl_frames": metric(outcomes[policy], "frames"), "rl_seconds": _seconds(outcomes[policy])}
    return {name: (rl | found)[name] for name in COST_COLUMNS}


def metric(outcome: Outcome, name: str) -> float:
    """A number of a finished stage's result; NaN where the stage is not done or does not report it."""
    value: Any = outcome.metrics.get(name) if outcome.state == "done" else None
    return float(value) if isinstance(value, int | float) else NAN


def _seconds(outcome: Outcome) -> float:
    return outcome.seconds if outcome.state == "done" else NAN
