"""Demonstrations on disk and as training windows: observations in the order in which they were met, and the actions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from agents.saved import load_saved
from envs.base import Layout, Observation, blanked, cells

NO_ACTION = -1
"""Stands where no action was played: at an episode's last observation."""


@dataclass(frozen=True)
class Demonstrations:
    """Frames of whole episodes, one after the other.

    frames: per field [M, ...]; integers are stored as narrowly as they fit. episode: int64 [M], non-decreasing.
    actions: int16 [M], what was played at each frame, or NO_ACTION; None where they are not known.
    What a policy learns from demonstrations never depends on their actions: an inverse model reads those of its own
    interaction, and the probe, a diagnostic, those of its own expert.
    """

    frames: Observation
    episode: Tensor
    actions: Tensor | None = None

    def save(self, path: Path) -> None:
        torch.save(vars(self), path)

    @classmethod
    def load(cls, path: Path) -> Demonstrations:
        return cls(**load_saved(path))

    def shown(self, layout: Layout, language: bool) -> Demonstrations:
        """The same; without language, every description of the world is an empty text."""
        return self if language else replace(self, frames=blanked(self.frames, layout))

    def windows(self) -> Tensor:
        """Indices i of frames whose successor i + 1 belongs to the same episode: int64 [W]."""
        return (self.episode[1:] == self.episode[:-1]).nonzero().squeeze(1)

    def batch(self, index: Tensor, device: torch.device) -> Observation:
        """The chosen frames, integers widened to int64."""
        return {name: self.field(name, index, device) for name in self.frames}

    def field(self, name: str, index: Tensor, device: torch.device) -> Tensor:
        """One field of the chosen frames, integers widened to int64."""
        return widen(self.frames[name][index]).to(device)

    def cells(self, layout: Layout, index: Tensor, device: torch.device) -> Tensor:
        """What the cells of the chosen frames hold: [B, H, W, K, L]."""
        return cells(self.field(layout.grid, index, device), layout)


def narrow(field: Tensor) -> Tensor:
    """int64 -> int16 where every value fits, else int32; other types as they are."""
    if field.dtype != torch.int64:
        return field
    fits = field.numel() == 0 or (
        field.max() <= torch.iinfo(torch.int16).max and field.min() >= torch.iinfo(torch.int16).min
    )
    return field.to(torch.int16 if fits else torch.int32)


def widen(field: Tensor) -> Tensor:
    """The integers of ``narrow`` back as int64."""
    return field.to(torch.int64) if field.dtype in (torch.int16, torch.int32) else field
