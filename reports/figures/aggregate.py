"""Figures of the aggregates: intervals per statistic, performance profiles, probability of improvement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from reports.aggregate import STATISTICS, Aggregate, Estimate, Improvement, Profile
from reports.figures import MOST_METHODS, WIDTH, Figure
from reports.figures.scores import draw_ends
from reports.figures.style import LineStyle, Theme, heading, method_styles, quiet_axes
from reports.frame import GridData
from reports.text import interval, number, wrapped

MEANING = {
    "iqm": "the mean of the middle half of all runs of all environments; it is less moved by single runs",
    "mean": "the mean over environments of the mean over seeds",
    "gap": "how much is missing to the expert on average; less is better, a run above the expert counts as equal to it",
}
"""Of the statistics, for captions."""

X_LABEL, Y_LABEL = "normalised score τ", "share of runs above τ"
STEPS: Literal["steps-post"] = "steps-post"
"""Between two thresholds a share is that of the left one."""


def interval_figures(data: GridData, found: Sequence[Aggregate]) -> tuple[Figure, ...]:
    """One figure per statistic, one line per method; none for more methods than a figure can tell apart."""
    if not 0 < len(found) <= MOST_METHODS:
        return ()
    return tuple(_interval_figure(data, found, name) for name in STATISTICS)


def _interval_figure(data: GridData, found: Sequence[Aggregate], name: str) -> Figure:
    title, _ = STATISTICS[name]
    estimates = {one.method: one.estimates[name] for one in found}

    def draw(figure: Canvas, theme: Theme) -> None:
        ax = figure.subplots()
        _lines(ax, data, estimates, theme)
        if name != "gap":
            draw_ends(ax, theme)
        ax.set_xlabel(f"{title.lower()} of the normalised score" if name != "gap" else "gap to the expert")
        heading(figure, title)

    return Figure(
        id=f"aggregate-{name}",
        title=f"{title} over environments",
        caption=f"{title}: {MEANING[name]}. Bar: 95% interval by a stratified bootstrap of the seeds of each "
        "environment; no bar where it cannot be computed. For these environments only.",
        alt=f"Interval plot of the {title.lower()} of normalised scores: {_told(data, estimates)}",
        size=(WIDTH, 1.05 + 0.34 * len(found)),
        draw=draw,
        runs=tuple(key for one in found for key in one.runs),
    )


def improvement_figure(data: GridData, found: Sequence[Improvement], runs: tuple[str, ...]) -> Figure | None:
    """The report's method against each other one; None without any, or with too many."""
    if not 0 < len(found) <= MOST_METHODS:
        return None
    own = data.method_label(found[0].method)
    estimates = {one.other: one.estimate for one in found}

    def draw(figure: Canvas, theme: Theme) -> None:
        ax = figure.subplots()
        _lines(ax, data, estimates, theme)
        ax.axvline(0.5, color=theme.quiet, lw=1.0, zorder=1.5)
        ax.set_xlim(-0.03, 1.03)
        ax.set_xlabel(f"probability of improvement of {own}")
        heading(figure, f"{own} against each other method")

    return Figure(
        id="aggregate-improvement",
        title=f"Probability of improvement of {own}",
        caption=f"How often a run of {own} has a higher score than a run of the other method on the same environment, "
        "averaged over environments; a tie counts half. It tells how often, not by how much; the line at 0.5 is no "
        "difference. Bar: 95% interval by a stratified bootstrap.",
        alt=f"Interval plot of the probability that a run of {own} is above one of: {_told(data, estimates)}",
        size=(WIDTH, 1.05 + 0.34 * len(found)),
        draw=draw,
        runs=runs,
    )


def _lines(ax: Axes, data: GridData, estimates: Mapping[str, Estimate], theme: Theme) -> None:
    """A mark and its interval per method, one below the other."""
    styles = method_styles(data.methods, theme)
    for line, (method, one) in enumerate(estimates.items()):
        style = styles[method]
        if one.interval is not None:
            ax.plot(
                [one.interval.low, one.interval.high],
                [line] * 2,
                color=style.color,
                lw=6,
                alpha=0.35,
                solid_capstyle="butt",
            )
        ax.plot([one.value], [line], marker=style.marker, color=style.color, mec=theme.ink, mew=0.8, ms=6.5)
    ax.set_yticks(range(len(estimates)), [wrapped(data.method_label(method), 24) for method in estimates])
    ax.tick_params(axis="y", labelcolor=theme.ink)
    ax.set_ylim(len(estimates) - 0.45, -0.55)
    ax.margins(x=0.06)
    quiet_axes(ax)
    ax.grid(False, axis="y")


