"""Two results side by side: every cell of one beside that of the other, and how they differ."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from benchmark.spec import IMPORTED
from benchmark.store import RunStore
from reports.build import digest, write_figures, write_tables
from reports.interchange.checking import listed, slug
from reports.interchange.comparison import Comparison, Key
from reports.interchange.comparison_figure import scores_figure
from reports.interchange.comparison_tables import cell_table, pair_table
from reports.interchange.sides import PROJECT, Side, side
from reports.making import draw
from reports.page import Block, Facts, Folded, Gallery, Page, Text
from reports.text import noun, plural, signed
from reports.writing.output import ReportFolder
from reports.writing.render import to_html, to_markdown

DESIGN = ("preset", "overrides", "teacher_seeds", "changes", "tuned")
"""What a plan says of how its results came about; two that differ in it differ for more than chance."""


def compare(root: Path, grid: str | None, names: tuple[str, str], project: Path = PROJECT) -> tuple[Path, Path]:
    """Write `compare.html` and `compare.md`, with figures/ and tables/ beside them, and return their paths.

    names: see reports.interchange.sides. grid: which is meant where a side has several. Raises BadInput.
    """
    first, second = (side(root, grid, name, project) for name in names)
    found = Comparison(first, second)
    pages = [Page("comparison", "Side by side", tuple(blocks(found)))]
    place = "-and-".join(slug(name.replace("/", "-")) or "here" for name in names)
    folder = ReportFolder(RunStore(root).comparison(place if grid is None else f"{grid}-{place}"))
    images = write_figures(folder, [(figure, draw(figure)) for page in pages for figure in page.figures()])
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
            f"Numbers are {found.metric_label()}. Exploratory: intervals are not adjusted for the number of "
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
        every = noun(len(both), "The one cell", f"All {len(both)} cells")
        have = noun(len(both), "has", "have")
        return f"{every} that A and B have both finished {have} equal scores, bit for bit.{rest}"
    return (
        f"Of {plural(len(both), 'cell')} that A and B have both finished, {plural(equal, 'has', 'have')} equal scores, "
        f"bit for bit; the largest difference, B − A, is {_widest(found, gaps)}.{rest}"
    )


def _widest(found: Comparison, gaps: Mapping[Key, float]) -> str:
    """The largest gap of every metric, and its cell."""
    told = []
    for metric in dict.fromkeys(found.metrics.values()):
        own = [key for key in gaps if found.metrics[key[0]] == metric]
        if own:
            key = max(own, key=lambda key: abs(gaps[key]))
            cell = f"{found.label('environments', key[0])}, {found.label('methods', key[1])}, seed {key[2]}"
            told.append(f"{signed(gaps[key], found.digits[key[0]])} ({cell})")
    return " and ".join(told)


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
    return f"{one.source}; {len(done)} of {plural(len(scores), 'cell')} done, {code}{imported}"
