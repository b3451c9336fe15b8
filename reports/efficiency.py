"""Sample efficiency (statistics.md rule 12): mean height of the curves, and frames to a threshold fixed beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports.contrasts import unreliable
from reports.curves import Curve, extra_frames, seed_curves
from reports.frame import GridData
from reports.normalise import reference
from reports.stats import area_under_curve, frames_to_threshold, mean_interval, median_time
from reports.tables import Cell, Column, Table
from reports.text import count, interval, number, plural

FIXED = 0.5
"""The win rate to reach where an environment has no references."""


@dataclass(frozen=True)
class Threshold:
    """A score to reach, and where it comes from, in words; neither depends on the results."""

    value: float
    why: str


def threshold(data: GridData, environment: str) -> Threshold | None:
    """Half-way from the random player's score to the expert's; FIXED where the results have no such references.

    None where they have none and the headline is no win rate, of which nobody can say what is much.
    """
    scale = reference(data, environment)
    if scale.why is None:
        low, high = (number(end, data.digits(environment)) for end in (scale.random, scale.expert))
        ends = f"a random player ({low}) to the expert ({high})"
        return Threshold((scale.random + scale.expert) / 2, f"half-way from {ends}")
    if data.counts_wins(environment):
        return Threshold(FIXED, f"the same for every environment without references ({scale.why})")
    return None


@dataclass(frozen=True)
class Axis:
    """A way to count frames, in words, and every method's curves by it."""

    words: str
    curves: Mapping[str, Sequence[Curve]]

    @property
    def end(self) -> float | None:
        """The frames that every finished curve has; None where no curve is finished."""
        ends = [float(curve.frames[-1]) for seeds in self.curves.values() for curve in seeds if curve.whole]
        return min(ends) if ends and min(ends) > 0 else None


def efficiency_table(data: GridData, environment: str) -> Table | None:
    """Method × (area under the curve, frames to the threshold), each by RL frames and by all frames.

    None where no policy of the environment has a curve of the evaluation games.
    """
    metric, shift = f"test/{data.headline(environment)}", extra_frames(data, environment)
    curves = seed_curves(data, environment, metric)
    axes = [Axis("RL frames", curves)]
    if any(moved != 0 for moved in shift.values()):
        axes.append(Axis("frames of any kind", seed_curves(data, environment, metric, shift)))
    ends, goal = [(axis, axis.end) for axis in axes if axis.end is not None], threshold(data, environment)
    if not curves or (not ends and goal is None):
        return None
    columns, rows = [Column("Method", numeric=False)], []
    columns += [Column("Area under the curve", f"first {count(end)} {axis.words}") for axis, end in ends]
    if goal is not None:
        columns += [
            Column(f"Frames to {number(goal.value, data.few_digits(environment))}", axis.words) for axis in axes
        ]
    for method in data.methods:
        planned = data.group(environment, method)
        if planned.empty or (planned["status"] == "unavailable").all():
            continue
        entries = [data.method_entry(method, environment)]
        for axis, end in ends:
            seeds = axis.curves.get(method, [])
            entries.append(_area(data, environment, seeds, end, len(planned)) if seeds else _none(method, axis, curves))
        if goal is not None:
            for axis in axes:
                seeds = axis.curves.get(method, [])
                entries.append(_time(seeds, goal.value, len(planned)) if seeds else _none(method, axis, curves))
        rows.append(tuple(entries))
    return Table(
        id=f"efficiency-{environment}",
        caption=f"How fast each method learns, {data.environment_label(environment)}",
        columns=tuple(columns),
        rows=tuple(rows),
        notes=tuple(_notes(data, environment, len(ends), goal)),
    )


def _none(method: str, axis: Axis, curves: Mapping[str, Sequence[Curve]]) -> Cell:
    """The entry of a method without a curve on an axis: it has none, or what it paid before is not known."""
    lost = method in curves and method not in axis.curves
    return Cell("–", "what came before is not recorded" if lost else "no curve", "weak")


def _area(data: GridData, environment: str, seeds: Sequence[Curve], end: float, planned: int) -> Cell:
    digits = data.digits(environment)
    if all(curve.frames[0] >= end for curve in seeds):
        return Cell(number(0.0, digits), "no policy by then", "weak", runs=tuple(curve.key for curve in seeds))
    areas = [area_under_curve(curve.frames, curve.values, end) for curve in seeds if curve.whole]
    summary = mean_interval(areas)
    spread = interval(summary.interval, digits) if summary.why is None else summary.why
    flag = " †" if unreliable(summary, data.counts_wins(environment)) else ""
    runs = tuple(curve.key for curve in seeds if curve.whole)
    told = f"{spread}{flag} · {summary.n}/{planned}"
    return Cell(number(summary.mean, digits), told, "" if areas else "weak", runs=runs)


def _time(seeds: Sequence[Curve], goal: float, planned: int) -> Cell:
    found = median_time([frames_to_threshold(curve.frames, curve.values, goal) for curve in seeds])
    late = "by fewer than half" if found.reached else "not reached"
    text = late if found.median is None else count(found.median)
    absent = f", {planned - found.n} without a curve" if found.n < planned else ""
    runs = tuple(curve.key for curve in seeds)
    return Cell(text, f"{found.reached} of {plural(found.n, 'seed')}{absent}", runs=runs)


def _notes(data: GridData, environment: str, areas: int, goal: Threshold | None) -> Iterator[str]:
    """areas: on how many axes there is one."""
    label, digits = data.headline_label(environment), data.digits(environment)
    if areas:
        yield (
            f"Area under the curve: mean {label} on the way, up to where the environment's shortest "
            "finished curve ends on that axis, and 0 before a curve's first point, where there is no policy yet; mean "
            "over finished seeds, [95% t interval], finished / planned seeds. It is high for whoever learns early and "
            "for whoever ends high. †: as in the main table, not to be relied on."
        )
    if goal is not None:
        yield (
            f"Frames to {number(goal.value, data.few_digits(environment))}: the first evaluation at which a seed's "
            f"{label} is at least {number(goal.value, digits)}, {goal.why}; no result here moves it. Median over seeds "
            "(Kaplan-Meier): a seed that has not arrived by its last frame stays in the count until there; it is not "
            "dropped. A later fall below does not count against it."
        )
    yield (
        "Frames of any kind: those of reinforcement learning and all that came before, as on the second axis. There a "
        "method that pays much before has little or no policy by the end of the shortest curve."
    )
