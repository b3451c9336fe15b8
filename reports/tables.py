"""One table object, written as Markdown, HTML, LaTeX and CSV, with the runs behind every number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from reports.text import Link, markdown
from reports.writing.latex_table import latex_table
from reports.writing.templating import fill

Mark = Literal["", "best", "tied", "unknown", "weak"]
MARKED: tuple[Mark, ...] = ("best", "tied", "unknown")
"""The marks that every format shows: the first two in bold, the last as a question mark; by their names in CSV."""


@dataclass(frozen=True)
class Cell:
    """One entry. detail: a second, quieter line (an interval, a count). mark: how the entry stands in its row
    ("best", "tied" with it, "unknown" where no comparison can be computed), or "weak" for an absence. href: relative to
    the report. runs: keys of the runs the entry comes from."""

    text: str
    detail: str = ""
    mark: Mark = ""
    href: str | None = None
    runs: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The text; "–" for an entry that says nothing, because nothing may look like a blank."""
        return self.text if self.text.strip() else "–"

    @property
    def plain(self) -> str:
        """Text and detail in one line."""
        return f"{self.shown} {self.detail}" if self.detail else self.shown


@dataclass(frozen=True)
class Column:
    """A column's heading. note: a quieter second line. numeric: aligned to the right."""

    label: str
    note: str = ""
    numeric: bool = True

    @property
    def plain(self) -> str:
        """Label and note in one line."""
        return f"{self.label} ({self.note})" if self.note else self.label


@dataclass(frozen=True)
class Table:
    """A table of a report.

    id: file name and anchor. rows: each as long as columns; its first `headers` entries are row headings. notes: lines
    under the table that say how to read it.
    """

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    headers: int = 1

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.id}, row {number}: {len(row)} entries for {len(self.columns)} columns")

    @property
    def runs(self) -> tuple[str, ...]:
        """Keys of all runs in the table, each once, in the order of the entries."""
        return tuple(dict.fromkeys(key for row in self.rows for cell in row for key in cell.runs))

    def to_markdown(self) -> str:
        """A GitHub-flavoured pipe table with its caption above and its notes below."""
        head = [f"{markdown(c.label)}<br>{markdown(c.note)}" if c.note else markdown(c.label) for c in self.columns]
        lines = [f"**{markdown(self.caption)}**", "", _pipes(head)]
        lines.append(_pipes("--:" if column.numeric else ":--" for column in self.columns))
        lines += [_pipes(_markdown_cell(cell) for cell in row) for row in self.rows]
        for note in self.notes:
            lines += ["", markdown(note)]
        return "\n".join(lines) + "\n"

    def to_csv(self) -> str:
        """Comma-separated text with a heading line; marks stand in brackets after the entry."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(column.plain for column in self.columns)
        for row in self.rows:
            writer.writerow(cell.plain + (f" [{cell.mark}]" if cell.mark in MARKED else "") for cell in row)
        return out.getvalue()

    def to_latex(self) -> str:
        """A booktabs table for `input`, no wider than the page; its first line says which packages it needs."""
        return latex_table(self)

    def to_html(self) -> str:
        """A page with nothing but the table, which needs nothing but itself."""
        return fill("table.html.j2", table=self)

    def _repr_html_(self) -> str:
        """What a notebook shows, whatever its own style says of tables."""
        return fill("table_in_notebook.html.j2", table=self)

    def files(self) -> dict[str, bytes]:
        """File name -> content, for the tables folder: all four formats."""
        below = self.seen_from("../")
        texts = {"md": below.to_markdown(), "tex": self.to_latex(), "csv": self.to_csv(), "html": below.to_html()}
        return {f"{self.id}.{ending}": text.encode() for ending, text in texts.items()}

    def seen_from(self, way: str) -> Table:
        """The same table with links for a page from which the report's folder is `way`, as in `../`."""

        def moved(cell: Cell) -> Cell:
            if cell.href is None:
                return cell
            return replace(cell, href=f"{way}report.html{cell.href}" if cell.href[0] == "#" else way + cell.href)

        return replace(self, rows=tuple(tuple(map(moved, row)) for row in self.rows))

    def sidecar(self) -> dict[str, Any]:
        """The runs behind every entry, as plain JSON."""
        entries = [
            {
                "row": [heading.text for heading in row[: self.headers]],
                "column": column.plain,
                "text": cell.plain,
                "runs": list(cell.runs),
            }
            for row in self.rows
            for column, cell in zip(self.columns, row, strict=True)
            if cell.runs
        ]
        return {"table": self.id, "caption": self.caption, "entries": entries, "runs": list(self.runs)}


def _pipes(entries: Iterable[str]) -> str:
    return "| " + " | ".join(entries) + " |"


def _markdown_cell(cell: Cell) -> str:
    text = Link(cell.shown, cell.href).to_markdown() if cell.href else markdown(cell.shown)
    if cell.mark in ("best", "tied"):
        text = f"**{text}**"
    if cell.mark == "unknown":
        text = f"{text} ?"
    return f"{text}<br>{markdown(cell.detail)}" if cell.detail else text
