"""A light decoder of screens: whether each cell departs from what is expected there, and if so, to which character."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.pretraining.screens.prediction import Average
from envs.base import Layout, Observation

WIDTH = 32
"""Of the maps, and so of a cell's vector."""
FINER = 4
"""Two transposed convolutions double a map's rows and columns twice."""
AROUND = 12
"""Rows and columns of the map around the cursor, as many as the network's picture shows."""
PSEUDO = 10
"""Before a cell has shown any character, it counts as having shown so many as they are on average in all cells."""
IMPOSSIBLE = -1e9


@dataclass(frozen=True)
class Departures:
    """P(c) of a cell = 1 − g where c is its reference, else g · q(c), with q a softmax over all other characters.

    Such a softmax is needed only where a screen departs from the reference, in few cells.
    departing: the logits of g, [N, H·W]. vectors: of cells, [N, H·W, WIDTH]. reference: int64 [N, H·W].
    """

    decoder: CellDecoder
    departing: Tensor
    vectors: Tensor
    reference: Tensor

    def error(self, screens: Tensor) -> Tensor:
        departs = screens != self.reference
        whether = F.binary_cross_entropy_with_logits(self.departing, departs.to(self.departing.dtype), reduction="sum")
        return whether + F.nll_loss(self._log_q(departs), screens[departs], reduction="sum")

    def best(self) -> Tensor:
        likely = self.departing > 0  # elsewhere 1 − g is at least a half
        highest, character = self._log_q(likely).max(-1)
        g = self.departing[likely]
        found = self.reference.clone()
        found[likely] = torch.where(F.logsigmoid(g) + highest > F.logsigmoid(-g), character, self.reference[likely])
        return found

    def _log_q(self, chosen: Tensor) -> Tensor:
        """log q of the chosen cells, by a mask [N, H·W]: [R, characters]."""
        cell = chosen.nonzero()[:, 1]
        logits = self.vectors[chosen] @ self.decoder.table.weight.T + self.decoder.bias[cell]
        return logits.scatter(1, self.reference[chosen][:, None], IMPOSSIBLE).log_softmax(-1)


class CellDecoder(nn.Module):
    """Decodes a vector cell by cell, relative to a reference screen.

    The vector is unfolded into two maps, one that covers the terminal and one that lies around the cursor, where the
    picture was taken; their sum is the cells' vectors. With ``sees_present``, the reference is the present screen, and
    a cell's own character adds to its vector; else the reference is the character that is most frequent in a cell.
    """

    reference: Tensor

    def __init__(self, layout: Layout, inputs: int, sees_present: bool) -> None:
        super().__init__()
        height, width = layout.board
        self.board, self.grid = (height, width), layout.grid
        self.terminal = _Unfold(inputs, height, width)
        self.around = _Unfold(inputs, AROUND, AROUND)
        self.table = nn.Embedding(layout.vocabulary, WIDTH)
        self.bias = nn.Parameter(torch.zeros(height * width, layout.vocabulary))
        self.departing = nn.Linear(WIDTH, 1, bias=False)
        self.departing_bias = nn.Parameter(torch.zeros(height * width))
        self.own = nn.Embedding(layout.vocabulary, WIDTH) if sees_present else None
        self.register_buffer("reference", torch.zeros(height * width, dtype=torch.int64))
        nn.init.zeros_(self.departing.weight)

    def forward(self, vectors: Tensor, present: Observation) -> Departures:
        vectors_of_cells = self.terminal(vectors) + self._placed(self.around(vectors), present["tty_cursor"].long())
        reference = self.reference.expand(len(vectors), -1)
        if self.own is not None:
            reference = present[self.grid].flatten(1).long()
            vectors_of_cells = vectors_of_cells + self.own(reference)
        departing = self.departing(vectors_of_cells).squeeze(2) + self.departing_bias
        return Departures(self, departing, vectors_of_cells, reference)

    def start_from(self, average: Average) -> None:
        """Begin with how often each cell departs from its reference, and to what, whatever the frame."""
        seen = average.changes
        if self.own is None:
            self.reference.copy_(average.characters.argmax(1))
            seen = average.characters.scatter(1, self.reference[:, None], 0)
        departures = seen.sum(1)
        kept = average.frames - departures
        overall = (seen.sum(0) + 1) / (seen.sum() + seen.shape[1])
        self.departing_bias.data.copy_(((departures + 1) / (kept + 1)).log())
        self.bias.data.copy_((seen + PSEUDO * overall).log())

    def _placed(self, around: Tensor, cursor: Tensor) -> Tensor:
        """Vectors [N, AROUND², WIDTH] where their cells are on the terminal, [N, H·W, WIDTH]; zero elsewhere."""
        row, column = (
            torch.arange(extent, device=cursor.device) - cursor[:, axis, None] + AROUND // 2
            for axis, extent in enumerate(self.board)
        )
        inside = (((row >= 0) & (row < AROUND))[:, :, None] & ((column >= 0) & (column < AROUND))[:, None]).flatten(1)
        frame, cell = inside.nonzero(as_tuple=True)
        place = (row[:, :, None] * AROUND + column[:, None]).flatten(1)[frame, cell]
        placed = around.new_zeros(len(around), inside.shape[1], around.shape[2])
        return placed.index_put((frame, cell), around[frame, place])


class _Unfold(nn.Module):
    """A vector [N, inputs] as a map of vectors [N, height · width, WIDTH]."""

    def __init__(self, inputs: int, height: int, width: int) -> None:
        super().__init__()
        self.coarse = (WIDTH, height // FINER, width // FINER)
        self.spread = nn.Linear(inputs, WIDTH * self.coarse[1] * self.coarse[2])
        self.finer = nn.ConvTranspose2d(WIDTH, WIDTH, kernel_size=4, stride=2, padding=1)
        self.finest = nn.ConvTranspose2d(WIDTH, WIDTH, kernel_size=4, stride=2, padding=1)

    def forward(self, vectors: Tensor) -> Tensor:
        coarse = F.elu(self.spread(vectors)).unflatten(1, self.coarse)
        return cast(Tensor, self.finest(F.elu(self.finer(coarse)))).flatten(2).transpose(1, 2)
