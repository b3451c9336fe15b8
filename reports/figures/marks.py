"""Marks that several kinds of figure draw."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from reports.stats import Interval

WIN_RATES = 0.0, 1.0


def bar(ax: Axes, bounds: Interval, height: float, within: tuple[float, float] | None, **style: Any) -> None:
    """A horizontal bar. Beyond `within` it is not drawn: an arrow at that border says that it goes on."""
    least, most = within or (-np.inf, np.inf)
    ends = np.clip([bounds.low, bounds.high], least, most)
    ax.plot(ends, [height] * 2, solid_capstyle="butt", **style)
    for border, leaves, marker in ((least, bounds.low < least, "<"), (most, bounds.high > most, ">")):
        if leaves:
            ax.plot([border], [height], marker=marker, color=style["color"], ms=6, mew=0, clip_on=False)
