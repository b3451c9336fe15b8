"""Which windows of the demonstrations are fitted, which are held out, and in what order they come."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from agents.demonstrations import Demonstrations
from envs.base import EnvError


class Windows:
    """Shuffled minibatches of window indices; an epoch's incomplete last batch is dropped.

    windows: how many there are; size: how many in a minibatch.
    """

    def __init__(self, indices: Tensor, batch: int, seed: int) -> None:
        self.indices, self.windows, self.size = indices, len(indices), min(batch, len(indices))
        self.generator = torch.Generator().manual_seed(seed)
        self.order, self.used = indices[:0], 0

    def next(self) -> Tensor:
        if self.used + self.size > len(self.order):
            self.order = self.indices[torch.randperm(self.windows, generator=self.generator)]
            self.used = 0
        self.used += self.size
        return self.order[self.used - self.size : self.used]

    def state_dict(self) -> dict[str, Any]:
        return {"order": self.order, "used": self.used, "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.order, self.used = state["order"], state["used"]
        self.generator.set_state(state["generator"])


def split(data: Demonstrations, validation: float) -> tuple[Tensor, Tensor]:
    """Windows to fit and windows to validate on: the last ``validation`` part of the episodes (methods.md 4)."""
    windows = data.windows()
    first_held_out = int((int(data.episode[-1]) + 1) * (1 - validation))
    held_out = data.episode[windows] >= first_held_out
    fitted, valid = windows[~held_out], windows[held_out]
    if not len(fitted) or not len(valid):
        raise EnvError(
            f"{len(windows)} windows leave {len(fitted)} to fit and {len(valid)} to validate on: "
            "raise demonstrations.episodes"
        )
    return fitted, valid
