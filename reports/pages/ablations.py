"""What changes when a part of the report's method is taken away or replaced, and by how much."""

from __future__ import annotations

import functools

from reports.ablations import WORDS, changes, variants_of_subject, without_pretraining
from reports.adjusted import HOLM_COLUMN, holm_entry
from reports.contrast_figure import contrast_figures
from reports.contrast_table import CHECKED_P, checked_p_entry, contrast_table
from reports.contrasts import Contrast, compared, subject
from reports.evidence import with_results
from reports.frame import GridData
from reports.page import Block, Gallery, Page, Text
from reports.pages.opening import Opening, nothing_to_compare, opening
from reports.tables import Cell, Column, Table
from reports.text import listed, number

TITLE = "Ablations"


def page(data: GridData) -> Page | None:
    """The method that the report is about against its ablations and variants; None for a search."""
    if data.search:
        return None
    own, variants = subject(data), variants_of_subject(data)
    name = data.method_label(own)
    if not variants:
        if own in without_pretraining(data):
            return Page(
                "ablations", TITLE, (Text(f"{name} learns from no demonstrations: nothing of it to leave out."),)
            )
        parts = listed(list(WORDS.values()))
        return Page("ablations", TITLE, (Text(f"The grid has no ablation of {name}, which could be: {parts}."),))
    begun = opening(data)
    if begun is None:
        return nothing_to_compare("ablations", TITLE)
    bare = without_pretraining(data)
    found = with_results(data, compared(data, ((method, own) for method in (*variants, *bare))))
    figures = contrast_figures(
        data,
        found,
        begun.family,
        lambda contrast: contrast.method,
        id="ablation",
        title=f"{name} and its ablations",
        axis=lambda metric: f"change in {metric} from {name}",
        caption=lambda metric: f"{metric} of each ablation minus that of {name}",
    )
    about = (
        f"Each line is {name} with one part taken away or replaced, minus {name} itself, in {data.headline_label()} on "
        f"{data.games_label}: below 0, the part helps."
    )
    if bare:
        about += f" {listed([data.method_label(m) for m in bare])} stands below them: {name} without any of its parts."
    exploratory = (
        "Exploratory, and not corrected for the number of comparisons"
        + (", except where Holm's p is given: those are comparisons of a claim." if begun.family else ".")
        + " An interval that includes 0 does not show that a part does nothing."
    )
    blocks: list[Block] = [
        Text(about),
        Text(exploratory, "note"),
        *begun.warnings,
    ]
    if figures:
        blocks.append(Gallery(figures))
    return Page("ablations", TITLE, (*blocks, ablation_table(data, found, begun)))


def told(data: GridData, contrast: Contrast) -> str:
    """What a variant does otherwise, in words."""
    if contrast.method not in variants_of_subject(data):
        return "nothing is pretrained"
    found = changes(data, contrast.environment, contrast.method)
    return "; ".join(change.words + (" (tuned)" if change.tuned else "") for change in found)


def ablation_table(data: GridData, found: list[Contrast], begun: Opening) -> Table:
    """One row per environment and variant, with what is different in it."""

    def scores(contrast: Contrast) -> Cell:
        first, second = (number(mean, data.digits(contrast.environment)) for mean in contrast.means)
        return Cell(first, f"{second} whole", runs=contrast.runs)

    adjusted = ((HOLM_COLUMN, functools.partial(holm_entry, begun.family)),) if begun.family else ()
    return contrast_table(
        data,
        found,
        begun.won,
        id="ablations",
        caption=f"Change in {data.headline_label()} from {data.method_names([subject(data)])}",
        about=(
            (Column("Ablation", numeric=False), lambda c: data.method_entry(c.method, c.environment)),
            (Column("What changes", numeric=False), lambda c: Cell(told(data, c))),
            (Column("Mean"), scores),
        ),
        tests=((CHECKED_P, checked_p_entry), *adjusted),
    )
