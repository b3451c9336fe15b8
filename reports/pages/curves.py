"""Learning curves, one figure per environment."""

from __future__ import annotations

from reports.curves import learning_curves
from reports.figures import MOST_METHODS
from reports.frame import GridData
from reports.page import Gallery, Page, Text


def page(data: GridData) -> Page:
    """All environments that have a curve; the others are named."""
    if len(data.methods) > MOST_METHODS:
        words = f"{len(data.methods)} methods are too many for one figure; their curves are in `data/curves.csv.gz`."
        return Page("curves", "Learning curves", (Text(words, "note"),))
    drawn = {name: learning_curves(data, name) for name in data.environments}
    figures = tuple(figure for figure in drawn.values() if figure is not None)
    without = [data.environment_label(name) for name, figure in drawn.items() if figure is None]
    note = (Text(f"No curve yet: {', '.join(without)}.", "note"),) if without else ()
    return Page("curves", "Learning curves", (*((Gallery(figures),) if figures else ()), *note))
