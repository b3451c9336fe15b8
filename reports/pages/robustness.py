"""Does it hold? The verdicts under other analyses, without each seed, and whatever missing runs would have shown."""

from __future__ import annotations

from collections.abc import Sequence

from reports.claims import ClaimsReport, as_registered
from reports.evidence import nothing_finished
from reports.frame import GridData
from reports.page import Block, Folded, Gallery, Page, Text
from reports.robustness.alternatives import metric_of
from reports.robustness.figure import matrix_figure
from reports.robustness.leave_out import LeftOut, leave_one_out
from reports.robustness.matrix import Matrix, Row, multiverse
from reports.robustness.means_table import missing_means
from reports.robustness.missing import Bounded, with_missing
from reports.robustness.sentences import agreement, seeds_left_out
from reports.robustness.verdicts import Key
from reports.tables import Cell, Column, Table
from reports.text import interval, listed, plural, signed

TITLE = "Does it hold?"


def page(data: GridData) -> Page | None:
    """The multiverse, leave-one-seed-out and missing-cell bounds; None for a search, which compares no methods."""
    if data.search:
        return None
    if nothing_finished(data):
        return Page("robustness", TITLE, (Text("No run is finished, so there is nothing that could hold."),))
    matrix = multiverse(data)
    if not matrix.rows:
        words = "The grid has no two methods with results to compare, so there is nothing that could hold."
        return Page("robustness", TITLE, (Text(words), *missing_means(data)))
    report = as_registered(data)
    drawn = [matrix_figure(data, name, matrix, _runs(data, name)) for name in data.environments]
    figures = tuple(figure for figure in drawn if figure is not None)
    claims = [row for row in matrix.rows if row.key.kind == "claim"]
    comparisons = [row for row in matrix.rows if row.key.kind == "comparison"]
    blocks: list[Block] = [
        Text(agreement(matrix), "lead"),
        Text(_introduction(matrix)),
        *(
            [_matrix_table(data, "multiverse-claims", "Every claim under every analysis", matrix, claims)]
            if claims
            else []
        ),
        *([Gallery(figures)] if figures else []),
        *(Text(line, "note") for line in matrix.absent),
    ]
    if comparisons:
        caption = "Every comparison under every analysis"
        blocks.append(Folded(caption, _matrix_table(data, "multiverse", caption, matrix, comparisons)))
    blocks += [*_left_out(data), *_missing(data, report), *missing_means(data)]
    return Page("robustness", TITLE, tuple(blocks))


def _introduction(matrix: Matrix) -> str:
    others = "; ".join(f"{one.label}: {one.about}" for one in matrix.analyses[1:])
    return (
        f"The main analysis is {matrix.analyses[0].about}. In every other one thing is different. {others}. Only the "
        "main analysis decides; the others show how much a verdict owes to a choice. What stays the same may still be "
        "undecided: a verdict that holds is no stronger than it was."
    )


def _runs(data: GridData, environment: str) -> tuple[str, ...]:
    rows = data.group(environment)
    return tuple(rows["key"][rows["status"] == "done"])


COMPARISON = (
    Column("Environment", numeric=False),
    Column("Method", numeric=False),
    Column("Against", numeric=False),
)


def _heads(data: GridData, key: Key) -> tuple[Cell, ...]:
    """The first entries of a row: a claim by its id, a comparison by COMPARISON."""
    note = "exploratory" if key.exploratory else ""
    if key.kind == "claim":
        return (Cell(f"`{key.id}`", note),)
    return (
        Cell(data.environment_label(key.environment), note),
        data.method_entry(key.method, key.environment),
        data.method_entry(key.against, key.environment),
    )


def _head_columns(kind: str) -> tuple[Column, ...]:
    return (Column("Claim", numeric=False),) if kind == "claim" else COMPARISON


def _matrix_table(data: GridData, id: str, caption: str, matrix: Matrix, rows: Sequence[Row]) -> Table:
    total, heads = len(matrix.analyses) - 1, _head_columns(rows[0].key.kind)
    return Table(
        id=id,
        caption=caption,
        columns=(
            *heads,
            Column("The same", f"of {total} others"),
            *(Column(analysis.label, numeric=False) for analysis in matrix.analyses),
        ),
        rows=tuple(
            (
                *_heads(data, row.key),
                Cell(str(total - len(row.changed))),
                *(_word(row, place) for place in range(len(matrix.analyses))),
            )
            for row in rows
        ),
        notes=(
            "≠: says something else than the main analysis. Median: standard errors of Maritz and Jarrett, whose "
            "intervals are wider than they need be. IQM: Yuen's test on the middle half of the seeds. Best point: "
            "chosen by the very games that it is scored on, so it is too high for every method; it is here because "
            "others do so. The gate of a family is one permutation test of the scores, whatever compares them. "
            "Permutation keeps Welch's interval, so it says fails where the main analysis does; and its p cannot be "
            "small: with 5 seeds on a side it is .008 at least, so after Holm nothing holds in a family of 7 or more.",
        ),
        headers=len(heads),
    )


