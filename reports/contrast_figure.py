"""The comparisons of one environment as a figure, each with its p beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reports.adjusted import Family, beside, differs
from reports.contrasts import Contrast
from reports.figures import Figure
from reports.figures.differences import CAPTION, Line, difference_figure
from reports.frame import GridData


def contrast_figures(
    data: GridData,
    found: Sequence[Contrast],
    family: Family,
    about: Callable[[Contrast], str],
    *,
    id: str,
    title: str,
    axis: Callable[[str], str],
    caption: Callable[[str], str],
) -> tuple[Figure, ...]:
    """One figure per environment that has a comparison with a number.

    about: the method that a comparison's line is named after. id: of the kind of figure. title: the same for all; the
    environment is added. axis, caption: what a number is, given the environment's metric in words.
    """
    figures = []
    for environment in data.environments:
        lines = [
            Line(one, about(one), beside(family, one), differs(family, one))
            for one in found
            if one.environment == environment
        ]
        name, metric = data.environment_label(environment), data.headline_label(environment)
        figure = difference_figure(
            data,
            lines,
            id=f"{id}-{environment}",
            title=f"{title}, {name}",
            axis=axis(metric),
            caption=f"{name}: {caption(metric)}. {CAPTION}",
        )
        figures += [figure] if figure is not None else []
    return tuple(figures)
