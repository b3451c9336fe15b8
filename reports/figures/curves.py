"""Learning curves as figures: all methods together on both axes, and each method's seeds on their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from reports.curves import ALL_FRAMES, HIGH, LOW, POINTS, Curve, Learnt, Panel, thinned
from reports.evidence import played
from reports.figures import MOST_METHODS, WIDTH, Figure
from reports.figures.curve_axes import cut_off, finish_axes, heights
from reports.figures.style import LineStyle, Theme, method_styles
from reports.frame import GridData
from reports.text import plural, wrapped

CROWD = 5
"""Of more methods, seeds and bands are drawn fainter and panels higher."""

MANY = 60
"""Of more seeds in one pair of axes, the thin lines are an image, which keeps the files small."""


def learning_curves(data: GridData, environment: str, shown: Sequence[Panel]) -> Figure | None:
    """Headline metric by frames, on both axes of rule 12: per method a bold mean in its band, a thin line per seed.

    shown: panels(data, environment). None without a panel, and for more methods than a figure can tell apart.
    """
    methods = [method for method in data.methods if any(method in panel.methods for panel in shown)]
    if not shown or len(methods) > MOST_METHODS:
        return None
    name, label = data.environment_label(environment), data.headline_label(environment)
    digits, wins = data.few_digits(environment), data.counts_wins(environment)
    told = "; ".join(f"{data.method_label(m)}: {_in_words(shown[0].methods.get(m), digits)}" for m in methods)
    columns, height = min(2, len(methods)), 2.5 if len(methods) <= CROWD else 3.1

    def draw(figure: Canvas, theme: Theme) -> None:
        styles = method_styles(data.methods, theme)
        for ax, panel in zip(figure.subplots(len(shown), 1, squeeze=False)[:, 0], shown, strict=True):
            draw_panel(ax, panel.methods, {m: styles[m] for m in methods})
            finish_axes(ax, heights(panel.methods.values(), wins))
            ax.set_title(wrapped(panel.title, 46))
            ax.set_ylabel(label)
            ax.set_xlabel(panel.axis)
        handles = [Line2D([], [], **bold(styles[m]), label=wrapped(data.method_label(m), 26)) for m in methods]
        figure.legend(handles=handles, loc="outside lower center", ncols=columns)

    return Figure(
        id=f"curves-{environment}",
        title=f"Learning curves, {name}",
        caption=f"{name}: {label} against frames. {how_to_read(data, environment)} {played(data)} {PAID_BEFORE}"
        f"{_thinned(shown)}{_cut_off(shown, wins)}{_without_band(data, shown)}{_absent(data, shown)}",
        alt=f"Line chart of {label} by frames on {name}; {told}",
        size=(WIDTH, height * len(shown) + 0.3 + 0.22 * -(-len(methods) // columns)),
        draw=draw,
        runs=_runs(data, environment),
    )


def how_to_read(data: GridData, environment: str) -> str:
    """What is drawn, for the caption."""
    simulated = "simulated win rates" if data.counts_wins(environment) else "simulated curves between 0 and 1"
    return (
        "Bold: mean over the seeds whose training is finished, as far as all of them reach; around it its simultaneous "
        "95% band, which is to hold the whole curve of the mean and not only each point (whole runs are reweighted at "
        f"random; in {simulated} it did in 90 to 97% of the trials). It is as wide at every frame, also where the "
        "seeds happen to agree. Thin: every seed. The report smooths nothing."
    )


PAID_BEFORE = (
    "Where an axis counts all that came before, a curve starts at what its seed paid before reinforcement learning: "
    "frames of an easier stage that it goes on from, of demonstrations, of own interaction and of a trained "
    "demonstrator, and frames fitted in pretraining (updates × batch, each as often as it was used); a shared stage "
    "counts in full for every method. Tabula rasa starts at 0, or at the easier stage's frames."
)


def seeds_apart(data: GridData, environment: str, shown: Sequence[Panel]) -> Figure | None:
    """Run-to-run spread (rule 11): the first panel's methods side by side, each with percentiles of its seeds.

    None where no method has two finished seeds, and for more methods than a figure can tell apart.
    """
    panel = shown[0] if shown else Panel("", "", {})
    methods = [m for m in data.methods if m in panel.methods and panel.methods[m].finished > 1]
    if not methods or len(panel.methods) > MOST_METHODS:
        return None
    name, columns, digits = data.environment_label(environment), min(2, len(methods)), data.few_digits(environment)
    rows, wins = -(-len(methods) // columns), data.counts_wins(environment)

    def draw(figure: Canvas, theme: Theme) -> None:
        styles = method_styles(data.methods, theme)
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for ax, method in zip(grid, methods, strict=False):
            draw_spread(ax, panel.methods[method], styles[method], theme)
            finish_axes(ax, heights(panel.methods.values(), wins), ticks=4)
            ax.set_title(wrapped(data.method_label(method), 26), fontsize=8)
        for ax in grid[len(methods) - columns : len(methods)]:
            ax.tick_params(labelbottom=True)
        for ax in grid[len(methods) :]:
            ax.set_axis_off()
        figure.supxlabel(panel.axis, fontsize=9)
        figure.supylabel(f"{data.headline_label(environment)} on {panel.title.removeprefix(f'{name}: ')}", fontsize=9)
        figure.legend(handles=_key(theme), loc="outside upper center", ncols=2, fontsize=8)

    counts = sorted({panel.methods[m].finished for m in methods})
    return Figure(
        id=f"spread-{environment}",
        title=f"Spread between seeds, {name}",
        caption=(
            f"{name}: the same curves, one method at a time. Between dotted lines: where the middle {HIGH - LOW:.0%} "
            f"of the runs lie at each frame ({LOW:.0%} and {HIGH:.0%} percentile, read between the "
            f"{' or '.join(map(str, counts))} finished seeds), which is what one run may give. Shaded: the "
            "simultaneous 95% band of the mean, which is how well the mean is known. They answer different questions; "
            f"with few seeds the band of the mean is often the wider one.{_cut_off([panel], wins)}"
        ),
        alt=f"One small line chart per method on {name}: "
        + "; ".join(f"{data.method_label(m)} {_spread_in_words(panel.methods[m], digits)}" for m in methods),
        size=(WIDTH, 1.35 * rows + 0.95),
        draw=draw,
        runs=_runs(data, environment),
    )


def _runs(data: GridData, environment: str) -> tuple[str, ...]:
    """The policies of the environment that have logged a row."""
    cells = [cell for cell in data.plan.cells if cell.environment == environment]
    used = {key for cell in cells for key in cell.stages.values()} & data.curve_keys
    return tuple(key for key in data.curves.columns if key in used)


def _thinned(shown: Sequence[Panel]) -> str:
    longest = max(len(curve.frames) for panel in shown for each in panel.methods.values() for curve in each.seeds)
    return f" Of longer curves {POINTS} points are drawn, evenly chosen." if longest > POINTS else ""


def _cut_off(shown: Sequence[Panel], wins: bool) -> str:
    cut = any(cut_off(panel.methods.values(), wins) for panel in shown)
    return " A band that is much wider than the curves goes on beyond the axes." if cut else ""


def _without_band(data: GridData, shown: Sequence[Panel]) -> str:
    """The methods whose mean has no band, with the reason."""
    whys = {m: each.band.why for panel in shown for m, each in panel.methods.items() if each.band.why}
    words = "; ".join(f"{data.method_label(m)} ({why})" for m, why in whys.items())
    return f" Without a band: {words}." if words else ""


def _absent(data: GridData, shown: Sequence[Panel]) -> str:
    """The methods and finished seeds that the second axis lacks, because what they paid is not recorded."""
    counted = next((panel for panel in shown if panel.axis == ALL_FRAMES), None)
    if counted is None:
        return ""
    missing = []
    for method, each in shown[0].methods.items():
        there = counted.methods[method].finished if method in counted.methods else 0
        if method not in counted.methods or there < each.finished:
            some = f" (whose mean there is over {there} of {plural(each.finished, 'finished seed')})" if there else ""
            missing.append(f"{data.method_label(method)}{some}")
    return f" Not on that axis, because what they paid is not recorded: {'; '.join(missing)}." if missing else ""


def _in_words(each: Learnt | None, digits: int) -> str:
    if each is None:
        return plural(0, "seed")
    mean = each.band.mean
    end = f", mean {mean[0]:.{digits}f} at first and {mean[-1]:.{digits}f} at last" if mean.size else ""
    return plural(len(each.seeds), "seed") + end


def _spread_in_words(each: Learnt, digits: int) -> str:
    low, high, mean = (f"{end[-1]:.{digits}f}" for end in (each.low, each.high, each.band.mean))
    return f"ends between {low} and {high}, mean {mean}"


def bold(style: LineStyle) -> dict[str, Any]:
    """How a mean is drawn, in the figure and in its legend."""
    return {"color": style.color, "linestyle": style.dash, "linewidth": 2, "marker": style.marker, "markersize": 5}


def draw_panel(ax: Axes, methods: Mapping[str, Learnt], styles: Mapping[str, LineStyle]) -> None:
    """All methods: bands under thin seeds under bold means."""
    crowded = len(styles) > CROWD
    lines = sum(len(each.seeds) for each in methods.values())
    for method, each in methods.items():
        draw_band(ax, each, styles[method].color, 0.04 if crowded else 0.18)
        draw_seeds(ax, each.seeds, styles[method].color, 0.2 if crowded else 0.5, lines)
    for place, method in enumerate(m for m in styles if m in methods):
        frames, mean = methods[method].frames, methods[method].band.mean
        if frames.size:
            every = max(1, frames.size // 5)
            ax.plot(frames, mean, **bold(styles[method]), markevery=(place * every // len(styles), every))


def draw_spread(ax: Axes, each: Learnt, style: LineStyle, theme: Theme) -> None:
    """One method: percentiles of its seeds, the band of its mean, its seeds and its mean."""
    draw_band(ax, each, style.color, 0.25)
    for border in (each.low, each.high):
        ax.plot(each.frames, border, color=theme.ink, lw=1.0, ls=":")
    draw_seeds(ax, each.seeds, style.color, 0.5, len(each.seeds))
    ax.plot(each.frames, each.band.mean, color=theme.ink, lw=1.4)


def draw_band(ax: Axes, each: Learnt, color: str, alpha: float) -> None:
    """The simultaneous band of the mean, where there is one."""
    if each.band.low is not None and each.band.high is not None:
        ax.fill_between(each.frames, each.band.low, each.band.high, color=color, alpha=alpha, lw=0)


def draw_seeds(ax: Axes, seeds: Sequence[Curve], color: str, alpha: float, together: int) -> None:
    """A thin line per seed, fainter the more there are together; a dot for a seed of one point."""
    lines = [thinned(np.column_stack([curve.frames, curve.values])) for curve in seeds]
    many = together > MANY
    alpha *= min(1.0, sqrt(MANY / together))
    width = 0.5 if many else 0.8
    ax.add_collection(LineCollection(lines, colors=color, linewidths=width, alpha=alpha, rasterized=many))
    dots = np.concatenate([line for line in lines if len(line) == 1] or [np.empty((0, 2))])
    if len(dots):
        ax.plot(*dots.T, ls="", marker=".", color=color, alpha=alpha)


def _key(theme: Theme) -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=theme.ink, lw=1.4, label="mean"),
        Line2D([], [], color=theme.quiet, lw=0.8, alpha=0.7, label="one seed"),
        Patch(color=theme.quiet, alpha=0.35, lw=0, label="95% band of the mean"),
        Line2D([], [], color=theme.ink, lw=1.0, ls=":", label=f"{LOW:.0%} and {HIGH:.0%} of seeds"),
    ]
