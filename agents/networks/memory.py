"""What acting remembers of texts, so that a text is encoded once per episode and not once per step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.networks.attention import NEVER, Documents, Readers
from agents.networks.errors import NetworkError
from agents.networks.reading import TextRows
from agents.networks.shelf import Shelf
from agents.networks.text import TextEncoder
from envs.base import Observation

SHELF = 256
"""Distinct texts kept at least; RTFM stage 1 has 72 documents, 3 goals and 33 items in training."""


class TextMemory:
    """Encoded texts of ``num_envs`` environment copies, under one state of the weights.

    Row i of every observation belongs to the same copy. Its texts are compared with the previous step's, token by
    token; where they differ they are looked up among the texts met so far, and encoded only if they are new.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        embedding: nn.Embedding,
        rows: TextRows,
        condition: Callable[[Tensor], Tensor],
        num_envs: int,
    ) -> None:
        """condition: text conditions [n; w] [E, 4 drnn] -> what they add to the modulations, [E, M]."""
        self._encoder, self._embedding, self._rows, self._condition = encoder, embedding, rows, condition
        self._num_envs = num_envs
        self.clear()

    def clear(self) -> None:
        """Forget everything: call it whenever the weights have changed."""
        self._documents = Shelf(self._encode_documents, max(SHELF, self._num_envs))
        self._others = Shelf(self._encode_others, max(SHELF, self._num_envs * (len(self._rows.fields) - 1)))
        self._row: Tensor | None = None

    @torch.no_grad()
    def read(self, obs: Observation) -> tuple[Readers, Tensor]:
        """The copies as readers of their documents, and their conditions [num_envs, M]; no gradient."""
        row = self._rows.of(obs)
        if len(row) != self._num_envs:
            raise NetworkError(f"the text memory is for {self._num_envs} environments, the observation has {len(row)}")
        if self._row is None:
            changed = torch.arange(self._num_envs, device=row.device)
        else:
            changed = (row != self._row).any(1).nonzero().squeeze(1)
        if len(changed):
            self._update(row, changed)
        self._row = row
        return self._readers, self._conditions

    def _update(self, row: Tensor, changed: Tensor) -> None:
        document_rows, other_rows = self._rows.split(row[changed])
        states, penalty = self._documents.find(document_rows)
        if other_rows.shape[1]:
            field = torch.arange(other_rows.shape[1], device=row.device)
            (pooled,) = self._others.find(other_rows.flatten(0, 1))
            pooled = pooled.view(len(changed), len(field), *pooled.shape[1:])[:, field, field]
        else:
            pooled = self._encoder.pool(Documents(states, penalty))
        conditions = self._condition(self._encoder.context(pooled, Documents(states, penalty)))
        if self._row is None:
            self._states, self._penalty, self._conditions = states, penalty, conditions
        else:
            self._states[changed], self._penalty[changed], self._conditions[changed] = states, penalty, conditions
        longest = max(1, int(row[:, self._rows.document - 1].max()))
        self._readers = Readers(Documents(self._states[:, :longest], self._penalty[:, :longest]))

    def _encode_documents(self, texts: Tensor) -> tuple[Tensor, ...]:
        states, penalty = self._encoder.encode(self._embedding, texts)
        missing = texts.shape[1] - 1 - states.shape[1]
        return F.pad(states, (0, 0, 0, missing)), F.pad(penalty, (0, missing), value=NEVER)

    def _encode_others(self, texts: Tensor) -> tuple[Tensor, ...]:
        return (self._encoder.pool(self._encoder.encode(self._embedding, texts)),)
