"""The means that lack planned runs, each with its worst and its best case (statistics.md rule 13)."""

from __future__ import annotations

from reports.frame import GridData
from reports.page import Block, Text
from reports.robustness.missing import BoundedMean, incomplete_means
from reports.tables import Cell, Column, Table
from reports.text import in_words, interval, number, plural


def missing_means(data: GridData) -> list[Block]:
    """Every mean that lacks planned runs, with what it could be with all of them; nothing where none is missing."""
    found = incomplete_means(data)
    if not found:
        return []
    words = (
        f"{plural(len(found), 'mean')} of a method on an environment {'lacks' if len(found) == 1 else 'lack'} planned "
        "runs. Tables and figures show the mean of the finished ones; this is what it could be with all of them."
    )
    table = Table(
        id="missing-means",
        caption="Means, if the missing runs had the lowest or the highest score",
        columns=(
            Column("Environment", numeric=False),
            Column("Method", numeric=False),
            Column("Runs", "finished of planned"),
            Column("Mean", "of the finished"),
            Column("Worst to best case"),
        ),
        rows=tuple(_missing_mean(data, one) for one in found),
        notes=("A method without a finished run could have any score. The bounds are no confidence intervals.",),
        headers=2,
    )
    return [Text(words), table]


def _missing_mean(data: GridData, one: BoundedMean) -> tuple[Cell, ...]:
    label, digits = in_words(one.metric), data.digits(one.environment, one.metric)
    return (
        Cell(data.environment_label(one.environment)),
        data.method_entry(one.method, one.environment),
        Cell(f"{one.finished}/{one.planned}"),
        Cell(number(one.mean, digits), label, "" if one.runs else "weak", runs=one.runs),
        Cell(interval(one.bounds, digits), runs=one.runs) if one.bounds else Cell("–", f"{label} has no ends", "weak"),
    )
