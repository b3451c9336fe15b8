"""The tables of a comparison: one row per environment and method, and one per cell."""

from __future__ import annotations

import math

from reports.interchange.comparison import Comparison, Key
from reports.stats import Difference, Mean, mean_interval, paired_difference, welch_difference
from reports.tables import Cell, Column, Table
from reports.text import interval, number, signed


def pair_table(found: Comparison) -> Table:
    """One row per environment and method."""
    return Table(
        id="compare",
        caption=f"{found.metric_label().capitalize()} of A ({found.first.name}) and B ({found.second.name})",
        columns=(
            Column("Environment", numeric=False),
            Column("Method", numeric=False),
            Column("A", "mean [95% interval]"),
            Column("B", "mean [95% interval]"),
            Column("B − A", "Welch 95% interval"),
            Column("Paired by seed", "95% t interval"),
            Column("Equal", "of shared seeds"),
        ),
        rows=tuple(
            (
                Cell(found.label("environments", pair.environment)),
                Cell(found.label("methods", pair.method), found.provenance(pair.environment, pair.method)),
                *(
                    _mean(mean_interval(values), n, found.digits[pair.environment])
                    for values, n in zip(pair.values, pair.planned, strict=True)
                ),
                _difference(welch_difference(pair.values[1], pair.values[0]), found.digits[pair.environment]),
                _difference(paired_difference(pair.shared[1], pair.shared[0]), found.digits[pair.environment]),
                Cell(f"{pair.equal}/{pair.shared[0].size}") if pair.shared[0].size else Cell("–", mark="weak"),
            )
            for pair in found.pairs
        ),
        notes=(
            "Mean over finished seeds, [95% t interval], finished / planned seeds. Welch: the seeds of both sides as "
            "independent groups. Paired by seed: of the seeds that both have finished; it means something where equal "
            "seeds play equal games. Equal: the same number, bit for bit, as one machine and one code give it.",
        ),
        headers=2,
    )


def _mean(summary: Mean, planned: int, digits: int) -> Cell:
    if not planned:
        return Cell("–", "not planned", "weak")
    spread = interval(summary.interval, digits) if summary.why is None else summary.why
    return Cell(number(summary.mean, digits), f"{spread} {summary.n}/{planned}", "" if summary.n == planned else "weak")


def _difference(found: Difference, digits: int) -> Cell:
    if math.isnan(found.difference):
        return Cell("–", found.why or "", "weak")
    spread = interval(found.interval, digits, sign=True) if found.why is None else found.why
    return Cell(signed(found.difference, digits), spread)


def cell_table(found: Comparison) -> Table:
    """One row per cell of either side."""
    rows = []
    for key in found.keys:
        scores = [found.value(place, key) for place in (0, 1)]
        rows.append(
            (
                Cell(found.label("environments", key[0])),
                Cell(found.label("methods", key[1]), found.provenance(key[0], key[1])),
                Cell(str(key[2])),
                *(_score(found, place, key) for place in (0, 1)),
                Cell(signed(scores[1] - scores[0], found.digits[key[0]] + 1)),
            )
        )
    return Table(
        id="compare-cells",
        caption=f"{found.metric_label().capitalize()} of every cell",
        columns=(
            Column("Environment", numeric=False),
            Column("Method", numeric=False),
            Column("Seed"),
            Column("A"),
            Column("B"),
            Column("B − A"),
        ),
        rows=tuple(rows),
        headers=3,
    )


def _score(found: Comparison, place: int, key: Key) -> Cell:
    row = found.cells[place].get(key)
    if row is None:
        return Cell("–", "not planned", "weak")
    value = found.value(place, key)
    if math.isnan(value):
        return Cell("–", str(row["status"]), "weak")
    run = row.get("run")
    return Cell(number(value, found.digits[key[0]] + 1), runs=(run,) if isinstance(run, str) else ())
