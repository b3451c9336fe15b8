"""The figure of a comparison: every seed of both sides, one above the other, per method."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from reports.figures import WIDTH, Figure
from reports.figures.style import Theme, quiet_axes
from reports.interchange.checking import slug
from reports.interchange.comparison import Comparison
from reports.stats import mean_interval
from reports.text import wrapped

Array = npt.NDArray[np.float64]

LINES = ((0.17, 1, "o"), (-0.17, 2, "s"))
"""Of A and B: how far above the method's line, which colour of the theme, which marker."""


def scores_figure(found: Comparison, environment: str) -> Figure:
    """Per method: the seeds of A and of B, their means and t intervals."""
    pairs = [pair for pair in found.pairs if pair.environment == environment]
    name, metric = found.label("environments", environment), found.metric_label(environment)

    def draw(canvas: Canvas, theme: Theme) -> None:
        axes = canvas.subplots()
        for line, pair in enumerate(pairs):
            for values, (up, color, marker) in zip(pair.values, LINES, strict=True):
                _draw(axes, values, line - up, theme.lines[color], marker)
        axes.set_yticks(range(len(pairs)), [wrapped(found.label("methods", pair.method)) for pair in pairs])
        axes.set_ylim(len(pairs) - 0.4, -0.6)
        axes.set_xlabel(metric)
        axes.set_title(name)
        for label, (_, color, marker) in zip("AB", LINES, strict=True):
            axes.plot([], [], linestyle="none", marker=marker, color=theme.lines[color], label=label)
        canvas.legend(loc="outside lower right", ncols=2)
        quiet_axes(axes)

    def told(values: Array) -> str:
        return f"{values.mean():.{found.digits[environment]}f}" if values.size else "none"

    means = "; ".join(
        f"{found.label('methods', pair.method)} {told(pair.values[0])} and {told(pair.values[1])}" for pair in pairs
    )
    return Figure(
        id=f"compare-{slug(environment)}",
        title=f"{name}: A and B",
        caption=f"{name}: {metric} of A (circles) and B (squares). Large: the mean over seeds with its 95% t interval, "
        "where there is one; small: the seeds.",
        alt=f"{metric} on {name}, mean of A and of B: {means}.",
        size=(WIDTH, 1.3 + 0.5 * len(pairs)),
        draw=draw,
        runs=tuple(
            row["run"]
            for place in (0, 1)
            for key, row in found.cells[place].items()
            if key[0] == environment and row["status"] == "done" and isinstance(row.get("run"), str)
        ),
    )


def _draw(axes: Axes, values: Array, height: float, color: str, marker: str) -> None:
    if not values.size:
        return
    summary = mean_interval(values)
    if summary.interval is not None:
        axes.plot([summary.interval.low, summary.interval.high], [height, height], color=color, linewidth=1.4)
    axes.plot(values, [height] * values.size, linestyle="none", marker=marker, color=color, markersize=3, alpha=0.55)
    axes.plot([summary.mean], [height], marker=marker, color=color, markersize=6.5, markeredgecolor="none")
