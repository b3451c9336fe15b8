"""Manuals as index draws: every sentence of a split, tokenised once and kept in tables on the device."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from envs.messenger.games import ENTITIES, ROLES
from envs.messenger.wording import sentences
from envs.text import Tokenizer

DOCUMENT_LENGTH = 128
SENTENCE_LENGTH = 40
"""The widths of SILG's fields (§9). Our longest sentence has 24 word pieces, so nothing is ever cut."""


@cache
def _pools(wording: str, split: str, movements: tuple[str, ...]) -> tuple[tuple[str, ...], Tensor]:
    """All sentences of a split, pool after pool, and the sizes of the pools: int64 [entities, roles]."""
    pools = [[sentences(wording, split, entity, role, movements) for role in ROLES] for entity in ENTITIES]
    sizes = torch.tensor([[len(pool) for pool in pair] for pair in pools])
    return tuple(sentence for pair in pools for pool in pair for sentence in pool), sizes


@cache
def _tokens(wording: str, split: str, movements: tuple[str, ...], tokenizer: Tokenizer) -> tuple[Tensor, Tensor]:
    return tokenizer.encode(_pools(wording, split, movements)[0], SENTENCE_LENGTH)


class Manuals:
    """The sentences of one text split, by entity and role.

    sentences: every sentence; a manual is a few indices into it.
    """

    def __init__(
        self, wording: str, split: str, movements: tuple[str, ...], tokenizer: Tokenizer, device: torch.device
    ) -> None:
        self.sentences, sizes = _pools(wording, split, movements)
        self._size = sizes.to(device)
        self._first = (sizes.flatten().cumsum(0).reshape(sizes.shape) - sizes).to(device)
        ids, length = _tokens(wording, split, movements, tokenizer)
        self._ids, self._length = ids.to(device), length.to(device)
        self._prefix = torch.tensor(tokenizer.prefix, dtype=torch.int64, device=device)
        self._suffix = torch.tensor(tokenizer.suffix, dtype=torch.int64, device=device)
        self._roles = torch.arange(len(ROLES), device=device)

    def sizes(self, entities: Tensor) -> Tensor:
        """How many sentences there are for the entity in each role: int64 [n, 3] (roles in order) -> [n, 3]."""
        return self._size[entities, self._roles]

    def indices(self, entities: Tensor, draws: Tensor) -> Tensor:
        """The drawn sentence of each role: entities and draws (each below its size), int64 [n, 3] -> [n, 3]."""
        return self._first[entities, self._roles] + draws

    def sentence(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """int64 [n] -> token ids int64 [n, 40] and lengths int64 [n, 1]."""
        return self._ids.index_select(0, indices), self._length.index_select(0, indices)[:, None]

    def document(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The sentences of each manual (int64 [n, sentences]) as one text: ids int64 [n, 128], length int64 [n, 1]."""
        ids, length = self._ids[indices], self._length[indices]
        before, after = len(self._prefix), len(self._suffix)
        words = length - before - after
        start = before + words.cumsum(1) - words
        place = torch.arange(SENTENCE_LENGTH, device=ids.device)
        # Whatever is not a word of its sentence goes to one more column than is kept.
        target = torch.where(place < words[..., None], start[..., None] + place, DOCUMENT_LENGTH)
        document = ids.new_zeros(len(ids), DOCUMENT_LENGTH + 1)
        document.scatter_(1, target.flatten(1), ids.roll(-before, -1).flatten(1))
        end = before + words.sum(1, keepdim=True)
        document[:, :before] = self._prefix
        document.scatter_(1, end + torch.arange(after, device=ids.device), self._suffix.expand(len(ids), after))
        return document[:, :DOCUMENT_LENGTH], end + after
