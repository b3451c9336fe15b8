"""A bounded store of encodings, looked up by the exact text that they belong to."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class Shelf:
    """Encodings by text; emptied when it would exceed its capacity.

    stored: the encodings, tensors [capacity, ...]; rows that hold no text yet are arbitrary numbers.
    turn: how often the shelf has been emptied; places found in an earlier turn hold other texts now.
    """

    def __init__(self, encode: Callable[[Tensor], tuple[Tensor, ...]], capacity: int) -> None:
        """encode: texts [U, W] -> tensors [U, ...] of shapes that do not depend on the texts."""
        self._encode, self._capacity = encode, capacity
        self._places: dict[bytes, int] = {}
        self.stored: tuple[Tensor, ...] = ()
        self.turn = 0

    def place(self, texts: Tensor) -> Tensor:
        """Where ``stored`` holds the encodings of texts int64 [R, W], R <= capacity: int64 [R].

        A text that is not there yet is encoded, equal texts once.
        """
        keys = [text.tobytes() for text in texts.cpu().numpy()]
        fresh = {key: row for row, key in enumerate(keys) if key not in self._places}
        if len(self._places) + len(fresh) > self._capacity:
            self._places.clear()
            self.turn += 1
            fresh = {key: row for row, key in enumerate(keys)}
        if fresh:
            encodings = self._encode(texts[list(fresh.values())])
            if not self.stored:
                self.stored = tuple(new.new_empty(self._capacity, *new.shape[1:]) for new in encodings)
            start, end = len(self._places), len(self._places) + len(fresh)
            for stored, new in zip(self.stored, encodings, strict=True):
                stored[start:end] = new
            self._places.update(zip(fresh, range(start, end), strict=True))
        return torch.tensor([self._places[key] for key in keys], device=texts.device)

    def find(self, texts: Tensor) -> tuple[Tensor, ...]:
        """The encodings of texts int64 [R, W], R <= capacity, row by row."""
        places = self.place(texts)
        return tuple(stored[places] for stored in self.stored)
