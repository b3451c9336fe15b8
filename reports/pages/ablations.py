"""What changes when a part of the report's method is taken away or replaced, and by how much."""

from __future__ import annotations

import functools

from reports.ablations import WORDS, changes, variants_of_subject, without_pretraining
from reports.adjusted import HOLM_COLUMN, Family, beside, holm_entry, registered
from reports.claims import evaluate
from reports.coefficients import unequal_warning
from reports.contrast_table import CHECKED_P, checked_p_entry, contrast_table
from reports.contrasts import Contrast, Won, compared, subject
from reports.figures import Figure
from reports.figures.differences import CAPTION, Line, difference_figure
from reports.frame import GridData
from reports.page import Block, Gallery, Page, Text
from reports.pages.results import shared_teachers
from reports.tables import Cell, Column, Table
from reports.text import listed, number

TITLE = "Ablations"


def page(data: GridData) -> Page:
    """The method that the report is about against its ablations and variants."""
    if data.search:
        return Page("ablations", TITLE, (Text("Candidates of a search are compared under Tuning."),))
    own, variants = subject(data), variants_of_subject(data)
    name = data.method_label(own)
    if not variants:
        parts = listed(list(WORDS.values()))
        return Page("ablations", TITLE, (Text(f"The grid has no ablation of {name}, which could be: {parts}."),))
    bare = without_pretraining(data)
    found = compared(data, ((method, own) for method in (*variants, *bare)))
    won, report = functools.cache(data.won), evaluate(data)
    family = registered(data, report) if report is not None else {}
    figures = tuple(
        figure for e in data.environments if (figure := ablation_figure(data, found, family, e)) is not None
    )
    about = (
        f"Each line is {name} with one part taken away or replaced, minus {name} itself, in {data.headline_label} on "
        f"{data.games_label}: below 0, the part helps."
    )
    if bare:
        about += f" {listed([data.method_label(m) for m in bare])} stands below them: {name} without any of its parts."
    exploratory = (
        "Exploratory, and not corrected for the number of comparisons"
        + (", except where Holm's p is given: those are comparisons of a claim." if family else ".")
        + " An interval that includes 0 does not show that a part does nothing."
    )
    blocks: list[Block] = [Text(about), Text(exploratory, "note"), *shared_teachers(data), *unequal_warning(data)]
    if figures:
        blocks.append(Gallery(figures))
    return Page("ablations", TITLE, (*blocks, ablation_table(data, found, family, won)))


def told(data: GridData, contrast: Contrast) -> str:
    """What a variant does otherwise, in words."""
    if contrast.method not in variants_of_subject(data):
        return "nothing is pretrained"
    found = changes(data, contrast.environment, contrast.method)
    return "; ".join(change.words + (" (tuned)" if change.tuned else "") for change in found)


def ablation_figure(data: GridData, found: list[Contrast], family: Family, environment: str) -> Figure | None:
    """The variants on one environment; None without any."""
    lines = [Line(c, c.method, beside(family, c)) for c in found if c.environment == environment]
    if not lines:
        return None
    name, label = data.environment_label(environment), data.method_label(subject(data))
    return difference_figure(
        data,
        lines,
        id=f"ablation-{environment}",
        title=f"{label} and its ablations, {name}",
        axis=f"change in {data.headline_label} from {label}",
        caption=f"{name}: {data.headline_label} of each ablation minus that of {label}. {CAPTION}",
    )


def ablation_table(data: GridData, found: list[Contrast], family: Family, won: Won) -> Table:
    """One row per environment and variant, with what is different in it."""

    def scores(contrast: Contrast) -> Cell:
        first, second = contrast.means
        return Cell(number(first), f"{number(second)} whole", runs=contrast.runs)

    adjusted = ((HOLM_COLUMN, functools.partial(holm_entry, family)),) if family else ()
    return contrast_table(
        data,
        found,
        won,
        id="ablations",
        caption=f"Change in {data.headline_label} from {data.method_names([subject(data)])}",
        about=(
            (Column("Ablation", numeric=False), lambda c: data.method_entry(c.method, c.environment)),
            (Column("What changes", numeric=False), lambda c: Cell(told(data, c))),
            (Column("Mean"), scores),
        ),
        tests=((CHECKED_P, checked_p_entry), *adjusted),
    )