def _told(data: GridData, estimates: Mapping[str, Estimate]) -> str:
    def words(one: Estimate) -> str:
        return number(one.value, 2) if one.interval is None else f"{number(one.value, 2)} {interval(one.interval, 2)}"

    return "; ".join(f"{data.method_label(method)} {words(one)}" for method, one in estimates.items())


def profile_figures(data: GridData, found: Mapping[str, Profile], runs: tuple[str, ...]) -> tuple[Figure, ...]:
    """All methods in one picture and, where there is a band, each against the others; none for too many methods."""
    if not 0 < len(found) <= MOST_METHODS:
        return ()
    together = _together(data, found, runs)
    banded = any(np.isfinite(profile.low).any() for profile in found.values())
    return (together, _one_by_one(data, found, runs)) if banded else (together,)


CAPTION = (
    "Performance profile: the share of runs whose normalised score is above the value on the x axis, averaged over "
    "environments. A curve that lies higher is better there; 0 is random play, 1 the expert."
)


def _together(data: GridData, found: Mapping[str, Profile], runs: tuple[str, ...]) -> Figure:
    def draw(figure: Canvas, theme: Theme) -> None:
        styles = method_styles(data.methods, theme)
        ax = figure.subplots()
        for method, profile in found.items():
            _curve(ax, profile, styles[method], label=wrapped(data.method_label(method), 24))
        _finish(ax, theme)
        ax.set_xlabel(X_LABEL)
        ax.set_ylabel(Y_LABEL)
        heading(figure, "Performance profiles")
        figure.legend(loc="outside lower center", ncols=2, fontsize=8, labelcolor=theme.ink)

    return Figure(
        id="aggregate-profile",
        title="Performance profiles",
        caption=CAPTION,
        alt="Performance profiles; share of runs above half of the way from random play to the expert: "
        + "; ".join(f"{data.method_label(m)} {_share_at(p, 0.5):.2f}" for m, p in found.items()),
        size=(WIDTH, 3.1 + 0.2 * -(-len(found) // 2)),
        draw=draw,
        runs=runs,
    )


def _one_by_one(data: GridData, found: Mapping[str, Profile], runs: tuple[str, ...]) -> Figure:
    rows = -(-len(found) // 2)
    height = 0.9 + 1.15 * rows

    def draw(figure: Canvas, theme: Theme) -> None:
        styles = method_styles(data.methods, theme)
        figure.set_layout_engine("none")  # for so many panels the constrained layout takes seconds
        places = {"left": 0.12, "right": 0.98, "bottom": 0.55 / height, "top": 1 - 0.3 / height}
        axes = figure.add_gridspec(rows, 2, **places, wspace=0.1, hspace=0.45).subplots(
            sharex=True, sharey=True, squeeze=False
        )
        for ax, (method, profile) in zip(axes.flat, found.items(), strict=False):
            for other in found.values():
                ax.plot(other.thresholds, other.share, color=theme.quiet, lw=0.6, alpha=0.45, drawstyle=STEPS)
            style = styles[method]
            borders = (profile.thresholds, profile.low, profile.high)
            ax.fill_between(*borders, color=style.color, alpha=0.25, lw=0, step="post")
            _curve(ax, profile, style)
            _finish(ax, theme)
            ax.set_title(data.method_label(method), fontsize=8)
        for ax in axes.flat[len(found) :]:
            ax.set_axis_off()
        figure.supxlabel(X_LABEL, fontsize=9, y=0.08 / height)
        figure.supylabel(Y_LABEL, fontsize=9, x=0.01)

    return Figure(
        id="aggregate-profile-bands",
        title="Performance profiles, one by one",
        caption=f"{CAPTION} Band: pointwise 95% interval by a stratified bootstrap, one method a panel; the other "
        "methods are thin grey lines.",
        alt="The same profiles, one method a panel, each with its band",
        size=(WIDTH, height),
        draw=draw,
        runs=runs,
    )


def _curve(ax: Axes, profile: Profile, style: LineStyle, label: str = "") -> None:
    ax.plot(profile.thresholds, profile.share, color=style.color, ls=style.dash, lw=1.5, label=label, drawstyle=STEPS)


def _finish(ax: Axes, theme: Theme) -> None:
    ax.set_ylim(-0.03, 1.03)
    for value in (0.0, 1.0):
        ax.axvline(value, color=theme.quiet, lw=0.8, ls=(0, (2, 2)), zorder=1.5)
    quiet_axes(ax)


def _share_at(profile: Profile, threshold: float) -> float:
    return float(profile.share[int(np.searchsorted(profile.thresholds, threshold))])
