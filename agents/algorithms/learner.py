"""The synchronous learner: an unroll of all environments, updates on it, repeat; algorithms say what an update is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from agents.algorithms.rollout import Collector, Unroll
from agents.networks import Network
from agents.teacher import Teacher
from envs.base import BatchedEnv, Observation


class Learner(ABC):
    """Owns the policy, its optimiser, the environments and every random state of the run.

    settings: the keys of the algorithm's file in configs/learner/. teacher: None where no pretraining helps. distill:
    λ, which the algorithm's ``distill_cost`` multiplies. shaping: η. frames: environment steps learnt from so far.
    """

    def __init__(
        self,
        net: Network,
        env: BatchedEnv,
        settings: Mapping[str, Any],
        seed: int,
        teacher: Teacher | None = None,
        distill: float = 0.0,
        shaping: float = 0.0,
    ) -> None:
        self.net, self.settings, self.teacher = net, settings, teacher
        self.check(env.num_envs)
        self.distill, self.shaping = distill * settings["distill_cost"], shaping
        self.optimiser = self.make_optimiser(list(net.parameters()))
        self.collector = Collector(env, settings["unroll"])
        self.memory = net.text_memory(env.num_envs)
        self.state = net.initial_state(env.num_envs)
        self.teacher_state = (net if teacher is None else teacher.net).initial_state(env.num_envs)
        self.generator = torch.Generator(env.device).manual_seed(seed)
        self.frames = self.updates = 0
        self._sums: dict[str, tuple[float, int]] = {}

    @abstractmethod
    def check(self, num_envs: int) -> None:
        """Raises EnvError for settings that do not go with so many environments."""

    @abstractmethod
    def make_optimiser(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimiser that the settings name."""

    @abstractmethod
    def learn(self, unroll: Unroll) -> None:
        """Update the policy on an unroll of the current policy, and count its frames."""

    def act(self, observation: Observation, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Sample actions from the current policy, which goes on from ``state``: (actions [N], logits [N, A])."""
        now = {name: field[None] for name, field in observation.items()}
        features, self.state = self.net.sequence(now, starts[None], self.state, self.memory)
        logits = self.net.policy(features.rep, observation["valid"])
        return torch.multinomial(logits.softmax(-1), 1, generator=self.generator).squeeze(1), logits

    def iterate(self) -> None:
        """One unroll and the updates on it."""
        before = self.state
        unroll = self.collector.collect(self.act)
        unroll.state, unroll.teacher_state = before, self.teacher_state
        self.learn(unroll)
        self.memory.clear()

    def update(self, loss: Tensor, terms: Mapping[str, Tensor]) -> None:
        """One step of the optimiser; the terms and the gradient's norm are reported."""
        limit = self.settings["grad_norm"]
        self.optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), float("inf") if limit is None else limit)
        self.optimiser.step()
        self.updates += 1
        self.record(**terms, grad_norm=norm)

    def record(self, **values: Tensor) -> None:
        """Add to the sums whose means the next report has, each over the times that it was recorded."""
        for name, value in values.items():
            total, times = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value.item(), times + 1

    def targets(self, unroll: Unroll) -> Tensor | None:
        """The teacher's representations of the first T observations, [T·B, D], where anything is compared with them.

        Ask once for an unroll: a recurrent teacher goes on from where it was.
        """
        form = self.settings["shaping_reward"]
        if self.teacher is None or not (self.distill > 0 or (self.shaping > 0 and self.teacher.compares(form))):
            return None
        return self.teacher.follow(unroll)

    def shaped(self, unroll: Unroll, rep: Tensor | None, targets: Tensor | None) -> Tensor:
        """The unroll's rewards [T, B], scaled, with the teacher's, weighted. The environment's own returns and wins are
        counted without both.

        rep: the policy's representations of the first T observations, [T·B, D]; None computes them. targets: the
        teacher's, of ``targets``.
        """
        rewards = unroll.rewards * self.settings.get("reward_scale", 1.0)  # set where rewards are large, as scores are
        if self.teacher is None or self.shaping == 0:
            return rewards
        with torch.no_grad():
            rep = self.net.features(unroll.frames()).rep if rep is None else rep.detach()
            reward = self.shaping * self.teacher.reward(self.settings["shaping_reward"], rep, unroll, targets)
        self.record(**{"reward/shaping": reward.mean()})
        return rewards + reward

    def report(self) -> dict[str, float]:
        """Mean losses and training episodes since the last report."""
        row = {name: total / times for name, (total, times) in self._sums.items()} | self.collector.episodes.report()
        self._sums = {}
        return row

    def state_dict(self) -> dict[str, Any]:
        return {
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "collector": self.collector.state_dict(),
            "generator": self.generator.get_state(),
            "carried": [self.state, self.teacher_state],
            "counts": [self.frames, self.updates],
            "sums": self._sums,
            "teacher": None if self.teacher is None else self.teacher.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.collector.load_state_dict(state["collector"])
        self.generator.set_state(state["generator"])
        self.state, self.teacher_state = (carried.to(self.state.device) for carried in state["carried"])
        self.frames, self.updates = state["counts"]
        self._sums = state["sums"]
        if self.teacher is not None:
            self.teacher.load_state_dict(state["teacher"])
