"""Gradients of networks, to be held against those of a reference."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from agents.networks import Features, Network
from envs.base import Observation


def gradients(
    net: Network, obs: Observation, features: Callable[[Observation], Features]
) -> tuple[Features, dict[str, Tensor | None]]:
    """Features, and the gradients of a random linear function of everything that the heads may read."""
    found = features(obs)
    generator = torch.Generator().manual_seed(1)
    weighted = [
        (part * torch.randn(part.shape, generator=generator, dtype=part.dtype)).sum()
        for part in (*found, net.policy_head(found.rep), net.baseline(found.rep))
    ]
    names, parameters = zip(*net.named_parameters(), strict=True)
    return found, dict(zip(names, torch.autograd.grad(sum(weighted), parameters, allow_unused=True), strict=True))


def relative_error(value: Tensor, expected: Tensor) -> float:
    return ((value - expected).abs().max() / expected.abs().max().clamp(min=1e-30)).item()
