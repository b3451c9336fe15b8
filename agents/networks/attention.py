"""Dot attention over encoded texts, arranged so that many readers of one text share a matrix product."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

NEVER = -1e20
"""Added to the score of a padding token: its softmax weight is exactly zero."""
BLOCK = 32
"""Readers of one document beyond this number open another block: bounds the padding at BLOCK - 1 rows per document."""


class Documents(NamedTuple):
    """Encoded texts: states [U, L, D] per token; penalty [U, L], 0 for a token and NEVER for padding.

    States at padding are finite and otherwise meaningless: every reader adds the penalty.
    """

    states: Tensor
    penalty: Tensor

    def take(self, index: Tensor) -> Documents:
        """The documents with these numbers, copied."""
        return Documents(self.states.index_select(0, index), self.penalty.index_select(0, index))


def dot_attention(queries: Tensor, documents: Documents) -> Tensor:
    """Unscaled dot attention: queries [U, M, D] over the tokens of documents [U, L, D] -> [U, M, D]."""
    scores = torch.baddbmm(documents.penalty[:, None], queries, documents.states.transpose(1, 2))
    return torch.bmm(scores.softmax(2), documents.states)


class Readers:
    """B readers, each of one of U documents, in blocks of readers of the same document.

    Calling it with queries [B, D] gives the attended vectors [B, D]. Copying its document to every reader would
    cost B x L x D numbers; here a block of up to BLOCK readers shares one.
    """

    def __init__(self, documents: Documents, document: Tensor | None = None) -> None:
        """document: int64 [B], which document each reader reads; None where reader i reads document i."""
        self.documents = documents
        self._slot: Tensor | None = None
        if document is None:
            return
        total = documents.states.shape[0]
        count = torch.bincount(document, minlength=total)
        self._rows = min(int(count.max()), BLOCK)
        blocks = (count + self._rows - 1) // self._rows
        order = document.argsort(stable=True)
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order), device=order.device) - (count.cumsum(0) - count)[document[order]]
        self._slot = (blocks.cumsum(0) - blocks)[document] * self._rows + rank
        owner = torch.arange(total, device=order.device).repeat_interleave(blocks)
        self._reader = order.new_zeros(len(owner) * self._rows)  # an empty slot repeats reader 0; nobody reads it
        self._reader[self._slot] = torch.arange(len(order), device=order.device)
        if len(owner) != total:
            self.documents = documents.take(owner)

    def __call__(self, queries: Tensor) -> Tensor:
        if self._slot is None:
            return dot_attention(queries[:, None], self.documents)[:, 0]
        blocks = queries.index_select(0, self._reader).view(-1, self._rows, queries.shape[1])
        return dot_attention(blocks, self.documents).flatten(0, 1).index_select(0, self._slot)
