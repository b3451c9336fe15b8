"""What every policy network offers to learners, teachers and players."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol

from torch import Tensor, nn

from envs.base import Layout, Observation

IMPOSSIBLE = 1e20
"""Taken from the logit of an invalid action: its probability is exactly zero."""


class Features(NamedTuple):
    """What the heads and a dynamics decoder may see.

    rep: [B, rep_size], the representation that is distilled. conv: [B, channels, H', W'], the last feature map.
    """

    rep: Tensor
    conv: Tensor


class Memory(Protocol):
    """What acting remembers of texts under one state of the weights."""

    def clear(self) -> None:
        """Forget everything: call it whenever the weights have changed."""


class Network(nn.Module, ABC):
    """A policy network: the weights of its heads are named ``policy_head.…`` and ``baseline_head.…``, all others trunk.

    layout: of the environment that it was built for. rep_size: the width of the representation. map_shape: (channels,
    H', W') of the last feature map. state_size: the width of what a recurrent network carries from frame to frame; 0
    for one that looks at every frame on its own.
    """

    layout: Layout
    rep_size: int
    map_shape: tuple[int, int, int]
    state_size: int = 0
    policy_head: nn.Module
    baseline_head: nn.Module

    @abstractmethod
    def features(self, obs: Observation, memory: Memory | None = None) -> Features:
        """Representations of observations with one leading dimension B, in any order; differentiable.

        A recurrent network takes each for the first of its episode; ``sequence`` gives it its past.
        memory: of ``text_memory``, for acting: row i of every call is the same environment copy's, and there is no
        gradient through texts that were read with it.
        """

    def initial_state(self, copies: int) -> Tensor:
        """What is carried into an episode: zeros, float32 [copies, state_size]."""
        return next(self.parameters()).new_zeros(copies, self.state_size)

    def sequence(
        self, obs: Observation, starts: Tensor, state: Tensor, memory: Memory | None = None
    ) -> tuple[Features, Tensor]:
        """Representations of T frames of B copies in playing order, and the state after the last; differentiable.

        obs: [T, B, ...] per field. starts: bool [T, B], which frames begin an episode; what was carried there is
        forgotten before them. state: [B, state_size], before the first frame. memory: as for ``features``, and then T
        is 1. The features' T·B rows are the frames of step 0, then those of step 1, ….
        """
        return self.features({name: field.flatten(0, 1) for name, field in obs.items()}, memory), state

    @abstractmethod
    def text_memory(self, num_envs: int) -> Memory:
        """A memory for acting in ``num_envs`` copies; clear it whenever the weights change."""

    def policy(self, rep: Tensor, valid: Tensor) -> Tensor:
        """Masked logits [B, actions]; valid: float [B, actions], 0 where an action is impossible."""
        logits: Tensor = self.policy_head(rep)
        return logits - (1 - valid) * IMPOSSIBLE

    def baseline(self, rep: Tensor) -> Tensor:
        """State values [B]."""
        values: Tensor = self.baseline_head(rep)
        return values.squeeze(1)

    def facts(self) -> dict[str, str]:
        """What a run records of this network beyond its settings, such as the identity of files that it reads."""
        return {}
