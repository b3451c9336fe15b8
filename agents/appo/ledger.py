"""The account of training that the runner's process keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.algorithms.rollout import EpisodeCounter
from agents.networks import Network


class Ledger:
    """What the runner has been told of training; for ``Curve`` it stands for the learner.

    net: a copy of the policy, as of the last snapshot. frames: learnt from so far. updates: as of the last snapshot.
    """

    def __init__(self, net: Network, settings: Mapping[str, Any]) -> None:
        self.net, self.settings = net, settings
        self.frames = self.updates = 0
        self.episodes = EpisodeCounter()
        self._sums: dict[str, tuple[float, int]] = {}

    def learnt(self, terms: Mapping[str, float]) -> None:
        for name, value in terms.items():
            total, times = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value, times + 1

    def played(self, won: float, episode_return: float, episode_length: float) -> None:
        self.episodes.episodes += 1
        self.episodes.won += won
        self.episodes.total_return += episode_return
        self.episodes.total_length += episode_length

    def report(self) -> dict[str, float]:
        """Mean losses and training episodes since the last report."""
        row = {name: total / times for name, (total, times) in self._sums.items()} | self.episodes.report()
        self._sums = {}
        return row

    def state_dict(self) -> dict[str, Any]:
        return {"sums": self._sums, "episodes": self.episodes.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._sums = state["sums"]
        self.episodes.load_state_dict(state["episodes"])
