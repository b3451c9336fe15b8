"""Pages to one Markdown file and one self-contained HTML file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reports.page import Block, Bullets, Facts, Folded, Gallery, Page, Text, numbered
from reports.tables import Table
from reports.text import count, markdown
from reports.writing.templating import fill

PRINTED_ROWS = 500
"""Of a table on paper: more fill sheets by the hundred, and Chromium takes minutes over them."""


def to_markdown(title: str, pages: Sequence[Page]) -> str:
    """GitHub-flavoured Markdown; figures are the PNG files in figures/."""
    lines = [f"# {markdown(title)}", ""]
    for number, page in numbered(pages):
        lines += [f"## {number}. {markdown(page.title)}", ""]
        for block in page.blocks:
            match block:
                case Text(text, tone):
                    lines.append(
                        {"lead": f"**{markdown(text)}**", "warning": f"> {markdown(text)}"}.get(tone, markdown(text))
                    )
                case Bullets(items):
                    lines += [f"- {markdown(item)}" for item in items]
                case Facts(items):
                    lines += [f"- {markdown(term)}: {markdown(value)}" for term, value in items]
                case Gallery(figures):
                    for figure in figures:
                        lines += [
                            f"![{markdown(figure.alt)}](figures/{figure.id}.png)",
                            "",
                            markdown(figure.caption),
                            "",
                        ]
                    lines.pop()
                case Folded(summary, table):
                    lines += [f"<details><summary>{markdown(summary)}</summary>", "", table.to_markdown(), "</details>"]
                case Table():
                    lines.append(block.to_markdown().rstrip("\n"))
            lines.append("")
    return "\n".join(lines)


def to_html(title: str, footer: str, pages: Sequence[Page], images: Mapping[str, tuple[bytes, bytes]]) -> str:
    """A page that needs nothing but itself. images: figure id -> SVG for a light and for a dark screen."""
    return _filled(title, footer, pages, images, on_paper=False)


def to_paper(title: str, footer: str, pages: Sequence[Page], images: Mapping[str, tuple[bytes, bytes]]) -> str:
    """The same pages to be printed: everything unfolded, figures in the light theme, no links to files.

    Of a table of more than PRINTED_ROWS the first are printed, and where the others are.
    """
    short = [replace(page, blocks=tuple(_on_paper(block) for block in page.blocks)) for page in pages]
    return _filled(title, footer, short, images, on_paper=True)


def _on_paper(block: Block) -> Block:
    match block:
        case Folded(_, table):
            return replace(block, table=_printed(table))
        case Table():
            return _printed(block)
    return block


def _printed(table: Table) -> Table:
    if len(table.rows) <= PRINTED_ROWS:
        return table
    words = f"The first {count(PRINTED_ROWS)} of {count(len(table.rows))} rows; all are in `tables/{table.id}.csv`."
    return replace(table, rows=table.rows[:PRINTED_ROWS], notes=(*table.notes, words))


def _filled(
    title: str, footer: str, pages: Sequence[Page], images: Mapping[str, tuple[bytes, bytes]], on_paper: bool
) -> str:
    themes = ("light",) if on_paper else ("light", "dark")
    sources = {
        name: {theme: _data_uri(svg) for theme, svg in zip(themes, pair, strict=False)} for name, pair in images.items()
    }
    return fill("report.html.j2", title=title, footer=footer, pages=numbered(pages), images=sources, on_paper=on_paper)


def _data_uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")
