"""The synchronous V-trace learner: an unroll of all environments, updates on its columns, repeat (methods.md 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from agents.algorithms import vtrace
from agents.algorithms.rollout import Collector, Unroll
from agents.networks import Multi
from agents.teacher import Teacher
from envs.base import BatchedEnv, EnvError, Observation


def make_optimiser(parameters: list[nn.Parameter], settings: Mapping[str, Any]) -> torch.optim.Optimizer:
    """The optimiser that a learner's settings name."""
    if settings["optimiser"] == "rmsprop":
        rms = settings["rmsprop"]
        return torch.optim.RMSprop(
            parameters, lr=settings["lr"], alpha=rms["alpha"], eps=rms["eps"], momentum=rms["momentum"]
        )
    if settings["optimiser"] == "adam":
        return torch.optim.Adam(parameters, lr=settings["lr"])
    raise EnvError(f"learner.optimiser is {settings['optimiser']!r}, expected rmsprop or adam")


class Learner:
    """Owns the policy, its optimiser, the environments and every random state of the run.

    settings: the keys of configs/learner/vtrace.yaml. teacher: None where no pretraining helps. distill: λ. shaping: η.
    """

    def __init__(
        self,
        net: Multi,
        env: BatchedEnv,
        settings: Mapping[str, Any],
        seed: int,
        teacher: Teacher | None = None,
        distill: float = 0.0,
        shaping: float = 0.0,
    ) -> None:
        if env.num_envs % settings["batches"]:
            raise EnvError(
                f"learner.num_envs = {env.num_envs} does not divide into learner.batches = {settings['batches']}"
            )
        self.net, self.settings, self.teacher = net, settings, teacher
        self.distill, self.shaping = distill, shaping
        self.optimiser = make_optimiser(list(net.parameters()), settings)
        self.collector = Collector(env, settings["unroll"])
        self.memory = net.text_memory(env.num_envs)
        self.generator = torch.Generator(env.device).manual_seed(seed)
        self.updates = 0
        self.columns = env.num_envs // settings["batches"]
        self._sums: dict[str, float] = {}
        self._summed = 0

    @property
    def frames(self) -> int:
        """Environment steps learnt from so far."""
        return self.updates * self.settings["unroll"] * self.columns

    def act(self, observation: Observation) -> tuple[Tensor, Tensor]:
        """Sample actions from the current policy: (actions [N], logits [N, A])."""
        features = self.net.features(observation, self.memory)
        logits = self.net.policy(features.rep, observation["valid"])
        return torch.multinomial(logits.softmax(-1), 1, generator=self.generator).squeeze(1), logits

    def iterate(self) -> None:
        """One unroll and the updates on it."""
        unroll = self.collector.collect(self.act)
        for start in range(0, self.collector.env.num_envs, self.columns):
            self._update(unroll.columns(start, start + self.columns))
        self.memory.clear()

    def _update(self, unroll: Unroll) -> None:
        loss, terms = self.loss(unroll)
        self._schedule()
        self.optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), self.settings["grad_norm"])
        self.optimiser.step()
        self.updates += 1
        self._record(**terms, grad_norm=norm)
        self._summed += 1

    def loss(self, unroll: Unroll) -> tuple[Tensor, dict[str, Tensor]]:
        """The learner's loss on one unroll [T, B] and its terms, each with its cost applied."""
        settings = self.settings
        steps, columns = unroll.rewards.shape
        flat = {name: field.flatten(0, 1) for name, field in unroll.observation.items()}
        features = self.net.features(flat)
        logits = self.net.policy(features.rep, flat["valid"]).unflatten(0, (steps + 1, columns))[:-1]
        log_policy, log_behaviour = logits.log_softmax(-1), unroll.logits.log_softmax(-1)
        values = self.net.baseline(features.rep).unflatten(0, (steps + 1, columns))
        returns = vtrace.vtrace(
            vtrace.taken(log_policy, unroll.actions) - vtrace.taken(log_behaviour, unroll.actions),
            settings["discount"] * (~unroll.done).float(),
            self._shaped(unroll, features.rep).clamp(-settings["reward_clip"], settings["reward_clip"]),
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
        if self.teacher is not None and self.distill > 0:
            frames = columns if settings["distill_first_step_only"] else steps * columns
            gaps = self.teacher.distance(features.rep[:frames], {name: field[:frames] for name, field in flat.items()})
            terms["loss/distill"] = self.distill * gaps.mean()
        return torch.stack(list(terms.values())).sum(), terms

    def _shaped(self, unroll: Unroll, rep: Tensor) -> Tensor:
        """The unroll's rewards [T, B] with the teacher's, weighted; rep [(T + 1)·B, drep]. The environment's own
        returns and wins are counted without it."""
        if self.teacher is None or self.shaping == 0:
            return unroll.rewards
        frames = unroll.rewards.numel()
        reward = self.shaping * self.teacher.reward(self.settings["shaping_reward"], rep[:frames].detach(), unroll)
        self._record(**{"reward/shaping": reward.mean()})
        return unroll.rewards + reward

    def _record(self, **values: Tensor) -> None:
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.item()

    def _schedule(self) -> None:
        """The learning rate falls linearly from lr to 0 over the run (factor 1 − min(k·T·B, F)/F after k updates)."""
        factor = 1 - min(self.frames, self.settings["frames"]) / self.settings["frames"]
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings["lr"] * factor

    def report(self) -> dict[str, float]:
        """Mean losses and training episodes since the last report."""
        row = {name: value / self._summed for name, value in self._sums.items()} | self.collector.episodes.report()
        self._sums, self._summed = {}, 0
        return row

    def state_dict(self) -> dict[str, Any]:
        return {
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "collector": self.collector.state_dict(),
            "generator": self.generator.get_state(),
            "updates": self.updates,
            "sums": self._sums,
            "summed": self._summed,
            "teacher": None if self.teacher is None else self.teacher.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.collector.load_state_dict(state["collector"])
        self.generator.set_state(state["generator"])
        self.updates, self._sums, self._summed = state["updates"], state["sums"], state["summed"]
        if self.teacher is not None:
            self.teacher.load_state_dict(state["teacher"])
