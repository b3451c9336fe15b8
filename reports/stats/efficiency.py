"""How fast a run learns (statistics.md rule 12): area under its curve, frames to a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats as scipy_stats

from reports.stats.values import Values, finite


@dataclass(frozen=True)
class Reached:
    """The frame at which a run reached a threshold; censored: it had not by its last frame, which is given instead."""

    frames: float
    censored: bool


@dataclass(frozen=True)
class MedianTime:
    """The frame by which half of n runs have reached a threshold; None where fewer than half are known to."""

    median: float | None
    reached: int
    n: int


def area_under_curve(frames: Values, values: Values, until: float) -> float:
    """Mean height of a curve from frame 0 to `until`, straight between its points; NaN where it ends before.

    Before its first point its height is 0: frames spent before (demonstrations, pretraining) give no policy yet.
    """
    at, height = _curve(frames, values)
    if until <= 0:
        raise ValueError(f"a mean height needs frames, got until={until}")
    if at.size == 0 or at[-1] < until:
        return float("nan")
    begin = max(float(at[0]), 0.0)
    if begin >= until:
        return 0.0
    corners = np.concatenate([[begin], at[(at > begin) & (at < until)], [until]])
    return float(np.trapezoid(np.interp(corners, at, height), corners) / until)


def frames_to_threshold(frames: Values, values: Values, threshold: float) -> Reached:
    """The first recorded frame whose value is at least `threshold`, which is chosen before the data are seen."""
    at, height = _curve(frames, values)
    if at.size == 0:
        return Reached(0.0, censored=True)
    there = np.flatnonzero(height >= threshold)
    return Reached(float(at[there[0]]), censored=False) if there.size else Reached(float(at[-1]), censored=True)


def median_time(times: Sequence[Reached]) -> MedianTime:
    """Kaplan-Meier median: the first frame by which the estimated share of runs still under way is at most one half.

    A run that never arrives stays in the count of those under way until its last frame; it is not dropped.
    """
    reached = sum(not time.censored for time in times)
    if reached == 0:
        return MedianTime(None, 0, len(times))
    sample = scipy_stats.CensoredData.right_censored([time.frames for time in times], [time.censored for time in times])
    under_way = scipy_stats.ecdf(sample).sf
    half = np.flatnonzero(under_way.probabilities <= 0.5 + 1e-12)
    return MedianTime(float(under_way.quantiles[half[0]]) if half.size else None, reached, len(times))


def _curve(frames: Values, values: Values) -> tuple[np.ndarray, np.ndarray]:
    at, height = finite(frames), finite(values)
    if at.size != height.size or (np.diff(at) <= 0).any():
        raise ValueError("a curve needs one value per frame, frames rising")
    return at, height
