"""Differences between methods as a figure: a line per comparison, with its intervals and what they weigh."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from reports.contrasts import Contrast
from reports.figures import MOST_METHODS, WIDTH, Figure
from reports.figures.style import LineStyle, Theme, heading, method_styles, quiet_axes
from reports.frame import GridData
from reports.text import interval, signed, wrapped

ABOVE, BELOW = -0.13, 0.21
"""Where on its line the Welch interval and the paired one are drawn."""


@dataclass(frozen=True)
class Line:
    """A comparison in a figure. about: the method that its line is named after, which gives it colour and mark.

    beside: one or two short lines at the right border. differs: whether the mark is filled.
    """

    contrast: Contrast
    about: str
    beside: str = ""
    differs: bool = False


def difference_figure(
    data: GridData, lines: Sequence[Line], *, id: str, title: str, axis: str, caption: str
) -> Figure | None:
    """Comparisons on one environment. axis: what a number on it is, in words.

    None where no comparison has a number, and for more of them than a figure can tell apart.
    """
    if len(lines) > MOST_METHODS or all(math.isnan(line.contrast.welch.difference) for line in lines):
        return None
    place = lines[0].contrast.environment
    environment, digits = data.environment_label(place), data.few_digits(place)

    def draw(figure: Canvas, theme: Theme) -> None:
        styles = method_styles(data.methods, theme)
        ax = figure.subplots()
        ax.axvline(0.0, color=theme.quiet, lw=1.0, zorder=1.5)
        for height, line in enumerate(lines):
            _draw_line(ax, height, line, styles, theme)
        ax.set_yticks(range(len(lines)), [wrapped(data.method_label(line.about)) for line in lines])
        ax.tick_params(axis="y", labelcolor=theme.ink)
        ax.set_ylim(len(lines) - 0.45, -0.55)
        ax.set_xlabel(axis)
        heading(figure, environment)
        ax.margins(x=0.06)
        quiet_axes(ax)
        ax.grid(False, axis="y")

    return Figure(
        id=id,
        title=title,
        caption=caption,
        alt=f"Interval plot of differences in {data.headline_label(place)} on {environment}, {axis}: "
        + "; ".join(f"{data.method_label(line.about)} {_told(line.contrast, digits)}" for line in lines),
        size=(WIDTH, 1.05 + 0.42 * len(lines)),
        draw=draw,
        runs=tuple(dict.fromkeys(key for line in lines for key in line.contrast.runs)),
    )


def _told(contrast: Contrast, digits: int) -> str:
    welch = contrast.welch
    if math.isnan(welch.difference):
        return "no finished seed"
    spread = interval(welch.interval, digits, sign=True) if welch.interval else str(welch.why)
    return f"{signed(welch.difference, digits)} {spread}"


def _draw_line(ax: Axes, height: int, line: Line, styles: Mapping[str, LineStyle], theme: Theme) -> None:
    welch, paired, style = line.contrast.welch, line.contrast.paired, styles[line.about]
    beside = ax.get_yaxis_transform()
    if math.isnan(welch.difference):
        ax.text(0.5, height, str(welch.why), transform=beside, ha="center", va="center", color=theme.quiet)
        return
    if welch.interval is not None:
        bounds = [welch.interval.low, welch.interval.high]
        ax.plot(bounds, [height + ABOVE] * 2, color=style.color, lw=5, alpha=0.35, solid_capstyle="butt")
    filled = style.color if line.differs else theme.paper
    ax.plot([welch.difference], [height + ABOVE], style.marker, mfc=filled, mec=style.color, mew=1.6, ms=7)
    if paired is not None and paired.interval is not None:
        ax.plot([paired.interval.low, paired.interval.high], [height + BELOW] * 2, color=style.color, lw=1.1)
        ax.plot([paired.difference], [height + BELOW], "|", color=style.color, ms=7, mew=1.4)
    ax.text(1.02, height, line.beside, transform=beside, va="center", fontsize=7.5, color=theme.ink, linespacing=1.25)


CAPTION = (
    "Mark and thick bar: the difference of the means with the 95% Welch interval of this comparison alone. The mark is "
    "filled where the p beside it is below its level, hollow where it is not or cannot be computed: Holm's p and the "
    "level of the family where the comparison is in one, otherwise its own p and 0.05. So a mark can be hollow though "
    "its bar excludes 0. Thin line below: the mean of the differences seed by seed with its 95% t interval."
)
"""How to read such a figure."""
