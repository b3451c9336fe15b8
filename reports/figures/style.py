"""How every figure looks: one palette, one type size, two themes; and figures as bytes that repeat exactly."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.text import wrapped

Format = Literal["svg", "png", "pdf"]


@dataclass(frozen=True)
class Theme:
    """Colours of everything that is not data. lines: one colour per method, in the order of METHOD_MARKS."""

    ink: str
    quiet: str
    grid: str
    paper: str
    lines: tuple[str, ...]


# Okabe and Ito's colour-blind-safe palette; its yellow, too pale on white, is darkened, its black follows the theme.
LIGHT = Theme(
    ink="#1c2024",
    quiet="#5b6570",
    grid="#dfe3e7",
    paper="#ffffff",
    lines=(
        "#4d5761",
        "#0072b2",
        "#d55e00",
        "#009e73",
        "#cc79a7",
        "#56b4e9",
        "#e69f00",
        "#8f7f00",
        "#7a4fb5",
        "#882255",
        "#12436d",
        "#a05a2c",
    ),
)
DARK = Theme(
    ink="#e8eaed",
    quiet="#a4adb6",
    grid="#39414a",
    paper="#1a1e23",
    lines=(
        "#b9c2cb",
        "#4ea8e0",
        "#ff8a3d",
        "#2fcf9f",
        "#e6a0c6",
        "#8fd0f7",
        "#f2b632",
        "#d6c640",
        "#b493ea",
        "#d9668f",
        "#9db7f5",
        "#c99a6b",
    ),
)

# Colour alone must not carry the method: the same order of dash patterns and markers survives a grey print.
METHOD_MARKS: tuple[tuple[Any, str], ...] = (
    ((0, (5, 2)), "o"),
    ("solid", "s"),
    ((0, (7, 2, 1.5, 2)), "^"),
    ((0, (1.5, 1.5)), "D"),
    ((0, (9, 3)), "v"),
    ((0, (3, 1.5, 1, 1.5, 1, 1.5)), "P"),
    ("solid", "X"),
    ((0, (2, 3)), "<"),
    ((0, (6, 1.5)), ">"),
    ((0, (10, 2, 2, 2, 2, 2)), "*"),
    ("solid", "p"),
    ((0, (4, 2, 1, 2)), "h"),
)

PATH = re.compile(rb' d="[^"]*"')
DECIMALS = re.compile(rb"(\.\d)\d+")
"""Coordinates are points (1/72 inch): a tenth of one is enough, and halves the report."""

SETTINGS: Mapping[str, Any] = {
    "font.family": "DejaVu Sans",  # shipped with matplotlib, so the same everywhere
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "figure.titlesize": 9.5,
    "figure.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "text.parse_math": False,  # a dollar sign in a label is a dollar sign
    "svg.fonttype": "path",
    "svg.hashsalt": "ldd-bench",
    "path.simplify": True,
}


@dataclass(frozen=True)
class LineStyle:
    """How one method is drawn everywhere in a report."""

    color: str
    dash: Any
    marker: str


def method_styles(methods: Sequence[str], theme: Theme) -> dict[str, LineStyle]:
    """Method -> style, by its place in the grid; beyond twelve methods colours repeat with another dash pattern."""
    styles = {}
    for index, method in enumerate(methods):
        turn, place = divmod(index, len(theme.lines))
        dash, marker = METHOD_MARKS[(place + 2 * turn) % len(METHOD_MARKS)]
        styles[method] = LineStyle(theme.lines[place], dash, marker)
    return styles


@contextmanager
def canvas(theme: Theme, width: float, height: float) -> Iterator[Figure]:
    """A new figure (inches) inside the settings above; it belongs to no window and no global list of figures."""
    colours = {
        "figure.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "text.color": theme.ink,
        "axes.labelcolor": theme.ink,
        "axes.titlecolor": theme.ink,
        "axes.edgecolor": theme.quiet,
        "xtick.color": theme.quiet,
        "ytick.color": theme.quiet,
        "grid.color": theme.grid,
    }
    settings: dict[Any, Any] = {**SETTINGS, **colours}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


def heading(figure: Figure, title: str) -> None:
    """The title of a figure of one pair of axes, from the figure's own border: long labels leave the axes less room."""
    figure.suptitle(wrapped(title, 46), x=0.01, ha="left")


def quiet_axes(axes: Axes) -> None:
    """Grid lines behind the data, short ticks."""
    axes.grid(True, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=3, width=0.7)


def encode(figure: Figure, format: Format) -> bytes:
    """The figure's file; equal figures give equal bytes, for nothing in them tells the time or the program."""
    metadata: dict[Format, dict[str, Any]] = {
        "svg": {"Date": None, "Creator": None},
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine(None)  # every format keeps the places that were found once
    out = io.BytesIO()
    figure.savefig(out, format=format, dpi=200, metadata=metadata[format])
    content = out.getvalue()
    return PATH.sub(lambda path: DECIMALS.sub(rb"\1", path[0]), content) if format == "svg" else content
