"""The figures of a report. A figure is drawn once per theme and file format; the caption says how to read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from reports.frame import GridData
from reports.stats import mean_interval, wilson_interval
from reports.style import DARK, LIGHT, LineStyle, Theme, canvas, encode, method_styles, quiet_axes
from reports.text import plural

Array = npt.NDArray[np.float64]

WIDTH = 4.4
"""Inches: small enough that the type is still readable on a telephone."""

CURVE_PANELS = (("test", "held-out games (test split)"), ("train", "training episodes"))
"""Where the headline metric was measured during training, and the title of its panel, top to bottom."""


@dataclass(frozen=True)
class Figure:
    """A figure of a report.

    id: file name and anchor. alt: what a reader who cannot see it must know. size: inches. draw: puts the data on a
    canvas in the colours of a theme. runs: keys of the runs it shows.
    """

    id: str
    title: str
    caption: str
    alt: str
    size: tuple[float, float]
    draw: Callable[[Canvas, Theme], None]
    runs: tuple[str, ...]

    def files(self) -> dict[str, bytes]:
        """File name -> content, for the figures folder: light theme, for slides and papers."""
        with canvas(LIGHT, *self.size) as figure:
            self.draw(figure, LIGHT)
            return {
                f"{self.id}.svg": encode(figure, "svg"),
                f"{self.id}.png": encode(figure, "png"),
                f"{self.id}.pdf": encode(figure, "pdf"),
            }

    def dark_svg(self) -> bytes:
        """The same figure for a dark screen."""
        with canvas(DARK, *self.size) as figure:
            self.draw(figure, DARK)
            return encode(figure, "svg")

    def sidecar(self) -> dict[str, Any]:
        """The runs behind the figure, as plain JSON."""
        return {"figure": self.id, "title": self.title, "caption": self.caption, "runs": list(self.runs)}


@dataclass(frozen=True)
class Curve:
    """One seed's curve, by ascending frames. whole: its training is finished, so nothing will be added."""

    frames: Array
    values: Array
    whole: bool


def mean_curve(curves: list[Curve]) -> tuple[Array, Array]:
    """Mean over seeds at every frame where any of them has a point and all of them have begun and not ended.

    Between two points a seed's curve is read off its line. Outside the common range a mean would be over other seeds.
    """
    if not curves:
        return np.empty(0), np.empty(0)
    frames = np.unique(np.concatenate([curve.frames for curve in curves]))
    first = max(float(curve.frames[0]) for curve in curves)
    last = min(float(curve.frames[-1]) for curve in curves)
    frames = frames[(frames >= first) & (frames <= last)]
    return frames, np.mean([np.interp(frames, curve.frames, curve.values) for curve in curves], axis=0)


def select_curves(rows: pd.DataFrame, metric: str) -> dict[str, list[Curve]]:
    """Method -> its seeds' curves of one metric, from the policy rows of one environment."""
    found: dict[str, list[Curve]] = {}
    chosen = rows[rows["metric"] == metric].dropna(subset=["value"])
    for (method, _), group in chosen.groupby(["method", "seed"], sort=True):
        group = group.sort_values("frames")
        frames, values = (group[name].to_numpy(np.float64) for name in ("frames", "value"))
        found.setdefault(str(method), []).append(Curve(frames, values, bool(group["whole"].iloc[0])))
    return found


