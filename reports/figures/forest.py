"""The forest plot: ours, what was published, and where ours should fall if both are of one kind."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from reports.figures import WIDTH, Figure
from reports.figures.marks import WIN_RATES, bar
from reports.figures.style import Theme, heading, quiet_axes
from reports.frame import GridData
from reports.published import Match
from reports.stats import Interval
from reports.text import number, wrapped

APART = 0.17
"""How far ours stands above, and the published value below, the middle of a line."""

LEAVES = " An arrow: it goes on beyond the range of a win rate."


def name(data: GridData, match: Match) -> str:
    """What a value is of: our method, or another's with its publication."""
    one = match.published
    own = one.label or (data.method_label(one.method) if one.method else "")
    return own if one.method else f"{own}, {one.publication}"


def forest(data: GridData, environment: str, found: Sequence[Match]) -> Figure | None:
    """One line per value of the ledger on an environment, of the metric that tables show; None without one of ours."""
    shown = [
        match
        for match in found
        if match.published.metric in (None, data.headline(environment))
        and (match.ours.n or match.published.value is not None)
    ]
    if not any(match.ours.n for match in shown):
        return None
    label, counts_wins = data.environment_label(environment), data.counts_wins(environment)

    def draw(figure: Canvas, theme: Theme) -> None:
        ax = figure.subplots()
        for line, match in enumerate(shown):
            _draw_line(ax, line, match, theme, WIN_RATES if counts_wins else None)
        names = [f"{wrapped(name(data, match), 27)}\n{match.judgement.verdict}" for match in shown]
        ax.set_yticks(range(len(shown)), names)
        ax.tick_params(axis="y", labelcolor=theme.ink)
        ax.set_ylim(len(shown) - 0.4, -0.6)
        if counts_wins:
            ax.set_xlim(-0.02, 1.02)
        ax.set_xlabel(data.headline_label(environment))
        heading(figure, f"{label}: ours and published")
        quiet_axes(ax)
        ax.grid(False, axis="y")
        for line in range(1, len(shown)):
            ax.axhline(line - 0.5, color=theme.grid, lw=0.7)
        figure.legend(handles=_handles(shown, theme), loc="outside lower center", ncols=2)

    return Figure(
        id=f"published-{environment}",
        title=f"Ours and published, {label}",
        caption=(
            f"{label}: each line is a value of the ledger, its verdict under its name. Square: our mean over seeds, "
            "with its 95% t interval. Diamond: the published value, with what is printed as ±, whatever that is of. "
            "Wide bar: the 95% prediction interval, where our mean falls if both are of one kind; no bar where the "
            "ledger does not know enough for one." + (LEAVES if counts_wins else "")
        ),
        alt=f"Forest plot of ours against published on {label}: "
        + "; ".join(_in_words(data, match) for match in shown),
        size=(WIDTH, 1.3 + 0.56 * len(shown)),
        draw=draw,
        runs=tuple(dict.fromkeys(key for match in shown for key in match.runs)),
    )


def _in_words(data: GridData, match: Match) -> str:
    value, digits = match.published.value, match.published.digits
    ours = f"ours {number(match.ours.mean, digits)}" if match.ours.n else "none of ours"
    theirs = "no published value yet" if value is None else f"published {number(value, digits)}"
    return f"{name(data, match)}: {ours}, {theirs}, {match.judgement.verdict}"


def _draw_line(ax: Axes, line: int, match: Match, theme: Theme, within: tuple[float, float] | None) -> None:
    blue, orange = theme.lines[1], theme.lines[2]
    prediction, one = match.judgement.prediction, match.published
    if prediction is not None:
        bar(ax, prediction, line, within, lw=15, color=theme.quiet, alpha=0.25, zorder=1)
    if match.ours.n:
        if match.ours.interval is not None:
            bar(ax, match.ours.interval, line - APART, within, lw=2, color=blue)
        ax.plot([match.ours.mean], [line - APART], marker="s", ms=6, color=blue, mec=theme.ink, mew=0.8)
    if one.value is None:
        place = ax.get_yaxis_transform()
        ax.text(0.99, line + APART, "no value read yet", transform=place, ha="right", va="center", color=theme.quiet)
        return
    height = line + APART if match.ours.n else line
    if one.spread is not None:
        bar(ax, Interval(one.value - one.spread, one.value + one.spread), height, within, lw=1.2, color=orange)
    ax.plot([one.value], [height], marker="D", ms=6, color=theme.paper, mec=orange, mew=1.6, clip_on=False)


def _handles(shown: Sequence[Match], theme: Theme) -> list[Line2D | Patch]:
    blue, orange = theme.lines[1], theme.lines[2]
    ours = Line2D([], [], color=blue, lw=2, marker="s", ms=6, mec=theme.ink, mew=0.8, label="ours, 95% interval")
    theirs = Line2D([], [], color=orange, lw=1.2, marker="D", ms=6, mfc=theme.paper, mew=1.6, label="published, ±")
    handles: list[Line2D | Patch] = [ours] if any(match.ours.n for match in shown) else []
    if any(match.published.value is not None for match in shown):
        handles.append(theirs)
    if any(match.judgement.prediction is not None for match in shown):
        handles.append(Patch(facecolor=theme.quiet, alpha=0.25, label="95% prediction interval"))
    return handles
