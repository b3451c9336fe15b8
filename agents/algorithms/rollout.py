"""Unrolls of many environments stepped together by the current policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from envs.base import BatchedEnv, Observation

Actor = Callable[[Observation, Tensor], tuple[Tensor, Tensor]]
"""Observation, and bool [N] where it begins an episode -> (actions int64 [N], behaviour logits [N, A])."""


@dataclass
class Unroll:
    """T steps of B environments. observation: [T + 1, B, ...] per field; logits [T, B, A]; the rest [T, B].

    starts: [T + 1, B], which observations begin an episode. state, teacher_state: [B, …], what the policy and its
    teacher carried up to the first observation, where they are recurrent.
    """

    observation: Observation
    starts: Tensor
    actions: Tensor
    logits: Tensor
    rewards: Tensor
    done: Tensor
    state: Tensor
    teacher_state: Tensor

    def frames(self) -> Observation:
        """The T·B observations in which an action was taken: [T·B, ...] per field."""
        return {name: field[:-1].flatten(0, 1) for name, field in self.observation.items()}

    def columns(self, start: int, stop: int) -> Unroll:
        """The environments start..stop as an unroll of their own (views)."""
        return Unroll(
            {name: field[:, start:stop] for name, field in self.observation.items()},
            *(part[:, start:stop] for part in (self.starts, self.actions, self.logits, self.rewards, self.done)),
            *(carried[start:stop] for carried in (self.state, self.teacher_state)),
        )


class EpisodeCounter:
    """Sums over the training episodes that ended since the last report."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.won = self.total_return = self.total_length = 0.0
        self.episodes = 0

    def add(self, done: Tensor, info: dict[str, Any]) -> None:
        rows = done.nonzero().squeeze(1)
        self.episodes += len(rows)
        self.won += info["won"][rows].sum().item()
        self.total_return += info["episode_return"][rows].double().sum().item()
        self.total_length += info["episode_length"][rows].sum().item()

    def report(self) -> dict[str, float]:
        """Means of the period, and a fresh start; empty if no episode ended."""
        count = self.episodes
        row = (
            {
                "train/win_rate": self.won / count,
                "train/episode_return": self.total_return / count,
                "train/episode_length": self.total_length / count,
                "train/episodes": float(count),
            }
            if count
            else {}
        )
        self.clear()
        return row

    def state_dict(self) -> dict[str, float]:
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, float]) -> None:
        vars(self).update(state)


class Collector:
    """Plays the environments and keeps the current observation between unrolls; its buffers are reused."""

    def __init__(self, env: BatchedEnv, unroll: int) -> None:
        self.env = env
        self.current = env.reset()
        self.starts = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)
        self.episodes = EpisodeCounter()
        steps, copies = unroll, env.num_envs
        actions = env.layout.num_actions

        def buffer(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.empty(*shape, dtype=dtype, device=env.device)

        self.unroll = Unroll(
            {name: buffer(steps + 1, *field.shape, dtype=field.dtype) for name, field in self.current.items()},
            buffer(steps + 1, copies, dtype=torch.bool),
            buffer(steps, copies, dtype=torch.int64),
            buffer(steps, copies, actions),
            buffer(steps, copies),
            buffer(steps, copies, dtype=torch.bool),
            *(buffer(copies, 0), buffer(copies, 0)),
        )

    @torch.no_grad()
    def collect(self, act: Actor) -> Unroll:
        """Play T steps; the returned buffers are overwritten by the next call."""
        unroll = self.unroll
        for t in range(len(unroll.rewards)):
            self._store(t)
            actions, logits = act(self.current, self.starts)
            self.current, unroll.rewards[t], unroll.done[t], info = self.env.step(actions)
            self.starts = unroll.done[t].clone()
            unroll.actions[t], unroll.logits[t] = actions, logits
            self.episodes.add(unroll.done[t], info)
        self._store(len(unroll.rewards))
        return unroll

    def _store(self, t: int) -> None:
        for name, field in self.current.items():
            self.unroll.observation[name][t] = field
        self.unroll.starts[t] = self.starts

    def state_dict(self) -> dict[str, Any]:
        return {"env": self.env.state_dict(), "episodes": self.episodes.state_dict(), "starts": self.starts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.current = self.env.load_state_dict(state["env"])
        begun = self.env.layout.resume == "restart_episodes"
        self.starts = torch.ones_like(self.starts) if begun else state["starts"].to(self.starts.device)
        self.episodes.load_state_dict(state["episodes"])
