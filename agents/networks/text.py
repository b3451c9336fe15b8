"""Reading: token ids -> one vector per token, and the text condition [n; w] (methods.md 1.1, steps 2 and 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.networks.attention import NEVER, Documents, dot_attention

SHUT = -1e4
"""Pre-activation of an LSTM gate that stays shut: its sigmoid is exactly zero in float32 and float64."""
ALIGNED = 8
"""LSTM inputs are padded to a multiple of this width, at which the kernels are fastest."""


class TokenReader(nn.Module):
    """One BiLSTM for every text: token ids -> a state of width 2 drnn per token."""

    def __init__(self, demb: int, drnn: int) -> None:
        super().__init__()
        self.text_rnn = nn.LSTM(demb, drnn, batch_first=True, bidirectional=True)

    def encode(self, embedding: nn.Embedding, texts: Tensor) -> Documents:
        """Run the BiLSTM over texts int64 [U, W + 1]: W token ids and the length; columns of padding alone are dropped.

        Padding carries a flag that shuts the input gate. A direction that starts in padding therefore meets its
        first token with the zero state, as if the texts had been packed, and one dense call serves all lengths.
        """
        lengths = texts[:, -1].clamp(min=1)  # an empty text reads as one padding token
        tokens = texts[:, : int(lengths.max())]
        padding = torch.arange(tokens.shape[1], device=tokens.device) >= lengths[:, None]
        embedded = embedding(tokens)
        demb, hidden = embedded.shape[2], self.text_rnn.hidden_size
        inputs = F.pad(embedded, (0, ALIGNED - demb % ALIGNED))  # at least one further input: the flag
        inputs[:, :, demb] = padding
        shut = embedded.new_zeros(4 * hidden, inputs.shape[2] - demb)
        shut[:hidden, 0] = SHUT  # PyTorch's gate order is input, forget, cell, output
        weights = [
            torch.cat([weight, shut], 1) if name.startswith("weight_ih") else weight
            for name, weight in self.text_rnn.named_parameters()
        ]
        start = embedded.new_zeros(2, len(tokens), hidden)
        states = torch.lstm(inputs, (start, start), weights, True, 1, 0.0, self.training, True, True)[0]
        return Documents(states, padding.to(embedded.dtype) * NEVER)


class TextEncoder(TokenReader):
    """The text half of txt2pi (Zhong et al. 2020): one BiLSTM for all fields, a scorer per field, two mixing scorers.

    fields: the document first ("wiki"), then the texts that are read against it (possibly none).
    """

    def __init__(self, fields: Sequence[str], demb: int, drnn: int) -> None:
        super().__init__(demb, drnn)
        self.fields = tuple(fields)
        self.scorers = nn.ModuleDict({field: nn.Linear(2 * drnn, 1) for field in fields})
        self.nonwiki_scorer = nn.Linear(2 * drnn, 1)
        self.wiki_attn_scorer = nn.Linear(2 * drnn, 1)

    def pool(self, texts: Documents) -> Tensor:
        """Self-attention pooling of every text with every field's scorer: [U, F, 2 drnn].

        F counts the fields read against the document; without any, the document itself is pooled (F = 1).
        """
        others = [cast(nn.Linear, self.scorers[field]) for field in self.fields[1:]]
        scorers = others or [self.nonwiki_scorer]
        weight, bias = torch.cat([scorer.weight for scorer in scorers]), torch.cat([scorer.bias for scorer in scorers])
        scores = F.linear(texts.states, weight, bias) + texts.penalty[:, :, None]
        return torch.bmm(scores.softmax(1).transpose(1, 2), texts.states)

    def context(self, pooled: Tensor, documents: Documents) -> Tensor:
        """The text condition [n; w] of E situations, [E, 4 drnn].

        pooled: the n_f, [E, F, 2 drnn]. documents: each situation's wiki, E rows; the w_f are the n_f's attention
        over it. n and w mix them over f; a single field has weight 1.
        """
        attended = dot_attention(pooled, documents)
        return torch.cat([_mix(self.nonwiki_scorer, pooled), _mix(self.wiki_attn_scorer, attended)], 1)


def _mix(scorer: nn.Linear, vectors: Tensor) -> Tensor:
    """Sum of vectors [E, F, D] over F, weighted by the softmax of their scores."""
    scores: Tensor = scorer(vectors)
    return (scores.softmax(1) * vectors).sum(1)
