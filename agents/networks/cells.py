"""Cell contents (methods.md 1.1, step 1), kept factored: how often each entry of a table lies in each cell."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.networks.distinct import distinct


class Cells(NamedTuple):
    """Cell encodings C[b, w, h] = Σ_n table[ids[b, w, h, n]].

    A convolution of C is a convolution of counts: C = planes @ table, so the table goes into the weight and there is
    no gradient to take through the grid. planes: [B, W, H, V] counts; where the table is long, the encodings.
    """

    ids: Tensor
    table: Tensor
    planes: Tensor
    factored: bool

    def maximum(self) -> Tensor:
        """Maximum of C over space, [B, demb]; its gradient goes straight to the winners' entries of the table."""
        with torch.no_grad():
            encodings = self.planes @ self.table if self.factored else self.planes
            planes = encodings.permute(0, 3, 1, 2)
            winner = F.max_pool2d(planes, planes.shape[2:], return_indices=True)[1].flatten(1)
        entries = self.ids.flatten(1, 2).gather(1, winner[:, :, None].expand(-1, -1, self.ids.shape[3]))
        return torch.stack([self.table.gather(0, entry) for entry in entries.unbind(2)]).sum(0)

    def weight(self, weight: Tensor) -> Tensor:
        """The weight [out, demb + 2, 3, 3] over [C; position], as the one over [planes; position]."""
        if not self.factored:
            return weight
        cell, position = torch.split(weight, [self.table.shape[1], 2], 1)
        return torch.cat([torch.einsum("vc,ocij->ovij", self.table, cell), position], 1)


def encode_cells(embedding: nn.Embedding, ids: Tensor, entities: bool) -> Cells:
    """The cells of a grid of ids, int64 [B, W, H, N]; a cell's encoding is the sum of its N embeddings.

    entities: the embedding lists entities and is the table. Else the ids are words, and a table of the distinct
    cells is made.
    """
    table = embedding.weight
    if not entities:
        first, inverse = distinct(ids.flatten(0, 2))
        table = embedding(ids.flatten(0, 2)[first]).sum(1)
        ids = inverse.view(*ids.shape[:3], 1)
    if len(table) > 2 * table.shape[1]:
        return Cells(ids, table, F.embedding(ids, table).sum(3), factored=False)
    planes = table.new_zeros(*ids.shape[:3], len(table))
    planes.scatter_add_(3, ids, planes.new_ones(()).expand(ids.shape))
    return Cells(ids, table, planes, factored=True)
