"""The multiverse as a picture: one sign for every comparison and analysis, the changed ones on a darker ground."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from reports.figures import WIDTH, Figure
from reports.figures.style import Theme, heading
from reports.frame import GridData
from reports.robustness.matrix import Matrix, Row
from reports.text import wrapped

FOR = ("holds", "higher")
AGAINST = ("fails", "lower")
OPEN = ("undecided", "not told apart")


def matrix_figure(data: GridData, environment: str, matrix: Matrix, runs: tuple[str, ...]) -> Figure | None:
    """One line per comparison on an environment; None where none has results."""
    rows = [row for row in matrix.rows if row.key.kind == "comparison" and row.key.environment == environment]
    if not rows:
        return None
    label = data.environment_label(environment)
    names = [analysis.label for analysis in matrix.analyses]
    common, lines = _names(data, rows)
    about = f"{common}, {label}" if common else label

    def draw(figure: Canvas, theme: Theme) -> None:
        ax = figure.subplots()
        for line, row in enumerate(rows):
            for place, word in enumerate(row.words):
                if place in row.changed:
                    ax.add_patch(Rectangle((place - 0.5, line - 0.5), 1, 1, color=theme.grid, lw=0))
                if word is not None:
                    ax.plot([place], [line], **_sign(word, theme))
        ax.axvline(0.5, color=theme.quiet, lw=0.8)
        ax.set_xticks(range(len(names)), names, rotation=45, ha="right")
        ax.set_yticks(range(len(rows)), [wrapped(line, 26) for line in lines])
        ax.tick_params(length=0, labelcolor=theme.ink)
        ax.set_xlim(-0.5, len(names) - 0.5)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        heading(figure, about)
        _lines_between(ax, len(rows), theme)
        figure.legend(
            handles=_handles(rows, theme), loc="outside lower center", ncols=3, handlelength=1.4, handletextpad=0.4
        )

    return Figure(
        id=f"multiverse-{environment}",
        title=f"Does it hold, {label}",
        caption=(
            f"{label}: what every analysis says of each comparison. The first column is the main analysis; in "
            "every other one thing is different. A darker ground: it says something else than the main one."
        ),
        alt=f"Matrix of verdicts, {about}, one line per comparison and one column per analysis: "
        + "; ".join(f"{line}: {_in_words(row, names)}" for line, row in zip(lines, rows, strict=True)),
        size=(WIDTH, 1.75 + 0.36 * len(rows)),
        draw=draw,
        runs=runs,
    )


def _names(data: GridData, rows: list[Row]) -> tuple[str, list[str]]:
    """What all comparisons share, for the title, and the rest of each."""
    methods = [data.method_label(row.key.method) for row in rows]
    others = [f"against {data.method_label(row.key.against)}" for row in rows]
    if len(set(methods)) == 1:
        return methods[0], others
    if len(set(others)) == 1:
        return others[0], methods
    return "", [f"{method} {other}" for method, other in zip(methods, others, strict=True)]


def _in_words(row: Row, names: list[str]) -> str:
    changed = [f"{row.words[place]} by {names[place]}" for place in row.changed]
    return f"{row.words[0]}" + (f", but {', '.join(changed)}" if changed else " by all")


def _sign(word: str, theme: Theme) -> dict[str, Any]:
    """Filled circle, cross, open circle or dash: readable without colour."""
    style: dict[str, Any] = {"linestyle": "none", "markersize": 8, "zorder": 3}
    if word in FOR:
        return style | {"marker": "o", "color": theme.lines[1]}
    if word in AGAINST:
        return style | {"marker": "X", "color": theme.lines[2]}
    if word in OPEN:
        return style | {"marker": "o", "markerfacecolor": "none", "color": theme.quiet, "markeredgewidth": 1.3}
    return style | {"marker": "_", "color": theme.quiet, "markeredgewidth": 1.3}


def _lines_between(ax: Axes, rows: int, theme: Theme) -> None:
    for line in range(1, rows):
        ax.axhline(line - 0.5, color=theme.grid, lw=0.7)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def _handles(rows: list[Row], theme: Theme) -> list[Line2D | Patch]:
    """The signs that occur, with the word that stands for them here."""
    words = list(dict.fromkeys(word for row in rows for word in row.words if word is not None))
    handles: list[Line2D | Patch] = [Line2D([], [], label=word, **_sign(word, theme)) for word in words]
    if any(row.changed for row in rows):
        handles.append(Patch(color=theme.grid, label="differs from Main"))
    return handles
