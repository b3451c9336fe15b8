"""Learning curves: every seed and the mean of each method, against what was paid for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from reports.figures import MOST_METHODS, WIDTH, Figure
from reports.frame import GridData
from reports.style import LineStyle, Theme, method_styles, quiet_axes
from reports.text import plural, wrapped

Array = npt.NDArray[np.float64]
Shift = Mapping[tuple[str, int], float]
"""(method, seed) -> how far its curve is moved to the right."""

RL_FRAMES = "frames of reinforcement learning"
ALL_FRAMES = "frames of RL + all that came before"
CROWD = 5
"""Of more methods, seeds are drawn fainter and panels higher."""


@dataclass(frozen=True)
class Curve:
    """One seed's curve, by ascending frames. whole: its training is finished, so nothing will be added."""

    frames: Array
    values: Array
    whole: bool


@dataclass(frozen=True)
class Panel:
    """One pair of axes of the figure: method -> its seeds' curves."""

    title: str
    axis: str
    curves: Mapping[str, list[Curve]]


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


def select_curves(rows: pd.DataFrame, metric: str, shift: Shift | None = None) -> dict[str, list[Curve]]:
    """Method -> its seeds' curves of one metric, from the policy rows of one environment.

    With a shift, each is moved to the right, and one whose shift is not known (NaN) is left out.
    """
    found: dict[str, list[Curve]] = {}
    chosen = rows[rows["metric"] == metric].dropna(subset=["value"])
    for (method, seed), group in chosen.groupby(["method", "seed"], sort=True):
        moved = 0.0 if shift is None else shift[str(method), int(str(seed))]
        if np.isfinite(moved):
            group = group.sort_values("frames")
            frames, values = (group[name].to_numpy(np.float64) for name in ("frames", "value"))
            found.setdefault(str(method), []).append(Curve(frames + moved, values, bool(group["whole"].iloc[0])))
    return found


def extra_frames(data: GridData, environment: str) -> dict[tuple[str, int], float]:
    """(method, seed) -> the frames that its policy was paid for beside its own, see reports.extra."""
    group = data.group(environment)
    return {(row["method"], row["seed"]): float(row["extra_frames"]) for row in group.to_dict("records")}


def panels(data: GridData, environment: str, rows: pd.DataFrame) -> list[Panel]:
    """Test by RL frames, test by all frames, training episodes; those that have a curve."""
    test, train = f"test/{data.headline}", f"train/{data.headline}"
    name, shift = data.environment_label(environment), extra_frames(data, environment)
    drawn = [Panel(f"{name}: {data.games_label}", RL_FRAMES, select_curves(rows, test))]
    if any(moved != 0 for moved in shift.values()):
        drawn.append(Panel(f"{name}: {data.games_label}, all counted", ALL_FRAMES, select_curves(rows, test, shift)))
    drawn.append(Panel(f"{name}: training episodes", RL_FRAMES, select_curves(rows, train)))
    return [panel for panel in drawn if panel.curves]


def learning_curves(data: GridData, environment: str) -> Figure | None:
    """Win rate by frames, on both axes of rule 12: a bold mean per method, a thin line per seed.

    None where no policy of the environment has logged a point, and for more methods than a figure can tell apart.
    """
    rows = data.curves[(data.curves["environment"] == environment) & data.curves["key"].isin(data.curve_keys)]
    shown = panels(data, environment, rows)
    methods = [method for method in data.methods if any(method in panel.curves for panel in shown)]
    if not shown or len(methods) > MOST_METHODS:
        return None
    name = data.environment_label(environment)
    told = "; ".join(f"{data.method_label(m)}: {_in_words(shown[0].curves.get(m, []))}" for m in methods)
    columns, height = min(2, len(methods)), 2.5 if len(methods) <= CROWD else 3.1

    def draw(figure: Canvas, theme: Theme) -> None:
        styles = method_styles(data.methods, theme)
        for ax, panel in zip(figure.subplots(len(shown), 1, squeeze=False)[:, 0], shown, strict=True):
            draw_curves(ax, panel.curves, {m: styles[m] for m in methods}, data.counts_wins)
            ax.set_title(panel.title)
            ax.set_ylabel(data.headline_label)
            ax.set_xlabel(panel.axis)
        handles = [Line2D([], [], **bold(styles[m]), label=wrapped(data.method_label(m), 26)) for m in methods]
        figure.legend(handles=handles, loc="outside lower center", ncols=columns)

    return Figure(
        id=f"curves-{environment}",
        title=f"Learning curves, {name}",
        caption=f"{name}: {data.headline_label} against frames. {HOW_TO_READ}{_absent(data, shown)}",
        alt=f"Line chart of {data.headline_label} by frames on {name}; " + told,
        size=(WIDTH, height * len(shown) + 0.3 + 0.22 * -(-len(methods) // columns)),
        draw=draw,
        runs=tuple(dict.fromkeys(rows["key"])),
    )


HOW_TO_READ = (
    "Bold: mean over the seeds whose training is finished, as far as all of them reach. Thin: every seed. The report "
    "smooths nothing. The games are a fixed list, played greedily at fixed intervals; no decision reads them. Training "
    "episodes are played by the sampling policy. Where an axis counts all that came before, a curve starts "
    "at what its seed paid before reinforcement learning: frames of an easier stage that it goes on from, of "
    "demonstrations, of own interaction and of a trained demonstrator, and frames fitted in pretraining (updates × "
    "batch, each as often as it was used); a shared stage counts in full for every method. Tabula rasa starts at 0, or "
    "at the easier stage's frames."
)


def _absent(data: GridData, shown: list[Panel]) -> str:
    """The methods and finished seeds that the second axis lacks, because what they paid is not recorded."""
    counted = next((panel for panel in shown if panel.axis == ALL_FRAMES), None)
    if counted is None:
        return ""
    missing = []
    for method, curves in shown[0].curves.items():
        there, finished = (sum(curve.whole for curve in seeds) for seeds in (counted.curves.get(method, []), curves))
        if method not in counted.curves or there < finished:
            some = f" (whose mean there is over {there} of {plural(finished, 'finished seed')})" if there else ""
            missing.append(f"{data.method_label(method)}{some}")
    return f" Not on that axis, because what they paid is not recorded: {'; '.join(missing)}." if missing else ""


def _in_words(curves: list[Curve]) -> str:
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
    thin: dict[str, Any] = (
        {"linewidth": 0.8, "alpha": 0.5} if len(styles) <= CROWD else {"linewidth": 0.6, "alpha": 0.2}
    )
    for method, seeds in curves.items():
        for curve in seeds:
            dot = "." if curve.frames.size == 1 else None
            ax.plot(curve.frames, curve.values, color=styles[method].color, marker=dot, **thin)
    for place, method in enumerate(m for m in styles if m in curves):
        frames, values = mean_curve([curve for curve in curves[method] if curve.whole])
        if frames.size:
            every = max(1, frames.size // 5)
            ax.plot(frames, values, **bold(styles[method]), markevery=(place * every // len(styles), every))
    quiet_axes(ax)
    if whole_range:
        ax.set_ylim(-0.02, 1.02)
    ax.set_xlim(left=0, right=ax.dataLim.x1 * 1.03 or 1)
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.xaxis.set_major_locator(MaxNLocator(6))
