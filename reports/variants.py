"""Methods that share a stage are one variant of it: the seeds of a variant are what its numbers are averaged over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reports.extra import CURRICULUM
from reports.frame import GridData
from reports.stats import NO_SPREAD, mean_interval
from reports.tables import Cell
from reports.text import interval, number


@dataclass(frozen=True)
class Variant:
    """One way in which a stage of the pipeline is run on an environment. keys: of its runs, one per distinct seed."""

    environment: str
    methods: tuple[str, ...]
    keys: tuple[str, ...]


def variants(data: GridData, stage: str) -> list[Variant]:
    """Every variant of a stage (its name in the pipeline), by environment and in the order of the methods."""
    users: dict[tuple[str, str], dict[str, None]] = {}
    for environment in data.environments:
        for method in data.methods:
            for cell in data.plan.cells:
                if (cell.environment, cell.method) == (environment, method) and stage in cell.stages:
                    users.setdefault((environment, cell.stages[stage]), {})[method] = None
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (environment, key), methods in users.items():
        groups.setdefault((environment, tuple(methods)), []).append(key)
    return [Variant(environment, methods, tuple(keys)) for (environment, methods), keys in groups.items()]


def pretraining(data: GridData, variant: Variant) -> str:
    """What the variant's methods learn before reinforcement learning: none, dynamics, vae, …"""
    return str(data.plan.methods.get(variant.methods[0], {}).get("pretrain", "none"))


def pretraining_detail(data: GridData, variant: Variant) -> str:
    """What sets the variant apart from the usual pretraining of its kind."""
    about = data.plan.methods.get(variant.methods[0], {})
    if pretraining(data, variant) == "none":
        goes_on = CURRICULUM in data.plan.stages[variant.keys[0]].parents
        return "the easier stage's policy" if goes_on else "untrained network"
    words = (
        (f"{about.get('demos')} demonstrations", about.get("demos", "expert") != "expert"),
        ("no language", about.get("language") is False),
        ("head rep", about.get("head") == "rep"),
    )
    return ", ".join(word for word, applies in words if applies)


def values(data: GridData, variant: Variant, metric: str) -> npt.NDArray[np.float64]:
    """A metric over the variant's finished runs that report it, [seeds]."""
    found: list[Any] = [data.metrics(key).get(metric) for key in variant.keys]
    return np.array([value for value in found if isinstance(value, int | float)], np.float64)


def finished(data: GridData, variant: Variant) -> tuple[str, ...]:
    """The variant's runs that are done."""
    return tuple(key for key in variant.keys if data.metrics(key))


def seeds_entry(data: GridData, variant: Variant) -> Cell:
    """Finished of planned runs, and what became of the others."""
    done = len(finished(data, variant))
    states = data.stages.set_index("key")["state"]
    others = sorted({str(states[key]) for key in variant.keys} - {"done"})
    return Cell(f"{done}/{len(variant.keys)}", ", ".join(others), "" if not others else "weak")


def mean_entry(data: GridData, variant: Variant, metric: str, digits: int = 3) -> Cell:
    """Mean over seeds with its 95% t interval under it; a dash where no run reports the metric."""
    return mean_cell(values(data, variant, metric), finished(data, variant), digits)


def mean_cell(numbers: npt.NDArray[np.float64], runs: tuple[str, ...], digits: int = 3) -> Cell:
    """Mean over seeds with its 95% t interval, or why there is none, under it."""
    if not numbers.size:
        return Cell("–", mark="weak")
    summary = mean_interval(numbers)
    spread = {None: interval(summary.interval, digits), NO_SPREAD: "all seeds equal"}.get(summary.why, "one seed")
    return Cell(number(summary.mean, digits), spread, runs=runs)
