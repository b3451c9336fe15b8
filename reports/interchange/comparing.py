"""Two results side by side: every cell of one beside that of the other, and how they differ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.errors import BadInput
from benchmark.spec import IMPORTED
from benchmark.store import RunStore
from reports.build import digest, write_figures, write_tables
from reports.interchange.checking import listed, slug
from reports.interchange.comparison_figure import scores_figure
from reports.interchange.sides import PROJECT, Side, side
from reports.output import ReportFolder
from reports.page import Block, Facts, Folded, Gallery, Page, Text
from reports.render import to_html, to_markdown
from reports.stats import Difference, Mean, mean_interval, paired_difference, welch_difference
from reports.tables import Cell, Column, Table
from reports.text import interval, number, plural, signed

Key = tuple[str, str, int]
"""environment, method, seed"""

DESIGN = ("preset", "overrides", "teacher_seeds", "changes", "tuned")
"""What a plan says of how its results came about; two that differ in it differ for more than chance."""


@dataclass(frozen=True)
class Pair:
    """Environment and method on both sides, [seeds]. values: all that is finished; shared: of seeds that both have."""

    environment: str
    method: str
    values: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    planned: tuple[int, int]
    shared: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]

    @property
    def equal(self) -> int:
        """How many seeds have the same score, bit for bit."""
        return int((self.shared[0] == self.shared[1]).sum())


@dataclass(frozen=True)
class Comparison:
    """Two sides in the metric of the first."""

    first: Side
    second: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.first, self.second

    @cached_property
    def metric(self) -> str:
        """Raises BadInput where the second side does not have it."""
        name = self.first.results.headline()
        if name not in self.second.results.metrics:
            has = ", ".join(self.second.results.metrics)
            raise BadInput(
                f"--compare {self.second.name} has no {name}, which {self.first.name} is about (it has: {has})"
            )
        return name

    @cached_property
    def cells(self) -> tuple[dict[Key, dict[str, Any]], dict[Key, dict[str, Any]]]:
        """Of both sides: cell -> its row."""
        first, second = (_by_cell(one.results.scores) for one in self.sides)
        return first, second

    @cached_property
    def keys(self) -> list[Key]:
        """The cells of either side, by environment and method in the order of the first."""
        found = list(dict.fromkeys([*self.cells[0], *self.cells[1]]))
        environments, methods = (list(dict.fromkeys(key[place] for key in found)) for place in (0, 1))
        return sorted(found, key=lambda key: (environments.index(key[0]), methods.index(key[1]), key[2]))

    def value(self, place: int, key: Key) -> float:
        """A side's score of a cell; NaN where it has none."""
        row = self.cells[place].get(key, {})
        return float(row[self.metric]) if row.get("status") == "done" else math.nan

    @cached_property
    def pairs(self) -> list[Pair]:
        return [self._pair(*names) for names in dict.fromkeys(key[:2] for key in self.keys)]

    def _pair(self, environment: str, method: str) -> Pair:
        keys = [key for key in self.keys if key[:2] == (environment, method)]
        scores = np.array([[self.value(place, key) for key in keys] for place in (0, 1)])
        there = ~np.isnan(scores)
        both = there.all(axis=0)
        return Pair(
            environment,
            method,
            (scores[0][there[0]], scores[1][there[1]]),
            (sum(key in self.cells[0] for key in keys), sum(key in self.cells[1] for key in keys)),
            (scores[0][both], scores[1][both]),
        )

    def label(self, group: str, name: str) -> str:
        """A name for readers, of whichever side has one."""
        labels = [one.results.label(group, name) for one in self.sides]
        return next((label for label in labels if label != name), name)


def _by_cell(scores: pd.DataFrame) -> dict[Key, dict[str, Any]]:
    rows = [{str(name): value for name, value in row.items()} for row in scores.to_dict("records")]
    return {(row["environment"], row["method"], row["seed"]): row for row in rows}


def compare(root: Path, grid: str | None, names: tuple[str, str], project: Path = PROJECT) -> tuple[Path, Path]:
    """Write `compare.html` and `compare.md`, with figures/ and tables/ beside them, and return their paths.

    names: see reports.interchange.sides. grid: which is meant where a side has several. Raises BadInput.
    """
    first, second = (side(root, grid, name, project) for name in names)
    found = Comparison(first, second)
    pages = [Page("comparison", "Side by side", tuple(blocks(found)))]
    place = "-and-".join(slug(name.replace("/", "-")) or "here" for name in names)
    folder = ReportFolder(RunStore(root).comparison(place if grid is None else f"{grid}-{place}"))
    images = write_figures(folder, [figure for page in pages for figure in page.figures()])
    write_tables(folder, [table for page in pages for table in page.tables()])
    title = f"LDD-Bench: {first.name} and {second.name}"
    text = to_markdown(title, pages)
    footer = f"comparison {digest({'pages': text, 'files': folder.sha256})}"
    report_md = folder.write("compare.md", f"{text}\n---\n\n{footer}\n".encode())
    report_html = folder.write("compare.html", to_html(title, footer, pages, images).encode())
    folder.remove_others("figures", "tables")
    return report_html, report_md