def learning_curves(data: GridData, environment: str) -> Figure | None:
    """Test and training win rate by environment frames: a bold mean per method, a thin line per seed.

    None where no policy of the environment has logged a point.
    """
    rows = data.curves[(data.curves["environment"] == environment) & data.curves["stage"].isin(data.curve_stages)]
    panels = [(title, select_curves(rows, f"{where}/{data.headline}")) for where, title in CURVE_PANELS]
    panels = [(title, curves) for title, curves in panels if curves]
    if not panels:
        return None
    methods = [method for method in data.methods if any(method in curves for _, curves in panels)]
    name = data.environment_label(environment)
    told = "; ".join(f"{data.method_label(m)}: {_curves_in_words(panels[0][1].get(m, []))}" for m in methods)

    def draw(figure: Canvas, theme: Theme) -> None:
        styles = method_styles(data.methods, theme)
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for ax, (title, curves) in zip(axes, panels, strict=True):
            draw_curves(ax, curves, styles, data.counts_wins)
            ax.set_title(f"{name}: {title}")
            ax.set_ylabel(data.headline_label)
        axes[-1].set_xlabel("environment frames of reinforcement learning")
        handles = [Line2D([], [], **bold(styles[method]), label=data.method_label(method)) for method in methods]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(2, len(methods)))

    return Figure(
        id=f"curves-{environment}",
        title=f"Learning curves, {name}",
        caption=(
            f"{name}: {data.headline_label} against environment frames of reinforcement learning. Bold: mean over "
            "the seeds whose training is finished, as far as all of them reach. Thin: every seed. The report "
            "smooths nothing. Test games are a fixed list, played greedily at fixed intervals; no decision reads "
            "them. Training episodes are played by the sampling policy. Frames of demonstrations and pretraining "
            "are not on this axis."
        ),
        alt=f"Line chart of {data.headline_label} by frames on {name}; " + told,
        size=(WIDTH, 2.2 * len(panels) + 0.3 + 0.2 * -(-len(methods) // 2)),
        draw=draw,
        runs=tuple(dict.fromkeys(rows["key"])),
    )


def _curves_in_words(curves: list[Curve]) -> str:
    values = mean_curve([curve for curve in curves if curve.whole])[1]
    end = f", mean {values[0]:.2f} at first and {values[-1]:.2f} at last" if values.size else ""
    return plural(len(curves), "seed") + end


def bold(style: LineStyle) -> dict[str, Any]:
    """How a mean is drawn, in the figure and in its legend."""
    return {"color": style.color, "linestyle": style.dash, "linewidth": 2, "marker": style.marker, "markersize": 5}


def draw_curves(
    ax: Axes, curves: Mapping[str, list[Curve]], styles: Mapping[str, LineStyle], whole_range: bool
) -> None:
    """One panel: thin seeds under bold means. whole_range: on the range of a win rate, whatever the data."""
    for method, seeds in curves.items():
        style = styles[method]
        for curve in seeds:
            dot = "." if curve.frames.size == 1 else None
            ax.plot(curve.frames, curve.values, color=style.color, linewidth=0.8, alpha=0.5, marker=dot)
        frames, values = mean_curve([curve for curve in seeds if curve.whole])
        if frames.size:
            ax.plot(frames, values, **bold(style), markevery=max(1, frames.size // 7))
    quiet_axes(ax)
    if whole_range:
        ax.set_ylim(-0.02, 1.02)
    ax.set_xlim(left=0, right=ax.dataLim.x1 * 1.03 or 1)
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.xaxis.set_major_locator(MaxNLocator(6))


def final_scores(data: GridData, environment: str) -> Figure | None:
    """Every seed's final score and the mean with its t interval, one line per method; wins with Wilson intervals."""
    rows = data.cells[data.cells["environment"] == environment]
    methods = [m for m in data.methods if (rows[rows["method"] == m]["status"] != "unavailable").any()]
    done = data.done(environment)
    if done.empty:
        return None
    name = data.environment_label(environment)

    def draw(figure: Canvas, theme: Theme) -> None:
        styles = method_styles(data.methods, theme)
        ax = figure.subplots()
        for line, method in enumerate(methods):
            draw_scores(ax, line, data, done[done["method"] == method], styles[method], theme)
        ax.set_yticks(range(len(methods)), [data.method_label(method) for method in methods])
        ax.tick_params(axis="y", labelcolor=theme.ink)
        ax.set_ylim(len(methods) - 0.45, -0.45)
        if data.counts_wins:
            ax.set_xlim(-0.02, 1.02)
        ax.set_xlabel(f"{data.headline_label} on held-out games, last checkpoint")
        ax.set_title(name)
        quiet_axes(ax)
        ax.grid(False, axis="y")

    return Figure(
        id=f"scores-{environment}",
        title=f"Final scores, {name}",
        caption=(
            f"{name}: {data.headline_label} of the last checkpoint on the fixed list of held-out games. Large mark "
            "and bar: mean over seeds with its 95% t interval; no bar where that is undefined, an arrow where it "
            "leaves the range of a win rate. Small marks: every seed, with the 95% Wilson interval of its games."
        ),
        alt=f"Dot plot of final {data.headline_label} on {name}: "
        + "; ".join(f"{data.method_label(m)} {_seed_list(done[done['method'] == m][data.headline])}" for m in methods),
        size=(WIDTH, 1.0 + 0.55 * len(methods)),
        draw=draw,
        runs=tuple(done["key"]),
    )


def _seed_list(values: pd.Series[Any]) -> str:
    return ", ".join(f"{value:.2f}" for value in values) if len(values) else "no finished seed"


def draw_scores(ax: Axes, line: int, data: GridData, rows: pd.DataFrame, style: LineStyle, theme: Theme) -> None:
    """One method around the height `line`: the mean above, its seeds below."""
    values = rows[data.headline].to_numpy(np.float64)
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
        least, most = (0.0, 1.0) if data.counts_wins else (-np.inf, np.inf)
        low, high = max(summary.interval.low, least), min(summary.interval.high, most)
        ax.plot([low, high], [line - 0.15] * 2, color=style.color, lw=6, alpha=0.3, solid_capstyle="butt")
        for border, leaves, marker in (
            (least, summary.interval.low < least, "<"),
            (most, summary.interval.high > most, ">"),
        ):
            if leaves:
                ax.plot([border], [line - 0.15], marker=marker, color=style.color, ms=6, clip_on=False)
    offsets = np.linspace(0.06, 0.36, values.size) if values.size > 1 else np.array([0.15])
    for value, offset, games in zip(values, offsets, data.games(rows), strict=True):
        if games:
            noise = wilson_interval(round(value * games), games)
            ax.plot([noise.low, noise.high], [line + offset] * 2, color=style.color, lw=0.9, alpha=0.8)
        ax.plot([value], [line + offset], marker=style.marker, color=style.color, ms=3)
    ax.plot([summary.mean], [line - 0.15], marker=style.marker, color=style.color, mec=theme.ink, mew=1.0, ms=7)
