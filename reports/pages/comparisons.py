"""What the report's method does against each baseline, and every method against the reference."""

from __future__ import annotations

import functools

from reports.ablations import baselines
from reports.adjusted import HOLM_COLUMN, holm_entry, unregistered
from reports.claims import ClaimsReport, claims_table
from reports.contrast_figure import contrast_figures
from reports.contrast_table import CHECKED_P, checked_p_entry, contrast_table, p_entry
from reports.contrast_words import brief, sentence
from reports.contrasts import Contrast, Won, compared, contrasts, reference, subject
from reports.evidence import with_results
from reports.frame import GridData
from reports.page import Block, Bullets, Folded, Gallery, Page, Text
from reports.pages.opening import Opening, nothing_to_compare, opening
from reports.power_reached import power_table
from reports.tables import Column
from reports.text import plural


def page(data: GridData) -> Page | None:
    """Comparisons with each baseline and those behind the claims, then, exploratory, with the reference; None for a
    search."""
    if data.search:
        return None
    if len(data.methods) < 2:
        return Page("comparisons", "Comparisons", (Text("The grid has no two methods to compare."),))
    begun = opening(data)
    if begun is None:
        return nothing_to_compare("comparisons", "Comparisons")
    blocks = [*begun.warnings, *against_baselines(data, begun)]
    if begun.report is not None:
        blocks.append(claims_table(data, begun.report))
    return Page("comparisons", "Comparisons", (*blocks, *against_reference(data, begun.won)))


def against_baselines(data: GridData, begun: Opening) -> list[Block]:
    """The method that the report is about, against every method that is not a variant of it."""
    own = subject(data)
    name = data.method_label(own)
    found = compared(data, ((own, other) for other in baselines(data)))
    if not found:
        return [Text(f"The grid has no method that {name} is to be compared with.")]
    family = unregistered(found) if begun.report is None else begun.family
    shown = with_results(data, found)
    figures = contrast_figures(
        data,
        shown,
        family,
        lambda contrast: contrast.reference,
        id="difference",
        title=f"{name} against each baseline",
        axis=lambda metric: f"{metric} of {name} minus that of …",
        caption=lambda metric: f"{metric} of {name} minus that of each baseline",
    )
    table = contrast_table(
        data,
        shown,
        begun.won,
        id="baselines",
        caption=f"Difference in {data.headline_label()} of {data.method_names([own])} to each baseline",
        about=((Column("Against", numeric=False), lambda c: data.method_entry(c.reference, c.environment)),),
        tests=((CHECKED_P, checked_p_entry), (HOLM_COLUMN, functools.partial(holm_entry, family))),
    )
    return [
        Text(
            f"{name} minus each baseline, in {data.headline_label()} on {data.games_label}. "
            f"{about_family(begun.report, found)}"
        ),
        *([Gallery(figures)] if figures else []),
        table,
        power_table(data, shown, family),
    ]


def about_family(report: ClaimsReport | None, found: list[Contrast]) -> str:
    """Which comparisons are corrected for their number, and for which."""
    reads = "An interval that includes 0 does not show that two methods are equal."
    if report is None:
        return (
            "No claims were registered for this grid, so all of it is exploratory. Holm's p corrects for the "
            f"{plural(len(found), 'comparison')} of the grid; one without a p still counts. {reads}"
        )
    return (
        f"The claims of `{report.name}` name the comparisons that count; Holm's p corrects for all comparisons of a "
        f"claim's family, those that this grid lacks included. All others are exploratory, and uncorrected. {reads}"
    )


def against_reference(data: GridData, won: Won) -> list[Block]:
    """Every method against the reference: in words, the numbers folded."""
    found, own = with_results(data, contrasts(data)), subject(data)
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
        caption=f"Difference in {data.headline_label()} to {data.method_names([reference(data)])}, exploratory",
        about=((Column("Method", numeric=False), lambda c: data.method_entry(c.method, c.environment)),),
        tests=((Column("p", "Welch"), p_entry),),
    )
    return [*blocks, Folded(f"Every method against {base}", table)]
