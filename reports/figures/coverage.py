"""Every planned cell of an environment as a mark that says what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from reports.figures import WIDTH, Figure
from reports.figures.style import Theme, heading
from reports.frame import GridData
from reports.rows import STATUSES
from reports.text import listed, plural, wrapped

MOST_SEEDS, MOST_METHODS = 30, 40
"""Of more, a reader would see no single cell; the table counts them."""

FEW_SEEDS = 8
"""The columns of fewer stand together at the left instead of far apart."""


@dataclass(frozen=True)
class Look:
    """How a status is drawn. color: its place in a theme's lines, None for the quiet ink. filled: else an outline."""

    marker: str
    color: int | None
    filled: bool


LOOKS: dict[str, Look] = {
    "done": Look("s", 1, True),
    "failed": Look("X", 2, True),
    "blocked": Look("D", 6, False),
    "missing": Look("o", None, False),
    "unavailable": Look("_", None, True),
}
"""Shape and filling tell the five apart without colour."""


def coverage_figure(data: GridData, environment: str) -> Figure | None:
    """Methods × seeds of one environment, a mark per planned cell, with a number where stages were begun again.

    None for more cells than a figure can show one by one.
    """
    cells = data.group(environment)
    methods = [method for method in data.methods if (cells["method"] == method).any()]
    seeds = sorted(set(cells["seed"]))
    if len(seeds) > MOST_SEEDS or len(methods) > MOST_METHODS:
        return None
    name, present = data.environment_label(environment), [s for s in STATUSES if (cells["status"] == s).any()]

    def draw(figure: Canvas, theme: Theme) -> None:
        ax = figure.subplots()
        places = {method: row for row, method in enumerate(methods)}, {seed: place for place, seed in enumerate(seeds)}
        for status in present:
            of_status = cells[cells["status"] == status]
            x, y = of_status["seed"].map(places[1]), of_status["method"].map(places[0])
            ax.plot(x, y, ls="none", **_style(LOOKS[status], theme, _size(len(seeds))))
        again = cells.assign(again=retries(data, cells))
        for row in again[again["again"] > 0].to_dict("records"):
            _note(ax, places[1][row["seed"]], places[0][row["method"]], row["again"], theme)
        ax.set_xticks(range(len(seeds)), [str(seed) for seed in seeds])
        ax.set_yticks(range(len(methods)), [wrapped(data.method_label(method), 26) for method in methods])
        ax.set_xlim(-0.6, max(len(seeds), FEW_SEEDS) - 0.4)
        ax.set_ylim(len(methods) - 0.4, -0.6)
        ax.tick_params(length=0, labelcolor=theme.ink)
        ax.spines[:].set_visible(False)
        ax.set_xlabel("seed", loc="left")
        heading(figure, name)
        handles = [Line2D([], [], ls="none", label=status, **_style(LOOKS[status], theme, 6.5)) for status in present]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(3, len(present)), handlelength=1.2)

    return Figure(
        id=f"coverage-{environment}",
        title=f"Coverage, {name}",
        caption=(
            f"{name}: every planned cell. A number beside a mark says how often stages of that cell were begun again, "
            "shared ones included."
        ),
        alt=f"Matrix of methods and seeds on {name}: {_told(data, cells, present)}",
        size=(WIDTH, 1.15 + 0.27 * len(methods)),
        draw=draw,
        runs=tuple(cells.loc[cells["status"] == "done", "key"]),
    )


def retries(data: GridData, cells: pd.DataFrame) -> pd.Series[int]:
    """How often each cell's stages were begun again: their attempts beyond the first."""
    beyond = dict(zip(data.stages["key"], data.stages["attempts"].clip(lower=1) - 1, strict=True))
    return cells["keys"].map(lambda keys: int(sum(beyond[key] for key in keys)))


def _size(seeds: int) -> float:
    """Points: as large as a column of so many is wide, at most 7."""
    return min(7.0, 130 / seeds)


def _style(look: Look, theme: Theme, size: float) -> dict[str, Any]:
    color = theme.quiet if look.color is None else theme.lines[look.color]
    return {"marker": look.marker, "ms": size, "mec": color, "mfc": color if look.filled else theme.paper, "mew": 1.3}


def _note(ax: Axes, x: int, y: int, count: int, theme: Theme) -> None:
    ax.annotate(
        str(count), (x, y), xytext=(5, 3), textcoords="offset points", fontsize=6.5, color=theme.ink, va="center"
    )


def _told(data: GridData, cells: pd.DataFrame, present: list[str]) -> str:
    parts = []
    for status in present:
        of_status = cells[cells["status"] == status]
        where = "" if status == "done" else f" ({_where(data, cells, of_status)})"
        parts.append(f"{len(of_status)} {status}{where}")
    return f"of {plural(len(cells), 'cell')} {listed(parts)}"


def _where(data: GridData, cells: pd.DataFrame, some: pd.DataFrame) -> str:
    """Methods, each with its seeds where those are not all that are planned."""
    planned = cells["method"].value_counts()
    told = []
    for method, seeds in some.groupby("method", sort=False)["seed"]:
        which = "" if len(seeds) == planned[method] else f" {', '.join(map(str, seeds))}"
        told.append(data.method_label(str(method)) + which)
    return "; ".join(told)
