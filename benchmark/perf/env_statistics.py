"""RTFM against its reference: uniform play over the valid actions and the planner, per stage and split.

    python -m benchmark.perf.env_statistics [--episodes 30000] [--stages 1 2 3 4]

Three witnesses: episodes of our environment; 30,000 episodes of the original per row (reference_measurements.md §1, 81
turns); and the exact value of the rules by dynamic programming. Stages 2-4 have the same dynamics, so s2's row serves
them all. Exit status 1 if any difference is not allowed (benchmark/perf/episodes.py).
"""

from __future__ import annotations

import argparse
import sys

import torch

from benchmark.perf.episodes import QUANTITIES, Comparison, play
from envs.rtfm.planner import random_player, win_probability

MAX_STEPS = 81
# (mean, 95% half width) of win rate, length and return of the original, uniform over the valid actions.
REFERENCE = {
    (1, "train"): ((0.1199, 0.0037), (15.67, 0.19), (-1.053, 0.008)),
    (1, "test"): ((0.1204, 0.0037), (15.85, 0.19), (-1.056, 0.008)),
    (2, "train"): ((0.0506, 0.0025), (3.173, 0.026), (-0.942, 0.005)),
}


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
    print(f"{given.episodes} episodes a row, {MAX_STEPS} turns at most; +- is a 99.9% interval")
    table = Comparison(width=24)
    for stage in given.stages:
        for number, side in enumerate(("train", "test")):
            env_id = f"rtfm-s{stage}-{side}"
            measured = play(env_id, "valid", given.episodes, seed=10 * stage + number, max_steps=MAX_STEPS)
            row = REFERENCE.get((stage, side), REFERENCE[(2, "train")])
            for quantity, mine, (theirs, half_width), by_rules in zip(
                QUANTITIES, measured, row, exact(stage), strict=True
            ):
                table.line(f"{env_id} uniform", quantity, mine, "the original", theirs, half_width)
                table.line(f"{env_id} uniform", quantity, mine, "the rules", by_rules)
            best = play(env_id, "expert", given.episodes, seed=100 + 10 * stage + number, max_steps=MAX_STEPS)
            table.line(f"{env_id} expert", "win rate", best[0], "the upper bound", win_probability(stage > 1))
            table.alone(f"{env_id} expert", best)
    return table.status()


if __name__ == "__main__":
    sys.exit(main())
