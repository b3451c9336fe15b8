"""The throw-away half of a pretrained model of screens: from a vector to the characters of a terminal."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.pretraining.decoder import VectorDecoder
from envs.base import EnvError, Layout

DECODERS = ("cells", "dense")
HEADS = ("paper", "rep")
WIDTH = 32
"""Of a cell's vector, and of the maps that it is unfolded from."""
UNFOLDED = 4
"""Rows and columns of the terminal for one of the coarsest map."""


class CellDecoder(nn.Module):
    """A vector for every cell, and from each the scores of all characters: logits = (own + unfolded) · tableᵀ + bias.

    unfolded: the input vector is spread over a map of a quarter of the terminal's rows and columns, which two
    transposed convolutions refine. own, where the present screen is seen: linear in the embedding of the cell's own
    character.
    table: the embedding of characters. bias: one for every cell and character, which is where the average screen goes.
    Both linear maps into a cell's vector start at zero, so that an untrained decoder predicts the bias.
    """

    def __init__(self, inputs: int, board: tuple[int, int], characters: int, sees_present: bool) -> None:
        super().__init__()
        self.coarse = tuple(extent // UNFOLDED for extent in board)
        self.spread = nn.Linear(inputs, WIDTH * self.coarse[0] * self.coarse[1])
        self.finer = nn.ConvTranspose2d(WIDTH, WIDTH, kernel_size=4, stride=2, padding=1)
        self.finest = nn.ConvTranspose2d(WIDTH, WIDTH, kernel_size=4, stride=2, padding=1)
        self.table = nn.Embedding(characters, WIDTH)
        self.bias = nn.Parameter(torch.zeros(board[0] * board[1], characters))
        self.unfolded = nn.Linear(WIDTH, WIDTH, bias=False)
        self.own = nn.Linear(WIDTH, WIDTH, bias=False) if sees_present else None
        for linear in (self.unfolded, self.own):
            if linear is not None:
                nn.init.zeros_(linear.weight)

    def forward(self, vectors: Tensor, present: Tensor) -> Tensor:
        """Logits [N, H·W, characters] by vectors [N, inputs] and the characters that are there now, uint8 [N, H, W]."""
        seen = F.elu(self.spread(vectors)).unflatten(1, (WIDTH, *self.coarse))
        seen = F.elu(self.finest(F.elu(self.finer(seen))))
        cells = self.unfolded(seen.flatten(2).transpose(1, 2))
        if self.own is not None:
            cells = cells + F.embedding(present.flatten(1).long(), self.own(self.table.weight))
        return cells @ self.table.weight.T + self.bias


class ScreenDecoder(nn.Module):
    """Logits of the characters of a terminal's cells.

    decoder "cells": ``CellDecoder``; with head "paper" a cell sees its own present character as well, as cells of grids
    do in the paper; with "rep" (ours) the vector is all there is. decoder "dense": the paper's NetHack decoder, one
    linear map from the vector to all cells' logits, whatever the head.
    Raises EnvError for another head or decoder.
    """

    def __init__(self, layout: Layout, inputs: int, decoder: str, head: str) -> None:
        super().__init__()
        if head not in HEADS:
            raise EnvError(f"method.head is {head!r}, expected {' or '.join(HEADS)}")
        if decoder not in DECODERS:
            raise EnvError(f"pretraining.decoder is {decoder!r}, expected {' or '.join(DECODERS)}")
        height, width = layout.board
        self.cells, self.characters = height * width, layout.vocabulary
        self.decode: CellDecoder | VectorDecoder = (
            CellDecoder(inputs, (height, width), self.characters, head == "paper")
            if decoder == "cells"
            else VectorDecoder(inputs, self.cells, self.characters)
        )

    def forward(self, vectors: Tensor, present: Tensor) -> Tensor:
        """Logits [N, H·W, characters] by vectors [N, inputs] and the screens that are there now, uint8 [N, H, W]."""
        if isinstance(self.decode, CellDecoder):
            return self.decode(vectors, present)
        return self.decode(vectors)

    @torch.no_grad()
    def start_from(self, counts: Tensor) -> None:
        """Predict the average screen to begin with; counts: how often each character stood in each cell, int64 [H·W,
        characters]. A character that was never there counts as seen once."""
        bias = self.decode.bias if isinstance(self.decode, CellDecoder) else self.decode.linear.bias
        shares = (counts + 1) / (counts + 1).sum(1, keepdim=True)
        bias.copy_(shares.log().view_as(bias))
