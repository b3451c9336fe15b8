"""A trained policy as it was published, and how it plays whole episodes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from agents.networks import Network, build
from agents.saved import load_saved
from envs.base import Expert, Layout, Observation


def load(path: Path, layout: Layout, device: torch.device) -> tuple[Network, int]:
    """The network of a ``policy.pt`` and the frames that it was trained for."""
    saved = load_saved(path, device)
    net = build(layout, saved["network"], seed=0).to(device)
    net.load_state_dict(saved["weights"])
    return net, saved["frames"]


def player(net: Network, num_envs: int, random_actions: float = 0.0, seed: int = 0, sampled: bool = False) -> Expert:
    """A player of one episode in each of ``num_envs`` copies, asked at every step; the weights must not change.

    It takes the most probable action, or one by its probability where it is ``sampled``. random_actions: the share of
    turns in which it plays any possible action instead. What is random is drawn from ``seed``.
    """
    memory = net.text_memory(num_envs)
    generator = torch.Generator(next(net.parameters()).device).manual_seed(seed)
    state = net.initial_state(num_envs)
    begins = torch.ones(1, num_envs, dtype=torch.bool, device=state.device)

    @torch.no_grad()
    def act(observation: Observation) -> Tensor:
        nonlocal state, begins
        now = {name: field[None] for name, field in observation.items()}
        features, state = net.sequence(now, begins, state, memory)
        begins = torch.zeros_like(begins)
        valid = observation["valid"]
        logits = net.policy(features.rep, valid)
        chosen = (
            torch.multinomial(logits.softmax(-1), 1, generator=generator).squeeze(1) if sampled else logits.argmax(-1)
        )
        if random_actions == 0:
            return chosen
        strays = torch.rand(num_envs, generator=generator, device=valid.device) < random_actions
        return torch.where(strays, torch.multinomial(valid, 1, generator=generator).squeeze(1), chosen)

    return act
