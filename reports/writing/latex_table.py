"""A table for a paper: booktabs, no wider than the page, turned or in parts where it is too large to stand upright."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.writing.latex import escaped

if TYPE_CHECKING:
    from reports.tables import Cell, Table

HEAD = r"""% In the preamble: \usepackage{booktabs,graphicx,rotating}
\providecommand{\stacked}[3]{\begin{tabular}[#1]{@{}#2@{}}#3\end{tabular}}
"""

UPRIGHT = 54.0
"""Em. A wider table is turned; one that is still too wide is made smaller by the document itself."""

PAGE, TURNED_PAGE = 50.0, 27.0
"""Lines of a table on one page; what is longer is set in parts."""

SPACE = 0.5
"""Lines between two rows."""

LONG = 30
"""Characters of an entry from which its column breaks lines."""

WIDEST = 17.0
"""Em, of a column that breaks lines."""

HEADING = 15
"""Characters in a line of a column's heading."""


@dataclass(frozen=True)
class _Layout:
    """How a column is set. width: em; breaks: whether its entries are paragraphs."""

    side: str
    width: float
    breaks: bool

    @property
    def letter(self) -> str:
        if not self.breaks:
            return self.side
        return rf"p{{{self.width:.1f}em}}"

    def lines(self, cell: Cell) -> int:
        """About how many lines an entry takes."""
        if self.breaks:
            return sum(len(textwrap.wrap(part, int(self.width * 2))) or 1 for part in _parts(cell))
        return len(_parts(cell))


def latex_table(table: Table) -> str:
    """One table environment, or several parts of one, for `input`; its first line says which packages it needs."""
    layouts = [_layout(table, number) for number in range(len(table.columns))]
    turned = sum(layout.width + 1 for layout in layouts) > UPRIGHT
    parts = _paged(table, layouts, TURNED_PAGE if turned else PAGE)
    return HEAD + "\\clearpage\n".join(
        _part(table, layouts, rows, turned, number, len(parts)) for number, rows in enumerate(parts)
    )


def _layout(table: Table, number: int) -> _Layout:
    column, cells = table.columns[number], [row[number] for row in table.rows]
    side = "r" if column.numeric else "l"
    longest = max((len(part) for cell in cells for part in _parts(cell)), default=0)
    heading = max(map(len, _heading(column.label) + _heading(column.note)), default=0)
    if longest > LONG:
        return _Layout("l", min(longest / 2, WIDEST), True)
    return _Layout(side, max(longest, heading) / 2, False)


def _heading(text: str) -> list[str]:
    return textwrap.wrap(text, HEADING, break_long_words=False)


def _parts(cell: Cell) -> list[str]:
    """An entry's lines: what it says, then its details."""
    return [cell.shown, *(cell.detail.split(" · ") if cell.detail else [])]


def _paged(table: Table, layouts: Sequence[_Layout], room: float) -> list[list[tuple[Cell, ...]]]:
    """The rows page by page; at least one page."""
    pages: list[list[tuple[Cell, ...]]] = [[]]
    used = 0.0
    for row in table.rows:
        lines = max(layout.lines(cell) for layout, cell in zip(layouts, row, strict=True)) + SPACE
        if pages[-1] and used + lines > room:
            pages.append([])
            used = 0.0
        pages[-1].append(row)
        used += lines
    return pages


def _part(
    table: Table, layouts: Sequence[_Layout], rows: Sequence[tuple[Cell, ...]], turned: bool, number: int, of: int
) -> str:
    environment = "sidewaystable" if turned else "table"
    which = f" (part {number + 1} of {of})" if of > 1 else ""
    label = f"tab:{table.id}" + (f":{number + 1}" if number else "")
    notes = [escaped(note) for note in table.notes] if number == of - 1 else []
    headings = [
        _stacked("b", layout.side, [*map(_line, _heading(column.label)), *map(_quiet, _heading(column.note))])
        for column, layout in zip(table.columns, layouts, strict=True)
    ]
    body = ["\n  & ".join(_entry(cell, layout) for cell, layout in zip(row, layouts, strict=True)) for row in rows]
    between = " \\tabularnewline" + (r"\addlinespace" if any(r"\stacked" in row for row in body) else "") + "\n"
    lines = [
        rf"\begin{{{environment}}}[htbp]",
        r"\centering\footnotesize",
        rf"\caption{{{escaped(table.caption)}{which}}}\label{{{label}}}\smallskip",
        r"\sbox0{%",
        rf"\begin{{tabular}}{{@{{}}{''.join(layout.letter for layout in layouts)}@{{}}}}",
        r"\toprule",
        "\n  & ".join(headings) + r" \tabularnewline",
        r"\midrule",
        *([between.join(body) + r" \tabularnewline"] if body else []),
        r"\bottomrule",
        r"\end{tabular}}",
        r"\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi",
        *([r"\par\medskip\parbox{\linewidth}{\scriptsize", "\n\\par\\smallskip\n".join(notes) + "}"] if notes else []),
        rf"\end{{{environment}}}",
    ]
    return "\n".join(lines) + "\n"


def _entry(cell: Cell, layout: _Layout) -> str:
    text, *details = _parts(cell)
    shown = _line(text)
    if cell.mark in ("best", "tied"):
        shown = rf"\textbf{{{shown}}}"
    elif cell.mark == "unknown":
        shown += " ?"
    lines = [shown, *map(_quiet, details)]
    return r"\raggedright " + r"\newline ".join(lines) if layout.breaks else _stacked("t", layout.side, lines)


def _line(text: str) -> str:
    """LaTeX would take a bracket or a star after a line's end for a part of its command."""
    line = escaped(text)
    return f"{{}}{line}" if line.startswith(("[", "*")) else line


def _quiet(text: str) -> str:
    return rf"{{\scriptsize {escaped(text)}}}"


def _stacked(place: str, side: str, lines: Sequence[str]) -> str:
    body = r" \\ ".join(lines)
    return rf"\stacked{{{place}}}{{{side}}}{{{body}}}" if len(lines) > 1 else body
