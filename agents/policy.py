"""A trained policy as it was published, and how it plays when little or nothing is left to chance."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from agents.networks import Network, build
from envs.base import Expert, Layout, Observation


def load(path: Path, layout: Layout, device: torch.device) -> tuple[Network, int]:
    """The network of a ``policy.pt`` and the frames that it was trained for."""
    saved = torch.load(path, map_location=device, weights_only=True)
    net = build(layout, saved["network"], seed=0).to(device)
    net.load_state_dict(saved["weights"])
    return net, saved["frames"]


def greedy(net: Network, num_envs: int, random_actions: float = 0.0, seed: int = 0) -> Expert:
    """A player of ``num_envs`` copies that takes the most probable action; the weights must not change.

    random_actions: the share of turns in which it plays any possible action instead, drawn from ``seed``.
    """
    memory = net.text_memory(num_envs)
    generator = torch.Generator(next(net.parameters()).device).manual_seed(seed)

    def act(observation: Observation) -> Tensor:
        valid = observation["valid"]
        best = net.policy(net.features(observation, memory).rep, valid).argmax(-1)
        if random_actions == 0:
            return best
        strays = torch.rand(num_envs, generator=generator, device=valid.device) < random_actions
        return torch.where(strays, torch.multinomial(valid, 1, generator=generator).squeeze(1), best)

    return act
