"""The board as tables over its cells, which are numbered row by row from the top left."""

from __future__ import annotations

import torch

ACTIONS = ("up", "down", "left", "right", "stay")
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1), (0, 0))
"""(row, column) of each action."""
_SPOTS = ((-2, 0), (0, -2), (0, 2), (2, 0))


class Board:
    """A square board of ``side`` cells a side.

    centre: the avatar's first cell, (side // 2, side // 2). spots: int64 [4], the cells two steps up, left, right and
    down of it. position: int64 [cells, 2], (row, column). neighbours: int64 [cells, 5], the cell that each action leads
    to (the border blocks). valid: float32 [cells, 5], 0 where the border blocks. relative: float32 [cells, side, side,
    2], seen from a cell, every cell's column difference / side and row difference / side.
    """

    def __init__(self, side: int, device: torch.device) -> None:
        line = torch.arange(side, device=device)
        moves = torch.tensor(MOVES, device=device)
        self.side, self.cells = side, side * side
        self.position = torch.cartesian_prod(line, line)

        reached = (self.position[:, None] + moves).clamp(0, side - 1)
        self.neighbours = self.cell(reached)
        blocked = (reached == self.position[:, None]).all(-1) & (moves != 0).any(-1)
        self.valid = (~blocked).float()

        difference = (self.position[None] - self.position[:, None]).float() / side
        self.relative = difference.flip(-1).reshape(self.cells, side, side, 2)

        middle = torch.tensor([side // 2, side // 2], device=device)
        self.centre = int(self.cell(middle))
        self.spots = self.cell(middle + torch.tensor(_SPOTS, device=device))

    def cell(self, position: torch.Tensor) -> torch.Tensor:
        """(row, column), int64 [..., 2] -> the number of the cell, int64 [...]."""
        return position[..., 0] * self.side + position[..., 1]
