"""A figure of a report, drawn once per theme and file format. A file here draws one kind of figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure as Canvas

from reports.figures.style import DARK, LIGHT, Theme, canvas, encode

WIDTH = 4.4
"""Inches: small enough that the type is still readable on a telephone."""

MOST_METHODS = 12
"""A figure of more methods than there are styles would say nothing."""


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

    def _repr_svg_(self) -> str:
        """What a notebook shows."""
        with canvas(LIGHT, *self.size) as figure:
            self.draw(figure, LIGHT)
            return encode(figure, "svg").decode()

    def dark_svg(self) -> bytes:
        """The same figure for a dark screen."""
        with canvas(DARK, *self.size) as figure:
            self.draw(figure, DARK)
            return encode(figure, "svg")

    def sidecar(self) -> dict[str, Any]:
        """The runs behind the figure, as plain JSON."""
        return {"figure": self.id, "title": self.title, "caption": self.caption, "runs": list(self.runs)}
