"""The axes of learning curves: frames from 0, and a height that shows the curves where their bands are much wider."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator

from reports.curves import Learnt
from reports.figures.style import quiet_axes

WIN_RATE = -0.02, 1.02
"""The ends of the axis of a win rate, whatever the data."""


def heights(methods: Collection[Learnt], counts_wins: bool) -> tuple[float, float]:
    """The ends of the vertical axis; where the metric has no ends, half of what the seeds span is left around them.

    So a band of two seeds, which may be many times as wide, does not make their curves a flat line.
    """
    if counts_wins:
        return WIN_RATE
    values = np.concatenate([curve.values for each in methods for curve in each.seeds])
    low, high = float(values.min()), float(values.max())
    span = high - low or abs(high) or 1.0
    lowest, highest = min([low, *_borders(methods)]), max([high, *_borders(methods)])
    return max(low - span / 2, lowest - span / 20), min(high + span / 2, highest + span / 20)


def cut_off(methods: Collection[Learnt], counts_wins: bool) -> bool:
    """Whether a band goes on beyond an axis without ends of its own."""
    low, high = heights(methods, counts_wins)
    return not counts_wins and any(not low <= border <= high for border in _borders(methods))


def _borders(methods: Collection[Learnt]) -> list[float]:
    bands = [border for each in methods for border in (each.band.low, each.band.high) if border is not None]
    return [float(end) for border in bands if border.size for end in (border.min(), border.max())]


def finish_axes(ax: Axes, ends: tuple[float, float], ticks: int = 6) -> None:
    """Frames from 0 in short words, between these heights."""
    quiet_axes(ax)
    ax.autoscale_view()
    ax.set_ylim(*ends)
    ax.set_xlim(left=0, right=ax.dataLim.x1 * 1.03 or 1)
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.xaxis.set_major_locator(MaxNLocator(ticks))
