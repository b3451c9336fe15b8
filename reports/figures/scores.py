"""Final scores: every seed of every method, and its mean."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from reports.figures import MOST_METHODS, WIDTH, Figure
from reports.figures.marks import WIN_RATES, bar
from reports.figures.style import LineStyle, Theme, heading, method_styles, quiet_axes
from reports.frame import GridData
from reports.normalise import reference
from reports.stats import Values, mean_interval, wilson_interval
from reports.text import number, wrapped

ARROW = ", an arrow where it leaves the range of a win rate"
NOISE = ", with the 95% Wilson interval of its games"


def final_scores(data: GridData, environment: str) -> Figure | None:
    """Every seed's final score and the mean with its t interval, one line per method; wins with Wilson intervals.

    None where nothing is finished, and for more methods than a figure can tell apart.
    """
    rows = data.cells[data.cells["environment"] == environment]
    methods = [m for m in data.methods if (rows[rows["method"] == m]["status"] != "unavailable").any()]
    done = data.done(environment)
    if done.empty or len(methods) > MOST_METHODS:
        return None
    name, scale, label = (
        data.environment_label(environment),
        reference(data, environment),
        data.headline_label(environment),
    )
    counts_wins, digits = data.counts_wins(environment), data.few_digits(environment)
    known = scale.why is None
    what = f"{label} on {data.games_label}, imported"
    if data.plan.origin is None:
        what = f"{label} of the last checkpoint on the fixed list of {data.games_label}"

    def draw(figure: Canvas, theme: Theme) -> None:
        styles = method_styles(data.methods, theme)
        ax = figure.subplots()
        for line, method in enumerate(methods):
            draw_scores(ax, line, data, environment, method, styles[method], theme)
        ax.set_yticks(range(len(methods)), [wrapped(data.method_label(method)) for method in methods])
        ax.tick_params(axis="y", labelcolor=theme.ink)
        ax.set_ylim(len(methods) - 0.45, -0.45)
        if known:
            draw_ends(ax, theme, scale.random, scale.expert)
        if counts_wins:
            ax.set_xlim(-0.02, 1.02)
        ax.set_xlabel(f"{label} on {data.games_label}{'' if data.plan.origin else ', last checkpoint'}")
        heading(figure, name)
        quiet_axes(ax)
        ax.grid(False, axis="y")

    return Figure(
        id=f"scores-{environment}",
        title=f"Final scores, {name}",
        caption=(
            f"{name}: {what}. Large mark and bar: mean over seeds with its 95% t interval; no bar where that is "
            f"undefined{ARROW if counts_wins else ''}. Small marks: every seed{NOISE if counts_wins else ''}."
            + (" Dashed: random play and our expert on such games." if known else "")
        ),
        alt=f"Dot plot of final {label} on {name}: "
        + "; ".join(f"{data.method_label(m)} {_seed_list(data.scores(environment, m), digits)}" for m in methods)
        + (f"; random play {number(scale.random, digits)}, our expert {number(scale.expert, digits)}" if known else ""),
        size=(WIDTH, 1.0 + 0.55 * len(methods)),
        draw=draw,
        runs=tuple(done["key"]),
    )


def _seed_list(values: Values, digits: int) -> str:
    return ", ".join(number(value, digits) for value in values) if len(values) else "no finished seed"


def draw_ends(ax: Axes, theme: Theme, random: float = 0.0, expert: float = 1.0) -> None:
    """Lines at random play and at our expert, named in a strip that is added at the lower border."""
    low, high = ax.get_ylim()
    ax.set_ylim(low + 0.25, high)
    for value, name, side, shift in ((random, "random", "left", 2), (expert, "expert", "right", -2)):
        ax.axvline(value, color=theme.quiet, lw=1.0, ls=(0, (2, 2)), zorder=1.5)
        ax.annotate(
            name,
            (value, 0),
            xycoords=("data", "axes fraction"),
            xytext=(shift, 2),
            textcoords="offset points",
            ha=side,
            fontsize=7,
            color=theme.quiet,
        )


def draw_scores(
    ax: Axes, line: int, data: GridData, environment: str, method: str, style: LineStyle, theme: Theme
) -> None:
    """One method around the height `line`: the mean above, its seeds below."""
    values = data.scores(environment, method)
    if not values.size:
        ax.text(
            0.5,
            line,
            "no finished seed",
            transform=ax.get_yaxis_transform(),
            ha="center",
            va="center",
            color=theme.quiet,
        )
        return
    summary = mean_interval(values)
    if summary.interval is not None:
        within = WIN_RATES if data.counts_wins(environment) else None
        bar(ax, summary.interval, line - 0.15, within, color=style.color, lw=6, alpha=0.3)
    heights = line + (np.linspace(0.06, 0.36, values.size) if values.size > 1 else np.array([0.15]))
    seeds = zip(values, heights, data.games(data.done(environment, method)), strict=True)
    noise = [(wilson_interval(round(value * games), games), height) for value, height, games in seeds if games]
    if noise:
        lows, highs, places = zip(*((one.low, one.high, height) for one, height in noise), strict=True)
        ax.hlines(places, lows, highs, color=style.color, lw=0.9, alpha=0.8)
    ax.plot(values, heights, marker=style.marker, ls="none", color=style.color, ms=3)
    ax.plot([summary.mean], [line - 0.15], marker=style.marker, color=style.color, mec=theme.ink, mew=1.0, ms=7)
