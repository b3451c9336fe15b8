"""The throw-away half of a dynamics model: from what the trunk made of a frame to the cells of the next one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agents.networks import Features, Multi
from envs.base import EnvError, Layout


class Decoder(nn.Module):
    """Predicts the tokens of every cell of the next grid from what the trunk made of the present frame.

    Each token's logits are (embedding of the true token before it + the cell's vector) · embeddingᵀ, with the trunk's
    own embedding.
    head "paper": a cell's vector is linear in its own features of the last map and the representation.
    head "rep" (ours): all cells' vectors are linear in the representation only, so that nothing predicts past it. Its
    weights start at zero and its biases at the average grid (``Dynamics.fit_prior``): otherwise the first thing that
    the trunk learns is to write the unchanging cells with a constant representation, saturating its tanh for good.
    """

    def __init__(self, net: Multi, layout: Layout, head: str) -> None:
        super().__init__()
        height, width, *_ = layout.observation[layout.grid].shape
        if head not in ("paper", "rep"):
            raise EnvError(f"method.head is {head!r}, expected paper or rep")
        drep, demb = net.fc.out_features, net.name_emb.embedding_dim
        self.head, self.cells = head, height * width
        if head == "paper":
            self.cell = nn.Linear(net.fc.in_features + drep, demb)
        else:
            self.cell = nn.Linear(drep, self.cells * demb)
            nn.init.zeros_(self.cell.weight)

    def forward(self, features: Features) -> Tensor:
        """The vector of every cell, row by row: [B, H·W, demb]."""
        if self.head == "rep":
            return self.cell(features.rep).unflatten(1, (self.cells, -1))
        spatial = features.conv.flatten(2).transpose(1, 2)
        rep = features.rep[:, None].expand(-1, self.cells, -1)
        return self.cell(torch.cat([spatial, rep], dim=2))
