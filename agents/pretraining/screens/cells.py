"""A light decoder of screens: whether each cell departs from what is expected there, and if so, to which character."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.pretraining.screens.prediction import Average
from envs.base import Layout, Observation

WIDTH = 32
"""Of the maps, and so of a cell's vector."""
FINER = 4
"""Rows and columns of a map for one of the coarse map that it is unfolded from."""
AROUND = 12
"""Rows and columns of the map around the cursor, as many as the network's picture shows."""
PSEUDO = 10
"""Before a cell has shown any character, it counts as having shown so many as they are on average in all cells."""
IMPOSSIBLE = -1e9


class CellDecoder(nn.Module):
    """Decodes a vector cell by cell, relative to a reference screen.

    The vector is unfolded into two maps, one that covers the terminal and one that lies around the cursor, where the
    picture was taken; their sum is the cells' vectors. With ``sees_present``, the reference is the present screen, and
    a cell's own character adds to its vector; else the reference is the character that is most frequent in a cell.
    All these parts of a cell's vector start at zero, so that an untrained decoder predicts its biases.
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
        self.departing = nn.Parameter(torch.randn(WIDTH) / WIDTH**0.5)
        self.departing_bias = nn.Parameter(torch.zeros(height * width))
        self.own = nn.Embedding(layout.vocabulary, WIDTH) if sees_present else None
        if self.own is not None:
            nn.init.zeros_(self.own.weight)
        self.register_buffer("reference", torch.zeros(height * width, dtype=torch.int64))

    def forward(self, vectors: Tensor, present: Observation) -> Departures:
        reference = self.reference.expand(len(vectors), -1)
        if self.own is not None:
            reference = present[self.grid].flatten(1).long()
        around = F.pad(self.around(vectors), (0, 0, 0, 1))  # the last row is for cells that lie outside of this map
        return Departures(self, self.terminal(vectors), around, self._places(present["tty_cursor"].long()), reference)

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

    def _places(self, cursor: Tensor) -> Tensor:
        """Where the terminal's cells lie in the map around the cursor, or its end for those outside: int64 [N, H·W]."""
        row, column = (
            torch.arange(extent, device=cursor.device) - cursor[:, axis, None] + AROUND // 2
            for axis, extent in enumerate(self.board)
        )
        inside = ((row >= 0) & (row < AROUND))[:, :, None] & ((column >= 0) & (column < AROUND))[:, None]
        return torch.where(inside, row[:, :, None] * AROUND + column[:, None], AROUND * AROUND).flatten(1)


@dataclass(frozen=True)
class Departures:
    """P(c) of a cell = 1 − g where c is its reference, else g · q(c), with q a softmax over all other characters.

    Such a softmax is needed only where a screen departs from the reference, in few cells; only their vectors are made.
    terminal: [N, H·W, WIDTH]. around: [N, AROUND² + 1, WIDTH], the last row zero. place, reference: int64 [N, H·W].
    """

    decoder: CellDecoder
    terminal: Tensor
    around: Tensor
    place: Tensor
    reference: Tensor

    def departing(self) -> Tensor:
        """The logits of g, linear in the cells' vectors: [N, H·W]."""
        decoder, direction = self.decoder, self.decoder.departing
        logits = self.terminal @ direction + decoder.departing_bias + (self.around @ direction).gather(1, self.place)
        if decoder.own is not None:
            logits = logits + F.embedding(self.reference, (decoder.own.weight @ direction)[:, None]).squeeze(2)
        return logits

    def log_q(self, chosen: Tensor) -> Tensor:
        """log q of the chosen cells, by a mask [N, H·W]: [R, characters]."""
        frame, cell = chosen.nonzero(as_tuple=True)
        reference, decoder = self.reference[chosen], self.decoder
        vectors = self.terminal[frame, cell] + self.around[frame, self.place[chosen]]
        if decoder.own is not None:
            vectors = vectors + decoder.own(reference)
        logits = vectors @ decoder.table.weight.T + decoder.bias[cell]
        return logits.scatter(1, reference[:, None], IMPOSSIBLE).log_softmax(-1)

    def error(self, screens: Tensor) -> Tensor:
        departs, logits = screens != self.reference, self.departing()
        whether = F.binary_cross_entropy_with_logits(logits, departs.to(logits.dtype), reduction="sum")
        return whether + F.nll_loss(self.log_q(departs), screens[departs], reduction="sum")

    def best(self) -> Tensor:
        logits = self.departing()
        likely = logits > 0  # elsewhere 1 − g is at least a half
        highest, character = self.log_q(likely).max(-1)
        g = logits[likely]
        found = self.reference.clone()
        found[likely] = torch.where(F.logsigmoid(g) + highest > F.logsigmoid(-g), character, self.reference[likely])
        return found


class _Unfold(nn.Module):
    """A vector [N, inputs] as a map of vectors [N, height · width, WIDTH].

    A coarse map is linear in the vector; twice, each of its cells then becomes two by two (a transposed convolution of
    that kernel and stride).
    """

    def __init__(self, inputs: int, height: int, width: int) -> None:
        super().__init__()
        self.coarse = (height // FINER, width // FINER, WIDTH)
        self.spread = nn.Linear(inputs, self.coarse[0] * self.coarse[1] * WIDTH)
        self.finer, self.finest = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(WIDTH, 4 * WIDTH)
        nn.init.zeros_(self.finest.weight)
        nn.init.zeros_(self.finest.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        coarse = F.elu(self.spread(vectors)).unflatten(1, self.coarse)
        return _doubled(self.finest(F.elu(_doubled(self.finer(coarse))))).flatten(1, 2)


def _doubled(cells: Tensor) -> Tensor:
    """[N, h, w, 4 C] -> [N, 2 h, 2 w, C]."""
    count, height, width, channels = cells.shape
    parts = cells.unflatten(3, (2, 2, channels // 4)).transpose(2, 3)
    return parts.reshape(count, 2 * height, 2 * width, channels // 4)
