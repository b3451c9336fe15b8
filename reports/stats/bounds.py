"""What missing seeds could change (statistics.md rule 13)."""

from __future__ import annotations

from reports.stats.intervals import Interval
from reports.stats.values import Values, finite


def mean_bounds(values: Values, missing: int, low: float = 0.0, high: float = 1.0) -> Interval:
    """The smallest and largest mean if the missing seeds had any value in [low, high] (Manski 1990).

    Not a confidence interval: it says nothing of chance. Without any seed, planned or present, it is the whole range.
    """
    present = finite(values)
    if missing < 0 or not low < high:
        raise ValueError(f"bounds need missing >= 0 and low < high, got {missing=}, {low=}, {high=}")
    if ((present < low) | (present > high)).any():
        raise ValueError(f"a value lies outside the range [{low}, {high}] that it is said to have")
    n = int(present.size) + missing
    if n == 0:
        return Interval(low, high)
    total = float(present.sum())
    return Interval((total + missing * low) / n, (total + missing * high) / n)