def _word(row: Row, place: int) -> Cell:
    word = row.words[place]
    if word is None:
        return Cell("–", "no scores", "weak")
    return Cell(f"≠ {word}" if place in row.changed else word)


def _left_out(data: GridData) -> list[Block]:
    found = leave_one_out(data)
    if not found:
        return [Text("Leave one seed out: the grid has one seed, so there is none to leave out.", "note")]
    claims = [one for one in found if one.key.kind == "claim"]
    comparisons = [one for one in found if one.key.kind == "comparison"]
    blocks: list[Block] = [Text(seeds_left_out(found))]
    if claims:
        blocks.append(_left_out_table(data, "leave-one-out-claims", "Every claim without each seed", claims))
    if comparisons:
        blocks.append(_left_out_table(data, "leave-one-out", "Every comparison without each seed", comparisons))
    return blocks


def _left_out_table(data: GridData, id: str, caption: str, found: Sequence[LeftOut]) -> Table:
    heads = _head_columns(found[0].key.kind)
    return Table(
        id=id,
        caption=caption,
        columns=(
            *heads,
            Column("With all seeds", numeric=False),
            Column("The same", "of the seeds left out"),
            Column("What changes", numeric=False),
        ),
        rows=tuple(
            (
                *_heads(data, one.key),
                Cell(one.word),
                Cell(f"{len(one.without) - len(one.changes)} of {len(one.without)}"),
                Cell(_changes(one) or "–"),
            )
            for one in found
        ),
        notes=(
            "One seed less also makes every interval wider, so a verdict may be lost without a single seed being odd.",
        ),
        headers=len(heads),
    )


def _changes(one: LeftOut) -> str:
    """`fails without seed 3; undecided without seeds 0 and 2`."""
    seeds_of: dict[str, list[str]] = {}
    for seed, word in one.changes.items():
        seeds_of.setdefault(word, []).append(str(seed))
    return "; ".join(
        f"{word} without seed{'s' if len(seeds) > 1 else ''} {listed(seeds).replace(' and ', ' or ')}"
        for word, seeds in seeds_of.items()
    )


def _missing(data: GridData, report: ClaimsReport | None) -> list[Block]:
    found = with_missing(data, report)
    if not found:
        whole = not data.cells["status"].isin(("failed", "blocked", "missing")).any()
        words = "no planned run is missing" if whole else "no comparison with results on both sides lacks a run"
        return [Text(f"Missing runs: {words}, so there is nothing to bound.", "note")]
    survive = sum(one.sign_survives for one in found)
    words = (
        f"Missing runs touch {plural(len(found), 'comparison')} that can be made without them; in {survive} the "
        "difference would have the same sign whatever they had shown."
    )
    return [Text(words), _missing_table(data, found)]


def _missing_table(data: GridData, found: Sequence[Bounded]) -> Table:
    return Table(
        id="missing-bounds",
        caption="If the missing runs had the lowest or the highest score",
        columns=(
            *COMPARISON,
            Column("Runs", "finished of planned"),
            Column("Difference", "worst to best case"),
            Column("Same sign", "whatever is missing", numeric=False),
            Column("Verdict", numeric=False),
        ),
        rows=tuple(_missing_row(data, one) for one in found),
        notes=(
            "The missing runs are not guessed: the bounds say what the difference could be at worst and at best. They "
            "are no confidence intervals. A claim that flips inside them is INCONCLUSIVE.",
        ),
        headers=len(COMPARISON),
    )


def _missing_row(data: GridData, one: Bounded) -> tuple[Cell, ...]:
    runs = ", ".join(f"{n}/{total}" for n, total in zip(one.finished, one.planned, strict=True))
    digits = data.digits(one.key.environment, metric_of(data, one.key.environment))
    bounds = interval(one.bounds, digits, sign=True) if one.bounds else "the metric has no ends"
    return (
        *_heads(data, one.key),
        Cell(runs),
        Cell(signed(one.difference, digits), bounds, runs=one.runs),
        Cell("yes" if one.sign_survives else "no" if one.bounds else "unknown"),
        Cell(one.verdict or "–"),
    )
