"""The V-trace actor-critic of IMPALA, run synchronously (Espeholt et al. 2018; methods.md 2.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agents.algorithms import vtrace
from agents.algorithms.learner import Learner
from agents.algorithms.rollout import Unroll
from agents.teacher import gap
from envs.base import EnvError


class VTraceLearner(Learner):
    """Several updates per unroll, each on its own columns, so that the policy lags by ``batches`` − 1 updates at most.

    settings: the keys of configs/learner/vtrace.yaml.
    """

    def check(self, num_envs: int) -> None:
        if num_envs % self.settings["batches"]:
            raise EnvError(
                f"learner.num_envs = {num_envs} does not divide into learner.batches = {self.settings['batches']}"
            )

    def make_optimiser(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        settings = self.settings
        if settings["optimiser"] == "rmsprop":
            rms = settings["rmsprop"]
            return torch.optim.RMSprop(
                parameters, lr=settings["lr"], alpha=rms["alpha"], eps=rms["eps"], momentum=rms["momentum"]
            )
        if settings["optimiser"] == "adam":
            return torch.optim.Adam(parameters, lr=settings["lr"])
        raise EnvError(f"learner.optimiser is {settings['optimiser']!r}, expected rmsprop or adam")

    def learn(self, unroll: Unroll) -> None:
        copies = unroll.rewards.shape[1]
        width = copies // self.settings["batches"]
        for start in range(0, copies, width):
            part = unroll.columns(start, start + width)
            loss, terms = self.loss(part)
            self._schedule()
            self.update(loss, terms)
            self.frames += part.rewards.numel()

    def loss(self, unroll: Unroll) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss on one unroll [T, B] and its terms, each with its cost applied."""
        settings = self.settings
        steps, columns = unroll.rewards.shape
        features, _ = self.net.sequence(unroll.observation, unroll.starts, unroll.state)
        valid = unroll.observation["valid"].flatten(0, 1)
        logits = self.net.policy(features.rep, valid).unflatten(0, (steps + 1, columns))[:-1]
        log_policy, log_behaviour = logits.log_softmax(-1), unroll.logits.log_softmax(-1)
        values = self.net.baseline(features.rep).unflatten(0, (steps + 1, columns))
        targets = self.targets(unroll)
        rewards = self.shaped(unroll, features.rep[: steps * columns], targets)
        returns = vtrace.vtrace(
            vtrace.taken(log_policy, unroll.actions) - vtrace.taken(log_behaviour, unroll.actions),
            settings["discount"] * (~unroll.done).float(),
            rewards.clamp(-settings["reward_clip"], settings["reward_clip"]),
            values[:-1],
            values[-1],
            settings["rho_clip"],
            settings["c_clip"],
        )
        parts = vtrace.losses(log_policy, values[:-1], unroll.actions, returns)
        terms = {
            "loss/policy": parts.policy,
            "loss/baseline": settings["baseline_cost"] * parts.baseline,
            "loss/entropy": settings["entropy_cost"] * parts.entropy,
        }
        if targets is not None and self.distill > 0:
            frames = columns if settings["distill_first_step_only"] else steps * columns
            terms["loss/distill"] = self.distill * gap(features.rep[:frames], targets[:frames]).mean()
        return torch.stack(list(terms.values())).sum(), terms

    def _schedule(self) -> None:
        """The learning rate falls linearly from lr to 0 over the run (factor 1 − min(k·T·B, F)/F after k updates)."""
        factor = 1 - min(self.frames, self.settings["frames"]) / self.settings["frames"]
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings["lr"] * factor
