"""What the report's method does against each baseline, and every method against the reference."""

from __future__ import annotations

import functools

from reports.ablations import baselines
from reports.coefficients import unequal_warning
from reports.contrast_table import contrast_table
from reports.contrast_words import brief, p_text, sentence
from reports.contrasts import Contrast, Won, compared, contrasts, reference, subject
from reports.difference_figure import CAPTION, Line, difference_figure
from reports.figures import Figure
from reports.frame import GridData
from reports.page import Block, Bullets, Folded, Gallery, Page, Text
from reports.pages.results import shared_teachers
from reports.power_reached import power_table
from reports.stats import holm
from reports.tables import Cell, Column, Table
from reports.text import plural, signed

Key = tuple[str, str]
"""Environment and baseline: what tells the comparisons of the report's method apart."""


def page(data: GridData) -> Page:
    """Comparisons with each baseline, then, exploratory, with the reference."""
    if data.search:
        return Page("comparisons", "Comparisons", (Text("Candidates of a search are compared under Tuning."),))
    if len(data.methods) < 2:
        return Page("comparisons", "Comparisons", (Text("The grid has no two methods to compare."),))
    won = functools.cache(data.won)
    blocks = [*shared_teachers(data), *unequal_warning(data), *against_baselines(data, won)]
    return Page("comparisons", "Comparisons", (*blocks, *against_reference(data, won)))


def against_baselines(data: GridData, won: Won) -> list[Block]:
    """The method that the report is about, against every method that is not a variant of it."""
    own = subject(data)
    found = compared(data, ((own, other) for other in baselines(data)))
    if not found:
        return [Text(f"The grid has no method that {data.method_label(own)} is to be compared with.")]
    adjusted = adjusted_p(found)
    about = f"{data.method_label(own)} minus each baseline, in {data.headline_label} on {data.games_label}. "
    told = (
        f"Holm's p corrects for all {plural(len(found), 'comparison')} of {data.method_label(own)} with a baseline, "
        "of which one without a p still counts. An interval that includes 0 does not show that two methods are equal."
    )
    figures = tuple(figure for name in data.environments if (figure := baseline_figure(data, found, adjusted, name)))
    return [
        Text(about + told),
        *([Gallery(figures)] if figures else []),
        baseline_table(data, found, adjusted, won),
        power_table(data, found, len(found)),
    ]


def adjusted_p(found: list[Contrast]) -> dict[Key, float]:
    """Holm's p of every comparison in the family of all (statistics.md rule 8)."""
    values = holm([contrast.welch.p for contrast in found])
    return {(c.environment, c.reference): p for c, p in zip(found, values, strict=True)}


def baseline_figure(
    data: GridData, found: list[Contrast], adjusted: dict[Key, float], environment: str
) -> Figure | None:
    """The comparisons of one environment; None without any."""
    lines = [Line(c, c.reference, _beside(c, adjusted)) for c in found if c.environment == environment]
    if not lines:
        return None
    name, label = data.environment_label(environment), data.method_label(subject(data))
    return difference_figure(
        data,
        lines,
        id=f"difference-{environment}",
        title=f"{label} against each baseline, {name}",
        axis=f"{data.headline_label} of {label} minus that of …",
        caption=f"{name}: {data.headline_label} of {label} minus that of each baseline. {CAPTION}",
    )


def _beside(contrast: Contrast, adjusted: dict[Key, float]) -> str:
    if contrast.welch.interval is None:
        return "no interval"
    p = adjusted[contrast.environment, contrast.reference]
    return f"Holm p {p_text(p)}\nd {signed(contrast.welch.effect, 1)}"


def baseline_table(data: GridData, found: list[Contrast], adjusted: dict[Key, float], won: Won) -> Table:
    """One row per environment and baseline."""

    def holm_entry(contrast: Contrast) -> Cell:
        p = adjusted[contrast.environment, contrast.reference]
        return Cell(p_text(p), runs=contrast.runs) if p == p else Cell("–", mark="weak")

    return contrast_table(
        data,
        found,
        won,
        id="baselines",
        caption=f"Difference in {data.headline_label} of {data.method_names([subject(data)])} to each baseline",
        about=((Column("Against", numeric=False), lambda c: data.method_entry(c.reference, c.environment)),),
        adjusted=((Column("Holm p", f"of {len(found)}"), holm_entry),),
    )


def against_reference(data: GridData, won: Won) -> list[Block]:
    """Every method against the reference: in words, the numbers folded."""
    found, own = contrasts(data), subject(data)
    base = data.method_label(reference(data))
    about = [contrast for contrast in found if contrast.method == own]
    others = [contrast for contrast in found if contrast.method != own]
    papers = [contrast for contrast in others if not data.is_ours(contrast.method, contrast.environment)]
    ours = [contrast for contrast in others if data.is_ours(contrast.method, contrast.environment)]
    if not found:
        return []
    blocks: list[Block] = [
        Text(
            f"What follows compares every method with {base}. It is exploratory: the intervals are not adjusted for "
            f"the {plural(len(found), 'comparison')}, and few seeds can tell only large differences from chance.",
            "note",
        )
    ]
    if about:
        blocks.append(Bullets(tuple(sentence(data, contrast) for contrast in about)))
    for title, group in ((f"The paper's other methods against {base}:", papers), (f"Ours against {base}:", ours)):
        if group:
            methods = dict.fromkeys(contrast.method for contrast in group)
            blocks += [Text(title), Bullets(tuple(brief(data, group, method) for method in methods))]
    table = contrast_table(
        data,
        found,
        won,
        id="differences",
        caption=f"Difference in {data.headline_label} to {data.method_names([reference(data)])}, exploratory",
        about=((Column("Method", numeric=False), lambda c: data.method_entry(c.method, c.environment)),),
    )
    return [*blocks, Folded(f"Every method against {base}", table)]
