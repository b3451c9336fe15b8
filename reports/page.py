"""What a page is made of. A page is built by a function of the grid's data and written by `reports.writing.render`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from reports.figures import Figure
from reports.tables import Table


@dataclass(frozen=True)
class Text:
    """A paragraph of plain words with `code` between backticks. lead: the verdict; note: how to read something;
    warning: what a reader must not miss."""

    text: str
    tone: Literal["", "lead", "note", "warning"] = ""


@dataclass(frozen=True)
class Bullets:
    """A list of short paragraphs."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Terms and their values."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Gallery:
    """Figures side by side where there is room."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Folded:
    """A long table that opens on demand."""

    summary: str
    table: Table


Block = Text | Bullets | Facts | Gallery | Folded | Table


TALL = 1.6
"""Height of a tall figure, in widths."""


@dataclass(frozen=True)
class Page:
    """A section of the report. id: anchor. appendix: stands behind the numbered pages, with a letter."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    appendix: bool = False

    @property
    def upright(self) -> bool:
        """Whether it is printed on upright sheets, for the sake of a tall figure."""
        return any(figure.size[1] > TALL * figure.size[0] for figure in self.figures())

    def tables(self) -> Iterator[Table]:
        """All tables, folded ones included."""
        for block in self.blocks:
            if isinstance(block, Table):
                yield block
            elif isinstance(block, Folded):
                yield block.table

    def figures(self) -> Iterator[Figure]:
        """All figures."""
        for block in self.blocks:
            if isinstance(block, Gallery):
                yield from block.figures


def numbered(pages: Sequence[Page]) -> list[tuple[str, Page]]:
    """Pages with what stands before their titles, in the order of the report: 1, 2, …, then the appendix A, B, …"""
    appendix = [page for page in pages if page.appendix]
    body = [page for page in pages if not page.appendix]
    numbers = [str(n + 1) for n in range(len(body))] + [chr(ord("A") + n) for n in range(len(appendix))]
    return list(zip(numbers, body + appendix, strict=True))
