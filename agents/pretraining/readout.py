"""How the contents of a grid's cells are read from vectors of the cells, and asked for, as classes."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F

from agents.networks import Network
from agents.networks.multi import Multi
from envs.base import Layout

BOS = 1
"""The token before a cell's first; the id of the original."""


class Readout(ABC):
    """From the vectors of all cells to the logits of their tokens.

    width: of a cell's vector. score: the metric that chooses a model's best weights.
    """

    width: int
    score: str

    @abstractmethod
    def tokens(self, grid: Tensor) -> Tensor:
        """What is asked for of grids [B, H, W, K, L]: int64 [B, H·W, slots]."""

    @abstractmethod
    def asked(self, grid: Tensor) -> Tensor:
        """Which of the ``tokens`` count: bool [B, H·W, slots]."""

    @abstractmethod
    def logits(self, vectors: Tensor, grid: Tensor) -> Tensor:
        """Logits [R, V] of the tokens asked for, in their order, by the cells' vectors [B, H·W, width]."""

    def read(self, vectors: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [R, V] and true tokens [R]; R counts the tokens asked for."""
        return self.logits(vectors, grid), self.tokens(grid)[self.asked(grid)]


class TokenReadout(Readout):
    """One token after the other: a token's logits are (embedding of the true token before it + the cell's vector) ·
    embeddingᵀ, with the trunk's own embedding (methods.md 4).

    Padding is not asked for; where cells hold entities, every id is, the background's too.
    """

    score = "valid/accuracy"

    def __init__(self, net: Multi) -> None:
        self.net, self.width = net, net.name_emb.embedding_dim

    def tokens(self, grid: Tensor) -> Tensor:
        return grid.flatten(1, 2).flatten(2)

    def asked(self, grid: Tensor) -> Tensor:
        tokens, layout = self.tokens(grid), self.net.layout
        return torch.ones_like(tokens, dtype=torch.bool) if layout.grid_vocab else tokens != layout.pad

    def logits(self, vectors: Tensor, grid: Tensor) -> Tensor:
        tokens, wanted = self.tokens(grid), self.asked(grid)
        before = torch.cat([torch.full_like(tokens[..., :1], BOS), tokens[..., :-1]], dim=-1)
        frame, cell, _ = wanted.nonzero(as_tuple=True)
        table, layout = self.net.name_emb.weight, self.net.layout
        logits = (F.embedding(before[wanted], table) + vectors[frame, cell]) @ table.T
        if layout.grid_vocab is None:  # padding is never the answer, and its embedding stays zero
            logits = logits.index_fill(1, torch.tensor([layout.pad], device=logits.device), -torch.inf)
        return logits


class PlaneReadout(Readout):
    """All layers of a cell at once, each a softmax over the ids (methods.md 4, Messenger).

    The entities of a cell come sorted (``envs.base.cells``), so that the target does not depend on the order of their
    layers; the original's did (quirk M6). Nearly all places are empty, so that accuracy hardly tells two models apart.
    avatar: whether the layers that are not interchangeable are asked for as well.
    """

    score = "valid/log_likelihood"

    def __init__(self, layout: Layout, avatar: bool) -> None:
        assert layout.grid_vocab is not None, "planes hold ids"
        self.ids = layout.grid_vocab
        self.layers = layout.observation[layout.grid].shape[-1] if avatar else layout.unordered
        self.width = self.layers * self.ids

    def tokens(self, grid: Tensor) -> Tensor:
        return grid.flatten(1, 2).flatten(2)[..., : self.layers].long()

    def asked(self, grid: Tensor) -> Tensor:
        return torch.ones_like(self.tokens(grid), dtype=torch.bool)

    def logits(self, vectors: Tensor, grid: Tensor) -> Tensor:
        return vectors.reshape(-1, self.ids)


def readout(net: Network, avatar: bool) -> Readout:
    """The read-out that goes with a network: tokens by its embedding of cells, or planes of ids."""
    return TokenReadout(net) if isinstance(net, Multi) else PlaneReadout(net.layout, avatar)
