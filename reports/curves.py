"""Learning curves of an environment: every seed's, each method's mean with its band, and where the seeds lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reports.extra import policy_key
from reports.frame import GridData
from reports.stats import Band, percentile_band, simultaneous_band

Array = npt.NDArray[np.float64]
Shift = Mapping[tuple[str, int], float]
"""(method, seed) -> how far its curve is moved to the right."""

RL_FRAMES = "frames of reinforcement learning"
ALL_FRAMES = "frames of RL + all that came before"
POINTS = 200
"""Of a line or a band in a figure: one for each third of a millimetre."""

LOW, HIGH = 0.1, 0.9
"""The percentiles between which a run lies four times in five."""


@dataclass(frozen=True)
class Curve:
    """One seed's curve, by rising frames. key: its run. whole: its training is finished, nothing will be added."""

    key: str
    frames: Array
    values: Array
    whole: bool


@dataclass(frozen=True)
class Learnt:
    """What one method learnt: all its seeds' curves, and the band about the mean of the finished ones at `frames`."""

    seeds: Sequence[Curve]
    frames: Array
    band: Band
    low: Array
    high: Array

    @property
    def finished(self) -> int:
        """Seeds in the mean."""
        return sum(curve.whole for curve in self.seeds)


def seed_curves(data: GridData, environment: str, metric: str, shift: Shift | None = None) -> dict[str, list[Curve]]:
    """Method -> the curves that its seeds' policies logged of one metric; a seed without a point is left out.

    With a shift, each is moved to the right, and one whose shift is not known (NaN) is left out.
    """
    found: dict[str, list[Curve]] = {}
    for cell in data.plan.cells:
        key = policy_key(data.plan, cell) if cell.environment == environment else None
        moved = 0.0 if shift is None else shift[cell.method, cell.seed]
        if key is None or not np.isfinite(moved):
            continue
        frames, values = data.curves.points(key, metric)
        there = np.isfinite(values)
        if there.any():
            curve = Curve(key, frames[there] + moved, values[there], key in data.finished)
            found.setdefault(cell.method, []).append(curve)
    return found


def common_frames(curves: Sequence[Curve]) -> Array:
    """Every frame where any of the curves has a point and all of them have begun and not ended; at most POINTS.

    Outside the common range a mean would be over other seeds. Of more frames an even selection is left.
    """
    if not curves:
        return np.empty(0)
    frames = np.unique(np.concatenate([curve.frames for curve in curves]))
    first = max(float(curve.frames[0]) for curve in curves)
    last = min(float(curve.frames[-1]) for curve in curves)
    return thinned(frames[(frames >= first) & (frames <= last)])


def thinned(points: Array) -> Array:
    """At most POINTS of them, evenly chosen, the first and the last included: nothing is averaged."""
    if len(points) <= POINTS:
        return points
    chosen: Array = points[np.linspace(0, len(points) - 1, POINTS).round().astype(int)]
    return chosen


def learnt(curves: Sequence[Curve]) -> Learnt:
    """A method's curves with the simultaneous 95% band of their mean and the percentiles of the runs (rule 11).

    Between two points a seed's curve is read off its line.
    """
    whole = [curve for curve in curves if curve.whole]
    frames = common_frames(whole)
    if not frames.size:
        nothing = np.empty((0, 0))
        return Learnt(curves, np.empty(0), simultaneous_band(nothing), np.empty(0), np.empty(0))
    runs = np.stack([np.interp(frames, curve.frames, curve.values) for curve in whole])
    return Learnt(curves, frames, simultaneous_band(runs), *percentile_band(runs, LOW, HIGH))


def extra_frames(data: GridData, environment: str) -> Shift:
    """(method, seed) -> the frames that its policy was paid for beside its own, see reports.extra."""
    group = data.cells[data.cells["environment"] == environment]
    return {(row["method"], row["seed"]): float(row["extra_frames"]) for row in group.to_dict("records")}


@dataclass(frozen=True)
class Panel:
    """One pair of axes: method -> what it learnt."""

    title: str
    axis: str
    methods: Mapping[str, Learnt]


def panels(data: GridData, environment: str) -> list[Panel]:
    """Test by RL frames, test by all frames, training episodes; those that have a curve."""
    test, train = (f"{part}/{data.headline(environment)}" for part in ("test", "train"))
    name, shift = data.environment_label(environment), extra_frames(data, environment)
    drawn = [_panel(f"{name}: {data.games_label}", RL_FRAMES, seed_curves(data, environment, test))]
    if any(moved != 0 for moved in shift.values()):
        counted = seed_curves(data, environment, test, shift)
        drawn.append(_panel(f"{name}: {data.games_label}, all counted", ALL_FRAMES, counted))
    drawn.append(_panel(f"{name}: training episodes", RL_FRAMES, seed_curves(data, environment, train)))
    return [panel for panel in drawn if panel.methods]


def _panel(title: str, axis: str, curves: Mapping[str, Sequence[Curve]]) -> Panel:
    return Panel(title, axis, {method: learnt(seeds) for method, seeds in curves.items()})
