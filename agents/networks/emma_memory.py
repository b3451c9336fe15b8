"""What the network ``emma`` makes of sentences, and what acting remembers of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from agents.networks.errors import NetworkError
from agents.networks.shelf import Shelf

SENTENCES = 4096
"""Distinct sentences kept at least."""


class SentenceTables(NamedTuple):
    """Of U sentences. scores: [U, ids], of each entity id's query with the sentence's key, scaled.

    values: [U, frames, KERNEL² · channels], what the sentence's value, alone in a cell, adds to the map.
    """

    scores: Tensor
    values: Tensor


class Manuals(NamedTuple):
    """What the cells of B observations can read.

    which: int64 [B, S], their sentences' rows in the tables. avatars: as ``values``, of each id as the avatar's.
    """

    which: Tensor
    tables: SentenceTables
    avatars: Tensor


class SentenceMemory:
    """Tables of the sentences met in ``num_envs`` environment copies, under one state of the weights; no gradient.

    Row i of every observation belongs to the same copy: its sentences are looked up only where they have changed.
    """

    def __init__(
        self, tables: Callable[[Tensor], SentenceTables], avatars: Callable[[], Tensor], num_envs: int
    ) -> None:
        self._encode, self._encode_avatars, self._num_envs = tables, avatars, num_envs
        self.clear()

    def clear(self) -> None:
        """Forget everything: call it whenever the weights have changed."""
        self._shelf: Shelf | None = None
        self._rows: Tensor | None = None

    @torch.no_grad()
    def read(self, rows: Tensor) -> Manuals:
        """The manuals of the copies, by their sentences int64 [num_envs, S, W + 1]."""
        if len(rows) != self._num_envs:
            raise NetworkError(f"the text memory is for {self._num_envs} environments, the observation has {len(rows)}")
        if self._shelf is None or self._rows is None:
            self._shelf = Shelf(self._encode, max(SENTENCES, rows.shape[0] * rows.shape[1]))
            self._avatars = self._encode_avatars()
            self._which = self._place(self._shelf, rows)
        else:
            changed = (rows != self._rows).flatten(1).any(1).nonzero().squeeze(1)
            if len(changed):
                turn = self._shelf.turn
                self._which[changed] = self._place(self._shelf, rows[changed])
                if self._shelf.turn != turn:
                    self._which = self._place(self._shelf, rows)
        self._rows = rows
        return Manuals(self._which, SentenceTables(*self._shelf.stored), self._avatars)

    @staticmethod
    def _place(shelf: Shelf, rows: Tensor) -> Tensor:
        return shelf.place(rows.flatten(0, 1)).view(rows.shape[:2])
