"""The contract that every environment keeps: many copies of one game, stepped together as tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

Observation = dict[str, Tensor]
Expert = Callable[[Observation], Tensor]
"""A demonstrator: the observation just returned by the environment -> actions, int64 [num_envs].

It belongs to one environment and may read that environment's true state.
"""


class EnvError(ValueError):
    """A request that an environment cannot serve; the message names the culprit and the remedy."""


@dataclass(frozen=True)
class Field:
    """One entry of the observation: its shape without the leading copy dimension, its values and meaning."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    meaning: str
    low: float = 0
    high: float = 1


@dataclass(frozen=True)
class Image:
    """A picture of an observation that networks draw for themselves, so that nobody has to store it.

    shape: (channels, height, width). render: fields [B, ...] -> uint8 [B, *shape], on the fields' device; a function of
    a module, so that a layout can be pickled.
    """

    shape: tuple[int, int, int]
    render: Callable[[Mapping[str, Tensor]], Tensor]


@dataclass(frozen=True)
class Layout:
    """What a network must know of an environment before it sees an observation.

    texts: the text fields; for networks that tell them apart the first is the document, against which the others are
        read. Field ``f`` holds token ids
        padded with ``pad`` (always 0) and ``f_len`` ([1]) the number of tokens.
    descriptions: the text fields that describe the world, such as manual and goal; other texts, such as the name of a
        held item, report the state of play.
    grid: the field of cell contents, [H, W, K, L]: K occupants of L tokens each. With ``history`` frames it is
        [frames, H, W, L], the newest last; [H, W] where each cell holds one id. ``cells`` reads them all.
    unordered: how many of the first tokens of a cell are interchangeable: their order tells nothing.
    grid_vocab: None where the cells are words of the text vocabulary, else the number of entity ids.
    vocabulary: the number of token ids of the texts; ``tokenizer`` names and identifies what made them.
    blank: the token ids of an empty text, at least one, none of them ``pad``.
    resume: "exact" where a reloaded state continues the very same episodes, else "restart_episodes".
    image: of the observation, where networks look at one.
    silenced: the observation without its language, any leading dimensions; for environments whose language is no text
        field but stands on the screen.
    details: what ``info`` tells of an ended episode besides what every environment does: names of numbers.
    """

    observation: Mapping[str, Field]
    actions: tuple[str, ...]
    texts: tuple[str, ...]
    descriptions: tuple[str, ...]
    grid: str
    grid_vocab: int | None
    vocabulary: int
    tokenizer: str
    blank: tuple[int, ...]
    max_steps: int
    resume: Literal["exact", "restart_episodes"] = "exact"
    pad: int = 0
    history: int = 1
    unordered: int = 1
    image: Image | None = None
    silenced: Callable[[Observation], Observation] | None = None
    details: tuple[str, ...] = ()

    @property
    def num_actions(self) -> int:
        return len(self.actions)

    @property
    def board(self) -> tuple[int, int]:
        """Height and width of the grid."""
        shape = self.observation[self.grid].shape
        return (shape[0], shape[1]) if self.history == 1 else (shape[1], shape[2])


def cells(grid: Tensor, layout: Layout) -> Tensor:
    """What the cells hold now, [B, H, W, K, L], by a batch of the field ``layout.grid``.

    Interchangeable tokens come sorted, the largest first, so that equal contents are equal tensors.
    """
    if grid.dim() == 3:
        return grid[..., None, None]
    now = grid if layout.history == 1 else grid[:, -1, :, :, None]
    if layout.unordered == 1:
        return now
    free, bound = now[..., : layout.unordered], now[..., layout.unordered :]
    return torch.cat([free.sort(-1, descending=True).values, bound], -1)


def blanked(observation: Mapping[str, Tensor], layout: Layout) -> Observation:
    """The observation without its language: every field of ``layout.descriptions`` is an empty text.

    Leading dimensions and dtypes are as they were; all other fields are the very same tensors, not copies.
    """
    empty = dict(observation)
    if layout.silenced is not None:
        return layout.silenced(empty)
    for name in layout.descriptions:
        ids = torch.full_like(observation[name], layout.pad)
        ids[..., : len(layout.blank)] = ids.new_tensor(layout.blank)
        empty[name] = ids
        empty[f"{name}_len"] = torch.full_like(observation[f"{name}_len"], len(layout.blank))
    return empty


class BatchedEnv(ABC):
    """``num_envs`` copies of one game on one device, with same-step auto-reset."""

    layout: Layout
    env_id: str
    num_envs: int
    device: torch.device

    @abstractmethod
    def reset(self) -> Observation:
        """Start the next episode in every copy and return its first observation."""

    @abstractmethod
    def step(self, actions: Tensor) -> tuple[Observation, Tensor, Tensor, dict[str, Any]]:
        """Play one action (int64 [num_envs]) in every copy.

        Returns (observation, reward float32, done bool, info), each with leading dimension num_envs. Where ``done``,
        the observation is already the next episode's first, and info is meaningful: ``won`` (bool),
        ``episode_return`` (float32), ``episode_length`` (int64), ``truncated`` (bool: ended by the step limit),
        the ``details`` of the layout (numbers) and ``final_obs`` (an observation whose done rows are the last of the
        ended episode).

        Raises EnvError for an action outside the action set or before the first reset.
        """

    @abstractmethod
    def expert(self) -> Expert:
        """The environment's own demonstrator, bound to this environment."""

    @abstractmethod
    def describe(self, index: int = 0) -> str:
        """One copy, rendered for a person's terminal."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Everything that the future of this environment depends on, random state included."""

    def close(self) -> None:  # noqa: B027 - most environments hold nothing
        """Let go of processes and files, where there are any; nothing can be asked of it afterwards."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> Observation:
        """Continue from a saved state; returns the observation that was current then."""
