"""Pages with their figures drawn, by as many processes as there are cores: that is most of a large report's time."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import NamedTuple, NoReturn

from reports.figures import Figure
from reports.frame import GridData
from reports.page import Block, Gallery, Page
from reports.writing.progress import Listen, followed, silent

Make = Callable[[GridData], Page | None]

FEW = 60
"""The pages of so many cells are made before more processes would have begun."""

MOST_PROCESSES = 4
"""Each holds a figure's pixels, and what it writes of the memory that it shares with this process."""


class Drawn(NamedTuple):
    """A figure's files: name -> content, light; dark: the SVG for a dark screen."""

    files: Mapping[str, bytes]
    dark: bytes


class Made(NamedTuple):
    """A page, and its figures by their id."""

    page: Page
    figures: Mapping[str, Drawn]


def made(data: GridData, pages: Sequence[Make], first: Sequence[Make] = (), listen: Listen = silent) -> list[Made]:
    """Every page that has something to say, in order: the same bytes, whoever makes it.

    first: the pages that take longest, which are begun before the others where several processes share the work.
    """
    processes = _processes(len(data.cells))
    if processes < 2:
        found = [_made(data, make) for make in followed(pages, "pages and figures", listen)]
    else:
        # Forked, for the data are large and a page is made by a function of them; a page's place can be sent.
        fork = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(processes, mp_context=fork, initializer=_keep, initargs=(data, pages)) as pool:
            begun = sorted(range(len(pages)), key=lambda place: pages[place] not in first)
            jobs = {place: pool.submit(_made_at, place) for place in begun}
            found = [jobs[place].result() for place in followed(range(len(pages)), "pages and figures", listen)]
    return [one for one in found if one is not None]


def draw(figure: Figure) -> Drawn:
    """One figure, in both themes."""
    return Drawn(figure.files(), figure.dark_svg())


def _processes(cells: int) -> int:
    if sys.platform != "linux" or cells < FEW:  # elsewhere a forked process may not draw text
        return 1
    return min(len(os.sched_getaffinity(0)), MOST_PROCESSES)


_kept: tuple[GridData, Sequence[Make]] | None = None


def _keep(data: GridData, pages: Sequence[Make]) -> None:
    global _kept
    _kept = (data, pages)


def _made_at(place: int) -> Made | None:
    assert _kept is not None
    data, pages = _kept
    return _made(data, pages[place])


def _made(data: GridData, make: Make) -> Made | None:
    page = make(data)
    if page is None:
        return None
    figures = {figure.id: draw(figure) for figure in page.figures()}
    return Made(replace(page, blocks=tuple(map(_sendable, page.blocks))), figures)


def _sendable(block: Block) -> Block:
    """What draws a figure knows the data, and cannot be sent to another process."""
    if not isinstance(block, Gallery):
        return block
    return Gallery(tuple(replace(figure, draw=_is_drawn) for figure in block.figures))


def _is_drawn(*_: object) -> NoReturn:
    raise RuntimeError("this figure has been drawn already; its files are in Made.figures")
