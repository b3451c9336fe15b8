"""Win rate, length and return of many episodes, and how they are held against a reference.

A difference is allowed up to the 99.9% interval of both errors together.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

import torch
from torch import Tensor

import envs
from envs.base import BatchedEnv, Expert

Z_999, Z_95 = 3.2905, 1.9600
"""Two-sided 99.9% and 95% quantiles of the normal distribution."""
QUANTITIES = ("win rate", "length", "return")
Player = Literal["expert", "valid", "all"]
"""The environment's own demonstrator, or uniform play over the unmasked actions or over all of them."""
_COPIES = 2000


@dataclass(frozen=True)
class Sample:
    """One quantity over episodes: its mean and the standard error of it."""

    mean: float
    error: float

    @classmethod
    def of(cls, values: Tensor) -> Sample:
        return cls(float(values.double().mean()), float(values.double().std()) / sqrt(len(values)))


def play(env_id: str, player: Player, episodes: int, seed: int, **options: Any) -> tuple[Sample, ...]:
    """QUANTITIES of the first ``episodes`` episodes, equally many from every copy.

    Counting the first of every copy, not the first to end, keeps short episodes from being preferred.
    """
    copies = min(episodes, _COPIES)
    each = -(-episodes // copies)
    env = envs.make(env_id, num_envs=copies, seed=seed, **options)
    observation, chosen = env.reset(), _player(env, player, seed)
    ended = torch.zeros(copies, dtype=torch.int64)
    rows: list[Tensor] = []
    while bool((ended < each).any()):
        observation, _, done, info = env.step(chosen(observation))
        kept = done & (ended < each)
        rows.append(torch.stack([info["won"].float(), info["episode_length"].float(), info["episode_return"]], 1)[kept])
        ended += done
    return tuple(Sample.of(column) for column in torch.cat(rows).unbind(1))


def _player(env: BatchedEnv, player: Player, seed: int) -> Expert:
    if player == "expert":
        return env.expert()
    generator = torch.Generator().manual_seed(seed)

    def uniform(observation: dict[str, Tensor]) -> Tensor:
        valid = observation["valid"]
        chances = valid if player == "valid" else torch.ones_like(valid)
        return torch.multinomial(chances, 1, generator=generator)[:, 0]

    return uniform


def allowed(sample: Sample, half_width_95: float = 0.0) -> float:
    """Half width of the 99.9% interval of the difference from a reference with that 95% half width."""
    return Z_999 * sqrt(sample.error**2 + (half_width_95 / Z_95) ** 2)


class Comparison:
    """A table on standard output; ``failed`` counts the differences that are not allowed."""

    def __init__(self, width: int) -> None:
        """``width``: of the first column."""
        self.failed, self._width = 0, width
        print(
            f"{'player':{width}} {'quantity':9} {'measured':>9} {'':9}  {'against':15} {'value':>8} {'differs':>9} "
            f"{'allowed':>9}  ok"
        )

    def line(
        self, name: str, quantity: str, mine: Sample, source: str, theirs: float, half_width_95: float = 0.0
    ) -> None:
        room, difference = allowed(mine, half_width_95), mine.mean - theirs
        self.failed += abs(difference) > room
        print(
            f"{name:{self._width}} {quantity:9} {mine.mean:9.4f} +-{Z_999 * mine.error:.4f}  {source:15} {theirs:8.4f} "
            f"{difference:+9.4f} {room:9.4f}  {'yes' if abs(difference) <= room else 'NO'}",
            flush=True,
        )

    def alone(self, name: str, measured: tuple[Sample, ...]) -> None:
        """Lines that nothing is held against."""
        for quantity, mine in zip(QUANTITIES, measured, strict=False):
            print(f"{name:{self._width}} {quantity:9} {mine.mean:9.4f} +-{Z_999 * mine.error:.4f}", flush=True)

    def status(self) -> int:
        """Prints the verdict and returns the exit status: 1 if any difference is not allowed."""
        wrong = f"{self.failed} differences are NOT allowed: the environment is wrong"
        print(wrong if self.failed else "all differences are allowed")
        return int(self.failed > 0)