def blocks(found: Comparison) -> list[Block]:
    """What was compared, what differs, and every cell."""
    figures = [scores_figure(found, name) for name in dict.fromkeys(pair.environment for pair in found.pairs)]
    return [
        Text(summary(found), "lead"),
        *(Text(words, "warning") for words in warnings(found)),
        Facts(tuple((f"{letter}: {one.name}", _about(one)) for letter, one in zip("AB", found.sides, strict=True))),
        Text(
            f"Numbers are {found.metric.replace('_', ' ')}. Exploratory: intervals are not adjusted for the number of "
            "comparisons, and one that includes 0 does not show that two results are equal.",
            "note",
        ),
        pair_table(found),
        *([Gallery(tuple(figures))] if figures else []),
        Folded("Every cell", cell_table(found)),
    ]


def summary(found: Comparison) -> str:
    """How many cells both have, and how far they are from each other."""
    both = [key for key in found.keys if not math.isnan(found.value(0, key) - found.value(1, key))]
    alone = [sum(not math.isnan(found.value(place, key)) for key in found.keys) - len(both) for place in (0, 1)]
    more = [
        f"{letter} has {plural(n, 'score')} that the other has not" for letter, n in zip("AB", alone, strict=True) if n
    ]
    rest = f" {listed(more)}." if more else ""
    if not both:
        return f"A and B have no finished cell in common.{rest}"
    gaps = {key: found.value(1, key) - found.value(0, key) for key in both}
    equal = sum(gap == 0 for gap in gaps.values())
    if equal == len(both):
        return f"All {len(both)} cells that A and B have both finished have equal scores, bit for bit.{rest}"
    widest = max(gaps, key=lambda key: abs(gaps[key]))
    cell = f"{found.label('environments', widest[0])}, {found.label('methods', widest[1])}, seed {widest[2]}"
    return (
        f"Of {len(both)} cells that A and B have both finished, {equal} have equal scores, bit for bit; the largest "
        f"difference, B − A, is {signed(gaps[widest])} ({cell}).{rest}"
    )


def warnings(found: Comparison) -> list[str]:
    """In what the two differ beside chance, as far as they say it."""
    told = []
    designs = [one.results.facts.get("settings") for one in found.sides]
    if designs[0] is None or designs[1] is None:
        unknown = [letter for letter, design in zip("AB", designs, strict=True) if design is None]
        told.append(f"The settings of {' and '.join(unknown)} are not known: a difference may come from them.")
    else:
        differing = [name for name in DESIGN if (designs[0].get(name) or None) != (designs[1].get(name) or None)]
        if differing:
            told.append(f"A and B were computed with different settings: {', '.join(differing)}.")
    games = [one.results.facts.get("evaluated_on") or {} for one in found.sides]
    others = [name for name in games[0] if games[1].get(name, games[0][name]) != games[0][name]]
    if others:
        told.append(f"A and B were measured on different games of {listed(others)}.")
    return told


def _about(one: Side) -> str:
    """Where a side comes from: how much of it is done, by which commits."""
    scores = one.results.scores
    done = scores[scores["status"] == "done"]
    commits = sorted({str(name)[:12] for name in done.get("commit", []) if isinstance(name, str)})
    code = f"computed by commit {listed(commits)}" if commits else "computed by unknown code"
    origin = (one.results.facts.get("settings") or {}).get(IMPORTED)
    imported = f"; imported from {origin['file']}" if origin and "imported" not in one.source else ""
    return f"{one.source}; {len(done)} of {len(scores)} cells done, {code}{imported}"


def pair_table(found: Comparison) -> Table:
    """One row per environment and method."""
    return Table(
        id="compare",
        caption=f"{found.metric.replace('_', ' ').capitalize()} of A ({found.first.name}) and B ({found.second.name})",
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
                Cell(found.label("methods", pair.method)),
                *(_mean(mean_interval(values), n) for values, n in zip(pair.values, pair.planned, strict=True)),
                _difference(welch_difference(pair.values[1], pair.values[0])),
                _difference(paired_difference(pair.shared[1], pair.shared[0])),
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


def _mean(summary: Mean, planned: int) -> Cell:
    if not planned:
        return Cell("–", "not planned", "weak")
    spread = interval(summary.interval) if summary.why is None else summary.why
    return Cell(number(summary.mean), f"{spread} {summary.n}/{planned}", "" if summary.n == planned else "weak")


def _difference(found: Difference) -> Cell:
    if math.isnan(found.difference):
        return Cell("–", found.why or "", "weak")
    return Cell(signed(found.difference), interval(found.interval, sign=True) if found.why is None else found.why)


def cell_table(found: Comparison) -> Table:
    """One row per cell of either side."""
    rows = []
    for key in found.keys:
        scores = [found.value(place, key) for place in (0, 1)]
        rows.append(
            (
                Cell(found.label("environments", key[0])),
                Cell(found.label("methods", key[1])),
                Cell(str(key[2])),
                *(_score(found, place, key) for place in (0, 1)),
                Cell(signed(scores[1] - scores[0], 4)),
            )
        )
    return Table(
        id="compare-cells",
        caption=f"{found.metric.replace('_', ' ').capitalize()} of every cell",
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
    return Cell(number(value, 4), runs=(run,) if isinstance(run, str) else ())
