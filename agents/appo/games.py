"""Our environments as Sample Factory's: copies that are stepped together are its agents of one game."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch

import envs
from agents.appo.task import Task
from envs.base import BatchedEnv, Layout, Observation

Arrays = dict[str, np.ndarray]
EPISODE = ("won", "episode_return", "episode_length")


def observation_space(layout: Layout) -> gymnasium.spaces.Dict:
    """The layout as a space, without the leading copy dimension."""
    return gymnasium.spaces.Dict(
        {
            name: gymnasium.spaces.Box(
                field.low, field.high, field.shape, torch.empty(0, dtype=field.dtype).numpy().dtype.type
            )
            for name, field in layout.observation.items()
        }
    )


class Games(gymnasium.Env[Any, Any]):
    """``task.copies`` games with same-step auto-reset, which are begun by ``reset``.

    index: of this group among all of the run. Its episodes follow from it and the task's seed; the seed that Sample
    Factory gives to ``reset`` is the same in every run, so it is not looked at.
    """

    is_multiagent = True

    def __init__(self, task: Task, index: int) -> None:
        self.num_agents = task.copies
        self.observation_space = observation_space(task.layout)
        self.action_space = gymnasium.spaces.Discrete(task.layout.num_actions)
        self._task, self._index = task, index
        self._env: BatchedEnv | None = None

    def reset(  # type: ignore[override]
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[list[Arrays], list[dict[str, Any]]]:
        task = self._task
        own = int(np.random.SeedSequence([task.seed, self._index]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        alone = {"processes": 0} if task.env.startswith("nethack-") else {}  # it is one of many processes itself
        self.close()
        with _temporary_files_in(task.start.parent):
            self._env = envs.make(task.env, task.copies, "cpu", own, **task.options, **alone)
            return self._rows(self._env.reset()), [{} for _ in range(task.copies)]

    def step(  # type: ignore[override]
        self, actions: Sequence[int]
    ) -> tuple[list[Arrays], list[float], list[bool], list[bool], list[dict[str, Any]]]:
        """One step of every copy. The step limit ends a game like any other end (nobody bootstraps from it)."""
        assert self._env is not None, "Sample Factory resets first"
        observation, reward, done, info = self._env.step(torch.tensor(actions))
        over = done.tolist()
        infos: list[dict[str, Any]] = [{} for _ in over]
        for index in (index for index, ended in enumerate(over) if ended):
            infos[index]["episode_extra_stats"] = {name: float(info[name][index]) for name in EPISODE}
        return self._rows(observation), reward.tolist(), over, [False] * len(over), infos

    def _rows(self, observation: Observation) -> list[Arrays]:
        arrays = {name: field.numpy() for name, field in observation.items()}
        return [{name: array[index] for name, array in arrays.items()} for index in range(self.num_agents)]

    def close(self) -> None:
        if self._env is not None:
            self._env.close()


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Games keep files, which a process that is killed leaves behind: here they go with the run's own folder."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def make_games(name: str, cfg: Any, env_config: Any, render_mode: str | None = None) -> Games:
    """Sample Factory's factory: the group of games that a process is about to play."""
    return Games(cfg.task, env_config.env_id)
