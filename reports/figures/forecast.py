"""Predicted against actual computing time, a mark per finished stage."""

from __future__ import annotations

from math import log

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from reports.figures import WIDTH, Figure
from reports.figures.style import Theme, heading, method_styles, quiet_axes
from reports.frame import GridData
from reports.text import duration, plural

FINE = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600, 1200,
    3600, 7200, 18_000, 36_000, 86_400, 172_800, 432_000, 864_000,
)  # fmt: skip
COARSE = (0.01, 0.1, 1, 10, 60, 600, 3600, 36_000, 345_600, 3_456_000)
"""Seconds that are round in the unit that a reader thinks in, for a narrow and for a wide range."""

MOST_TICKS = 6

APART = 0.17
"""The share of an axis that lies between two labels at least: `10 min` is 0.14 wide."""

CROWD = 1000
"""So many marks and more are drawn as pixels, or the file would be large."""


def forecast_figure(data: GridData, stages: pd.DataFrame) -> Figure | None:
    """stages: finished ones with `predicted` and `seconds`. None where no stage took time that can be shown."""
    shown = stages[(stages["predicted"] > 0) & (stages["seconds"] > 0)]
    if shown.empty:
        return None
    kinds = [kind for kind in data.pipeline if (shown["kind"] == kind).any()]
    values = shown[["predicted", "seconds"]].to_numpy(float)
    within = float((np.abs(np.log2(values[:, 1] / values[:, 0])) <= 1).mean())
    limits = float(values.min()) / 1.6, float(values.max()) * 1.6

    def draw(figure: Canvas, theme: Theme) -> None:
        styles = method_styles(kinds, theme)
        ax = figure.subplots()
        ax.plot(limits, limits, color=theme.ink, lw=1.0, zorder=1.5)
        for factor in (0.5, 2.0):
            ax.plot(limits, np.multiply(limits, factor), color=theme.quiet, lw=0.8, ls=(0, (4, 3)), zorder=1.5)
        for kind in kinds:
            style, of_kind = styles[kind], shown[shown["kind"] == kind]
            ax.plot(
                of_kind["predicted"], of_kind["seconds"], style.marker, mfc="none", mec=style.color, mew=1.2, ms=5,
                alpha=0.8, rasterized=len(shown) >= CROWD,
            )  # fmt: skip
        _axes_in_time(ax, limits)
        ax.set_xlabel("predicted")
        ax.set_ylabel("took")
        heading(figure, "Computing time of each stage")
        quiet_axes(ax)
        marks = [
            Line2D([], [], ls="none", marker=styles[k].marker, mfc="none", mec=styles[k].color, label=k) for k in kinds
        ]
        figure.legend(handles=marks, loc="outside lower center", ncols=min(3, len(kinds)), handlelength=1.4)

    return Figure(
        id="forecast",
        title="Predicted and actual computing time",
        caption=(
            "Every finished stage of which it was foretold how long it would take. On the line: as predicted; above "
            f"it: longer. Dashed: half and twice as long; {within:.0%} of {plural(len(shown), 'stage')} lie between."
        ),
        alt=f"Scatter plot of actual by predicted computing time of {plural(len(shown), 'stage')}, both from "
        f"{duration(float(values.min()))} to {duration(float(values.max()))}; {within:.0%} within a factor of 2",
        size=(WIDTH, 3.9 + 0.2 * -(-len(kinds) // 3)),
        draw=draw,
        runs=tuple(shown["key"]),
    )


def _axes_in_time(ax: Axes, limits: tuple[float, float]) -> None:
    """The same logarithmic range on both axes, marked in seconds, minutes, hours and days."""
    for axis, scale, set_limits in ((ax.xaxis, ax.set_xscale, ax.set_xlim), (ax.yaxis, ax.set_yscale, ax.set_ylim)):
        scale("log")
        set_limits(*limits)
        axis.set_major_locator(FixedLocator(_ticks(*limits)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
    ax.set_aspect("equal")


def _ticks(low: float, high: float) -> list[float]:
    """Those of the round seconds whose labels have room."""
    fine, coarse = ([tick for tick in ticks if low <= tick <= high] for ticks in (FINE, COARSE))
    shown: list[float] = []
    for tick in fine if len(fine) <= MOST_TICKS else coarse:
        if not shown or log(tick / shown[-1]) >= APART * log(high / low):
            shown.append(tick)
    return shown


def _tick(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 60 else duration(seconds)
