"""Every environment for other people's libraries: gymnasium.make("ldd/rtfm-s1-train-v0") and gymnasium.make_vec(…).

An episode that ends by the step limit is ``terminated``: the limit is part of the game (it pays the environment's own
loss reward, of NetHack none), so nobody should bootstrap from it; ``info["truncated"]`` tells the two kinds apart.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from envs.base import Layout
from envs.registry import ids, make

Arrays = dict[str, np.ndarray]
_INFO = ("won", "episode_return", "episode_length", "truncated")


def register_all() -> None:
    """Register every id once, as ``ldd/<id>-v0``; keyword arguments of gymnasium.make are the environment's options."""
    for env_id in ids():
        if f"ldd/{env_id}-v0" not in gymnasium.registry:
            gymnasium.register(
                f"ldd/{env_id}-v0",
                entry_point="envs.gymnasium_adapter:SingleEnv",
                vector_entry_point="envs.gymnasium_adapter:ManyEnvs",
                kwargs={"env_id": env_id},
            )


def observation_space(layout: Layout) -> gymnasium.spaces.Dict:
    """The layout as a Gymnasium space, without the leading copy dimension."""
    return gymnasium.spaces.Dict(
        {
            name: gymnasium.spaces.Box(field.low, field.high, field.shape, _numpy_dtype(field.dtype).type)
            for name, field in layout.observation.items()
        }
    )


def _numpy_dtype(dtype: torch.dtype) -> np.dtype:
    return torch.empty(0, dtype=dtype).numpy().dtype


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy().copy()


class SingleEnv(gymnasium.Env[Arrays, np.int64]):
    """One copy. ``reset(seed=…)`` starts the first episode of that seed, ``reset()`` the next one.

    After an episode's end ``render`` already shows the next one.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012 (declared so by gymnasium)

    def __init__(self, env_id: str, render_mode: str | None = None, device: str = "cpu", **options: Any) -> None:
        self.render_mode = render_mode
        self._make = partial(make, env_id, 1, device, **options)
        self._env = self._make(seed=0)
        self._told = (*_INFO, *self._env.layout.details)
        self._next: dict[str, Tensor] | None = None
        self._seeded = False
        self.observation_space = observation_space(self._env.layout)
        self.action_space = gymnasium.spaces.Discrete(self._env.layout.num_actions)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Arrays, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None or not self._seeded:
            self._env.close()
            self._env = self._make(seed=int(self.np_random.integers(2**62)) if seed is None else seed)
            self._seeded, self._next = True, None
        observation = self._env.reset() if self._next is None else self._next
        self._next = None
        return {name: _array(field[0]) for name, field in observation.items()}, {}

    def step(self, action: np.int64) -> tuple[Arrays, float, bool, bool, dict[str, Any]]:
        observation, reward, done, info = self._env.step(torch.tensor([int(action)], device=self._env.device))
        over = bool(done[0])
        shown = info["final_obs"] if over else observation
        self._next = observation if over else None
        facts = {name: info[name][0].item() for name in self._told} if over else {"won": False}
        return {name: _array(field[0]) for name, field in shown.items()}, float(reward[0]), over, False, facts

    def render(self) -> str | None:  # type: ignore[override]
        return self._env.describe() if self.render_mode == "ansi" else None

    def close(self) -> None:
        self._env.close()


class ManyEnvs(VectorEnv[Arrays, np.ndarray, np.ndarray]):
    """``num_envs`` copies, stepped together, with Gymnasium's same-step auto-reset.

    Where an episode ended, ``infos`` holds, with masks ``_…``: won, episode_return, episode_length, truncated, the
    layout's ``details`` and final_obs (an object array with the ended episodes' last observations).
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (declared so by gymnasium)
        "render_modes": ["ansi"],
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self, env_id: str, num_envs: int = 1, render_mode: str | None = None, device: str = "cpu", **options: Any
    ) -> None:
        self.num_envs, self.render_mode = num_envs, render_mode
        self._make = partial(make, env_id, num_envs, device, **options)
        self._env = self._make(seed=0)
        self._told = (*_INFO, *self._env.layout.details)
        self._seeded = False
        self.single_observation_space = observation_space(self._env.layout)
        self.single_action_space = gymnasium.spaces.Discrete(self._env.layout.num_actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Arrays, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None or not self._seeded:
            self._env.close()
            self._env = self._make(seed=int(self.np_random.integers(2**62)) if seed is None else seed)
            self._seeded = True
        return {name: _array(field) for name, field in self._env.reset().items()}, {}

    def step(self, actions: np.ndarray) -> tuple[Arrays, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        chosen = torch.as_tensor(np.asarray(actions), dtype=torch.int64, device=self._env.device)
        observation, reward, done, info = self._env.step(chosen)
        over = _array(done)
        infos: dict[str, Any] = {}
        if over.any():
            infos = {name: _array(info[name]) for name in self._told}
            infos["final_obs"] = self._final(info["final_obs"], over)
            infos |= {f"_{name}": over.copy() for name in infos}
        arrays = {name: _array(field) for name, field in observation.items()}
        return arrays, _array(reward).astype(np.float64), over, np.zeros_like(over), infos

    def _final(self, observation: Any, over: np.ndarray) -> np.ndarray:
        """Gymnasium's form: an object array with one observation per ended copy and None elsewhere."""
        fields = {name: _array(field) for name, field in observation.items()}
        final = np.full(self.num_envs, None, dtype=object)
        for index in np.flatnonzero(over):
            final[index] = {name: field[index] for name, field in fields.items()}
        return final

    def render(self) -> tuple[str, ...] | None:  # type: ignore[override]
        if self.render_mode != "ansi":
            return None
        return tuple(self._env.describe(index) for index in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        self._env.close()
