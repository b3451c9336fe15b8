"""Figures as bytes, drawn by as many processes as there are cores: drawing is most of a large report's time."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from reports.figures import Figure

FEW = 8
"""So many figures are drawn before more processes would have begun."""

MOST_PROCESSES = 4
"""Each holds a figure's pixels, and what it writes of the memory that it shares with this process."""


class Drawn(NamedTuple):
    """files: name -> content, light. dark: the SVG for a dark screen."""

    files: dict[str, bytes]
    dark: bytes


def drawn(figures: Sequence[Figure]) -> Iterator[Drawn]:
    """Every figure, in order: the same bytes, whoever draws it."""
    processes = _processes(len(figures))
    if processes < 2:
        yield from map(_draw, figures)
        return
    # Forked, for what a figure draws is a function that knows its data and cannot be sent; a figure's place can.
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, mp_context=fork, initializer=_keep, initargs=(figures,)) as pool:
        yield from pool.map(_draw_at, range(len(figures)))


def _processes(figures: int) -> int:
    if sys.platform != "linux" or figures < FEW:  # elsewhere a forked process may not draw text
        return 1
    return min(len(os.sched_getaffinity(0)), MOST_PROCESSES)


_kept: Sequence[Figure] = ()


def _keep(figures: Sequence[Figure]) -> None:
    global _kept
    _kept = figures


def _draw_at(place: int) -> Drawn:
    return _draw(_kept[place])


def _draw(figure: Figure) -> Drawn:
    return Drawn(figure.files(), figure.dark_svg())
