"""Random numbers by counting: one independent stream per copy and episode, equal on every device.

Each number is a hash of (seed, copy, episode, position), so what an episode draws depends neither on the actions taken
in it, nor on the other copies, nor on how many there are: two methods with the same seed meet the same episodes.
The hash is the finaliser of SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_MIX1 = _signed(0xBF58476D1CE4E5B9)
_MIX2 = _signed(0x94D049BB133111EB)


def _shift(bits: Tensor, by: int) -> Tensor:
    """Logical (zero-filling) right shift of int64."""
    return (bits >> by) & ((1 << (64 - by)) - 1)


def mix(bits: Tensor) -> Tensor:
    """SplitMix64's finaliser on int64, any shape; overflow wraps by design."""
    bits = (bits ^ _shift(bits, 30)) * _MIX1
    bits = (bits ^ _shift(bits, 27)) * _MIX2
    return bits ^ _shift(bits, 31)


class Streams:
    """One stream per copy; ``next_episode`` moves chosen copies to the stream of their next episode."""

    def __init__(self, seed: int, num_envs: int, device: torch.device) -> None:
        slots = torch.arange(1, num_envs + 1, dtype=torch.int64, device=device)
        self._copy = mix(mix(slots * _GOLDEN) + mix(torch.tensor(_signed(seed) ^ _GOLDEN, device=device)))
        self.episode = torch.zeros(num_envs, dtype=torch.int64, device=device)
        self._key = torch.zeros_like(self.episode)
        self._position = torch.zeros_like(self.episode)

    def next_episode(self, rows: Tensor) -> None:
        """``rows``: int64 indices of the copies whose next episode begins."""
        self.episode[rows] += 1
        self._key[rows] = mix(self._copy[rows] + self.episode[rows] * _GOLDEN)
        self._position[rows] = 0

    def bits(self, draws: int, rows: Tensor | None = None) -> Tensor:
        """The next ``draws`` raw 64-bit numbers of every chosen copy: int64 [copies, draws]."""
        key = self._key if rows is None else self._key[rows]
        position = self._position if rows is None else self._position[rows]
        offsets = torch.arange(1, draws + 1, dtype=torch.int64, device=key.device)
        numbers = mix(key[:, None] + (position[:, None] + offsets) * _GOLDEN)
        if rows is None:
            self._position += draws
        else:
            self._position[rows] += draws
        return numbers

    def uniform(self, draws: int, rows: Tensor | None = None) -> Tensor:
        """float32 [copies, draws] in [0, 1)."""
        return _shift(self.bits(draws, rows), 40).to(torch.float32) * 2.0**-24

    def integers(self, high: int | Tensor, draws: int = 1, rows: Tensor | None = None) -> Tensor:
        """int64 [copies, draws], each in [0, high); ``high`` may be a tensor that broadcasts to the result."""
        return _shift(self.bits(draws, rows), 1) % high

    def state_dict(self) -> dict[str, Tensor]:
        return {
            "copy": self._copy.clone(),
            "episode": self.episode.clone(),
            "key": self._key.clone(),
            "position": self._position.clone(),
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._copy.copy_(state["copy"])
        self.episode.copy_(state["episode"])
        self._key.copy_(state["key"])
        self._position.copy_(state["position"])
