"""What the board looks like: tables for observations, and a rendering for people."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from envs.rtfm import deal, rules

SIZE = rules.SIDE + 2
_MARKS = ("@", "A", "B", "a", "b")


class Pictures(NamedTuple):
    """Look-up tables by cell, 0-15 and 16 = nowhere."""

    square: Tensor
    """int64 [17]: index in the flattened 6x6 board; nowhere is the corner, which always shows a wall."""
    walls: Tensor
    """int64 [36]: name numbers of the empty board."""
    valid: Tensor
    """float32 [17, 5]: rules.valid."""
    relative: Tensor
    """float32 [17, 6, 6, 2]: (column, row) of every square minus the agent's, / 6; zeros once the agent is nowhere."""
    position: Tensor
    """int64 [17, 2]: (row, column) of the agent; (0, 0) once it is nowhere."""


@cache
def pictures() -> Pictures:
    cell = torch.arange(rules.CELLS)
    position = torch.stack([cell // rules.SIDE + 1, cell % rules.SIDE + 1], dim=1)
    nowhere = torch.zeros(1, 2, dtype=torch.int64)
    walls = torch.full((SIZE, SIZE), deal.WALL_NAME)
    walls[1:-1, 1:-1] = deal.EMPTY_NAME
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    relative = torch.stack([columns - position[:, 1, None, None], rows - position[:, 0, None, None]], dim=-1) / SIZE
    position = torch.cat([position, nowhere])
    return Pictures(
        square=position[:, 0] * SIZE + position[:, 1],
        walls=walls.flatten(),
        valid=rules.valid(),
        relative=torch.cat([relative, torch.zeros(1, SIZE, SIZE, 2)]),
        position=position,
    )


def render(head: str, texts: Mapping[str, str], cells: Sequence[int], names: Sequence[int]) -> str:
    """A text board with a legend. Order of cells and names: agent, target, distractor, good item, bad item.

    Marks do not tell target from distractor: the monster whose name comes first in the alphabet is A, the item a.
    """
    every = deal.names()
    order = [0, *sorted((1, 2), key=lambda k: every[names[k]]), *sorted((3, 4), key=lambda k: every[names[k]])]
    grid = [["#" if r in (0, SIZE - 1) or c in (0, SIZE - 1) else "." for c in range(SIZE)] for r in range(SIZE)]
    legend: list[str] = []
    for mark, thing in zip(_MARKS, order, strict=True):
        if names[thing]:
            legend.append(f"{mark} {every[names[thing]]}")
    for mark, thing in reversed(list(zip(_MARKS, order, strict=True))):  # the first of these is seen on top
        if names[thing]:
            grid[cells[thing] // rules.SIDE + 1][cells[thing] % rules.SIDE + 1] = mark
    lines = [f"  {' '.join(row)}" for row in grid]
    for row, text in enumerate(legend):
        lines[row] += f"    {text}"
    body = [textwrap.fill(f"{name}: {text}", 100, subsequent_indent="    ") for name, text in texts.items()]
    return "\n".join([head, *body, *lines])
