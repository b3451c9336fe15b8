"""Proximal policy optimisation as Messenger's agents use it (Schulman et al. 2017; methods.md 2.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.algorithms.learner import Learner
from agents.algorithms.rollout import Unroll
from agents.algorithms.vtrace import taken
from agents.teacher import gap
from envs.base import EnvError, Observation

SMALL = 1e-5
"""Added to the standard deviation that returns are divided by; the original's."""


@torch.no_grad()
def discounted(rewards: Tensor, done: Tensor, last: Tensor, discount: float) -> Tensor:
    """Returns G_t = r_t + γ (1 − done_t) G_{t+1}, G_T = ``last``: rewards, done [T, B], last [B] -> [T, B]."""
    returns, later = [], last
    for reward, ended in zip(rewards.flip(0), done.flip(0), strict=True):
        later = reward + discount * torch.where(ended, 0.0, later)
        returns.append(later)
    return torch.stack(returns[::-1])


def clipped(log_policy: Tensor, log_behaviour: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """Mean of −min(ρ A, clip(ρ, 1 − ε, 1 + ε) A), ρ = π(a)/μ(a) of the actions taken; all [R]."""
    ratio = (log_policy - log_behaviour).exp()
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()


class PPOLearner(Learner):
    """Monte-Carlo returns, normalised over the unroll; a few epochs on it, whole or in minibatches.

    The value of a state is learnt in units of normalised returns. At the border of an unroll the value stands in for
    the rest of a running episode, put back to the scale of returns by the mean and deviation of the unroll before; with
    ``bootstrap`` off, such an episode counts as ended with what it had earned, as in the original.
    settings: the keys of configs/learner/ppo.yaml.
    """

    scale = (0.0, 1.0)
    """Mean and standard deviation of the returns of the unroll before."""

    def check(self, num_envs: int) -> None:
        if self.net.state_size:
            raise EnvError("learner ppo shuffles frames, so it cannot train a recurrent network; take learner=vtrace")
        frames, parts = self.settings["unroll"] * num_envs, self.settings["minibatches"]
        if frames == 1:
            raise EnvError("learner.unroll and learner.num_envs are 1: one return cannot be normalised, take more")
        if frames % parts:
            raise EnvError(
                f"learner.unroll × learner.num_envs = {frames} does not divide into learner.minibatches = {parts}"
            )

    def make_optimiser(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=self.settings["lr"])

    def learn(self, unroll: Unroll) -> None:
        settings, frames = self.settings, unroll.rewards.numel()
        targets = self.targets(unroll)
        returns = self.returns(unroll, targets)
        batch = unroll.frames()
        for _ in range(settings["epochs"]):
            for part in self._parts(frames):
                self.update(*self.loss(unroll, batch, returns, targets, part))
        self.frames += frames

    def _parts(self, frames: int) -> Sequence[Tensor | slice]:
        """Minibatches in a random order, or the whole as it is."""
        if self.settings["minibatches"] == 1:
            return [slice(None)]
        order = torch.randperm(frames, generator=self.generator, device=self.generator.device)
        return order.chunk(self.settings["minibatches"])

    def returns(self, unroll: Unroll, targets: Tensor | None) -> Tensor:
        """Normalised returns of the unroll's frames, [T·B]; remembers their scale for the next unroll."""
        last = torch.zeros_like(unroll.rewards[0])
        if self.settings["bootstrap"]:
            with torch.no_grad():
                observation = {name: field[-1] for name, field in unroll.observation.items()}
                values = self.net.baseline(self.net.features(observation, self.memory).rep)
                last = self.scale[0] + self.scale[1] * values
        returns = discounted(self.shaped(unroll, None, targets), unroll.done, last, self.settings["discount"]).flatten()
        deviation = returns.std() + SMALL
        self.scale = (returns.mean().item(), deviation.item())
        return (returns - returns.mean()) / deviation

    def loss(
        self, unroll: Unroll, batch: Observation, returns: Tensor, targets: Tensor | None, part: Tensor | slice
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss on some frames of an unroll and its terms, each with its cost applied.

        batch: all frames [T·B, ...]. returns: normalised, [T·B]. targets: the teacher's representations [T·B, D] where
        there is distillation.
        """
        settings = self.settings
        frames = {name: field[part] for name, field in batch.items()}
        features = self.net.features(frames)
        log_policy = self.net.policy(features.rep, frames["valid"]).log_softmax(-1)
        actions, goals = unroll.actions.flatten()[part], returns[part]
        log_behaviour = taken(unroll.logits.flatten(0, 1)[part].log_softmax(-1), actions)
        values = self.net.baseline(features.rep)
        entropy = -(log_policy.exp() * log_policy).sum(-1).mean()
        terms = {
            "loss/policy": clipped(
                taken(log_policy, actions), log_behaviour, goals - values.detach(), settings["clip"]
            ),
            "loss/baseline": settings["baseline_cost"] * F.mse_loss(values, goals),
            "loss/entropy": -settings["entropy_cost"] * entropy,
        }
        if targets is not None and self.distill > 0:
            terms["loss/distill"] = self.distill * gap(features.rep, targets[part]).mean()
        return torch.stack(list(terms.values())).sum(), terms

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"scale": list(self.scale)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.scale = (state["scale"][0], state["scale"][1])
