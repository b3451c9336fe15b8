"""RTFM against its reference: uniform play over the valid actions and the planner, per stage and split.

    python -m benchmark.perf.env_statistics [--episodes 30000] [--stages 1 2 3 4]

Three witnesses: episodes of our environment; 30,000 episodes of the original per row (reference_measurements.md §1, 81
turns); and the exact value of the rules by dynamic programming. Stages 2-4 have the same dynamics, so s2's row serves
them all. A difference from the original is allowed up to the 99.9% interval of both errors together.
Exit status 1 if any difference is not allowed.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

import envs
from envs.rtfm.planner import random_player, win_probability

Z_999 = 3.2905
Z_95 = 1.9600
MAX_STEPS = 81
QUANTITIES = ("win rate", "length", "return")
# (mean, 95% half width) of win rate, length and return of the original, uniform over the valid actions.
REFERENCE = {
    (1, "train"): ((0.1199, 0.0037), (15.67, 0.19), (-1.053, 0.008)),
    (1, "test"): ((0.1204, 0.0037), (15.85, 0.19), (-1.056, 0.008)),
    (2, "train"): ((0.0506, 0.0025), (3.173, 0.026), (-0.942, 0.005)),
}


@dataclass(frozen=True)
class Sample:
    """One quantity over episodes: its mean and the standard error of it."""

    mean: float
    error: float

    @classmethod
    def of(cls, values: Tensor) -> Sample:
        return cls(float(values.double().mean()), float(values.double().std()) / sqrt(len(values)))


def play(env_id: str, expert: bool, episodes: int, seed: int) -> tuple[Sample, ...]:
    """Win rate, length and return of the first ``episodes`` episodes, equally many from every copy.

    Counting the first of every copy, not the first to end, keeps short episodes from being preferred.
    """
    copies = min(episodes, 2000)
    each = -(-episodes // copies)
    env = envs.make(env_id, num_envs=copies, seed=seed, max_steps=MAX_STEPS)
    observation = env.reset()
    chosen = env.expert() if expert else _uniform(torch.Generator().manual_seed(seed))
    ended = torch.zeros(copies, dtype=torch.int64)
    rows: list[Tensor] = []
    while bool((ended < each).any()):
        observation, _, done, info = env.step(chosen(observation))
        kept = done & (ended < each)
        rows.append(torch.stack([info["won"].float(), info["episode_length"].float(), info["episode_return"]], 1)[kept])
        ended += done
    return tuple(Sample.of(column) for column in torch.cat(rows).unbind(1))


def _uniform(generator: torch.Generator) -> envs.base.Expert:
    return lambda observation: torch.multinomial(observation["valid"], 1, generator=generator)[:, 0]


def allowed(sample: Sample, half_width_95: float = 0.0) -> float:
    """Half width of the 99.9% interval of the difference from a reference with that 95% half width."""
    return Z_999 * sqrt(sample.error**2 + (half_width_95 / Z_95) ** 2)


def exact(stage: int) -> tuple[float, float, float]:
    """Win rate, length and return of uniform play, from the rules."""
    won, length = random_player(stage > 1)
    return won, length, 2 * won - 1 - 0.02 * (length - 1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.env_statistics")
    parser.add_argument("--episodes", type=int, default=30_000)
    parser.add_argument("--stages", type=int, nargs="+", default=[1, 2, 3, 4], choices=[1, 2, 3, 4])
    given = parser.parse_args()
    torch.set_num_threads(1)
    failed = 0

    def line(name: str, quantity: str, mine: Sample, source: str, theirs: float, half_width_95: float = 0.0) -> None:
        nonlocal failed
        room, difference = allowed(mine, half_width_95), mine.mean - theirs
        failed += abs(difference) > room
        print(
            f"{name:24} {quantity:9} {mine.mean:9.4f} +-{Z_999 * mine.error:.4f}  {source:15} {theirs:8.4f} "
            f"{difference:+9.4f} {room:9.4f}  {'yes' if abs(difference) <= room else 'NO'}",
            flush=True,
        )

    print(f"{given.episodes} episodes a row, {MAX_STEPS} turns at most; +- is a 99.9% interval")
    print(
        f"{'player':24} {'quantity':9} {'measured':>9} {'':9}  {'against':15} {'value':>8} {'differs':>9} "
        f"{'allowed':>9}  ok"
    )
    for stage in given.stages:
        for number, side in enumerate(("train", "test")):
            env_id = f"rtfm-s{stage}-{side}"
            measured = play(env_id, False, given.episodes, seed=10 * stage + number)
            row = REFERENCE.get((stage, side), REFERENCE[(2, "train")])
            for quantity, mine, (theirs, half_width), by_rules in zip(
                QUANTITIES, measured, row, exact(stage), strict=True
            ):
                line(f"{env_id} uniform", quantity, mine, "the original", theirs, half_width)
                line(f"{env_id} uniform", quantity, mine, "the rules", by_rules)
            best = play(env_id, True, given.episodes, seed=100 + 10 * stage + number)
            line(f"{env_id} expert", "win rate", best[0], "the upper bound", win_probability(stage > 1))
            print(f"{env_id + ' expert':24} length {best[1].mean:.3f}, return {best[2].mean:.4f}")
    print(
        "all differences are allowed"
        if not failed
        else f"{failed} differences are NOT allowed: the environment is wrong"
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
