"""A trained policy as it was published, and how it plays when nothing is left to chance."""

from __future__ import annotations

from pathlib import Path

import torch

from agents.networks import Multi, build
from envs.base import Expert, Layout


def load(path: Path, layout: Layout, device: torch.device) -> tuple[Multi, int]:
    """The network of a ``policy.pt`` and the frames that it was trained for."""
    saved = torch.load(path, map_location=device, weights_only=True)
    net = build(layout, saved["network"], seed=0).to(device)
    net.load_state_dict(saved["weights"])
    return net, saved["frames"]


def greedy(net: Multi, num_envs: int) -> Expert:
    """A player of ``num_envs`` copies that always takes the most probable action; the weights must not change."""
    memory = net.text_memory(num_envs)
    return lambda observation: net.policy(net.features(observation, memory).rep, observation["valid"]).argmax(-1)
