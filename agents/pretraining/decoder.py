"""The throw-away half of a pretrained model: from what the trunk made of a frame to the tokens of a grid."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.networks import Features, Multi
from envs.base import EnvError, Layout

BOS = 1
"""The token before a cell's first; the id of the original."""


class VectorDecoder(nn.Module):
    """The vectors of all cells, linear in one vector of a frame: [B, inputs] -> [B, H·W, demb].

    Its weights start at zero and its biases are first fitted to the average grid (``fit_prior``): otherwise the first
    thing that the trunk learns is to write the unchanging cells with a constant vector, saturating its tanh for good.
    """

    def __init__(self, inputs: int, cells: int, demb: int) -> None:
        super().__init__()
        self.cells = cells
        self.linear = nn.Linear(inputs, cells * demb)
        nn.init.zeros_(self.linear.weight)

    def forward(self, vector: Tensor) -> Tensor:
        return self.linear(vector).unflatten(1, (self.cells, -1))

    def average(self, frames: int) -> Tensor:
        """The vectors without any input, for so many frames."""
        return self.linear.bias.view(1, self.cells, -1).expand(frames, -1, -1)


class Decoder(nn.Module):
    """Vectors of the cells of the next grid, [B, H·W, demb], from the features of the present frame.

    head "paper": a cell's vector is linear in its own features of the last map and the representation.
    head "rep" (ours): all cells' vectors are linear in the representation only, so that nothing predicts past it.
    Raises EnvError for another head.
    """

    def __init__(self, net: Multi, layout: Layout, head: str) -> None:
        super().__init__()
        if head not in ("paper", "rep"):
            raise EnvError(f"method.head is {head!r}, expected paper or rep")
        drep, demb, cells = net.fc.out_features, net.name_emb.embedding_dim, cell_count(layout)
        self.head = head
        self.cell: nn.Linear | VectorDecoder = (
            VectorDecoder(drep, cells, demb) if head == "rep" else nn.Linear(net.fc.in_features + drep, demb)
        )

    def forward(self, features: Features) -> Tensor:
        if self.head == "rep":
            return self.cell(features.rep)
        spatial = features.conv.flatten(2).transpose(1, 2)
        rep = features.rep[:, None].expand(-1, spatial.shape[1], -1)
        return self.cell(torch.cat([spatial, rep], dim=2))


def read_out(net: Multi, vectors: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """Logits [R, V] and true tokens [R] of grids [B, H, W, K, L], given the vectors of their cells [B, H·W, demb].

    A token's logits are (embedding of the true token before it + the cell's vector) · embeddingᵀ, with the trunk's
    own embedding (methods.md 4). Padding is not asked for.
    """
    tokens, wanted = grid.flatten(1, 2).flatten(2), asked(net.layout, grid)
    before = torch.cat([torch.full_like(tokens[..., :1], BOS), tokens[..., :-1]], dim=-1)
    frame, cell, _ = wanted.nonzero(as_tuple=True)
    table = net.name_emb.weight
    logits = (F.embedding(before[wanted], table) + vectors[frame, cell]) @ table.T
    if net.layout.grid_vocab is None:  # padding is never the answer, and its embedding stays zero
        logits = logits.index_fill(1, torch.tensor([net.layout.pad], device=logits.device), -torch.inf)
    return logits, tokens[wanted]


def asked(layout: Layout, grid: Tensor) -> Tensor:
    """Which tokens count: all but padding; every entity id counts, the background's too. Bool [B, H·W, K·L]."""
    tokens = grid.flatten(1, 2).flatten(2)
    return torch.ones_like(tokens, dtype=torch.bool) if layout.grid_vocab else tokens != layout.pad


def cell_count(layout: Layout) -> int:
    """H·W of an environment's grid."""
    height, width, *_ = layout.observation[layout.grid].shape
    return height * width
