"""Learning curves: per environment the figures on both axes, and under them how fast each method learns."""

from __future__ import annotations

from reports.curves import panels
from reports.efficiency import efficiency_table
from reports.figures import MOST_METHODS
from reports.figures.curves import learning_curves, seeds_apart
from reports.frame import GridData
from reports.page import Block, Gallery, Page, Text


def page(data: GridData) -> Page:
    """All environments that have a curve; the others are named."""
    blocks: list[Block] = []
    if len(data.methods) > MOST_METHODS:
        words = f"{len(data.methods)} methods are too many for one figure; their curves are in `data/curves.parquet`."
        blocks.append(Text(words, "note"))
    without = []
    for environment in data.environments:
        shown = panels(data, environment)
        if not shown:
            without.append(data.environment_label(environment))
            continue
        figures = (learning_curves(data, environment, shown), seeds_apart(data, environment, shown))
        drawn = tuple(figure for figure in figures if figure is not None)
        blocks += [Gallery(drawn)] if drawn else []
        blocks += [table] if (table := efficiency_table(data, environment)) is not None else []
    if without:
        blocks.append(Text(f"No curve yet: {', '.join(without)}.", "note"))
    return Page("curves", "Learning curves", tuple(blocks))
