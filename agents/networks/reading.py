"""Which texts a batch of observations holds, each encoded once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.networks.attention import Readers
from agents.networks.distinct import distinct
from agents.networks.text import TextEncoder
from envs.base import Observation


class TextRows:
    """All text fields of an observation as one row of integers, so that equal situations are equal rows.

    A text is W token ids and its length. The document comes first; the other fields follow, padded to one width.
    """

    def __init__(self, fields: Sequence[str], widths: Sequence[int]) -> None:
        """widths: the maximal number of tokens of each field."""
        self.fields = tuple(fields)
        self.document = widths[0] + 1
        self.other = max(widths[1:], default=-1) + 1
        self._padding = [0, *(self.other - 1 - width for width in widths[1:])]

    def of(self, obs: Observation) -> Tensor:
        """int64 [B, (W + 1) + (F - 1)(W' + 1)]."""
        parts: list[Tensor] = []
        for field, padding in zip(self.fields, self._padding, strict=True):
            tokens = obs[field].long()
            parts += [F.pad(tokens, (0, padding)) if padding else tokens, obs[f"{field}_len"].long()]
        return torch.cat(parts, 1)

    def split(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The documents [B, W + 1] and the other texts [B, F - 1, W' + 1] of rows."""
        others = rows[:, self.document :]
        return rows[:, : self.document], others.reshape(len(rows), len(self.fields) - 1, self.other)


class Reading:
    """The texts of B observations, differentiable: E distinct situations over U distinct documents.

    situation: int64 [B], which situation each observation is in. context: the text condition [n; w] of each
    situation, [E, 4 drnn].
    """

    def __init__(self, encoder: TextEncoder, embedding: nn.Embedding, rows: TextRows, obs: Observation) -> None:
        row = rows.of(obs)
        first, self.situation = distinct(row)
        document_rows, other_rows = rows.split(row[first])
        first, self._document = distinct(document_rows)
        self._documents = encoder.encode(embedding, document_rows[first])
        if other_rows.shape[1]:
            first, other = distinct(other_rows.flatten(0, 1))
            pooled = encoder.pool(encoder.encode(embedding, other_rows.flatten(0, 1)[first]))
            field = torch.arange(other_rows.shape[1], device=other.device)
            pooled = pooled[other.view(-1, len(field)), field]
        else:
            pooled = encoder.pool(self._documents)[self._document]
        self.context = encoder.context(pooled, self._documents.take(self._document))

    def readers(self, situation: Tensor) -> Readers:
        """Readers in these situations, int64 [N], of their documents."""
        return Readers(self._documents, self._document[situation])
